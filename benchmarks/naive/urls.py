"""A ninja view with a schema over httpx's client. `NAIVE_UPSTREAM` is whom to ask, `NAIVE_KEY` who may."""

import os
from collections.abc import AsyncIterator
from typing import Any

import httpx
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import path
from ninja import NinjaAPI, Schema
from pydantic import ConfigDict

api = NinjaAPI()
client = httpx.AsyncClient(timeout=600, limits=httpx.Limits(max_connections=1000, max_keepalive_connections=1000))
KEYS = {os.environ["NAIVE_KEY"]}


class Message(Schema):
    """One turn."""

    role: str
    content: str | list[dict[str, Any]]


class Question(Schema):
    """What is asked; unknown fields pass."""

    model_config = ConfigDict(extra="allow")
    model: str
    max_tokens: int
    messages: list[Message]
    stream: bool = False


@api.post("/messages")
async def messages(request: HttpRequest, question: Question) -> HttpResponseBase:
    """Forward it."""
    if request.headers.get("x-api-key") not in KEYS:
        return HttpResponse(status=401)
    headers = {"anthropic-version": request.headers["anthropic-version"], "x-api-key": "upstream"}
    url = os.environ["NAIVE_UPSTREAM"] + "/v1/messages"
    upstream = client.build_request("POST", url, headers=headers, json=question.model_dump())
    if not question.stream:
        answer = await client.send(upstream)
        return HttpResponse(answer.content, status=answer.status_code, content_type="application/json")
    answer = await client.send(upstream, stream=True)
    return StreamingHttpResponse(_relay(answer), status=answer.status_code, content_type="text/event-stream")


async def _relay(answer: httpx.Response) -> AsyncIterator[bytes]:
    async for piece in answer.aiter_raw():
        yield piece
    await answer.aclose()


urlpatterns = [path("v1/", api.urls)]
