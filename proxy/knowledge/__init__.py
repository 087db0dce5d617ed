"""A tenant's documents: read, cut, embedded, stored and searched (docs/rag.md).

`library` is what the rest of the product asks; `documents` is how documents come and go.
"""
