"""Personal data and secrets: found, replaced on the way out, put back on the way in."""
