"""Every setting of the deployment, read once from the environment.

One typed class; a wrong value stops the start with the variable's name and the remedy.
`docs/configuration.md` is generated from this file (`manage.py settings_reference`).
"""

import base64
import os
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from proxy import local_secrets, mail, openid
from proxy.bounds import Bounds

ROOT = Path(__file__).resolve().parent.parent
_MIN_SECRET_CHARS = 32
_GENERATED = ("SECRET_KEY", "LLMP_KEY_PEPPERS", "LLMP_ENCRYPTION_KEYS")
_SCHEMES = {
    "redis_url": ("redis", "rediss", "unix"),
    "celery_broker_url": ("amqp", "amqps", "pyamqp", "redis", "rediss", "filesystem"),
    "weaviate_url": ("http", "https"),
    "public_url": ("http", "https"),
}
_WEAK = ("changeme", "change-me", "insecure", "secret", "password", "example", "default")


class ConfigError(Exception):
    """The environment does not describe a deployment that can start."""


class Config(Bounds):
    """The environment of one deployment."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, frozen=True)

    environment: Literal["development", "production"] = Field(
        "development",
        alias="LLMP_ENV",
        description="`production` refuses weak secrets and demands the ones that development generates.",
    )
    secret_key: str = Field(
        "",
        repr=False,
        alias="SECRET_KEY",
        description="Django's signing key: 32 random characters or more. Generated on the first local start.",
    )
    key_peppers: str = Field(
        "",
        repr=False,
        alias="LLMP_KEY_PEPPERS",
        description=(
            "Peppers of the API keys' HMAC as `version:base64`, comma separated, the newest first "
            "(`2:…,1:…`). Each is 32 bytes. Older ones keep verifying; new keys use the first."
        ),
    )
    encryption_keys: str = Field(
        "",
        repr=False,
        alias="LLMP_ENCRYPTION_KEYS",
        description=(
            "Keys that encrypt upstream credentials and second factors at rest, same form as `LLMP_KEY_PEPPERS`. "
            "Put a new one first, then run `manage.py rotate_secrets`."
        ),
    )
    data_dir: Path = Field(
        ROOT / "var",
        alias="LLMP_DATA_DIR",
        description="Where this machine keeps its SQLite file, usage journals and the generated secrets.",
    )
    database_url: str = Field(
        "",
        repr=False,
        alias="DATABASE_URL",
        description="`postgres://user:password@host:5432/name`. Empty: SQLite in `LLMP_DATA_DIR`.",
    )
    redis_url: str = Field(
        "",
        repr=False,
        alias="REDIS_URL",
        description="`redis://host:6379/0` for what web processes share. Empty: kept in the process.",
    )
    celery_broker_url: str = Field(
        "",
        repr=False,
        alias="CELERY_BROKER_URL",
        description="`amqp://…` or `redis://…`. Empty: a broker in `LLMP_DATA_DIR` that needs no server.",
    )
    weaviate_url: str = Field(
        "",
        alias="WEAVIATE_URL",
        description="`http://host:8080` of a Weaviate server. Empty: none is used.",
    )
    weaviate_grpc_port: int = Field(
        50051, alias="WEAVIATE_GRPC_PORT", ge=1, le=65535, description="Its port for gRPC, on the same host."
    )
    weaviate_api_key: str = Field(
        "", repr=False, alias="WEAVIATE_API_KEY", description="What that server asks for, where it asks for anything."
    )
    documents_dir: str = Field(
        "",
        alias="LLMP_DOCUMENTS_DIR",
        description=(
            "Where the files of documents are kept. With web servers and workers on several machines it must be a "
            "folder they share. Empty: in `LLMP_DATA_DIR`."
        ),
    )
    max_document_bytes: int = Field(
        50 * 1024 * 1024, alias="LLMP_MAX_DOCUMENT_BYTES", ge=1024, description="Largest file of a document, in bytes."
    )
    max_documents: int = Field(
        50_000, alias="LLMP_MAX_DOCUMENTS", ge=1, description="How many documents a tenant may keep."
    )
    max_documents_bytes: int = Field(
        20 * 1024 * 1024 * 1024,
        alias="LLMP_MAX_DOCUMENTS_BYTES",
        ge=1024,
        description="How large the files of all documents of a tenant may be together, in bytes.",
    )
    vector_cache_mb: int = Field(
        512,
        alias="LLMP_VECTOR_CACHE_MB",
        ge=16,
        description=(
            "Memory for vectors in each web process, in MiB; 100,000 passages take 150. What was asked longest ago "
            "makes room."
        ),
    )
    allowed_hosts: str = Field(
        "",
        alias="LLMP_ALLOWED_HOSTS",
        description="Host names this server answers to, comma separated. Required in production.",
    )
    public_url: str = Field(
        "",
        alias="LLMP_PUBLIC_URL",
        description="The address clients use, shown in snippets and links. Empty: taken from host and port.",
    )
    trusted_proxies: str = Field(
        "",
        alias="LLMP_TRUSTED_PROXIES",
        description=(
            "CIDRs of the load balancers whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, comma separated."
        ),
    )
    private_upstreams: str = Field(
        "",
        alias="LLMP_PRIVATE_UPSTREAMS",
        description=(
            "Private networks or host names that upstreams and webhooks may point to, comma separated "
            "(`127.0.0.0/8,10.1.2.0/24,vllm.internal`). Everything else private is refused."
        ),
    )
    email_url: Annotated[str, AfterValidator(mail.check)] = Field(
        "",
        repr=False,
        alias="LLMP_EMAIL_URL",
        description=(
            "Mail server for alerts and forgotten passwords: "
            "`smtp://user:password@host:587?from=llm-proxy@example.com` with STARTTLS "
            "(`&tls=no` for none), `smtps://` for TLS from the start. Empty: no mail is sent."
        ),
    )
    alert_retention_days: int = Field(
        90, alias="LLMP_ALERT_RETENTION_DAYS", ge=1, description="Alerts and their deliveries are forgotten after that."
    )
    anthropic_api_key: str = Field(
        "",
        repr=False,
        alias="ANTHROPIC_API_KEY",
        description=(
            "Read by `make run` only: the demo tenant's upstream becomes Anthropic with this key. "
            "Empty: the built-in simulator."
        ),
    )
    require_mfa: Literal["off", "staff", "all"] = Field(
        "off",
        alias="LLMP_REQUIRE_MFA",
        description="Who needs a second factor (authenticator app or passkey) to sign in: nobody, staff, or everybody.",
    )
    oidc_issuer: Annotated[str, AfterValidator(openid.check_issuer)] = Field(
        "",
        alias="LLMP_OIDC_ISSUER",
        description=(
            "OpenID Connect provider by which people sign in, `https://login.example.com/realms/main`. Empty: none. "
            "`manage.py doctor` tells the callback's address to register there."
        ),
    )
    oidc_client_id: str = Field("", alias="LLMP_OIDC_CLIENT_ID", description="This server's client id at the provider.")
    oidc_client_secret: str = Field(
        "",
        repr=False,
        alias="LLMP_OIDC_CLIENT_SECRET",
        description="And its secret. Empty: a public client, with PKCE.",
    )
    oidc_label: str = Field(
        "Sign in with your organisation",
        alias="LLMP_OIDC_LABEL",
        description="What the button on the sign-in page says.",
    )
    oidc_join: Annotated[str, AfterValidator(openid.check_rules)] = Field(
        "",
        alias="LLMP_OIDC_JOIN",
        description=(
            "Who of the provider's people gets an account at the first sign-in, and what they join: "
            "`@example.com=acme:member` (domain of a verified address), `groups:llm-admins=acme:admin` (a claim), "
            "`@example.com=:none` (an account alone), comma separated. Empty: only who has connected an account."
        ),
    )
    session_idle_minutes: int = Field(
        60, alias="LLMP_SESSION_IDLE_MINUTES", ge=5, description="A person who does nothing for so long is signed out."
    )
    session_hours: int = Field(
        12, alias="LLMP_SESSION_HOURS", ge=1, description="After so long everybody signs in again."
    )
    fast_path: bool = Field(
        True,
        alias="LLMP_FAST_PATH",
        description="Serve `/v1` beside Django's handler. Off: through the ninja view, same pipeline, slower.",
    )
    detection_workers: int = Field(
        2,
        alias="LLMP_DETECTION_WORKERS",
        ge=1,
        description=(
            "Processes in which each web process looks for personal data, about 210 MB each. They are started when "
            "the first tenant needs them."
        ),
    )
    detection_seconds: float = Field(
        30.0,
        alias="LLMP_DETECTION_SECONDS",
        gt=0,
        description=(
            "How long looking for personal data in a request may take. Past it the tenant's privacy settings decide: "
            "refuse the request, or let it through."
        ),
    )
    log_format: Literal["console", "json"] = Field(
        "console", alias="LLMP_LOG_FORMAT", description="`console` for people, `json` for collectors."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", alias="LLMP_LOG_LEVEL", description="Least severity that is logged."
    )
    journal_fsync: bool = Field(
        False,
        alias="LLMP_JOURNAL_FSYNC",
        description="Force each usage journal line to the disk. Off survives a killed process; on also a power cut.",
    )

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value if value.is_absolute() else ROOT / value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value and not value.startswith(("postgres://", "postgresql://", "sqlite:///")):
            raise ValueError("must start with postgres:// or sqlite:///")
        return value

    @field_validator("redis_url", "celery_broker_url", "weaviate_url", "public_url")
    @classmethod
    def _known_scheme(cls, value: str, info: ValidationInfo) -> str:
        schemes = _SCHEMES[str(info.field_name)]
        if value and not value.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(f"must start with one of {', '.join(f'{scheme}://' for scheme in schemes)}")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        for position, part in enumerate(list_of(value), start=1):
            try:
                ip_network(part)
            except ValueError as broken:
                raise ValueError(f"entry {position} is not a network such as 10.1.0.0/16") from broken
        return value

    @field_validator("key_peppers", "encryption_keys")
    @classmethod
    def _versioned(cls, value: str) -> str:
        parse_versioned_keys(value)
        return value

    @model_validator(mode="after")
    def _production_is_strict(self) -> "Config":
        if self.environment != "production":
            return self
        given = {
            "SECRET_KEY": self.secret_key,
            "LLMP_KEY_PEPPERS": self.key_peppers,
            "LLMP_ENCRYPTION_KEYS": self.encryption_keys,
            "LLMP_ALLOWED_HOSTS": self.allowed_hosts,
        }
        wrong = [f"{name} is required when LLMP_ENV=production" for name, value in given.items() if not value]
        weak = len(self.secret_key) < _MIN_SECRET_CHARS or len(set(self.secret_key)) < 10
        if self.secret_key and (weak or any(word in self.secret_key.lower() for word in _WEAK)):
            wrong.append("SECRET_KEY is too weak for production: use 50 random characters")
        if wrong:
            raise ValueError("\n  ".join(wrong))
        return self

    @model_validator(mode="after")
    def _oidc_is_whole(self) -> "Config":
        if self.oidc_issuer and not self.oidc_client_id:
            raise ValueError("LLMP_OIDC_CLIENT_ID is required with LLMP_OIDC_ISSUER")
        return self

    @property
    def is_production(self) -> bool:
        """Whether this is a deployment that must not guess or generate anything."""
        return self.environment == "production"


def parse_versioned_keys(text: str) -> dict[int, bytes]:
    """`"2:base64,1:base64"` as {2: 32 bytes, 1: 32 bytes}, in the order given. Raises ValueError."""
    keys: dict[int, bytes] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        version, _, encoded = part.partition(":")
        if not version.isdigit():
            raise ValueError("each entry must be version:base64, e.g. 1:q83v…")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except ValueError as broken:
            raise ValueError(f"version {version} is not valid base64") from broken
        if len(raw) != 32 or len(set(raw)) < 8:
            raise ValueError(f"version {version} must be 32 random bytes (openssl rand -base64 32)")
        if int(version) in keys:
            raise ValueError(f"version {version} appears twice")
        keys[int(version)] = raw
    return keys


def environment_with(**changes: str) -> dict[str, str]:
    """The environment for a child process, with these settings changed."""
    return {**os.environ, **changes}  # noqa: TID251 - this is that place


def list_of(text: str) -> list[str]:
    """A comma separated setting as its non-empty parts."""
    return [part.strip() for part in text.split(",") if part.strip()]


@cache
def load() -> Config:
    """The configuration of this process. Raises ConfigError naming the variable and the remedy."""
    try:
        config = Config()
        given = (config.secret_key, config.key_peppers, config.encryption_keys)
        if config.is_production or all(given):
            return config
        path = config.data_dir / "secrets.env"
        try:
            kept = local_secrets.kept_in(path)
        except OSError as broken:
            raise ConfigError(unusable(config.data_dir, broken)) from None
        missing = [name for name, value in zip(_GENERATED, given, strict=True) if not value]
        lost = [name for name in missing if not kept.get(name)]
        if lost:
            raise ConfigError(f"{lost[0]} is missing in {path}: restore the file, or set the variable.")
        generated: dict[str, Any] = {name: kept[name] for name in missing}
        return Config(**generated)
    except ValidationError as invalid:
        raise ConfigError(_explain(invalid)) from None


def unusable(data_dir: Path, error: Exception) -> str:
    """What to tell who starts a process that cannot write its files."""
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return (
        f"LLMP_DATA_DIR {data_dir} cannot be used ({why[:1].lower()}{why[1:]}).\n"
        "Give the user who runs this a folder to write to, with space left: 100 MB is a start."
    )


def _explain(invalid: ValidationError) -> str:
    """One line per wrong variable, without its value: a secret may be in it."""
    lines = []
    for error in invalid.errors(include_input=False):
        name = ".".join(str(part) for part in error["loc"])
        lines.append(f"{name}: " * bool(name) + error["msg"].removeprefix("Value error, "))
    return "The environment is not usable:\n  " + "\n  ".join(lines) + "\nSee docs/configuration.md."
