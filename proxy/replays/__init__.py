"""A policy tried on what was really asked, or on a sample, beside the one that holds (docs/policy.md#replay).

`judging` asks the rules as a call would, `report` adds up what came of it, `queue` and `work` do it in the worker.
"""
