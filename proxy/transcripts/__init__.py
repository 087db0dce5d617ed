"""The text of calls, kept where a tenant wants it: sealed, for so many days, written down beside the calls' own way.

`keeper` takes it in, `shelf` gives it out, `retention` deletes it (docs/transcripts.md).
"""
