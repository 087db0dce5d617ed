"""Secrets at rest open where they were written, and nowhere else."""

import dataclasses
import uuid

import pytest

from tenants import secrets

PLACE = secrets.Place(table="tenants_upstream", row_id=uuid.uuid4(), column="credential", tenant_id=uuid.uuid4())


def test_a_sealed_secret_opens_in_its_place():
    sealed, version = secrets.seal("sk-ant-1 é", PLACE)
    assert secrets.open_sealed(sealed, version, PLACE) == "sk-ant-1 é"


def test_the_ciphertext_differs_each_time_and_hides_the_secret():
    first, second = (secrets.seal("sk-ant-canary", PLACE)[0] for _ in range(2))
    assert first != second
    assert b"canary" not in first


@pytest.mark.parametrize(
    "elsewhere",
    [{"row_id": uuid.uuid4()}, {"tenant_id": uuid.uuid4()}, {"table": "tenants_apikey"}, {"column": "note"}],
    ids=lambda change: next(iter(change)),
)
def test_a_secret_moved_elsewhere_does_not_open(elsewhere):
    sealed, version = secrets.seal("sk", PLACE)
    with pytest.raises(secrets.CannotDecrypt):
        secrets.open_sealed(sealed, version, dataclasses.replace(PLACE, **elsewhere))


def test_a_secret_relabelled_with_another_key_version_does_not_open(settings):
    key = next(iter(settings.ENCRYPTION_KEYS.values()))
    settings.ENCRYPTION_KEYS = {2: key, 1: key}
    sealed, version = secrets.seal("sk", PLACE)
    assert version == 2
    with pytest.raises(secrets.CannotDecrypt):
        secrets.open_sealed(sealed, 1, PLACE)


def test_a_missing_key_version_is_named(settings):
    sealed, _version = secrets.seal("sk", PLACE)
    with pytest.raises(secrets.CannotDecrypt, match="version 9, which is not in LLMP_ENCRYPTION_KEYS"):
        secrets.open_sealed(sealed, 9, PLACE)


def test_a_wrong_key_never_yields_anything(settings):
    sealed, version = secrets.seal("sk", PLACE)
    settings.ENCRYPTION_KEYS = {version: bytes(range(100, 132))}
    with pytest.raises(secrets.CannotDecrypt):
        secrets.open_sealed(sealed, version, PLACE)


@pytest.mark.parametrize("cut", [0, 5, 12, 20])
def test_a_cut_ciphertext_does_not_open(cut):
    sealed, version = secrets.seal("sk", PLACE)
    with pytest.raises(secrets.CannotDecrypt):
        secrets.open_sealed(sealed[:cut], version, PLACE)


def test_the_newest_key_seals_and_older_ones_still_open(settings):
    old = dict(settings.ENCRYPTION_KEYS)
    sealed, version = secrets.seal("sk", PLACE)
    settings.ENCRYPTION_KEYS = {7: bytes(range(50, 82)), **old}
    assert secrets.seal("sk", PLACE)[1] == secrets.newest_version() == 7
    assert secrets.open_sealed(sealed, version, PLACE) == "sk"
