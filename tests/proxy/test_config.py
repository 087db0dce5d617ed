"""The settings: what is refused, how it is said, and that no value of a secret is ever shown."""

import base64
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy import config
from proxy.management.commands import settings_reference

PEPPER = "1:" + base64.b64encode(bytes(range(32))).decode()
PRODUCTION = {
    "LLMP_ENV": "production",
    "SECRET_KEY": "k3J9xQ2mV7pL0sT4wZ8yB1nC6dF5gH-aR_eU3iO7vX2qM9jK4t",
    "LLMP_KEY_PEPPERS": PEPPER,
    "LLMP_ENCRYPTION_KEYS": PEPPER,
    "LLMP_ALLOWED_HOSTS": "llm.example.com",
}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for field in config.Config.model_fields.values():
        monkeypatch.delenv(str(field.alias), raising=False)
    monkeypatch.setenv("LLMP_DATA_DIR", str(tmp_path))


def load(monkeypatch: pytest.MonkeyPatch, **variables: str) -> config.Config:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return config.load.__wrapped__()


def test_an_empty_environment_is_a_usable_development(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load(monkeypatch)
    assert not loaded.is_production
    assert len(loaded.secret_key) >= 50
    assert config.parse_versioned_keys(loaded.key_peppers).keys() == {1}
    assert config.parse_versioned_keys(loaded.encryption_keys).keys() == {1}
    assert loaded.key_peppers != loaded.encryption_keys


def test_generated_secrets_are_kept_for_their_owner_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = load(monkeypatch)
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600
    assert load(monkeypatch) == first
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.env"]


def test_a_given_secret_wins_over_a_generated_one(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = load(monkeypatch).encryption_keys
    loaded = load(monkeypatch, LLMP_KEY_PEPPERS=PEPPER)
    assert (loaded.key_peppers, loaded.encryption_keys) == (PEPPER, kept)


def test_processes_that_start_together_agree_on_the_secrets(tmp_path: Path) -> None:
    program = "from proxy import config; print(config.load().secret_key, config.load().key_peppers)"
    env = {"PATH": os.environ["PATH"], "LLMP_DATA_DIR": str(tmp_path / "new")}
    started = [
        subprocess.Popen([sys.executable, "-c", program], env=env, cwd=config.ROOT, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    outputs = {process.communicate(timeout=60)[0] for process in started}
    assert len(outputs) == 1
    assert len(outputs.pop()) > 90


def test_a_secrets_file_that_lost_a_line_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("SECRET_KEY=x\n")
    with pytest.raises(config.ConfigError, match=r"^LLMP_KEY_PEPPERS is missing in .*secrets\.env"):
        load(monkeypatch)


def test_production_starts_with_strong_secrets_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert load(monkeypatch, **PRODUCTION).is_production
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["SECRET_KEY", "LLMP_KEY_PEPPERS", "LLMP_ENCRYPTION_KEYS", "LLMP_ALLOWED_HOSTS"])
def test_production_names_what_is_missing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(config.ConfigError, match=f"{name} is required when LLMP_ENV=production"):
        load(monkeypatch, **{**PRODUCTION, name: ""})


def test_production_names_all_that_is_missing_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(config.ConfigError) as refused:
        load(monkeypatch, LLMP_ENV="production", SECRET_KEY="short")
    assert str(refused.value).splitlines()[1:-1] == [
        "  LLMP_KEY_PEPPERS is required when LLMP_ENV=production",
        "  LLMP_ENCRYPTION_KEYS is required when LLMP_ENV=production",
        "  LLMP_ALLOWED_HOSTS is required when LLMP_ENV=production",
        "  SECRET_KEY is too weak for production: use 50 random characters",
    ]


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"LLMP_MAX_BODY_BYTES": "300000000"}, "LLMP_MAX_KEY_BODIES_BYTES"),
        ({"LLMP_MAX_BODIES_BYTES": "200000000"}, "LLMP_MAX_BODIES_BYTES"),
    ],
)
def test_what_may_be_held_takes_at_least_one_body(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], name: str
) -> None:
    with pytest.raises(config.ConfigError, match=f"{name} must be at least"):
        load(monkeypatch, **settings)


@pytest.mark.parametrize(
    "weak",
    [
        "short-but-random-9Xq2",
        "a" * 60,
        "abababababababababababababababababababababab",
        "django-insecure-9sd8f7h2k3j4h5g6f7d8s9a0q1w2e3r4t5y6u7i8",
        "ChangeMe-9sd8f7h2k3j4h5g6f7d8s9a0q1w2e3r4t5y6u7i8",
    ],
)
def test_production_refuses_a_weak_signing_key_without_showing_it(monkeypatch: pytest.MonkeyPatch, weak: str) -> None:
    with pytest.raises(config.ConfigError, match="SECRET_KEY is too weak") as refused:
        load(monkeypatch, **{**PRODUCTION, "SECRET_KEY": weak})
    assert weak not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LLMP_ENV", "prod-uction-typo"),
        ("LLMP_MAX_BODY_BYTES", "lots-of-bytes"),
        ("LLMP_MAX_BODY_BYTES", "17"),
        ("LLMP_PING_SECONDS", "-987"),
        ("LLMP_SHUTDOWN_SECONDS", "-987"),
        ("LLMP_FAST_PATH", "perhaps-so"),
        ("LLMP_LOG_FORMAT", "xml-please"),
        ("LLMP_KEY_PEPPERS", "c2hvcnQtcGVwcGVy"),
        ("LLMP_KEY_PEPPERS", "1:c2hvcnQtcGVwcGVy"),
        ("LLMP_KEY_PEPPERS", "1:not base64 at all"),
        ("LLMP_KEY_PEPPERS", "1:" + base64.b64encode(b"a" * 32).decode()),
        ("LLMP_ENCRYPTION_KEYS", f"{PEPPER},{PEPPER}"),
        ("DATABASE_URL", "mysql://root:hunter2@db/llm"),
        ("REDIS_URL", "http://:hunter2@redis"),
        ("CELERY_BROKER_URL", "http://guest:hunter2@rabbit"),
        ("WEAVIATE_URL", "weaviate:8080"),
        ("LLMP_PUBLIC_URL", "llm.example.com"),
        ("LLMP_TRUSTED_PROXIES", "10.0.0.0/8,ten.dot.one"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(config.ConfigError) as refused:
        load(monkeypatch, **{name: value})
    assert f"\n  {name}: " in str(refused.value)
    assert value not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@given(st.text())
def test_any_text_as_versioned_keys_is_read_or_refused(text: str) -> None:
    try:
        keys = config.parse_versioned_keys(text)
    except ValueError:
        return
    assert all(len(key) == 32 for key in keys.values())


def test_a_process_with_a_wrong_setting_says_so_in_two_lines_and_fails(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "LLMP_DATA_DIR": str(tmp_path), "LLMP_PING_SECONDS": "soon"}
    command = [sys.executable, "manage.py", "check"]
    done = subprocess.run(command, env=env, cwd=config.ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "LLMP_PING_SECONDS: " in done.stderr
    assert "Traceback" not in done.stderr


def test_the_configuration_never_shows_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        **PRODUCTION,
        "DATABASE_URL": "postgres://llm:hunter2@db/llm",
        "REDIS_URL": "redis://:hunter2@redis:6379/0",
        "CELERY_BROKER_URL": "amqp://guest:hunter2@rabbit//",
        "ANTHROPIC_API_KEY": "sk-ant-hunter2",
    }
    shown = repr(load(monkeypatch, **secrets))
    assert "hunter2" not in shown
    assert PEPPER not in shown
    assert PRODUCTION["SECRET_KEY"] not in shown


def test_every_setting_has_a_name_a_type_and_a_meaning() -> None:
    for field in config.Config.model_fields.values():
        assert field.alias
        assert len(field.description or "") > 20, field.alias


def test_the_reference_is_in_step_with_the_settings() -> None:
    written = (config.ROOT / "docs" / "configuration.md").read_text()
    assert written == settings_reference.reference(), "run `make docs/configuration.md`"
