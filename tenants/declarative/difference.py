"""What an apply did, or would do: object by object, field by field, without a secret value in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

_SIGNS = {"created": "+", "removed": "-", "revoked": "-", "changed": "~", "unchanged": " "}
_ENCODER = DjangoJSONEncoder(ensure_ascii=False)


@dataclass(slots=True)
class ObjectChange:
    """One tenant, channel, upstream or key: what became of it."""

    kind: str
    label: str
    name: str
    became: str
    fields: dict[str, tuple[Any, Any]]
    secret: str = field(default="", repr=False)

    def lines(self) -> Iterator[str]:
        """`~ upstream acme/main`, then one line per field that differs."""
        sign = _SIGNS[self.became]
        yield f"{sign} {self.kind} {self.label}" + (f" ({self.became})" if sign == "-" else "")
        for name, (old, new) in self.fields.items():
            if sign == "~":
                yield f"    ~ {name}: {_ENCODER.encode(old)} → {_ENCODER.encode(new)}"
            elif sign == "+":
                yield f"    + {name}: {_ENCODER.encode(new)}"

    def as_json(self) -> dict[str, Any]:
        """For `--json`: a new key's secret is in it, and nowhere else."""
        shown: dict[str, Any] = {"name": self.name, "change": self.became}
        if self.became == "changed":
            shown["fields"] = {name: {"from": old, "to": new} for name, (old, new) in self.fields.items()}
        if self.secret:
            shown["secret"] = self.secret
        return shown


@dataclass(slots=True)
class TenantChange:
    """One tenant of the file with what belongs to it, in the file's order."""

    tenant: ObjectChange
    alerts: list[ObjectChange] = field(default_factory=list)
    upstreams: list[ObjectChange] = field(default_factory=list)
    keys: list[ObjectChange] = field(default_factory=list)
    collections: list[ObjectChange] = field(default_factory=list)

    def objects(self) -> list[ObjectChange]:
        """The tenant and all that was looked at in it."""
        return [self.tenant, *self.alerts, *self.upstreams, *self.keys, *self.collections]

    def as_json(self) -> dict[str, Any]:
        """In the shape of the file: tenants[].keys[].secret."""
        own = self.tenant.as_json()
        return {
            "slug": own.pop("name"),
            **own,
            "alerts": [change.as_json() for change in self.alerts],
            "upstreams": [change.as_json() for change in self.upstreams],
            "keys": [change.as_json() for change in self.keys],
            "rag": {"collections": [change.as_json() for change in self.collections]},
        }


@dataclass(slots=True)
class Difference:
    """Everything one apply did, or would do."""

    is_dry_run: bool
    tenants: list[TenantChange] = field(default_factory=list)

    def objects(self) -> list[ObjectChange]:
        """Every object that was looked at."""
        return [change for tenant in self.tenants for change in tenant.objects()]

    def changed(self) -> list[ObjectChange]:
        """Those that are not as they were."""
        return [change for change in self.objects() if change.became != "unchanged"]

    def lines(self) -> list[str]:
        """For people."""
        return [line for change in self.changed() for line in change.lines()]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "dry_run": self.is_dry_run,
            "changed": bool(self.changed()),
            "tenants": [tenant.as_json() for tenant in self.tenants],
        }


def between(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> dict[str, tuple[Any, Any]]:
    """The fields that differ, as (old, new)."""
    old, new = before or {}, after or {}
    names = dict.fromkeys([*new, *old])
    return {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}
