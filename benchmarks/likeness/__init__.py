"""How often the semantic cache finds that two texts ask the same, and how often it errs."""
