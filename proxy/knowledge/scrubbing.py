"""Texts of documents and questions without what their tenant keeps back, before they leave or are kept.

The same rules and placeholders as for requests. Detection needs worker processes and an event loop that stays: a web
process lends its own (`use`), a document worker or a command starts one for itself, when it is first needed.
"""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from asgiref.sync import sync_to_async

from proxy.call import Privacy
from proxy.formats.texts import Leaf
from proxy.privacy import replacing
from proxy.privacy.compiling import compiled
from proxy.privacy.detection.detector import DetectionTimedOut, DetectionUnavailable, Detector, Found
from proxy.privacy.placeholders import Placeholders
from proxy.privacy.replacing import Tally
from proxy.privacy.rules import Mode
from tenants import placeholder_keys, secrets
from tenants.models import Tenant

_SECONDS = 120.0  # of a document's texts, for which nobody waits


class Blocked(Exception):
    """A text holds types that may not leave. The message names them, never their values."""


class ScrubbingDown(Exception):
    """What could not be searched is not sent. The message says why."""


@dataclass
class _Detection:
    """A detector, and the event loop that it belongs to."""

    detector: Detector
    loop: asyncio.AbstractEventLoop


@dataclass
class _Process:
    """What this process finds personal data with."""

    lent: _Detection | None = None
    own: _Detection | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_process = _Process()


def use(detector: Detector | None) -> None:
    """Find with the detector of the running event loop; None: not any more."""
    _process.lent = _Detection(detector, asyncio.get_running_loop()) if detector is not None else None


async def scrubbed(tenant_id: UUID, texts: Sequence[str], asker: Privacy | None = None) -> list[str]:
    """The texts as an upstream may see them: by the asker's rules, else by the tenant's. May run on any event loop.

    Raises Blocked, ScrubbingDown.
    """
    privacy = asker or await sync_to_async(_of_tenant)(tenant_id)
    if privacy is None or not privacy.rules.reads_requests:
        return list(texts)
    if privacy.key is None:
        raise ScrubbingDown("The key for this tenant's placeholders cannot be opened. Tell your administrator.")
    leaves = [Leaf((place,), text, "document") for place, text in enumerate(texts)]
    try:
        found = await _found(texts, privacy)
    except (DetectionTimedOut, DetectionUnavailable) as failed:
        if privacy.rules.on_failure == "open":
            return list(texts)
        raise ScrubbingDown(f"It could not be searched for personal data. {failed}") from failed
    tally = Tally()
    changes = replacing.replaced(leaves, found, privacy.rules.mode_of, Placeholders(privacy.key), tally)
    if blocked := tally.types_of(Mode.BLOCK):
        raise Blocked(", ".join(blocked))
    return [changes.get(leaf.path, leaf.text) for leaf in leaves]


def _of_tenant(tenant_id: UUID) -> Privacy | None:
    tenant = Tenant.objects.get(pk=tenant_id)
    rules = compiled(tenant.pii, {})
    if rules is None:
        return None
    try:
        return Privacy(rules, placeholder_keys.of(tenant))
    except secrets.CannotDecrypt:
        return Privacy(rules, None)


async def _found(texts: Sequence[str], privacy: Privacy) -> list[Found]:
    detection = _process.lent if _process.lent is not None else await asyncio.to_thread(_own)
    asking = detection.detector.find(texts, privacy.rules, privacy.key or b"")
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asking, detection.loop))


def _own() -> _Detection:
    """A detector of this process's own, on an event loop in a thread of its own."""
    with _process.lock:
        if _process.own is not None:
            return _process.own
        loop = asyncio.new_event_loop()
        threading.Thread(target=_run, args=(loop,), name="detection", daemon=True).start()
        made = _Detection(asyncio.run_coroutine_threadsafe(_made(), loop).result(), loop)
        _process.own = made
        return made


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


async def _made() -> Detector:
    return Detector(workers=1, deadline_seconds=_SECONDS)
