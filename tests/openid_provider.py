"""An OpenID Connect provider on the loopback, which lets in whoever `claims` describes without a question."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT_ID, CLIENT_SECRET = "llm-proxy", "s3cret-of-the-client"
ALICE = {"sub": "u-1", "email": "alice@example.com", "email_verified": True, "groups": ["staff", "llm-admins"]}


class Provider:
    """What it says of the next person, and what it was asked."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = dict(ALICE)
        self.userinfo: dict[str, Any] | None = None  # unless told, the same
        self.issuer = ""
        self.audience = CLIENT_ID
        self.challenges: dict[str, str] = {}
        self.tokens_given = 0

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """The answer to a code, if the code and the client's proof are right."""
        challenge = self.challenges.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        is_proven = base64.urlsafe_b64encode(digest).decode().rstrip("=") == challenge
        if not is_proven or (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return 400, {"error": "invalid_grant"}
        self.tokens_given += 1
        claims = {"iss": self.issuer, "aud": self.audience, "iat": 1_700_000_000, "exp": 4_000_000_000, **self.claims}
        parts = [{"alg": "none", "typ": "JWT"}, claims]
        encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
        return 200, {"access_token": "at", "token_type": "Bearer", "id_token": ".".join([*encoded, "c2ln"])}


@contextmanager
def providing() -> Iterator[Provider]:
    """A provider on a free port."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            asked = {name: values[-1] for name, values in parse_qs(url.query).items()}
            if url.path == "/.well-known/openid-configuration":
                ends = {name: f"{provider.issuer}/{name.split('_')[0]}" for name in ENDPOINTS}
                self._say(200, {"issuer": provider.issuer, "token_endpoint_auth_methods_supported": METHODS, **ends})
            elif url.path == "/authorization":
                code = f"code-{len(provider.challenges)}"
                provider.challenges[code] = asked["code_challenge"]
                self.send_response(302)
                answer = urlencode({"code": code, "state": asked["state"]})
                self.send_header("location", f"{asked['redirect_uri']}?{answer}")
                self.send_header("content-length", "0")
                self.end_headers()
            elif url.path == "/userinfo":
                self._say(200, provider.claims if provider.userinfo is None else provider.userinfo)
            else:
                self._say(404, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self._say(*provider.token({name: values[-1] for name, values in parse_qs(body).items()}))

        def _say(self, status: int, told: dict[str, Any]) -> None:
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
METHODS = ["client_secret_post"]
