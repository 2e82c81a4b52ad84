"""The ASGI application: `/` is the page, `/api/v1` the API, `/metrics` for Prometheus."""

from __future__ import annotations

from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lanline.adapters.http.openapi import describe
from lanline.adapters.http.views import Views
from lanline.adapters.origins import Origins
from lanline.errors import StoreError
from lanline.hub.gate import RefusalError

PAGE = Path(__file__).parents[2] / "page"

# The page is all its own: no request to another host, no script but the bundled one.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = [
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    # Ask whether it has changed each time: a page of yesterday's hub may not speak with today's.
    (b"cache-control", b"no-cache"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
]


def make_app(views: Views, origins: Origins) -> Starlette:
    api = Api(views)
    return Starlette(
        routes=[
            Route("/health", api.health),
            Route("/metrics", api.metrics),
            Route("/api/v1/openapi.json", api.openapi),
            Route("/api/v1/rooms", api.rooms),
            Route("/api/v1/rooms/{room}/messages", api.messages),
            Route("/api/v1/machines", api.machines),
            Mount("/", StaticFiles(directory=PAGE, html=True, check_dir=False)),
        ],
        middleware=[Middleware(Guard, origins=origins), Middleware(GZipMiddleware)],
        exception_handlers={
            RefusalError: _refused,
            StoreError: _unreadable,
            HTTPException: _not_here,
        },
    )


class Guard:
    """Refuses a Host that is not ours, and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if not self._origins.knows_host(headers.get(b"host", b"").decode("latin-1")):
            refusal = PlainTextResponse("This hub is not known by that Host.\n", 421)
            await refusal(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS]
            await send(message)

        await self._app(scope, receive, with_headers)


class Json(Response):
    media_type = "application/json"

    def render(self, content: object) -> bytes:
        return msgspec.json.encode(content)


class Api:
    def __init__(self, views: Views) -> None:
        self._views = views

    async def health(self, request: Request) -> Response:
        return Json(self._views.health())

    async def metrics(self, request: Request) -> Response:
        self._check(request)
        kind = "text/plain; version=0.0.4; charset=utf-8"
        return Response(self._views.metrics(), media_type=kind)

    async def openapi(self, request: Request) -> Response:
        return Json(describe())

    async def rooms(self, request: Request) -> Response:
        self._check(request)
        return Json({"rooms": self._views.rooms()})

    async def messages(self, request: Request) -> Response:
        self._check(request)
        room = request.path_params["room"]
        page = await self._views.messages(
            room if room.startswith("#") else f"#{room}",
            _number(request, "after"),
            _number(request, "before"),
            _number(request, "limit", least=1) or 100,
        )
        return Json(page)

    async def machines(self, request: Request) -> Response:
        self._check(request)
        return Json({"machines": self._views.machines()})

    def _check(self, request: Request) -> None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip() if kind.casefold() == "bearer" else ""
        address = request.client.host if request.client else ""
        if not self._views.may_read(token, address):
            raise RefusalError("no-invite", "Say who you are: Authorization: Bearer SESSION.")


def _number(request: Request, name: str, least: int = 0) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise RefusalError("bad-message", f"{name!r} is a whole number, not {text[:40]!r}.")
    if int(text) < least:
        raise RefusalError("bad-message", f"{name!r} is at least {least}.")
    return int(text)


async def _unreadable(request: Request, problem: Exception) -> Response:
    body = {"error": {"code": "internal", "message": str(problem)}}
    return Json(body, status_code=503)


async def _not_here(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    sentence = {404: "There is nothing here.", 405: "The hub is only read by HTTP."}
    message = sentence.get(problem.status_code, f"{problem.detail}.")
    if not request.url.path.startswith("/api/"):
        return PlainTextResponse(f"{message}\n", problem.status_code, problem.headers)
    message += " /api/v1/openapi.json describes what there is."
    body = {"error": {"code": f"http-{problem.status_code}", "message": message}}
    answer = Json(body, status_code=problem.status_code)
    answer.headers.update(problem.headers or {})
    return answer


_STATUS = {"no-such-room": 404, "no-invite": 401, "bad-message": 400}


async def _refused(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, RefusalError)
    body = {"error": {"code": problem.code, "message": problem.message}}
    return Json(body, status_code=_STATUS.get(problem.code, 400))
