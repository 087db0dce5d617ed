"""The secrets of a local installation: made on its first start, and kept in a file that only its owner reads."""

import base64
import contextlib
import secrets
from pathlib import Path


def kept_in(path: Path) -> dict[str, str]:
    """By setting, from this file; made if there is none. Raises OSError."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = {
            "SECRET_KEY": secrets.token_urlsafe(50),
            "LLMP_KEY_PEPPERS": "1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
            "LLMP_ENCRYPTION_KEYS": "1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        }
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        try:
            draft.write_text("".join(f"{name}={value}\n" for name, value in fresh.items()))
            with contextlib.suppress(FileExistsError):  # the first of several processes wins
                path.hardlink_to(draft)
        finally:
            draft.unlink()
    lines = path.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
