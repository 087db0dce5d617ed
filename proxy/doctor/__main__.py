"""`python -m proxy.doctor --url …`: look at a running server from a machine without its settings."""

import argparse
import os
import sys

from proxy.doctor import command


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m proxy.doctor",
        description="Check a running LLM Proxy as its clients see it.",
        epilog=command.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(parser)
    options = vars(parser.parse_args())
    if not options["url"]:
        parser.error("--url is required here; `manage.py doctor` looks at an installation")
    try:
        findings = command.check_server(options, os.environ)  # noqa: TID251 - no settings here: it runs anywhere
    except command.NoKey as missing:
        parser.error(str(missing))
    text, code = command.render(findings, as_json=options["json"])
    sys.stdout.write(text + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
