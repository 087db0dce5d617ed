"""Tenants as a file: the form (`form`), how it is read, applied and written back (docs/configuration-as-code.md)."""
