"""What a message carries: bytes, or values of an agreed type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lanline.errors import MessageError, UnsupportedError
from lanline.ipc.given import not_a_message

BytesLike = bytes | bytearray | memoryview

Encode = Callable[[Any], BytesLike]
Decode = Callable[[bytes], Any]


class Pickle:
    """Say `type=ipc.Pickle` to send any object by pickle.

    Reading a pickle runs what its writer wants (see the warning in the `pickle` documentation):
    only between processes that trust each other as much as themselves.
    """


def size_of(data: BytesLike) -> int:
    """Its bytes; a view's length may count larger things."""
    return len(data) if type(data) is bytes else memoryview(data).nbytes


def check_bytes(message: Any) -> None:
    """Raises TypeError for what is not bytes-like, or not in one piece; ValueError: released."""
    if type(message) is bytes:
        return
    try:
        with memoryview(message) as view:
            whole = view.c_contiguous
    except (TypeError, ValueError):
        whole = False
    if not whole:
        raise not_a_message(message)


def codec_for(kind: Any) -> tuple[Encode | None, Decode | None]:
    """How values of a type become bytes and come back; (None, None) for bytes themselves.

    Other types than bytes, `numpy.ndarray` and `Pickle` travel as MessagePack by msgspec, and are
    checked against the type on arrival.
    """
    if kind is bytes:
        return None, None
    if kind is Pickle:
        return _to_pickle, _from_pickle_untrusted
    if is_array(kind):
        from lanline.ipc import arrays

        return arrays.encode, arrays.decode_untrusted
    if kind is None:
        raise TypeError("A message's type cannot be None; leave type= out for bytes.")
    try:
        import msgspec

        from lanline.ipc.kinds import described
    except ImportError as error:  # a second interpreter with a lock of its own (PEP 684)
        raise UnsupportedError(
            "type=", "this interpreter (msgspec is the first one's)", "use bytes here"
        ) from error

    try:
        decoder = msgspec.msgpack.Decoder(kind)
    except TypeError as problem:
        raise TypeError(f"{kind!r:.80} cannot be a message's type: {problem!s:.160}.") from None
    described(kind)

    def decode_untrusted(data: bytes) -> Any:
        try:
            return decoder.decode(data)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as problem:
            name = getattr(kind, "__name__", str(kind))
            raise MessageError(f"What arrived is not of the type {name}: {problem}.") from None

    return msgspec.msgpack.Encoder().encode, decode_untrusted


def said_of(kind: Any) -> str:
    """A type in words, for others to agree with; "" for bytes, which may be anything."""
    if kind is bytes:
        return ""
    if kind is Pickle or is_array(kind):
        return f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
    from lanline.ipc.kinds import described

    return described(kind)


def is_array(kind: Any) -> bool:
    return getattr(kind, "__module__", "") == "numpy" and getattr(kind, "__name__", "") == "ndarray"


def _to_pickle(value: Any) -> bytes:
    import pickle

    try:
        return pickle.dumps(value, protocol=5)
    except (pickle.PicklingError, AttributeError, TypeError) as problem:
        raise TypeError(f"{value!r:.80} cannot be pickled: {problem}.") from None


def _from_pickle_untrusted(data: bytes) -> Any:
    import pickle

    try:
        return pickle.loads(data)  # noqa: S301  asked for by name
    except Exception as problem:
        raise MessageError(f"What arrived cannot be unpickled: {problem}.") from problem
