"""``accepts``: the types of arguments, checked at each call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from cladding._errors import ConfigurationError
from cladding._gallery import _checked, _steps
from cladding._gallery._checks import check_enabled, check_flag, wrong
from cladding._gallery._wrapping import Subject, around
from cladding._policy import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F")

_OWNER = "accepts"


def accepts(
    *types: Any,
    elements: bool = False,
    enabled: bool | Callable[[], bool] = True,
    **named: Any,
) -> Callable[[F], F]:
    """Checks the types of arguments before the function sees them.

    ``@accepts(int, str)`` gives types to parameters in their order, ``self`` or ``cls`` of a method left out;
    ``@accepts(x=int)`` by name; ``@accepts()`` reads the annotations, at the first call. A type is a class, a tuple or union
    of types, ``None``, or anything of ``typing`` that says something about a value: ``Literal``, ``Callable``, ``type[...]``,
    generic classes, protocols that are ``runtime_checkable``. A string names a type that is looked up at the first call.
    As type checkers do, it takes an ``int`` for a ``float``. ``Any`` and type variables let everything pass.

    Only what a call passes is checked, and not if it is the parameter's own default. For ``*args`` and ``**kwargs`` the type
    is that of each further argument. A call with wrong arguments (one missing, one too many) raises the function's own
    ``TypeError``. A coroutine function or generator checks when it begins to run, as its own code does.

    Args:
        types: types in the order of the parameters; or one mapping of names to types, for names that are options of this.
        elements: whether the elements of collections are looked at, for ``list[int]`` and the like; iterators' never are.
        enabled: ``False`` leaves the function alone; a callable is asked at each call.
        named: types by the names of parameters.

    Raises:
        ConfigurationError: at decoration, if something is no type that can be checked, or belongs to no parameter; at a
            call, if a name in a string or in an annotation cannot be found.
        TypeMismatchError: at a call, for the first argument of a wrong type. It is a ``TypeError``.
        TypeError: what is decorated cannot be, or does not tell its parameters.
    """
    if len(types) == 1 and isinstance(types[0], Mapping):
        by_name: dict[str, Any] = {**types[0], **named}
        types = ()
    else:
        by_name = named
    check_flag(_OWNER, "elements", elements)
    check_enabled(_OWNER, enabled)
    positional = [
        _checked.given(_OWNER, f"types[{place}]", each, elements=elements) for place, each in enumerate(types)
    ]
    keyed = {name: _checked.given(_OWNER, name, each, elements=elements) for name, each in by_name.items()}

    def make(subject: Subject) -> Callable[..., Any]:
        table = None if not positional and not keyed else _table(subject, positional, keyed)
        return _steps.beginning_with(subject.kind, _Arguments(subject, table, elements=elements).check)

    def decorate(target: F) -> F:
        decorated: F = around(target, make, name=_OWNER, enabled=enabled)
        return decorated

    return decorate


def _table(subject: Subject, positional: list[Any], keyed: dict[str, Any]) -> dict[str, Any]:
    """The types by name."""
    if not subject.told:
        message = f"accepts cannot decorate {subject.target!r}: it does not tell its parameters"
        raise TypeError(message)
    names = subject.positional[subject.has_receiver :]
    if len(positional) > len(names):
        message = f"accepts: `types` must be at most {len(names)} for {subject.name}, got {len(positional)}"
        raise ConfigurationError(message)
    table = dict(zip(names, positional, strict=False))
    for name, each in keyed.items():
        if name in table:
            raise wrong(_OWNER, name, "given once", each)
        if name not in subject.parameters and subject.var_keyword is None:
            message = f"accepts: {subject.name} has no parameter `{name}`"
            raise ConfigurationError(message)
        table[name] = each
    return table


_ANYTHING = _checked.Expected(object, elements=False)


class _Plan(NamedTuple):
    """What is expected of the arguments of any call."""

    places: tuple[tuple[str, _checked.Expected, Any], ...]
    """Of each that can come by place: name, type, default."""
    rest: _checked.Expected | None
    """Of further ones."""
    names: dict[str, tuple[_checked.Expected, Any]]
    """Of each that can come by name: type and default."""
    further: tuple[_checked.Expected, Any]
    """Of further ones."""


class _Arguments:
    """The checks of one function's arguments."""

    def __init__(self, subject: Subject, table: dict[str, Any] | None, *, elements: bool) -> None:
        self._subject = subject
        self._table = table
        self._elements = elements
        self._plan: _Plan | None = None
        if table is not None and not any(isinstance(each, str) for each in table.values()):
            self._plan = self._planned(table)

    def check(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Looks at what a call passes."""
        plan = self._plan
        if plan is None:
            plan = self._plan = self._planned(self._resolve())
        # With `strict` named, the zip would cost more than the rest of a call with few arguments.
        for (name, expected, default), value in zip(plan.places, args):  # noqa: B905
            if not expected.fits(value) and value is not default:
                raise expected.mismatch(self._subject.name, name, value)
        if plan.rest is not None:
            for value in args[len(plan.places) :]:
                if not plan.rest.fits(value):
                    raise plan.rest.mismatch(self._subject.name, self._subject.var_positional or "", value)
        if kwargs:
            for name, value in kwargs.items():
                expected, default = plan.names.get(name, plan.further)
                if not expected.fits(value) and value is not default:
                    raise expected.mismatch(self._subject.name, name, value)

    def _planned(self, table: dict[str, Any]) -> _Plan:
        subject = self._subject

        def of(name: str) -> tuple[_checked.Expected, Any]:
            return table.get(name, _ANYTHING), subject.defaults.get(name, MISSING)

        further = {name: (each, MISSING) for name, each in table.items() if name not in subject.parameters}
        return _Plan(
            tuple((name, *of(name)) for name in subject.positional),
            table.get(subject.var_positional or ""),
            further | {name: of(name) for name in subject.by_keyword},
            (table.get(subject.var_keyword or "", _ANYTHING), MISSING),
        )

    def _resolve(self) -> dict[str, _checked.Expected]:
        table = self._table
        if table is None:
            table = {name: each for name, each in _checked.annotations_of(self._subject).items() if name != "return"}
        return _checked.resolved(_OWNER, self._subject, table, elements=self._elements)
