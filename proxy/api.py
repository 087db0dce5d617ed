"""The ninja door of /v1: the same gateway through Django's own handler, and the OpenAPI page that describes it.

`LLMP_FAST_PATH=false` serves /v1 through here; answers are the same, only slower (docs/performance.md).
"""

import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.docs import Swagger

from proxy import door, openapi
from proxy.errors import ClientGone, InvalidRequest, Refused
from proxy.rest import collections, documents

api = NinjaAPI(
    title="LLM Proxy",
    version="1",
    description=openapi.DESCRIPTION,
    urls_namespace="v1",
    docs=Swagger(settings={"persistAuthorization": False, "deepLinking": True}),
    docs_url="/docs",
    openapi_url="/openapi.json",
)
api.add_router("/api", collections.router)
api.add_router("/api", documents.router)
_METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
_NOT_GET = [method for method in _METHODS if method != "GET"]
_NOT_POST = [method for method in _METHODS if method != "POST"]


@api.exception_handler(Refused)
def refuse(_request: HttpRequest, refused: Refused) -> HttpResponse:
    """What /api refuses, in the words and the form of /v1."""
    body = refused.body("req_" + secrets.token_hex(12))
    return HttpResponse(body, status=refused.status, headers=dict(refused.headers), content_type="application/json")


@api.exception_handler(ValidationError)
def refuse_fields(request: HttpRequest, wrong: ValidationError) -> HttpResponse:
    """Fields that are not what they have to be, by their names."""
    told = ("{}: {}.".format(".".join(map(str, one["loc"][2:])) or one["loc"][-1], one["msg"]) for one in wrong.errors)
    return refuse(request, InvalidRequest(" ".join(told)))


@api.exception_handler(HttpError)
def refuse_body(request: HttpRequest, _wrong: HttpError) -> HttpResponse:
    """A body that is no JSON."""
    return refuse(request, InvalidRequest("The body is not valid JSON."))


class EventStream(StreamingHttpResponse):
    """Closed the moment the client hangs up, so that its call settles.

    Django closes what `__aiter__` returns; the stock class wraps our generator in one of its own and
    would leave ours open until the garbage collector comes.
    """

    def __init__(self, pieces: AsyncGenerator[bytes, None], **kwargs: Any) -> None:
        super().__init__(pieces, **kwargs)
        self._pieces = pieces

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces


async def _answer(request: ASGIRequest) -> HttpResponseBase:
    try:
        reply = await door.answer(request.scope["llmp.visit"])
    except ClientGone:
        return HttpResponse(status=499)  # nginx's number for it; nobody sees it
    response: HttpResponseBase
    if isinstance(reply.body, bytes):
        response = HttpResponse(b"" if request.method == "HEAD" else reply.body, status=reply.status)
    else:
        response = EventStream(reply.body, status=reply.status)
    for name, value in reply.headers:
        response[name.decode("latin-1")] = value.decode("latin-1")
    return response


@api.post("/v1/messages", openapi_extra=openapi.MESSAGES, summary="Ask a model", tags=["Messages"])
async def create_message(request: ASGIRequest) -> HttpResponseBase:
    """Anthropic's Messages API: every field passes. With `stream: true` the answer is an event stream."""
    return await _answer(request)


@api.post("/v1/messages/count_tokens", openapi_extra=openapi.COUNT_TOKENS, summary="Count tokens", tags=["Messages"])
async def count_tokens(request: ASGIRequest) -> HttpResponseBase:
    """How many input tokens a request has, as the upstream counts them. Costs nothing."""
    return await _answer(request)


@api.get("/v1/models", openapi_extra=openapi.MODELS, summary="List models", tags=["Models"])
async def list_models(request: ASGIRequest) -> HttpResponseBase:
    """The models your key may use, in Anthropic's shape."""
    return await _answer(request)


@api.get("/v1/models/{path:model_id}", openapi_extra=openapi.MODEL, summary="Read a model", tags=["Models"])
async def read_model(request: ASGIRequest, model_id: str) -> HttpResponseBase:
    """One of the models your key may use."""
    return await _answer(request)


@api.get("/v1/usage", openapi_extra=openapi.USAGE, summary="See what is used and left", tags=["Usage"])
async def read_usage(request: ASGIRequest) -> HttpResponseBase:
    """What is left, held and used of your key's limits and budgets and your tenant's, and what your key used."""
    return await _answer(request)


@api.get("/v1/usage/status-line", openapi_extra=openapi.STATUS_LINE, summary="The same in a line", tags=["Usage"])
async def read_status_line(request: ASGIRequest) -> HttpResponseBase:
    """What your key used and has left, as one line of text for Claude Code's status line."""
    return await _answer(request)


@api.api_operation(_NOT_POST, "/v1/messages", include_in_schema=False)
@api.api_operation(_NOT_POST, "/v1/messages/count_tokens", include_in_schema=False)
@api.api_operation(_NOT_GET, "/v1/models", include_in_schema=False)
@api.api_operation(_NOT_GET, "/v1/usage", include_in_schema=False)
@api.api_operation(_NOT_GET, "/v1/usage/status-line", include_in_schema=False)
@api.api_operation(_METHODS, "/v1/", include_in_schema=False)
async def other_method(request: ASGIRequest) -> HttpResponseBase:
    """What is not served is refused in the gateway's own words, not with a page."""
    return await _answer(request)


@api.api_operation(_NOT_GET, "/v1/models/{path:model_id}", include_in_schema=False)
async def other_method_of_model(request: ASGIRequest, model_id: str) -> HttpResponseBase:
    return await _answer(request)


@api.api_operation(_METHODS, "/v1/{path:rest}", include_in_schema=False)
async def other_path(request: ASGIRequest, rest: str) -> HttpResponseBase:
    return await _answer(request)
