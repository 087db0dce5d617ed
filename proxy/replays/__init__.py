"""A policy tried on what was really asked, or on a sample, beside the one that holds; and proofs of what holds.

`judging` asks the rules as a call would, `report` adds up what came of it (docs/policy.md#replay). `queue` and `work`
do both bit by bit in the worker.
"""
