"""Prompt caching for clients that do not ask for it: where a prompt can be marked, and what came back before."""
