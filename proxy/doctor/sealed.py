"""Whether every stored secret can still be used with the peppers and encryption keys that are configured."""

from collections.abc import Collection, Iterator

from proxy.doctor.finding import Finding, fail, ok, warn
from tenants import queries


def check(*, peppers: Collection[int], encryption_keys: Collection[int]) -> Iterator[Finding]:
    """One finding for keys, one for credentials. The versions are the configured ones, the newest first."""
    yield _key_secrets(queries.secrets_by_pepper(), peppers)
    yield _credentials(queries.credentials_by_version(), encryption_keys)


def _key_secrets(counted: dict[int, int], peppers: Collection[int]) -> Finding:
    found = _counts(counted, "pepper") or "no keys yet"
    lost = sorted(set(counted) - set(peppers))
    if lost:
        keys = sum(counted[version] for version in lost)
        remedy = "Put the version back into LLMP_KEY_PEPPERS, or rotate these keys: nobody can use them."
        return fail("key peppers", f"{keys} secrets need pepper {_list(lost)}, which is not configured", remedy)
    return ok("key peppers", found)


def _credentials(counted: dict[int, int], encryption_keys: Collection[int]) -> Finding:
    found = _counts(counted, "key") or "no credentials yet"
    lost = sorted(set(counted) - set(encryption_keys))
    if lost:
        rows = sum(counted[version] for version in lost)
        remedy = "Put the version back into LLMP_ENCRYPTION_KEYS, or store these credentials anew."
        return fail("encryption keys", f"{rows} credentials need key {_list(lost)}, which is not configured", remedy)
    newest = next(iter(encryption_keys), None)
    if set(counted) - {newest}:
        return warn("encryption keys", f"older keys are in use: {found}", "Run `manage.py rotate_secrets`.")
    return ok("encryption keys", found)


def _counts(counted: dict[int, int], word: str) -> str:
    return ", ".join(f"{rows} with {word} {version}" for version, rows in sorted(counted.items()))


def _list(versions: list[int]) -> str:
    return ", ".join(map(str, versions))
