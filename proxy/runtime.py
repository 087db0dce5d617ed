"""What one web process holds while it runs, made at its start and closed at its end."""

from dataclasses import dataclass, field

from proxy.answers.cache import Cache
from proxy.auth import Keys
from proxy.directory import Directory
from proxy.knowledge.shelf import Shelf
from proxy.ledger.buckets import Buckets
from proxy.ledger.budgets.accounts import Accounts
from proxy.ledger.journal import Journal
from proxy.ledger.usage_sums import UsageReader
from proxy.marks.prefixes import Prefixes
from proxy.privacy.detection.detector import Detector
from proxy.rules.weighing.scales import Scales
from proxy.transcripts.keeper import Keeper
from proxy.upstreams import Pool
from proxy.upstreams.model_lists import ModelLists


@dataclass(frozen=True)
class Limits:
    """Bounds of a request at the door."""

    max_body_bytes: int
    body_timeout_seconds: float
    ping_seconds: float
    send_timeout_seconds: float


@dataclass(frozen=True)
class Runtime:
    """The state of the data plane. Nothing in it matters beyond the process: it is all kept elsewhere too."""

    directory: Directory
    keys: Keys
    journal: Journal
    pool: Pool
    model_lists: ModelLists
    buckets: Buckets
    accounts: Accounts
    usage: UsageReader
    detector: Detector
    scales: Scales
    answers: Cache
    shelf: Shelf
    transcripts: Keeper
    limits: Limits
    prefixes: Prefixes = field(default_factory=Prefixes)
