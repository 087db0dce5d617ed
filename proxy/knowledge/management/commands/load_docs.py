"""Load a folder of documents into a collection."""

import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import close_old_connections

from proxy.knowledge import documents
from proxy.knowledge.documents import Facts
from proxy.knowledge.ingestion import queue, work
from proxy.knowledge.models import Document
from proxy.knowledge.parsing import kinds
from tenants.management import command
from tenants.models import Collection, Tenant

_BAR_WIDTH = 30
_PIECE_BYTES = 256 * 1024
_TICK_SECONDS = 0.5


class Command(command.TenantCommand):
    help = (
        "Load the files of a folder into a collection (docs/rag.md). It can be broken off and called again: "
        "what is there already is not read twice."
    )
    examples = """\
  manage.py load_docs handbook/ --tenant acme --collection handbook
  manage.py load_docs handbook/ --tenant acme --collection handbook --tag hr --wait
  manage.py load_docs docs/ --tenant acme --collection docs --here --json"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("folder", type=Path, metavar="DIR", help="The folder; those below it are read too.")
        parser.add_argument("--tenant", required=True, metavar="SLUG", help="Whose documents they are.")
        parser.add_argument("--collection", required=True, metavar="NAME", help="Where they go.")
        parser.add_argument("--tag", action="append", default=[], metavar="TAG", help="Tag each of them; repeatable.")
        parser.add_argument("--wait", action="store_true", help="Wait until the worker has read them all.")
        parser.add_argument("--here", action="store_true", help="Read them in this process, without a worker.")

    def perform(self, **options: Any) -> command.Report:
        tenant = command.tenant_named(options["tenant"])
        collection = _collection(tenant, options["collection"])
        if not options["folder"].is_dir():
            raise command.Refused(f"DIR: {options['folder']} is no folder.")
        found = sorted(_files(options["folder"]))
        became: Counter[str] = Counter()
        refused: dict[str, str] = {}
        for done, path in enumerate(found, start=1):
            name = path.relative_to(options["folder"]).as_posix()
            try:
                became[_load(collection, path, name, options["tag"])] += 1
            except ValidationError as wrong:
                refused[name] = " ".join(wrong.messages)
            self._bar("loading", done, len(found))
        if options["here"]:
            _read_here(tenant, self._bar)
        elif options["wait"]:
            _wait(collection, self._bar)
        return _report(collection, became, refused)

    def _bar(self, what: str, done: int, total: int) -> None:
        """A progress bar, where somebody looks."""
        if not sys.stderr.isatty():
            return
        filled = _BAR_WIDTH * done // max(1, total)
        end = "\n" if done >= total else ""
        self.stderr.write(f"\r{what:<8} [{'#' * filled:<{_BAR_WIDTH}}] {done} of {total}", ending=end)


def _collection(tenant: Tenant, name: str) -> Collection:
    row = Collection.objects.select_related("tenant").filter(tenant=tenant, name=name).first()
    if row is None:
        raise command.Refused(f"collection: {tenant} has none of the name {name!r}. Make it with `manage.py apply`.")
    return row


def _files(folder: Path) -> Iterator[Path]:
    """What can be read, without what is hidden or leads elsewhere."""
    for path in folder.rglob("*"):
        is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not path.is_symlink() and not is_hidden and kinds.is_known(path.name):
            yield path


def _load(collection: Collection, path: Path, name: str, tags: list[str]) -> str:
    with path.open("rb") as file:
        pieces = iter(lambda: file.read(_PIECE_BYTES), b"")
        facts = Facts(tags=tags or None)
        return documents.load(
            actor=command.actor(), collection=collection, name=name, content=pieces, facts=facts
        ).became


def _read_here(tenant: Tenant, bar: Any) -> None:
    total = Document.objects.filter(tenant_id=tenant.pk, status__in=Document.WAITING).count()
    done = 0
    while claimed := queue.claim():
        work.ingest(claimed)
        done += 1
        bar("reading", min(done, total), total)


def _wait(collection: Collection, bar: Any) -> None:
    total = Document.objects.filter(collection=collection).count()
    while True:
        close_old_connections()
        left = Document.objects.filter(collection=collection).exclude(status__in=Document.DONE).count()
        bar("reading", total - left, total)
        if not left:
            return
        time.sleep(_TICK_SECONDS)


def _report(collection: Collection, became: Counter[str], refused: dict[str, str]) -> command.Report:
    rows = Document.objects.filter(collection=collection)
    failed = dict(rows.filter(status=Document.Status.FAILED).values_list("name", "reason"))
    waiting = rows.exclude(status__in=Document.DONE).count()
    data = {"collection": str(collection), **{name: became[name] for name in ("created", "replaced", "unchanged")}}
    data |= {"refused": refused, "failed": failed, "waiting": waiting}
    text = f"{collection}: {became['created']} new, {became['replaced']} replaced, {became['unchanged']} as they were"
    text += f", {waiting} to be read." if waiting else "."
    problems = {**refused, **failed}
    return command.Report(data, text, tuple(f"{name}: {reason}" for name, reason in sorted(problems.items())))
