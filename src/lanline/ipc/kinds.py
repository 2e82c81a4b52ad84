"""What a message's type is, in words that two processes can compare."""

from __future__ import annotations

from typing import Any

from msgspec import inspect


def described(kind: Any) -> str:
    """A type that msgspec carries, by its structure: modules differ between programs.

    Raises TypeError where a part of it can never be sent, which msgspec says only when it is.
    """
    return _described(inspect.type_info(kind), kind, set())


def _described(node: Any, whole: Any, within: set[Any]) -> str:
    own = getattr(node, "cls", None)
    if isinstance(node, inspect.CustomType) and own is not object:
        part = "" if own is whole else f" (a part of {whole!r:.80})"
        raise TypeError(
            f"{own!r}{part} cannot be a message's type: no MessagePack value is one. Say the "
            "Python type that it stands for (float, say), numpy.ndarray, or ipc.Pickle."
        )
    name = own.__name__ if own else type(node).__name__.removesuffix("Type").lower()
    if own in within:
        return name  # it holds others of its kind
    within = within | {own} if own else within
    parts = [_described(part, whole, within) for part in _parts(node)]
    fields = getattr(node, "fields", None)
    if fields is not None:
        named = zip(fields, parts, strict=True)
        return f"{name}({', '.join(f'{field.encode_name}: {part}' for field, part in named)})"
    if isinstance(node, inspect.LiteralType):
        parts = [repr(value) for value in node.values]
    return f"{name}[{', '.join(parts)}]" if parts else name


def _parts(node: Any) -> list[Any]:
    """The types within a type, in order."""
    found: list[Any] = []
    for name in node.__struct_fields__:
        value = getattr(node, name)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, inspect.Field):
                found.append(one.type)
            elif isinstance(one, inspect.Type):
                found.append(one)
    return found
