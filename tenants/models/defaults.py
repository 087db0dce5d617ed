"""What a field starts with where its creator says nothing."""


def all_models() -> list[str]:
    """The globs that match every model."""
    return ["*"]
