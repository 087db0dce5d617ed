"""Like questions: what their texts are compared by, and what keeps two that only look alike apart."""
