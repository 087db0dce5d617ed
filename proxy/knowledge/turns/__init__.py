"""Passages in requests: which turns of a conversation ask, what they are given, and that they are given it again."""
