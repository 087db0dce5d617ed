"""What operators type: the output is what a pipe expects, an error names the field and the remedy."""

import io
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command, get_commands, load_command_class

from tenants import actions, keys, queries
from tenants.models import ApiKey, AuditEntry, Tenant, Upstream

pytestmark = pytest.mark.django_db

COMMANDS = sorted(name for name, app in get_commands().items() if app == "tenants")


def run(name: str, *args: str, **options: Any) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command(name, *args, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def refusal(name: str, *args: str) -> str:
    with pytest.raises(CommandError) as refused:
        run(name, *args)
    return str(refused.value)


@pytest.fixture
def acme() -> Tenant:
    return actions.create_tenant(actor="test", slug="acme", name="Acme")


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Any:
    def give(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    give("")
    return give


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_json_examples_and_exit_codes_in_its_help(name: str) -> None:
    text = load_command_class("tenants", name).create_parser("manage.py", name).format_help()
    assert "--json" in text
    assert f"examples:\n  manage.py {name}" in text or "export LLMP" in text
    assert "exit codes: 0 done, 1 refused or failed, 2 wrong usage" in text
    assert len(COMMANDS) == 10


def test_create_tenant_makes_it_in_the_name_of_the_os_user() -> None:
    out, _ = run("create_tenant", "acme", "--timezone", "Europe/Rome", "--model-alias", "old=new")
    assert out == "acme\n"
    assert Tenant.objects.get().model_aliases == {"old": "new"}
    assert AuditEntry.objects.get().actor.startswith("command:")


def test_create_tenant_names_the_field_that_is_wrong() -> None:
    assert refusal("create_tenant", "acme", "--timezone", "Rome").startswith("--timezone: 'Rome' is not a time zone")
    assert refusal("create_tenant", "A B").startswith("slug: ")
    assert refusal("create_tenant", "acme", "--model-alias", "old").startswith("--model-alias: ")
    assert not Tenant.objects.exists()


def test_issue_key_prints_the_secret_alone(acme: Tenant) -> None:
    out, err = run("issue_key", "acme", "ci", "--model", "claude-*", "--ip-allow", "10.0.0.0/8", "--metadata", "a=b=c")
    assert keys.is_well_formed(out.removesuffix("\n"))
    assert out.strip() not in err
    key = ApiKey.objects.get()
    assert (key.model_globs, key.ip_allow, key.metadata) == (["claude-*"], ["10.0.0.0/8"], {"a": "b=c"})


def test_issue_key_as_json_holds_the_secret_and_the_rules(acme: Tenant) -> None:
    out, err = run("issue_key", "acme", "ci", "--expires-at", "2030-01-01T00:00:00Z", "--scope", "models", "--json")
    told = json.loads(out)
    assert queries.secret_row(digest for _, digest in keys.digests(told["secret"])) is not None
    assert (told["tenant"], told["name"], told["scopes"]) == ("acme", "ci", ["models"])
    assert told["expires_at"] == "2030-01-01T00:00:00Z"
    assert err == ""


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["globex", "ci"], "tenant: there is none with the slug 'globex'"),
        (["acme", "ci", "--ip-allow", "10.0.0.1/8"], "--ip-allow: "),
        (["acme", "ci", "--model", "a b"], "--model: "),
        (["acme", "ci", "--expires-at", "2030-01-01"], "time zone"),
        (["acme", "ci", "--scope", "root"], "invalid choice"),
    ],
)
def test_issue_key_refuses_with_the_field_and_the_remedy(acme: Tenant, args: list[str], words: str) -> None:
    assert words in refusal("issue_key", *args)
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    ("overlap", "expected"), [([], timedelta(hours=24)), (["--overlap", "90m"], timedelta(minutes=90))]
)
def test_rotate_key_keeps_the_old_secret_for_the_overlap(acme: Tenant, overlap: list[str], expected: timedelta) -> None:
    old = actions.issue_key(actor="test", tenant=acme, name="ci").key.secrets.get()
    out, _ = run("rotate_key", "acme", "ci", *overlap)
    assert keys.is_well_formed(out.strip())
    old.refresh_from_db()
    assert old.expires_at is not None
    assert abs(old.expires_at - datetime.now(UTC) - expected) < timedelta(minutes=1)


def test_rotate_key_with_no_overlap_ends_the_old_secret_now(acme: Tenant) -> None:
    old = actions.issue_key(actor="test", tenant=acme, name="ci").key.secrets.get()
    run("rotate_key", "acme", "ci", "--overlap", "0")
    old.refresh_from_db()
    assert old.expires_at is not None
    assert old.expires_at <= datetime.now(UTC)


@pytest.mark.parametrize(("overlap", "words"), [("24", "24h"), ("-1h", "expected one argument"), ("99d", "--overlap")])
def test_rotate_key_refuses_an_overlap_it_does_not_understand(acme: Tenant, overlap: str, words: str) -> None:
    actions.issue_key(actor="test", tenant=acme, name="ci")
    assert words in refusal("rotate_key", "acme", "ci", "--overlap", overlap)


def test_revoke_key_by_name_ends_it(acme: Tenant) -> None:
    actions.issue_key(actor="test", tenant=acme, name="ci")
    run("revoke_key", "acme", "ci")
    assert ApiKey.objects.get().status == ApiKey.Status.REVOKED
    assert "no active key 'ci'" in refusal("revoke_key", "acme", "ci")


def test_revoke_key_by_its_pasted_secret_ends_it(acme: Tenant, stdin: Any) -> None:
    secret = actions.issue_key(actor="test", tenant=acme, name="ci").secret
    stdin(f"  {secret}\n")
    out, err = run("revoke_key", "--stdin")
    assert ApiKey.objects.get().status == ApiKey.Status.REVOKED
    assert secret not in out + err


def test_revoke_key_says_what_is_wrong_with_a_pasted_text_without_quoting_it(acme: Tenant, stdin: Any) -> None:
    secret = actions.issue_key(actor="test", tenant=acme, name="ci").secret
    for text, words in ((secret[:-1], "Paste the whole"), (keys.make(), "another deployment's")):
        stdin(text)
        said = refusal("revoke_key", "--stdin")
        assert words in said
        assert text not in said


def test_revoke_key_wants_one_way_of_naming_the_key() -> None:
    for args in ([], ["acme"], ["acme", "ci", "--stdin"], ["acme", "--stdin"]):
        assert "or --stdin alone" in refusal("revoke_key", *args)


def test_add_upstream_takes_the_credential_from_a_pipe_or_a_variable(
    acme: Tenant, stdin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin("sk-piped\n")
    run("add_upstream", "acme", "piped", "--base-url", "http://127.0.0.1:9200", "--credential-stdin")
    monkeypatch.setenv("MY_CREDENTIAL", "sk-variable")
    args = ["--base-url", "http://127.0.0.1:9200", "--credential-env", "MY_CREDENTIAL", "--model", "claude-*"]
    out, err = run("add_upstream", "acme", "variable", *args, "--json")
    stored = {row.name: queries.credential_of(row) for row in Upstream.objects.all()}
    assert stored == {"piped": "sk-piped", "variable": "sk-variable"}
    assert json.loads(out)["has_credential"] is True
    assert "sk-" not in out + err


def test_add_upstream_has_no_option_that_takes_the_credential_itself() -> None:
    text = load_command_class("tenants", "add_upstream").create_parser("manage.py", "add_upstream").format_help()
    assert "--credential " not in text.replace("--credential-stdin", "").replace("--credential-env", "")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "credential: give --credential-stdin"),
        (["--credential-env", "NOT_SET_ANYWHERE"], "credential: the environment variable NOT_SET_ANYWHERE is not set"),
        (["--credential-stdin"], "credential: it is empty"),
        (["--no-credential", "--base-url", "http://10.0.0.1"], "--base-url: "),
        (["--no-credential", "--read-timeout", "0"], "--read-timeout: "),
        (["--no-credential", "--credential-stdin"], "not allowed with"),
        (["--kind", "openai"], "invalid choice"),
    ],
)
def test_add_upstream_refuses_with_the_field_and_the_remedy(
    acme: Tenant, stdin: Any, args: list[str], words: str
) -> None:
    assert words in refusal("add_upstream", "acme", "main", *args)
    assert not Upstream.objects.exists()


def test_add_upstream_makes_a_simulator_without_asking(acme: Tenant, stdin: Any) -> None:
    run("add_upstream", "acme", "sim", "--kind", "simulator", "--disabled", "--priority", "3")
    row = Upstream.objects.get()
    assert (row.kind, row.is_enabled, row.priority) == ("simulator", False, 3)


def test_rotate_secrets_seals_anew_and_says_what_may_be_dropped(acme: Tenant, settings: Any) -> None:
    old = dict(settings.ENCRYPTION_KEYS)
    row = actions.add_upstream(
        actor="test", tenant=acme, name="a", base_url="http://127.0.0.1:9", credential="sk-rotated"
    )
    settings.ENCRYPTION_KEYS = {2: bytes(range(32)), **old}
    told = json.loads(run("rotate_secrets", "--json")[0])
    assert told == {"resealed": 1, "newest": 2, "rows_by_version": {"2": 1}, "droppable": [1]}
    settings.ENCRYPTION_KEYS = {2: bytes(range(32))}
    row.refresh_from_db()
    assert queries.credential_of(row) == "sk-rotated"


def test_rotate_secrets_calls_no_key_droppable_while_a_row_needs_it(acme: Tenant, settings: Any) -> None:
    for name in ("good", "broken"):
        actions.add_upstream(
            actor="test", tenant=acme, name=name, base_url="http://127.0.0.1:9", credential="sk-rotated"
        )
    Upstream.objects.filter(name="broken").update(credential=b"x" * 40)
    settings.ENCRYPTION_KEYS = {2: bytes(range(32)), **settings.ENCRYPTION_KEYS}
    said = refusal("rotate_secrets")
    assert "acme/broken" in said
    assert "Encryption key 1 is still needed" in said
    assert "may be dropped" not in said
    assert Upstream.objects.get(name="good").credential_version == 2  # what could be sealed is sealed


def test_apply_and_export_make_a_circle(acme: Tenant, tmp_path: Path, stdin: Any) -> None:
    actions.issue_key(actor="test", tenant=acme, name="ci")
    stdin(run("export", "--tenant", "acme")[0])
    assert run("apply", "-f", "-")[0] == "Nothing to change.\n"
    assert json.loads(run("export", "--json")[0])["tenants"][0]["slug"] == "acme"


def test_apply_shows_new_secrets_once_and_none_on_a_dry_run(tmp_path: Path) -> None:
    file = tmp_path / "tenants.yaml"
    file.write_text("tenants: [{slug: acme, keys: [{name: ci}]}]")
    told, _ = run("apply", "-f", str(file), "--dry-run")
    assert "+ key acme/ci" in told
    assert "llmp_" not in told
    assert not Tenant.objects.exists()
    out, _ = run("apply", "-f", str(file), "--json")
    assert keys.is_well_formed(json.loads(out)["tenants"][0]["keys"][0]["secret"])
    assert "llmp_" not in run("apply", "-f", str(file))[0]


def test_apply_refuses_with_every_problem_and_the_file_it_is_in(tmp_path: Path) -> None:
    file = tmp_path / "tenants.yaml"
    file.write_text("tenants: [{slug: acme, colour: red, timezone: X}]")
    said = refusal("apply", "-f", str(file))
    assert f"{file} was not applied:\n" in said
    assert "tenants[0].colour: " in said
    assert "tenants[0].timezone: " in said
    file.write_bytes(b"\xff")
    assert "not UTF-8" in refusal("apply", "-f", str(file))
    assert "No such file" in refusal("apply", "-f", str(tmp_path / "missing"))


def test_the_example_file_applies(stdin: Any) -> None:
    example = Path(__file__).parent.parent.parent / "examples" / "tenants.yaml"
    run("apply", "-f", str(example))
    assert ApiKey.objects.filter(tenant__slug="acme").count() == 2
    assert run("apply", "-f", str(example), "--prune")[0] == "Nothing to change.\n"
