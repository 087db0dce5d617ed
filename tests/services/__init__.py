"""Real servers for the tests that need them, started on free ports in a temporary folder."""
