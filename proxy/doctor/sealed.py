"""Whether every stored secret can still be used with the peppers and encryption keys that are configured."""

from collections.abc import Collection, Iterator

from proxy.doctor.finding import Finding, fail, ok, warn
from tenants import placeholder_keys, queries, second_factors, transcript_keys


def check(*, peppers: Collection[int], encryption_keys: Collection[int]) -> Iterator[Finding]:
    """One finding for keys, one for each kind of sealed secret. Versions are the configured ones, the newest first."""
    yield _key_secrets(queries.secrets_by_pepper(), peppers)
    yield _sealed("encryption keys", "credentials", queries.credentials_by_version(), encryption_keys)
    yield _sealed("second factors", "second factors", second_factors.by_version(), encryption_keys)
    yield _sealed("placeholder keys", "placeholder keys", placeholder_keys.by_version(), encryption_keys)
    yield _sealed("kept text", "keys of kept text", transcript_keys.by_version(), encryption_keys)


def _key_secrets(counted: dict[int, int], peppers: Collection[int]) -> Finding:
    found = _counts(counted, "pepper") or "no keys yet"
    lost = sorted(set(counted) - set(peppers))
    if lost:
        keys = sum(counted[version] for version in lost)
        remedy = "Put the version back into LLMP_KEY_PEPPERS, or rotate these keys: nobody can use them."
        return fail("key peppers", f"{keys} secrets need pepper {_list(lost)}, which is not configured", remedy)
    return ok("key peppers", found)


def _sealed(name: str, kind: str, counted: dict[int, int], encryption_keys: Collection[int]) -> Finding:
    found = _counts(counted, "key") or f"no {kind} yet"
    lost = sorted(set(counted) - set(encryption_keys))
    if lost:
        rows = sum(counted[version] for version in lost)
        remedy = f"Put the version back into LLMP_ENCRYPTION_KEYS, or store these {kind} anew."
        return fail(name, f"{rows} {kind} need key {_list(lost)}, which is not configured", remedy)
    newest = next(iter(encryption_keys), None)
    if set(counted) - {newest}:
        return warn(name, f"older keys are in use: {found}", "Run `manage.py rotate_secrets`.")
    return ok(name, found)


def _counts(counted: dict[int, int], word: str) -> str:
    return ", ".join(f"{rows} with {word} {version}" for version, rows in sorted(counted.items()))


def _list(versions: list[int]) -> str:
    return ", ".join(map(str, versions))
