"""Rollups: what usage records add up to by the hour, so that pages read thousands of rows where there are millions.

They change in the transaction that writes the records, by the difference it makes (keeping.py), and hold ended calls
only. What they contain is said once, in shapes.py; checking.py makes them again from the records and compares.
"""
