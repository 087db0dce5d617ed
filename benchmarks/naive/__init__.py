"""What one would write first, for the ratio."""
