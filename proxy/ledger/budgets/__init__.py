"""Budgets: what may be used in a period, reserved before it is spent and settled with the usage record.

`spent` of a window is the sum of the records in it, and changes in the transaction that writes them (settling.py);
`held` is the sum of its reservations, and changes in the transactions that make and delete them. Nothing is kept
in a process, so nothing is lost with one.
"""
