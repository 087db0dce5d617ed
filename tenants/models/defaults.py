"""What a field starts with where its creator says nothing."""


def all_models() -> list[str]:
    """The globs that match every model."""
    return ["*"]


def alert_thresholds() -> list[int]:
    """At how many percent of a budget somebody is told."""
    return [50, 75, 90, 100]
