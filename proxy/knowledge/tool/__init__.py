"""Searching as a tool of the model: who is offered it, what it is called with, and what its results look like."""
