"""The API page describes /v1, and loads nothing from elsewhere."""

import json
import re
from typing import Any

from django.test import Client


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({key for key, _value in pairs}) == len(pairs), pairs
    return dict(pairs)


def test_the_description_is_sound_and_names_every_endpoint(client: Client) -> None:
    described = json.loads(client.get("/openapi.json").content, object_pairs_hook=unique)
    assert described["openapi"].startswith("3.")
    assert {(path, method) for path, methods in described["paths"].items() for method in methods} == {
        ("/v1/messages", "post"),
        ("/v1/messages/count_tokens", "post"),
        ("/v1/models", "get"),
        ("/v1/models/{model_id}", "get"),
        ("/v1/usage", "get"),
        ("/v1/usage/status-line", "get"),
        ("/api/collections", "get"),
        ("/api/collections", "post"),
        ("/api/collections/{name}", "get"),
        ("/api/collections/{name}", "patch"),
        ("/api/collections/{name}", "delete"),
        ("/api/collections/{name}/documents", "get"),
        ("/api/collections/{name}/documents", "post"),
        ("/api/documents/{document_id}", "get"),
        ("/api/documents/{document_id}", "patch"),
        ("/api/documents/{document_id}", "delete"),
        ("/api/documents/{document_id}/reindex", "post"),
        ("/api/documents/{document_id}/cancel", "post"),
        ("/api/documents/{document_id}/chunks", "get"),
        ("/api/search", "post"),
    }
    create = described["paths"]["/v1/messages"]["post"]
    assert set(create["responses"]["200"]["content"]) == {"application/json", "text/event-stream"}
    assert create["requestBody"]["content"]["application/json"]["schema"]["required"] == [
        "model",
        "max_tokens",
        "messages",
    ]


def test_the_page_loads_nothing_from_elsewhere_and_runs_no_inline_script(client: Client) -> None:
    page = client.get("/docs")
    text = page.content.decode()
    assert page.status_code == 200
    assert "unsafe" not in page.headers["content-security-policy"]
    assert re.findall(r'(?:src|href)="(?!/static/)[^"]*"', text) == []
    assert re.findall(r"<script(?![^>]*(?:src=|application/json))", text) == []
