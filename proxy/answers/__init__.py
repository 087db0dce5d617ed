"""Answers that are kept: what makes two requests one question, how an answer is written down and given again."""
