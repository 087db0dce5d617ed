"""How the product is started, kept running and stopped: everything outside the path of a call."""
