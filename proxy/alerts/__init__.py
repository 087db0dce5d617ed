"""Alerts: what happened that somebody should know of, found off the way of any request, and told once.

`budgets`, `upstreams`, `keys` and `platform` find; `raising` writes each down once, however many processes found it,
with a delivery to each channel that wants it; `delivering` sends those until they arrive or are given up.
"""
