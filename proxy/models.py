"""What a call leaves behind, what tokens cost, and whether the background worker lives."""

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models


def check_glob(glob: str) -> None:
    """A pattern of model names."""
    if not glob.isprintable() or any(character.isspace() for character in glob):
        raise ValidationError("Use printable characters without spaces, such as claude-sonnet-5-5.")


class Price(models.Model):
    """What a model's tokens cost from a date on, in US dollars per million tokens.

    The row that counts for a call: the longest matching glob, then the highest prompt tier the call
    reaches, then the latest `effective_from` that is not in the future.
    """

    model_glob = models.CharField(
        max_length=200,
        validators=[check_glob],
        help_text="A model's name also covers its dated snapshots. * ? [] are wildcards; * alone is the default tier.",
    )
    effective_from = models.DateTimeField(help_text="Calls that started earlier keep the price of their time.")
    above_input_tokens = models.PositiveIntegerField(
        default=0, help_text="Tier: counts when the whole prompt is longer than this many tokens."
    )
    input_usd = models.DecimalField(max_digits=12, decimal_places=6, validators=[MinValueValidator(0)])
    output_usd = models.DecimalField(max_digits=12, decimal_places=6, validators=[MinValueValidator(0)])
    cache_write_5m_usd = models.DecimalField(max_digits=12, decimal_places=6, validators=[MinValueValidator(0)])
    cache_write_1h_usd = models.DecimalField(max_digits=12, decimal_places=6, validators=[MinValueValidator(0)])
    cache_read_usd = models.DecimalField(max_digits=12, decimal_places=6, validators=[MinValueValidator(0)])
    source = models.CharField(max_length=500, blank=True, help_text="Where the figure comes from, with its date.")

    class Meta:
        ordering = ["model_glob", "above_input_tokens", "-effective_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["model_glob", "above_input_tokens", "effective_from"], name="one_price_per_glob_tier_and_date"
            )
        ]

    def __str__(self) -> str:
        return f"{self.model_glob} from {self.effective_from:%Y-%m-%d}"


class UsageRecord(models.Model):
    """One call, whatever became of it. Written by the ledger from its journal; never holds prompt or answer text.

    Tenant, key and upstream are ids and names of the time of the call, not foreign keys: the record outlives them.
    """

    class State(models.TextChoices):
        STARTED = "started", "Under way"
        COMPLETED = "completed", "Answered to the end"
        REFUSED = "refused", "Refused by the proxy"
        FAILED = "failed", "The upstream failed or refused"
        CANCELLED = "cancelled", "The client hung up"
        INTERRUPTED = "interrupted", "The proxy died"
        DRY_RUN = "dry_run", "Dry run"

    id = models.CharField(primary_key=True, max_length=40, help_text="Our request id.")
    process = models.CharField(max_length=64, help_text="The web process that carried it.")
    state = models.CharField(max_length=16, choices=State.choices)
    endpoint = models.CharField(max_length=32)
    is_streaming = models.BooleanField(default=False)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    tenant_id = models.UUIDField()
    tenant_slug = models.CharField(max_length=63)
    key_id = models.UUIDField()
    key_name = models.CharField(max_length=100)

    model_asked = models.CharField(max_length=200, blank=True)
    model_served = models.CharField(max_length=200, blank=True)
    upstream_id = models.UUIDField(null=True)
    upstream_name = models.CharField(max_length=100, blank=True)
    upstream_request_id = models.CharField(max_length=100, blank=True)

    status = models.PositiveSmallIntegerField(null=True, help_text="HTTP status the client was given.")
    error_type = models.CharField(max_length=64, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    stop_reason = models.CharField(max_length=64, blank=True)

    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    cache_write_5m_tokens = models.PositiveBigIntegerField(default=0)
    cache_write_1h_tokens = models.PositiveBigIntegerField(default=0)
    cache_read_tokens = models.PositiveBigIntegerField(default=0)
    thinking_tokens = models.PositiveBigIntegerField(null=True, help_text="Part of the output, where told.")
    is_usage_estimated = models.BooleanField(default=False, help_text="The upstream's final count never came.")

    cost_nano_usd = models.PositiveBigIntegerField(default=0, help_text="Integer billionths of a dollar.")
    price_id = models.BigIntegerField(null=True)
    is_price_default = models.BooleanField(default=False, help_text="Priced by the default tier.")

    cache_state = models.CharField(
        max_length=16, blank=True, help_text="hit, semantic-hit, miss or refresh; empty: no question."
    )
    saved_nano_usd = models.PositiveBigIntegerField(default=0, help_text="What a kept answer cost when it was asked.")

    queue_us = models.PositiveBigIntegerField(default=0, help_text="Waiting for an upstream connection, µs.")
    first_byte_us = models.PositiveBigIntegerField(null=True, help_text="Arrival to first byte sent, µs.")
    total_us = models.PositiveBigIntegerField(null=True, help_text="Arrival to end, µs.")
    overhead_us = models.PositiveBigIntegerField(null=True, help_text="The proxy's own share of it, µs.")
    request_bytes = models.PositiveBigIntegerField(default=0)
    response_bytes = models.PositiveBigIntegerField(default=0)

    client_ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    session_id = models.CharField(max_length=100, blank=True, help_text="x-claude-code-session-id")
    agent_id = models.CharField(max_length=100, blank=True, help_text="x-claude-code-agent-id")
    parent_agent_id = models.CharField(max_length=100, blank=True)
    trace = models.JSONField(default=list, blank=True, help_text="What each step decided, and its time in µs.")

    class Meta:
        ordering = ["-started_at", "-id"]
        indexes = [
            models.Index(fields=["tenant_id", "-started_at"], name="usage_by_tenant"),
            models.Index(fields=["key_id", "-started_at"], name="usage_by_key"),
            models.Index(fields=["-started_at"], name="usage_by_time"),
            models.Index(fields=["tenant_id", "state", "-started_at"], name="usage_by_state"),
            models.Index(fields=["tenant_id", "model_asked", "-started_at"], name="usage_by_model"),
            models.Index(fields=["upstream_id", "-started_at"], name="usage_by_upstream"),
            models.Index(fields=["session_id", "-started_at"], name="usage_by_session"),
            models.Index(fields=["agent_id", "-started_at"], name="usage_by_agent"),
            models.Index(fields=["-ended_at", "id"], name="usage_by_end"),
            models.Index(fields=["upstream_request_id"], name="usage_by_upstream_request"),
            models.Index(fields=["process"], condition=models.Q(state="started"), name="usage_under_way"),
        ]

    def __str__(self) -> str:
        return self.id


class Hourly(models.Model):
    """What ended calls that began in one hour (UTC) add up to: sums of usage records, written with them.

    Kept by `proxy.ledger.rollups`; can always be made again from the records.
    """

    hour = models.DateTimeField()
    tenant_id = models.UUIDField()
    calls = models.BigIntegerField()

    class Meta:
        abstract = True


class HourlyUsage(Hourly):
    """By key, model, upstream and outcome."""

    key_id = models.UUIDField()
    model_asked = models.CharField(max_length=200)
    upstream_id = models.UUIDField(help_text="All zeros: no upstream was asked.")
    state = models.CharField(max_length=16)
    status = models.PositiveSmallIntegerField(help_text="0: the client was given none.")
    error_type = models.CharField(max_length=64)

    tenant_slug = models.CharField(max_length=63)
    key_name = models.CharField(max_length=100)
    upstream_name = models.CharField(max_length=100)

    asked = models.BigIntegerField(help_text="Those of the calls that budgets count as requests.")
    input_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    cache_write_tokens = models.BigIntegerField()
    cache_read_tokens = models.BigIntegerField()
    cost_nano_usd = models.BigIntegerField()
    looked_up = models.BigIntegerField(default=0, help_text="Those of the calls that the cache was asked for.")
    answered_from_cache = models.BigIntegerField(default=0)
    answered_semantically = models.BigIntegerField(default=0, help_text="Those of them to a question merely like it.")
    saved_nano_usd = models.BigIntegerField(default=0)
    first_byte_us = models.BigIntegerField(help_text="Sum over the calls that were timed.")
    first_byte_calls = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "tenant_id",
                    "hour",
                    "key_id",
                    "model_asked",
                    "upstream_id",
                    "state",
                    "status",
                    "error_type",
                ],
                name="hourly_usage_once",
            )
        ]
        indexes = [
            models.Index(fields=["hour"], name="hourly_usage_by_hour"),
            models.Index(fields=["key_id", "hour"], name="hourly_usage_by_key"),
        ]

    def __str__(self) -> str:
        return f"{self.tenant_slug}/{self.key_name} at {self.hour:%Y-%m-%d %H:00}"


class HourlyClient(Hourly):
    """By key and what used it: program, session and subagent. Without dry runs."""

    key_id = models.UUIDField()
    user_agent = models.CharField(max_length=300)
    session_id = models.CharField(max_length=100)
    agent_id = models.CharField(max_length=100)

    failed = models.BigIntegerField(help_text="Those of the calls that were not answered to the end.")
    input_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    cache_write_tokens = models.BigIntegerField()
    cache_read_tokens = models.BigIntegerField()
    cost_nano_usd = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "hour", "key_id", "session_id", "agent_id", "user_agent"],
                name="hourly_client_once",
            )
        ]
        indexes = [
            models.Index(fields=["hour"], name="hourly_client_by_hour"),
            models.Index(fields=["session_id", "hour"], name="hourly_client_by_session"),
        ]

    def __str__(self) -> str:
        return f"{self.user_agent} at {self.hour:%Y-%m-%d %H:00}"


class HourlyLatency(Hourly):
    """How many answered calls took how long, in buckets that grow by an eighth of an octave."""

    class Measure(models.TextChoices):
        TOTAL = "total", "Arrival to end"
        FIRST_BYTE = "first_byte", "Arrival to first byte"

    measure = models.CharField(max_length=16, choices=Measure.choices)
    bucket = models.SmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "hour", "measure", "bucket"], name="hourly_latency_once")
        ]
        indexes = [models.Index(fields=["hour"], name="hourly_latency_by_hour")]

    def __str__(self) -> str:
        return f"{self.measure} {self.bucket} at {self.hour:%Y-%m-%d %H:00}"


class BudgetWindow(models.Model):
    """What an owner (a tenant or a key) used of one unit in one period: the sum of its usage records, and what is held.

    It is kept for budgets and made from the records when the first call meets the period; `spent` can always be
    counted again.
    """

    class Unit(models.TextChoices):
        USD = "usd", "Nano-dollars"
        TOKENS = "tokens", "Tokens"
        REQUESTS = "requests", "Requests"

    owner_id = models.UUIDField(help_text="A tenant or a key.")
    unit = models.CharField(max_length=16, choices=Unit.choices)
    period = models.CharField(max_length=16)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    spent = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0, help_text="Reserved by calls under way.")

    class Meta:
        ordering = ["-starts_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["owner_id", "unit", "period", "starts_at"], name="one_window_per_period")
        ]

    def __str__(self) -> str:
        return f"{self.owner_id}: {self.unit} in the {self.period} from {self.starts_at:%Y-%m-%d %H:%M}"


class Reservation(models.Model):
    """What one call may still use of a window, from before the upstream is asked until its record is written."""

    call_id = models.CharField(max_length=64, db_index=True)
    window = models.ForeignKey(BudgetWindow, on_delete=models.CASCADE, related_name="reservations")
    amount = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["call_id", "window"], name="one_hold_per_call_and_window")]

    def __str__(self) -> str:
        return f"{self.call_id} holds {self.amount}"


class Heartbeat(models.Model):
    """When a background process last said that it lives."""

    name = models.CharField(primary_key=True, max_length=32)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S}"
