"""Words and patterns in people's texts: pure functions, no Django and no I/O."""
