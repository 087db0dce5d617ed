"""Whether the processes that look for personal data run: each web process has its own."""

from proxy.doctor.finding import Finding, fail, ok, warn
from proxy.privacy.detection.pool import Workers

_NAME = "privacy workers"


def check(workers: Workers | None) -> Finding:
    """How they are in this process; None where it serves no calls."""
    if workers is None:
        return warn(_NAME, "this process has not started to serve calls", "Look again in a moment.")
    if not workers.wanted:
        return ok(_NAME, "not started: no tenant looks for personal data")
    if workers.ready == workers.wanted:
        return ok(_NAME, f"{workers.ready} ready in this process")
    if workers.do_not_start:
        return fail(
            _NAME,
            "they do not start: requests that must be searched are refused",
            "Look into the server's log. Often the model is missing: install with scripts/with-venv.",
        )
    return warn(
        _NAME,
        f"{workers.ready} of {workers.wanted} ready in this process: requests that must be searched wait for them",
        "They start within seconds of being needed. If it stays so, look into the server's log.",
    )
