"""The websockets of people's pages: the address, the origin and the session are checked before a consumer is asked."""

from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from django.urls import path

from admin_ui import origins
from admin_ui.collection_consumers import LiveDocuments
from admin_ui.consumers import LiveRequests

routes = [
    path("ws/t/<slug:slug>/requests/", LiveRequests.as_asgi()),
    path("ws/t/<slug:slug>/collections/<uuid:collection_id>/", LiveDocuments.as_asgi()),
    path("ws/requests/", LiveRequests.as_asgi()),
]


class SameOrigin:
    """Refuses pages of other sites: a browser sends its cookies with their websockets too."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if origins.is_own(scope["headers"]) and _is_known(scope["path"]):
            await self._app(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 4403})


def _is_known(path_asked: str) -> bool:
    """Channels raises for a path it does not route, which would be logged as a defect."""
    return any(route.resolve(path_asked.lstrip("/")) for route in routes)


application = SameOrigin(AuthMiddlewareStack(URLRouter(routes)))
