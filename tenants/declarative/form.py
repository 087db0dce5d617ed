"""The fields of the file. What a value may be is asked of the models' own fields, so that there is one answer.

None stands for the default of a field, a missing field for "as it is": see `given`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from django.core.exceptions import ValidationError
from django.db import models
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from tenants import destinations, validators
from tenants.models import AlertChannel, ApiKey, Collection, Tenant, Upstream


def _stored(model: type[models.Model], name: str) -> AfterValidator:
    """The check of one model field, as a check of the form."""
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)
    return AfterValidator(lambda value: _checked(field.clean, value, None))


def _checked(check: Callable[..., Any], value: Any, *more: Any) -> Any:
    """The value, if Django's check accepts it; ValueError in the check's words if not."""
    try:
        check(value, *more)
    except ValidationError as wrong:
        raise ValueError(" ".join(wrong.messages)) from None
    return value


def _as_moment(text: Any) -> datetime | None:
    """ISO 8601 with a time zone. Pydantic alone would take numbers for seconds since 1970."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        moment = datetime.min
    if moment.utcoffset() is None:
        raise ValueError("Give a moment with its time zone, e.g. 2027-01-01T00:00:00Z.")
    return moment


def _as_url(value: str) -> str:
    url = value.strip().rstrip("/")
    destinations.check_url(url)
    return url


def _environ(info: ValidationInfo) -> Mapping[str, str]:
    environ: Mapping[str, str] = (info.context or {})["environ"]
    return environ


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class RowForm(_Form):
    """One row of the database."""

    columns: ClassVar[dict[str, str]] = {}
    """Field of the file → field of the model, where they differ."""

    def field_of(self, column: str) -> str:
        """What the file calls a field of the model."""
        return {column: name for name, column in self.columns.items()}.get(column, column)


class UpstreamForm(RowForm):
    """One upstream of a tenant, known by its name."""

    columns = {"models": "model_globs", "enabled": "is_enabled", "api_key": "credential"}

    name: Annotated[str, _stored(Upstream, "name")]
    kind: Literal["anthropic", "simulator", "detector"] | None = None
    base_url: Annotated[str, AfterValidator(_as_url), _stored(Upstream, "base_url")] | None = None
    api_key: SecretStr | None = None
    api_key_env: str | None = None
    models: Annotated[list[str], _stored(Upstream, "model_globs")] | None = None
    model_aliases: Annotated[dict[str, str], _stored(Upstream, "model_aliases")] | None = None
    priority: Annotated[int, _stored(Upstream, "priority")] | None = None
    enabled: bool | None = None
    connect_timeout_seconds: Annotated[float, _stored(Upstream, "connect_timeout_seconds")] | None = None
    read_timeout_seconds: Annotated[float, _stored(Upstream, "read_timeout_seconds")] | None = None
    max_connections: Annotated[int, _stored(Upstream, "max_connections")] | None = None

    _from_environment: str | None = PrivateAttr(None)

    @field_validator("api_key")
    @classmethod
    def _sendable(cls, value: SecretStr | None) -> SecretStr | None:
        _checked(validators.check_credential, value.get_secret_value() if value else "")
        return value

    @field_validator("api_key_env")
    @classmethod
    def _is_set(cls, name: str | None, info: ValidationInfo) -> str | None:
        if name is None:
            return None
        if info.data.get("api_key") is not None:
            raise ValueError("Give either api_key or api_key_env.")
        value = _environ(info).get(name, "").strip()
        if not value:
            raise ValueError(f"The environment variable {name} is not set. Export it where apply runs.")
        _checked(validators.check_credential, value)
        return name

    @model_validator(mode="after")
    def _look_up(self, info: ValidationInfo) -> "UpstreamForm":
        if self.api_key_env is not None:
            self._from_environment = _environ(info)[self.api_key_env].strip()
        return self

    def field_of(self, column: str) -> str:
        """As for every row, but a credential may have come from either of two fields."""
        return "api_key_env" if column == "credential" and self.api_key_env else super().field_of(column)

    @property
    def credential(self) -> str | None:
        """The credential in clear; '' clears the stored one, None leaves it."""
        if self.api_key is not None:
            return self.api_key.get_secret_value()
        return self._from_environment


def _as_modes(settings: Any) -> Any:
    """YAML reads a bare `off` as false, and it is one of the modes."""
    if not isinstance(settings, dict):
        return settings
    said = {name: _as_modes(value) if name in ("entities", "output") else value for name, value in settings.items()}
    return {name: "off" if value is False and name != "restore_secrets" else value for name, value in said.items()}


class KeyRagForm(RowForm):
    """Which passages a key's requests are given, where that differs from its tenant's."""

    inject: Annotated[dict[str, Any], _stored(ApiKey, "inject")] | None = None


class KeyForm(RowForm):
    """One API key of a tenant, known by its name among the active ones."""

    columns = {"models": "model_globs", "rag.inject": "inject"}

    name: Annotated[str, _stored(ApiKey, "name")]
    status: Literal["active", "revoked"] | None = None
    scopes: Annotated[list[str], _stored(ApiKey, "scopes")] | None = None
    models: Annotated[list[str], _stored(ApiKey, "model_globs")] | None = None
    ip_allow: Annotated[list[str], _stored(ApiKey, "ip_allow")] | None = None
    expires_at: Annotated[datetime | None, BeforeValidator(_as_moment)] = None
    metadata: Annotated[dict[str, str], _stored(ApiKey, "metadata")] | None = None
    limits: Annotated[dict[str, int], _stored(ApiKey, "limits")] | None = None
    budgets: Annotated[list[dict[str, Any]], _stored(ApiKey, "budgets")] | None = None
    pii: Annotated[dict[str, Any], BeforeValidator(_as_modes), _stored(ApiKey, "pii")] | None = None
    cache: Annotated[dict[str, Any], _stored(ApiKey, "cache")] | None = None
    rag: KeyRagForm = KeyRagForm()


class AlertForm(RowForm):
    """One channel for a tenant's alerts, known by its name."""

    columns = {"to": "recipients", "enabled": "is_enabled", "secret_env": "secret"}

    name: Annotated[str, _stored(AlertChannel, "name")]
    kind: Literal["email", "webhook"]
    events: Annotated[list[str], _stored(AlertChannel, "events")] | None = None
    to: Annotated[list[str], _stored(AlertChannel, "recipients")] | None = None
    url: Annotated[str, AfterValidator(_as_url), _stored(AlertChannel, "url")] | None = None
    secret_env: str | None = None
    enabled: bool | None = None

    _secret: str | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _look_up(self, info: ValidationInfo) -> "AlertForm":
        if self.secret_env is not None:
            self._secret = _environ(info).get(self.secret_env, "").strip()
            if not self._secret:
                raise ValueError(f"The environment variable {self.secret_env} is not set. Export it where apply runs.")
        return self

    @property
    def secret(self) -> str | None:
        """The signing secret in clear; None leaves the stored one, or has one made."""
        return self._secret


class CollectionForm(RowForm):
    """One collection of documents, known by its name."""

    columns = {"required": "is_required", "keys": "key_globs"}

    name: Annotated[str, _stored(Collection, "name")]
    description: Annotated[str, _stored(Collection, "description")] | None = None
    embedding: Annotated[str, _stored(Collection, "embedding")] | None = None
    chunk_tokens: Annotated[int, _stored(Collection, "chunk_tokens")] | None = None
    chunk_overlap: Annotated[int, _stored(Collection, "chunk_overlap")] | None = None
    reranking: Annotated[str, _stored(Collection, "reranking")] | None = None
    personal_data: Annotated[str, _stored(Collection, "personal_data")] | None = None
    suspicious: Annotated[str, _stored(Collection, "suspicious")] | None = None
    required: bool | None = None
    keys: Annotated[list[str], _stored(Collection, "key_globs")] | None = None
    roles: Annotated[list[str], _stored(Collection, "roles")] | None = None


class RagForm(RowForm):
    """What a tenant's requests may be answered from, and what they are given of it."""

    collections: list[CollectionForm] = []
    inject: Annotated[dict[str, Any], _stored(Tenant, "inject")] | None = None


class TenantForm(RowForm):
    """One tenant, known by its slug."""

    slug: Annotated[str, _stored(Tenant, "slug")]
    name: Annotated[str, _stored(Tenant, "name")] | None = None
    status: Literal["active", "suspended"] | None = None
    timezone: Annotated[str, _stored(Tenant, "timezone")] | None = None
    require_mfa: bool | None = None
    model_aliases: Annotated[dict[str, str], _stored(Tenant, "model_aliases")] | None = None
    limits: Annotated[dict[str, int], _stored(Tenant, "limits")] | None = None
    budgets: Annotated[list[dict[str, Any]], _stored(Tenant, "budgets")] | None = None
    pii: Annotated[dict[str, Any], BeforeValidator(_as_modes), _stored(Tenant, "pii")] | None = None
    policy: Annotated[dict[str, Any], _stored(Tenant, "policy")] | None = None
    cache: Annotated[dict[str, Any], _stored(Tenant, "cache")] | None = None
    transcripts: Annotated[dict[str, Any], _stored(Tenant, "transcripts")] | None = None
    alert_at: Annotated[list[int], _stored(Tenant, "alert_at")] | None = None
    alerts: list[AlertForm] = []
    upstreams: list[UpstreamForm] = []
    keys: list[KeyForm] = []
    rag: RagForm = RagForm()


class FileForm(_Form):
    """The whole file."""

    tenants: list[TenantForm]


def given(form: RowForm, model: type[models.Model], *, prune: bool, without: frozenset[str]) -> dict[str, Any]:
    """What the form says of the model's fields. With `prune`, fields it leaves out are given their defaults."""
    values = {}
    for name in type(form).model_fields:
        if name in without or (name not in form.model_fields_set and not prune):
            continue
        column = form.columns.get(name, name)
        field = model._meta.get_field(column)
        assert isinstance(field, models.Field)
        value = getattr(form, name)
        values[column] = field.get_default() if value is None else value
    return values
