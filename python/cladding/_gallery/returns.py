"""``returns``: the type of the result, checked at each call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from cladding._gallery import _checked
from cladding._gallery._checks import check_enabled, check_flag, refuse
from cladding._gallery._wrapping import Subject, around
from cladding._policy import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F")

_OWNER = "returns"


def returns(
    type: Any = MISSING,  # noqa: A002 - the word of the field
    /,
    *,
    elements: bool = False,
    enabled: bool | Callable[[], bool] = True,
) -> Callable[[F], F]:
    """Checks the type of the result before the caller sees it; of a coroutine function, of what it gives when awaited.

    Types are those that ``accepts`` knows. A generator has no one result, and is refused; so is a class.

    Args:
        type: the type, also as a tuple of types, or as a string that is looked up at the first call; unless told, the
            annotation is read, at the first call.
        elements: whether the elements of collections are looked at, for ``list[int]`` and the like; iterators' never are.
        enabled: ``False`` leaves the function alone; a callable is asked at each call.

    Raises:
        ConfigurationError: at decoration, if ``type`` is no type that can be checked; at a call, if a name in a string or in
            the annotation cannot be found.
        TypeMismatchError: at a call, if the result is of another type. It is a ``TypeError``.
        TypeError: what is decorated cannot be.
    """
    check_flag(_OWNER, "elements", elements)
    check_enabled(_OWNER, enabled)
    wanted = type if type is MISSING else _checked.given(_OWNER, "type", type, elements=elements)

    def make(subject: Subject) -> Callable[..., Any]:
        if subject.kind == "class":
            raise refuse(_OWNER, subject.target, "what a class returns is its instance")
        if subject.kind not in ("function", "coroutine"):
            raise refuse(_OWNER, subject.target, "a generator yields many things and has no one result")
        return _caller(_Result(subject, wanted, elements=elements), subject.kind)

    def decorate(target: F) -> F:
        decorated: F = around(target, make, name=_OWNER, enabled=enabled)
        return decorated

    return decorate


class _Result:
    """The check of one function's results."""

    def __init__(self, subject: Subject, wanted: Any, *, elements: bool) -> None:
        self._subject = subject
        self._wanted = wanted
        self._elements = elements
        self._resolved: dict[str, _checked.Expected] | None = None

    def check(self, value: Any) -> None:
        """Looks at a result."""
        expected = self._resolved
        if expected is None:
            expected = self._resolved = self._resolve()
        each = expected.get("return")
        if each is not None and not each.fits(value):
            raise each.mismatch(self._subject.name, "return", value)

    def _resolve(self) -> dict[str, _checked.Expected]:
        table = {"return": self._wanted}
        if self._wanted is MISSING:
            table = {name: each for name, each in _checked.annotations_of(self._subject).items() if name == "return"}
        return _checked.resolved(_OWNER, self._subject, table, elements=self._elements)


def _caller(result: _Result, kind: str) -> Callable[..., Any]:
    if kind == "coroutine":

        async def coroutine(func: Any, /, *args: Any, **kw: Any) -> Any:
            value = await func(*args, **kw)
            result.check(value)
            return value

        return coroutine

    def caller(func: Any, /, *args: Any, **kw: Any) -> Any:
        value = func(*args, **kw)
        result.check(value)
        return value

    return caller
