"""The error tree is one tree, and its sentences can be read."""

from __future__ import annotations

import inspect

from lanline import errors


def test_every_error_descends_from_the_root() -> None:
    classes = [
        c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__
    ]
    assert len(classes) > 20
    assert all(issubclass(c, errors.Error) for c in classes)


def test_the_drawn_tree_names_every_error() -> None:
    drawn = errors.__doc__ or ""
    for name, _ in inspect.getmembers(errors, inspect.isclass):
        if name != "Error":
            assert f" {name} " in drawn


def test_a_message_too_large_names_size_and_limit() -> None:
    sentence = str(errors.MessageTooLargeError(70_000, 65_536))
    assert "70,000" in sentence
    assert "65,536" in sentence
