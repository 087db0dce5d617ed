"""The settings that bound what a request, a key and a client may take of a web process, and for how long."""

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings


class Bounds(BaseSettings):
    """A part of `config.Config`."""

    max_body_bytes: int = Field(
        32 * 1024 * 1024,
        alias="LLMP_MAX_BODY_BYTES",
        ge=1024,
        description="Largest body of a model request, in bytes; above it 413, as Anthropic does.",
    )
    body_timeout_seconds: float = Field(
        30.0,
        alias="LLMP_BODY_TIMEOUT_SECONDS",
        gt=0,
        description="Longest pause between two pieces of a request's body before 408.",
    )
    header_timeout_seconds: float = Field(
        10.0,
        alias="LLMP_HEADER_TIMEOUT_SECONDS",
        gt=0,
        description="A connection that has not sent its request headers by then is closed.",
    )
    send_timeout_seconds: float = Field(
        120.0,
        alias="LLMP_SEND_TIMEOUT_SECONDS",
        gt=0,
        description="A client of a stream that takes no byte for this long is given up, and its upstream closed.",
    )
    ping_seconds: float = Field(
        15.0,
        alias="LLMP_PING_SECONDS",
        gt=0,
        description="Silence of the upstream after which a stream's client is sent a `ping` event.",
    )
    max_key_bodies_bytes: int = Field(
        256 * 1024 * 1024,
        alias="LLMP_MAX_KEY_BODIES_BYTES",
        description=(
            "Bytes of request bodies that the calls of one key may hold in one web process, from first byte to last "
            "of each call; above it 429. At least `LLMP_MAX_BODY_BYTES`."
        ),
    )
    max_bodies_bytes: int = Field(
        1024 * 1024 * 1024,
        alias="LLMP_MAX_BODIES_BYTES",
        description="The same for all keys together; above it 503. While one is read it takes more for a moment.",
    )
    max_connections: int = Field(
        4096,
        alias="LLMP_MAX_CONNECTIONS",
        ge=1,
        description="Open connections of clients to one web process; above it 503.",
    )
    drain_seconds: float = Field(
        10.0,
        alias="LLMP_DRAIN_SECONDS",
        ge=0,
        description=(
            "After SIGTERM `/readyz` says 503 while everything is still served for so long: time for load balancers "
            "to notice. 0 where none looks."
        ),
    )
    shutdown_seconds: int = Field(
        300,
        alias="LLMP_SHUTDOWN_SECONDS",
        ge=0,
        description="How long open requests may still run then, before they are ended with an error event.",
    )

    @model_validator(mode="after")
    def _a_largest_body_fits(self) -> "Bounds":
        if self.max_key_bodies_bytes < self.max_body_bytes:
            raise ValueError("LLMP_MAX_KEY_BODIES_BYTES must be at least LLMP_MAX_BODY_BYTES")
        if self.max_bodies_bytes < self.max_key_bodies_bytes:
            raise ValueError("LLMP_MAX_BODIES_BYTES must be at least LLMP_MAX_KEY_BODIES_BYTES")
        return self
