"""What a tenant's requests may be answered from: collections of documents. The documents are the proxy's own rows."""

import uuid
from fnmatch import fnmatchcase
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from tenants import validators
from tenants.models import defaults
from tenants.models.organisation import Membership, Tenant
from tenants.models.upstreams import Upstream

BUILT_IN = "default"
"""The embedding model that comes with the product."""
BUILT_IN_TOKENS = 500
"""What that model reads of a passage."""
MOST_TOKENS = 4000
NO_RANKING = "none"
"""Passages stay in the order of their fused scores."""
_EMBEDDINGS = f"{BUILT_IN}, or UPSTREAM/MODEL such as main/text-embedding-3-small"
_RANKINGS = f"{NO_RANKING}, {BUILT_IN}, or UPSTREAM/MODEL such as main/rerank-v3.5"


def every_role() -> list[str]:
    """Every role of a member."""
    return [role.value for role in Membership.Role]


def check_key_globs(value: Any) -> None:
    """A list of patterns of key names, which may hold spaces."""
    if not isinstance(value, list) or not all(isinstance(glob, str) and 0 < len(glob) <= 100 for glob in value):
        raise ValidationError("Give a list of globs of key names such as ci-*.")


def check_roles(value: Any) -> None:
    if not isinstance(value, list) or not all(role in Membership.Role.values for role in value):
        raise ValidationError(f"Give a list of some of: {', '.join(Membership.Role.values)}.")


class Collection(models.Model):
    """Documents that belong together: how they are cut and embedded, and who may ask them."""

    class PersonalData(models.TextChoices):
        KEEP = "keep"
        SCRUB = "scrub"

    class Suspicious(models.TextChoices):
        MARK = "mark"
        LEAVE_OUT = "leave_out"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="collections")
    name = models.CharField(
        max_length=63,
        validators=[
            RegexValidator(
                r"^[a-z0-9]([a-z0-9_-]*[a-z0-9])?\Z",
                "Use lower-case letters, digits, - and _: requests name it in a header.",
            )
        ],
    )
    description = models.CharField(max_length=500, blank=True, validators=[validators.check_label])
    embedding = models.CharField(
        max_length=250,
        default=BUILT_IN,
        validators=[validators.check_label],
        help_text="default, or UPSTREAM/MODEL for the embeddings of one of the tenant's upstreams.",
    )
    chunk_tokens = models.PositiveIntegerField(
        default=240,
        validators=[MinValueValidator(32), MaxValueValidator(MOST_TOKENS)],
        help_text="Longest passage, in tokens.",
    )
    chunk_overlap = models.PositiveIntegerField(
        default=32, help_text="Tokens that a passage repeats of the one before it."
    )
    reranking = models.CharField(
        max_length=250,
        default=NO_RANKING,
        validators=[validators.check_label],
        help_text="What puts the passages found into order: none, default (the built-in model), or UPSTREAM/MODEL.",
    )
    personal_data = models.CharField(
        max_length=8,
        choices=PersonalData.choices,
        default=PersonalData.KEEP,
        help_text="keep passages as they are, or scrub them as the tenant's privacy says before they are kept.",
    )
    suspicious = models.CharField(
        "suspicious passages",
        max_length=16,
        choices=Suspicious.choices,
        default=Suspicious.MARK,
        help_text="What becomes of passages that read like orders to a model: mark, or leave_out of every search.",
    )
    is_required = models.BooleanField(
        "required",
        default=False,
        help_text="Refuse a request that cannot be searched for, instead of going on without.",
    )
    key_globs = models.JSONField(
        default=defaults.all_models,
        validators=[check_key_globs],
        error_messages={"blank": "Name at least one glob; * is every key."},
        help_text="Globs of the names of the keys that may use it; * is every key.",
    )
    roles = models.JSONField(
        default=every_role,
        validators=[check_roles],
        error_messages={"blank": "Name at least one role."},
        help_text="Roles of the members who may search it.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["tenant", "name"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="collection_names_are_unique_in_a_tenant")
        ]

    def __str__(self) -> str:
        return f"{self.tenant}/{self.name}"

    @property
    def is_built_in(self) -> bool:
        """Whether it is embedded by the model that comes with the product."""
        return self.embedding == BUILT_IN

    def admits_key(self, key_name: str) -> bool:
        """Whether the key of this name may use it."""
        return any(fnmatchcase(key_name, glob) for glob in self.key_globs)

    def admits_role(self, role: str | None) -> bool:
        """Whether members of this role may search it."""
        return role in self.roles

    def clean(self) -> None:
        errors = {}
        if Collection.objects.filter(tenant=self.tenant_id, name=self.name).exclude(pk=self.pk).exists():
            errors["name"] = "The tenant has a collection of this name already."
        if self.chunk_overlap * 2 > self.chunk_tokens:
            errors["chunk_overlap"] = "A passage may repeat up to half of itself: give a smaller overlap."
        if self.is_built_in and self.chunk_tokens > BUILT_IN_TOKENS:
            errors["chunk_tokens"] = f"The built-in embedding model reads up to {BUILT_IN_TOKENS} tokens of a passage."
        if not self.is_built_in and (wrong := self._wrong_model(self.embedding, _EMBEDDINGS)):
            errors["embedding"] = wrong
        if self.reranking not in (NO_RANKING, BUILT_IN) and (wrong := self._wrong_model(self.reranking, _RANKINGS)):
            errors["reranking"] = wrong
        if errors:
            raise ValidationError(errors)

    def _wrong_model(self, named: str, known: str) -> str:
        """What is wrong with UPSTREAM/MODEL."""
        name, slash, model = named.partition("/")
        if not slash or not model:
            return f"Write {known}."
        upstream = Upstream.objects.filter(tenant=self.tenant_id, name=name).first()
        if upstream is None:
            return f"The tenant has no upstream {name!r}."
        return "" if upstream.base_url else f"The upstream {name!r} has no address to ask."
