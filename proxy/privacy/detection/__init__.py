"""Finds personal data and secrets in text, without a network and off the event loop.

    detector.Detector     what a step asks: memo, then workers, then one answer without overlaps
      memo.py             findings of texts seen before: offsets and types under a keyed hash
      shared.py           the same between processes, where there is a Redis
      pool.py             worker processes: started when first needed, replaced when they die
        worker.py         the program of one
          scan.py         which recognisers a text needs, and what they find
          recognisers/    what has a form: addresses, numbers, keys
          names/          what has none: people and streets, by a model
      overlaps.py         one finding for each stretch of text

What there is a word for is in `tenants.entities`. Only worker processes import Presidio and the model: a web
process stays small.
"""

BY_MODEL = frozenset({"PERSON", "ADDRESS"})
"""The types that the model is asked for, beside patterns."""
