"""`lanline ipc` as a shell uses it: real processes, pipes and exit codes."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from tests.terminal import Terminal

LANLINE = str(Path(sys.executable).with_name("lanline"))
SECONDS = 50


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def run(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [LANLINE, "ipc", *arguments], input=given, capture_output=True, check=False, timeout=SECONDS
    )


def start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([LANLINE, "ipc", *arguments], stdout=subprocess.PIPE)


@pytest.mark.parametrize("scheme", ["shm", "unix", "fifo"])
def test_lines_go_through_a_channel_and_the_end_of_input_closes_it(scheme: str) -> None:
    name = f"t{secrets.token_hex(4)}"
    place = name if scheme == "shm" else f"/tmp/{name}"
    receiver = start("recv", "--listen", f"{scheme}:{place}")
    lines = b"".join(b"line %d\n" % number for number in range(3000))
    sent = run("send", "--json", "--timeout", "40", f"{scheme}:{place}", given=lines)
    assert sent.returncode == 0, sent.stderr
    assert json.loads(sent.stdout)["sent"] == 3000
    assert receiver.communicate(timeout=SECONDS)[0] == lines
    assert receiver.returncode == 0


def test_a_queue_keeps_what_was_sent_for_who_comes_later() -> None:
    assert run("send", "queue:jobs", given=b"a\nb\nc").returncode == 0
    assert run("recv", "-n", "1", "queue:jobs").stdout == b"a\n"
    assert run("recv", "--timeout", "0", "queue:jobs").stdout == b"b\nc\n"
    assert run("recv", "--timeout", "0", "queue:jobs").returncode == 3


def test_raw_bytes_arrive_as_they_were() -> None:
    data = os.urandom(300_000)
    receiver = start("recv", "--raw", "--listen", "shm:raw")
    assert run("send", "--raw", "--timeout", "40", "shm:raw", given=data).returncode == 0
    assert receiver.communicate(timeout=SECONDS)[0] == data


def test_a_plain_fifo_is_shared_with_programs_that_know_nothing_of_lanline(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = subprocess.Popen(["cat", str(path)], stdout=subprocess.PIPE)
    assert (
        run("send", "--plain", "--timeout", "40", f"fifo:{path}", given=b"x\ny\n").returncode == 0
    )
    assert reader.communicate(timeout=SECONDS)[0] == b"x\ny\n"


def test_exit_codes_say_what_went_wrong() -> None:
    assert run("send", "--timeout", "0", "shm:nobody").returncode == 3
    assert run("send", "nonsense:x").returncode == 2
    assert run("recv", "--listen", "--timeout", "0.1", "shm:nobody").returncode == 4
    assert run("stat", "queue:nothing").returncode == 3


@pytest.mark.parametrize(
    "call",
    [
        "send --raw -0 shm:x",
        "recv --raw -0 shm:x",
        "send --priority 3 shm:x",
        "send --capacity 3 unix:x",
        "recv --keep shm:x",
    ],
)
def test_an_option_that_would_be_passed_over_is_refused(call: str) -> None:
    done = run(*call.split())
    assert done.returncode == 2
    assert b"--" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("address", ["queue:", "value:two words"])
def test_a_name_that_cannot_be_is_told_as_it_was_typed(address: str) -> None:
    done = run("send", address)
    assert done.returncode == 2
    assert done.stderr.startswith(f"lanline: {address!r} is not an address".encode())


def test_what_is_listed_is_json_for_scripts_and_columns_in_a_pipe() -> None:
    run("send", "queue:listed", given=b"1\n2\n")
    (found,) = (
        one
        for one in json.loads(run("ls", "queue", "--json").stdout)["objects"]
        if one["address"] == "queue:listed"
    )
    assert (found["state"], found["figures"]["waiting"]) == ("idle", 2)
    (row,) = (
        line for line in run("ls", "queue").stdout.decode().splitlines() if "queue:listed" in line
    )
    assert [cell.strip() for cell in row.split("\t")][:2] == ["queue:listed", "idle"]


def test_a_hostile_name_neither_moves_the_cursor_nor_breaks_the_columns(tmp_path: Path) -> None:
    folder = tmp_path / "hostile"
    folder.mkdir()
    path = os.fsencode(folder) + b"/\x1b[31m\tnew\nline\xff"
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR)
    try:
        listed = run("ls", "fifo").stdout.decode()
        (row,) = (line for line in listed.splitlines() if "hostile" in line)
        assert row.split("\t")[0].strip() == f"fifo:{folder}/␛[31m␉new␊line\ufffd"
        address = b"fifo:" + path
        found = json.loads(run("stat", "--json", os.fsdecode(address)).stdout)
        assert os.fsencode(found["address"]) == address
    finally:
        os.close(descriptor)


def test_each_method_is_measured_on_this_machine() -> None:
    # Without mq: what a user may have of the kernel's queues in all, other tests may have now.
    methods = ("shm", "queue", "pipe", "unix", "tcp", "fifo")
    done = run("bench", "--seconds", "0.02", "--rounds", "2", "--json", *methods)
    assert (done.returncode, done.stderr) == (0, b"")
    found = json.loads(done.stdout)
    assert [(one["method"], one["size"]) for one in found] == [
        (method, size) for method in methods for size in (64, 4096, 1 << 20)
    ]
    assert all(one["round_trip"] > 0 and one["per_second"] > 0 for one in found)
    assert all(one["rounds"] == 2 and 0 <= one["others"] <= 1 for one in found)


def test_without_the_compiled_core_the_rest_is_measured_and_what_is_missing_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = """
        import sys
        class Hidden:
            def find_spec(self, name, *rest):
                # _cut is there as Python, too.
                if name.startswith("lanline.ipc.native._") and not name.endswith("_cut"):
                    raise ImportError(name)
        sys.meta_path.insert(0, Hidden())
    """
    (tmp_path / "sitecustomize.py").write_text(dedent(hidden))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = run("bench", "--seconds", "0.01", "--rounds", "1", "--json")
    assert done.returncode == 0
    missing = {one["method"] for one in json.loads(done.stdout) if one["problem"]}
    assert missing - {"mq"} == {"shm", "queue"}
    assert b"Not measured: shm." in done.stderr
    assert b"Traceback" not in done.stderr
    assert run("bench", "--seconds", "0.01", "shm").returncode == 1


def test_ctrl_c_ends_the_measuring_in_a_line_and_leaves_nothing(runtime: Path) -> None:
    with Terminal("ipc", "bench", "queue", "--seconds", "60") as terminal:
        terminal.read_until(b"queue")
        while not list((runtime / "lanline").glob("*.queue")):
            assert terminal.process.poll() is None
        terminal.press(b"\x03")
        assert terminal.ended() == 130
    assert terminal.written.rstrip().endswith(b"and left nothing.")
    assert b"Traceback" not in terminal.written
    assert not list((runtime / "lanline").glob("*.queue"))


def test_ctrl_c_while_it_starts_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pressed = """
        import signal, sys
        class Pressed:
            def find_spec(self, name, *rest):
                if name == "lanline.cli.ipc":
                    signal.raise_signal(signal.SIGINT)
        sys.meta_path.insert(0, Pressed())
    """
    (tmp_path / "sitecustomize.py").write_text(dedent(pressed))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    command = [sys.executable, "-m", "lanline", "ipc", "ls"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=SECONDS)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


@pytest.mark.parametrize("columns", ["100", "40"])
def test_the_picture_says_without_colours_which_method_is_best(
    columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", columns)
    arguments = ("--seconds", "0.01", "--rounds", "1", "pipe", "unix")
    with Terminal("ipc", "bench", *arguments) as terminal:
        terminal.read_until(b"Which to choose")
        assert terminal.ended() == 0
        text = terminal.written.decode()
        assert text.count("best") == 6  # of three sizes, both ways
        assert "…" not in text  # nothing is cut
        assert ("the short bar is good" in text) == (columns == "100")


@pytest.mark.parametrize("columns", ["80", "40"])
def test_an_address_is_listed_whole_on_a_terminal(
    columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    address = "queue:the-jobs-of-the-night"
    run("send", address, given=b"1\n2\n")
    with Terminal("ipc", "ls", "queue") as terminal:
        terminal.read_until(b"object")
        assert terminal.ended() == 0
        lines = [line.strip() for line in terminal.written.decode().splitlines()]
    assert any(address in line for line in lines)
    assert any("idle" in line for line in lines)


def test_what_is_known_of_one_is_folded_between_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lanline.cli.ipc import tables

    monkeypatch.setattr(tables, "is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "30")
    tables.print_fields([("what", "Lanline: a queue in shared memory"), ("held by", "nobody")])
    assert capsys.readouterr().out == (
        "what     Lanline: a queue in\n         shared memory\nheld by  nobody\n"
    )


def test_the_help_of_each_command_teaches_with_examples() -> None:
    for command in ("ls", "send", "gc", "bench"):
        text = run(command, "--help").stdout.decode()
        assert f"lanline ipc {command}" in text, command
        assert "Exit codes" in text, command
