"""From a queued document to passages that searches see."""
