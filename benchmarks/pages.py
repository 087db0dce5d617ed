"""How fast people's pages are where there is much to show: a million calls, a hundred tenants, ten thousand keys.

    python -m benchmarks.pages                     # SQLite and PostgreSQL, in folders of their own; half an hour
    python -m benchmarks.pages --calls 100000 --only sqlite

Prints, for every page that the resolver knows and for what people ask of the heavy ones, the number of queries, the
median and the 95th percentile of its time, the CPU time of our process (SQLite works within it), and what it weighs
compressed. Run by hand; nothing fails.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.services import postgres

ROOT = Path(__file__).parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--tenants", type=int, default=100)
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=20, help="How often each page is asked for.")
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--folder", type=Path, help="Where the databases are put, and stay.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="llmp-pages-") as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        sizes = [str(number) for number in (options.calls, options.tenants, options.keys, options.runs)]
        if options.only != "postgresql":
            _measure("SQLite", folder, "", sizes)
        if options.only != "sqlite":
            (folder / "postgres").mkdir()
            folder.chmod(0o755)  # PostgreSQL runs as somebody else
            server, url = postgres.start(folder / "postgres")
            try:
                _measure("PostgreSQL", folder, url, sizes)
            finally:
                server.stop()


def _measure(name: str, folder: Path, database_url: str, sizes: list[str]) -> None:
    print(f"\n### {name}\n", flush=True)
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "proxy.settings",
        "LLMP_DATA_DIR": str(folder / "data"),
        "DATABASE_URL": database_url,
    }
    subprocess.run([sys.executable, "-m", "benchmarks.pages_visit", *sizes], cwd=ROOT, env=env, check=True)


if __name__ == "__main__":
    main()
