"""Tells native function wrappers whom to ask; the answers are imported when first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cladding import _native

if TYPE_CHECKING:
    from types import FunctionType


def face(wrapper: Any) -> FunctionType | None:
    """A function that stands for the wrapper."""
    from cladding import _wrappers

    return _wrappers.face(wrapper)


def is_method_of(wrapper: Any, first: Any) -> bool:
    """Whether a call with ``first`` in front is one of a method."""
    from cladding import _wrappers

    return _wrappers.is_method_of(wrapper, first)


def install() -> None:
    """Registers both."""
    _native.set_face_maker(face)
    _native.set_instance_finder(is_method_of)
