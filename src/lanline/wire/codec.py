"""Messages to JSON and back."""

from __future__ import annotations

import msgspec

from lanline.errors import ProtocolError
from lanline.wire.messages import AnyCommand, AnyEvent, ErrorCode

_encoder = msgspec.json.Encoder()
_commands = msgspec.json.Decoder(AnyCommand)
_events = msgspec.json.Decoder(AnyEvent)


class _Tagged(msgspec.Struct):
    type: str = ""
    id: int | None = None


_tags = msgspec.json.Decoder(_Tagged)

COMMAND_TYPES = frozenset(str(command.__struct_config__.tag) for command in AnyCommand.__args__)


class CommandError(ProtocolError):
    """A frame that is not a command: which error code it earns, and whose answer that is."""

    def __init__(self, code: ErrorCode, message: str, command_id: int | None = None) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.command_id = command_id


def encode(message: msgspec.Struct) -> bytes:
    return _encoder.encode(message)


def decode_command_untrusted(frame: bytes | str) -> AnyCommand:
    """Raises CommandError and nothing else."""
    try:
        command: AnyCommand = _commands.decode(frame)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as problem:
        first = str(problem)[:200]  # it may repeat what was sent, whole
    else:
        return command
    # Say what is wrong as narrowly as possible: whose command it was, and whether it is known.
    try:
        tagged = _tags.decode(frame)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise CommandError("bad-message", f"That is not a message: {first}.") from None
    if tagged.type not in COMMAND_TYPES:
        what = tagged.type[:40] or "a message without a type"
        raise CommandError(
            "unknown-command", f"This hub does not know the command {what!r}.", tagged.id
        )
    raise CommandError("bad-message", f"In {tagged.type!r}: {first}.", tagged.id)


def decode_event_untrusted(frame: bytes | str) -> AnyEvent:
    """Raises ProtocolError and nothing else."""
    try:
        event: AnyEvent = _events.decode(frame)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as problem:
        raise ProtocolError(f"The hub sent something that is not an event: {problem}.") from None
    return event
