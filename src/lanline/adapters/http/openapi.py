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
                    _parameter("limit", "query", "How many at the most; 100 by default"),
                ],
            ),
            "/api/v1/machines": _get("The latest of all machines", by_type[MachinesAnswer]),
            "/metrics": {
                "get": {
                    "summary": "All machines and the hub as Prometheus text",
                    "responses": {"200": {"description": "OK", "content": {"text/plain": {}}}},
                }
            },
        },
        "components": {
            "schemas": components,
            "securitySchemes": {"session": {"type": "http", "scheme": "bearer"}},
        },
    }


def _parameter(name: str, place: str, description: str) -> dict[str, Any]:
    kind = "string" if place == "path" else "integer"
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": description,
        "schema": {"type": kind},
    }


def _get(
    summary: str,
    schema: dict[str, Any],
    parameters: list[dict[str, Any]] | None = None,
    *,
    open_to_all: bool = False,
) -> dict[str, Any]:
    def answer(description: str, content: dict[str, Any]) -> dict[str, Any]:
        return {"description": description, "content": {"application/json": {"schema": content}}}

    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {
            "200": answer("OK", schema),
            "default": answer("Refused", {"$ref": "#/components/schemas/RefusedAnswer"}),
        },
    }
    if parameters:
        operation["parameters"] = parameters
    if not open_to_all:
        operation["security"] = [{"session": []}, {}]
    return {"get": operation}
