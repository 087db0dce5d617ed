"""What Claude Code itself puts into a request: system prompt, tools and reminders, taken from the real program.

Run once against a listener on this machine; nothing of it is kept in the repository, which has no licence for it.
"""

import http.server
import json
import tempfile
import threading
from pathlib import Path
from typing import Any

from tests.journeys.clients import installs
from tests.journeys.clients.claude import Claude

_PROMPT = "hello"


def request() -> dict[str, Any]:
    """The largest request of one turn. Raises installs.Missing where the program cannot be had."""
    program = installs.claude_code()
    taken: list[dict[str, Any]] = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _listener(taken))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with tempfile.TemporaryDirectory() as home:
            Claude(program, Path(home)).run(
                _PROMPT, ANTHROPIC_BASE_URL=f"http://127.0.0.1:{server.server_port}", ANTHROPIC_API_KEY="unused"
            )
    finally:
        server.shutdown()
        server.server_close()
    return max(taken, key=lambda body: len(json.dumps(body)))


def texts(body: dict[str, Any]) -> list[str]:
    """Every text of the request that a person did not type."""
    found = [block["text"] for block in body.get("system", [])]
    found += [tool["description"] for tool in body.get("tools", []) if "description" in tool]
    found += [text for tool in body.get("tools", []) for text in _descriptions(tool.get("input_schema"))]
    for message in body["messages"]:
        blocks = message["content"] if isinstance(message["content"], list) else [{"text": message["content"]}]
        found += [block["text"] for block in blocks if "text" in block and block["text"] != _PROMPT]
    return found


def _descriptions(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [text for inner in schema for text in _descriptions(inner)]
    if not isinstance(schema, dict):
        return []
    own = [schema["description"]] if isinstance(schema.get("description"), str) else []
    return own + [text for inner in schema.values() for text in _descriptions(inner)]


def _listener(taken: list[dict[str, Any]]) -> type[http.server.BaseHTTPRequestHandler]:
    class Listener(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            answer = b'{"type": "error", "error": {"type": "invalid_request_error", "message": "enough"}}'
            self.send_response(400)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    return Listener
