"""How well documents are found, and how fast: run by hand."""
