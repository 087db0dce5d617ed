"""The options of the doctor, and what it does with them: shared by `manage.py doctor` and `python -m proxy.doctor`."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Mapping
from typing import Any

from proxy.doctor import finding, remote
from proxy.doctor.remote.server import connect

KEY_VARIABLE = "LLMP_KEY"
EXAMPLES = """\
examples:
  manage.py doctor                                             # this installation
  manage.py doctor --json
  LLMP_KEY=llmp_… python -m proxy.doctor --url https://proxy.example   # a running server, from anywhere
  pass show llmp | manage.py doctor --url https://proxy.example --key-stdin --no-messages

exit codes: 0 nothing to mend, 1 something to mend, 2 wrong usage"""


class NoKey(Exception):
    """A running server can only be looked at with a key."""


def add_arguments(parser: ArgumentParser) -> None:
    """The options of both ways to call it."""
    parser.add_argument("--json", action="store_true", help="Print one JSON object instead of text.")
    parser.add_argument("--url", help="Look at the running server at this address instead of this installation.")
    key = parser.add_mutually_exclusive_group()
    key.add_argument("--key-stdin", action="store_true", help=f"Read the key from stdin (else {KEY_VARIABLE}).")
    key.add_argument("--key", help="The key itself. Other users of this machine can read it meanwhile.")
    parser.add_argument("--no-messages", action="store_true", help="Ask no model: costs nothing.")


def check_server(options: Mapping[str, Any], environ: Mapping[str, str]) -> list[finding.Finding]:
    """The findings about the server at --url. Raises NoKey."""
    server = connect(options["url"], _key(options, environ))
    with server.client:
        findings = list(remote.check(server, with_messages=not options["no_messages"]))
    if options["key"]:
        words = f"Give it in {KEY_VARIABLE} or by --key-stdin; rotate it if others use this machine."
        findings.insert(0, finding.warn("the key", "it was an argument, which other users can read", words))
    return findings


def render(findings: Iterable[finding.Finding], *, as_json: bool) -> tuple[str, int]:
    """The text to print, and the exit code."""
    found = list(findings)
    text = finding.as_json(found) if as_json else finding.as_text(found)
    return text, int(finding.has_failed(found))


def _key(options: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    key = options["key"] or ""
    if options["key_stdin"]:
        key = sys.stdin.read()
    elif not key:
        key = environ.get(KEY_VARIABLE, "")
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable():
        raise NoKey(f"key: give one in {KEY_VARIABLE}, or by --key-stdin.")
    return key
