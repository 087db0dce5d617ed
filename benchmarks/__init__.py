"""How fast the proxy is: see docs/performance.md."""
