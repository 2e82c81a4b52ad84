"""The API's description (OpenAPI 3.1), made from the types that the answers are made of."""

from __future__ import annotations

from typing import Any

import msgspec

from lanline import __version__
from lanline.wire.messages import HistoryPage, MachineInfo, RoomInfo


class Health(msgspec.Struct):
    status: str
    name: str
    version: str
    since: float
    members: int
    machines: int


class RoomsAnswer(msgspec.Struct):
    rooms: list[RoomInfo]


class MachinesAnswer(msgspec.Struct):
    machines: list[MachineInfo]


class Refused(msgspec.Struct):
    code: str
    message: str


class RefusedAnswer(msgspec.Struct):
    error: Refused


# The hub's own machine needs none.
_BY_SESSION: list[dict[str, list[str]]] = [{"session": []}, {}]
_ANSWERS = (Health, RoomsAnswer, HistoryPage, MachinesAnswer, RefusedAnswer)


def describe() -> dict[str, Any]:
    schemas, components = msgspec.json.schema_components(
        _ANSWERS, ref_template="#/components/schemas/{name}"
    )
    by_type = dict(zip(_ANSWERS, schemas, strict=True))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lanline hub",
            "version": __version__,
            "description": "Reads of a running hub. To speak and to follow, use the WebSocket "
            "at /ws (docs/protocol.md).",
        },
        "paths": {
            "/health": _get("Whether the hub is well", by_type[Health], open_to_all=True),
            "/api/v1/rooms": _get("The rooms", by_type[RoomsAnswer]),
            "/api/v1/rooms/{room}/messages": _get(
                "A page of a room's messages, the latest by default",
                by_type[HistoryPage],
                parameters=[
                    _parameter("room", "path", "The room's name, its '#' left out or as %23"),
                    _parameter("after", "query", "The first messages after this offset"),
                    _parameter("before", "query", "The last messages before this offset"),
                    _parameter("limit", "query", "How many at the most; 100 by default", least=1),
                ],
            ),
            "/api/v1/machines": _get("The latest of all machines", by_type[MachinesAnswer]),
            "/metrics": {
                "get": {
                    "summary": "All machines and the hub as Prometheus text",
                    "responses": {
                        "200": {"description": "OK", "content": {"text/plain": {}}},
                        "default": _answer("Refused", by_type[RefusedAnswer]),
                    },
                    "security": _BY_SESSION,
                }
            },
        },
        "components": {
            "schemas": components,
            "securitySchemes": {"session": {"type": "http", "scheme": "bearer"}},
        },
    }


def _parameter(name: str, place: str, description: str, least: int = 0) -> dict[str, Any]:
    number = {"type": "integer", "minimum": least, "maximum": 10**15 - 1}
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": description,
        "schema": {"type": "string"} if place == "path" else number,
    }


def _answer(description: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": content}}}


def _get(
    summary: str,
    schema: dict[str, Any],
    parameters: list[dict[str, Any]] | None = None,
    *,
    open_to_all: bool = False,
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {
            "200": _answer("OK", schema),
            "default": _answer("Refused", {"$ref": "#/components/schemas/RefusedAnswer"}),
        },
    }
    if parameters:
        operation["parameters"] = parameters
    if not open_to_all:
        operation["security"] = _BY_SESSION
    return {"get": operation}
