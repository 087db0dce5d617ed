"""The page on a real deployment, done as it says on the real services: set up, used, backed up, lost and restored."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.docs.blocks import blocks
from tests.house.tree import ROOT
from tests.journeys.asking import ask
from tests.journeys.server import serving

pytestmark = pytest.mark.slow

_TEXT = (ROOT / "docs/deployment.md").read_text()
_BLOCKS = [block.text for block in blocks("deployment.md", _TEXT) if not block.not_run]
_SQL = re.search(r"```sql\n(.*?)```", _TEXT, re.S)


def block(word: str) -> str:
    """The one block with this word in it."""
    (found,) = [text for text in _BLOCKS if word in text]
    return found


@pytest.fixture
def shell(tmp_path: Path) -> Callable[[str], None]:
    """Types a block where the project is, with the machine's folders moved to ones of the test's own."""
    settled = tmp_path / "etc"
    settled.mkdir()
    env = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}

    def run(text: str) -> None:
        text = text.replace("/etc/llm-proxy", str(settled)).replace("/var/backups", str(tmp_path))
        if "manage.py" in text or "DATABASE_URL" in text:
            text = f"set -a; . {settled}/environment; set +a\n{text}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return run


@pytest.mark.skipif(shutil.which("pg_dump") is None, reason="needs pg_dump (apt install postgresql-client)")
def test_a_deployment_is_set_up_backed_up_and_restored_as_the_page_says(
    tmp_path: Path, postgres_url: str, redis_url: str, rabbitmq_url: str, shell: Callable[[str], None]
) -> None:
    assert _SQL
    with psycopg.connect(postgres_url, autocommit=True) as postgres:
        for statement in _SQL[1].strip().splitlines():
            postgres.execute(statement)
    shell(block("openssl rand"))
    environment = tmp_path / "etc/environment"
    assert oct(environment.stat().st_mode)[-3:] == "600"
    database = postgres_url.replace("postgres@", "llm_proxy:PASSWORD@").replace("/postgres", "/llm_proxy")
    ours = {
        "DATABASE_URL": database,
        "REDIS_URL": redis_url,
        "CELERY_BROKER_URL": rabbitmq_url,
        "LLMP_DATA_DIR": str(tmp_path),
        "LLMP_ALLOWED_HOSTS": "127.0.0.1",
    }
    environment.write_text(environment.read_text() + "".join(f"{name}={value}\n" for name, value in ours.items()))
    shell(block("check --deploy"))

    settings = dict(line.split("=", 1) for line in environment.read_text().splitlines() if line[:1].isalpha())
    with serving(tmp_path, migrate=False, **settings) as server:
        key = server.tenant("acme")
        assert ask(server.url, key).status == 200
    shell(block("pg_dump"))
    with psycopg.connect(database, autocommit=True) as postgres:
        postgres.execute("TRUNCATE tenants_tenant CASCADE")
    shell(block("pg_restore"))
    with serving(tmp_path, migrate=False, **settings) as server:
        assert ask(server.url, key).status == 200
