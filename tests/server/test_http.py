"""The API, its description, and the metrics, by HTTP from a real hub."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from msgspec import structs
from openapi_spec_validator import validate
from prometheus_client.parser import text_string_to_metric_families
from tests.hub_process import HubProcess
from tests.monitor.machines import sample
from tests.visitors import SECONDS, Client

from lanline import __version__

ROOM = "#build.log"


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def ask(hub: HubProcess, path: str, method: str = "GET", **headers: str) -> Answer:
    line = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=SECONDS)
    try:
        line.request(method, path, headers=headers)
        return Answer(line.getresponse())
    finally:
        line.close()


@pytest.fixture(scope="module")
def hub(shared_hub: HubProcess) -> Iterator[HubProcess]:
    """A hub with a machine that is here and one that is away, and a room with ten messages."""
    with Client(shared_hub, "Ada", "#lobby", ROOM) as ada, Client(shared_hub) as agent:
        for number in range(1, 11):
            ada.ask("say", room=ROOM, text=f"message {number}")
        agent.ask("hello", name="web-1", machine="m1")
        figures = msgspec.to_builtins(structs.replace(sample(), machine="m1", name="web-1"))
        agent.sends({"type": "publish", "sample": figures})
        with Client(shared_hub) as gone:
            gone.ask("hello", name="db-1", machine="m2")
        while "away" not in str(ada.ask("machines")):
            pass
        yield shared_hub


def test_health_says_that_the_hub_is_well(hub: HubProcess) -> None:
    health = ask(hub, "/health").json
    assert health["status"] == "ok"
    assert health["version"] == __version__
    assert (health["members"], health["machines"]) == (2, 2)


def test_rooms_are_listed_with_what_they_hold(hub: HubProcess) -> None:
    rooms = {room["name"]: room for room in ask(hub, "/api/v1/rooms").json["rooms"]}
    assert (rooms[ROOM]["offset"], rooms[ROOM]["members"]) == (10, 1)
    assert "#lobby" in rooms


@pytest.mark.parametrize("room", ["build.log", "%23build.log", "BUILD.log"])
@pytest.mark.parametrize(
    ("query", "offsets", "more"),
    [
        ("", range(1, 11), False),
        ("?limit=3", range(8, 11), True),
        ("?after=0&limit=4", range(1, 5), True),
        ("?after=8", range(9, 11), False),
        ("?after=10", [], False),
        ("?before=3", range(1, 3), False),
        ("?before=9&limit=2", range(7, 9), True),
        ("?before=0", [], False),
        ("?limit=999999999", range(1, 11), False),
        ("?after=999999999999999", [], False),
    ],
)
def test_messages_come_in_pages(
    hub: HubProcess, room: str, query: str, offsets: range | list[int], more: bool
) -> None:
    page = ask(hub, f"/api/v1/rooms/{room}/messages{query}").json
    assert [message["offset"] for message in page["messages"]] == list(offsets)
    assert (page["room"], page["more"]) == (ROOM, more)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/rooms/none/messages", 404),
        ("/api/v1/rooms/%00/messages", 404),
        ("/api/v1/rooms/%FF%FE/messages", 404),
        ("/api/v1/rooms/" + "x" * 5_000 + "/messages", 404),
        ("/api/v1/rooms/lobby/messages?after=x", 400),
        ("/api/v1/rooms/lobby/messages?after=-1", 400),
        ("/api/v1/rooms/lobby/messages?after=1.5", 400),
        ("/api/v1/rooms/lobby/messages?after=", 400),
        ("/api/v1/rooms/lobby/messages?before=%D9%A3", 400),
        ("/api/v1/rooms/lobby/messages?limit=" + "9" * 4_000, 400),
        ("/api/v1/rooms/lobby/messages?limit=0", 400),
        ("/api/v1/nothing", 404),
        ("/api/v2/rooms", 404),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(hub: HubProcess, path: str, status: int) -> None:
    answer = ask(hub, path)
    assert answer.status == status
    problem = answer.json["error"]
    assert problem["message"].endswith(".")
    assert len(problem["message"]) < 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_the_hub_is_only_read(hub: HubProcess, method: str) -> None:
    answer = ask(hub, "/api/v1/rooms", method)
    assert answer.status == 405
    assert "read" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd"]
)
def test_no_file_but_the_pages_is_served(hub: HubProcess, path: str) -> None:
    answer = ask(hub, path)
    assert (answer.status, answer.text) == (404, "There is nothing here.\n")


def test_machines_are_listed_with_their_latest(hub: HubProcess) -> None:
    machines = {machine["id"]: machine for machine in ask(hub, "/api/v1/machines").json["machines"]}
    assert machines["m1"]["state"] == "here"
    assert machines["m1"]["sample"]["load"]["load_1"] == 0.5
    assert machines["m2"]["state"] == "away"


@pytest.mark.parametrize("path", ["/health", "/api/v1/rooms", "/", "/nothing", "/metrics"])
def test_every_answer_says_what_a_browser_may_do_with_it(hub: HubProcess, path: str) -> None:
    headers = ask(hub, path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers


@pytest.mark.parametrize("path", ["/health", "/api/v1/rooms", "/", "/metrics"])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", ""])
def test_a_host_that_is_not_the_hubs_is_refused(hub: HubProcess, path: str, host: str) -> None:
    assert ask(hub, path, Host=host).status == 421


# --- the description ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def description(hub: HubProcess) -> dict[str, Any]:
    found: dict[str, Any] = ask(hub, "/api/v1/openapi.json").json
    return found


def test_the_description_is_openapi(description: dict[str, Any]) -> None:
    validate(description)
    assert description["openapi"].startswith("3.1")


@pytest.mark.parametrize(
    ("path", "asked", "status"),
    [
        ("/health", "/health", "200"),
        ("/api/v1/rooms", "/api/v1/rooms", "200"),
        ("/api/v1/machines", "/api/v1/machines", "200"),
        ("/api/v1/rooms/{room}/messages", "/api/v1/rooms/build.log/messages?limit=3", "200"),
        ("/api/v1/rooms/{room}/messages", "/api/v1/rooms/none/messages", "default"),
        ("/api/v1/rooms/{room}/messages", "/api/v1/rooms/lobby/messages?after=x", "default"),
    ],
)
def test_answers_are_as_described(
    hub: HubProcess, description: dict[str, Any], path: str, asked: str, status: str
) -> None:
    operation = description["paths"][path]["get"]
    schema = operation["responses"][status]["content"]["application/json"]["schema"]
    answer = ask(hub, asked)
    assert (answer.status == 200) is (status == "200")
    assert answer.headers["content-type"] == "application/json"
    Draft202012Validator({**schema, "components": description["components"]}).validate(answer.json)


def test_every_path_of_the_api_is_described(description: dict[str, Any]) -> None:
    assert set(description["paths"]) == {
        "/health", "/metrics", "/api/v1/rooms", "/api/v1/rooms/{room}/messages", "/api/v1/machines",
    }  # fmt: skip


# --- metrics ------------------------------------------------------------------------------------


def test_metrics_are_read_by_prometheus_own_parser(hub: HubProcess) -> None:
    answer = ask(hub, "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(answer.text)
        for one in family.samples
    }
    assert found["lanline_machine_up", (("machine", "web-1"),)] == 1
    assert found["lanline_machine_up", (("machine", "db-1"),)] == 0
    assert found["node_load1", (("machine", "web-1"),)] == 0.5
    assert found["lanline_members", ()] == 2
    assert found["lanline_messages_total", ()] == 10
    assert found["lanline_connections", (("protocol", "websocket"),)] == 2


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (Debian: prometheus) is missing")
def test_promtool_reads_the_metrics(hub: HubProcess) -> None:
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=ask(hub, "/metrics").text,
        text=True,
        capture_output=True,
        check=False,
        timeout=SECONDS,
    )
    assert checked.returncode in (0, 3), checked.stderr  # 3: node_exporter's names have capitals
    assert all("camelCase" in line for line in (checked.stdout + checked.stderr).splitlines())
