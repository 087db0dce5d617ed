"""Checks of an installation (`local`) and, from any machine, of a running server (`remote`).

`local` needs Django's settings and database; `remote` needs httpx alone: `python -m proxy.doctor --url …`.
Adding a check: a function that yields findings, in the file of its group, and its name in the group's list.
"""
