"""What an interface asks of a class, and what of it a class lacks."""

from __future__ import annotations

import abc
import functools
import inspect
import re
import sys
import types
import typing
from typing import TYPE_CHECKING, Any

from cladding._gallery._wrapping import signature_of
from cladding._kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_MISSING: Any = inspect.Parameter.empty
# What a class has because it is a class, an interface or generic.
_MACHINERY = frozenset(
    {*vars(object), *vars(abc.ABC), *vars(typing.Generic), *vars(typing.Protocol), *vars(types.new_class("_"))}
    | {
        "__annotations__",
        "__annotate__",
        "__annotate_func__",
        "__annotations_cache__",
        "__conditional_annotations__",
        "__orig_bases__",
        "__parameters__",
        "__type_params__",
        "__slots__",
        "__match_args__",
        "__final__",
        "__subclasshook__",
        "__abstractmethods__",
        "_abc_impl",
        "__static_attributes__",
        "__firstlineno__",
        "__init__",
        "__protocol_attrs__",
        "__non_callable_proto_members__",
        "__callable_proto_members_only__",
        "_is_protocol",
        "_is_runtime_protocol",
        "__cladding__",
        "__cladding_provides__",
        "cladding",
    }
)
_DATA = "attribute"
_PROPERTIES = (property, functools.cached_property, types.GetSetDescriptorType, types.MemberDescriptorType)


def members_of(interface: type) -> Iterator[str]:
    """The names that an interface asks for: all public ones, special methods, and whatever is abstract."""
    seen: set[str] = set()
    for cls in interface.__mro__:
        if cls in (object, abc.ABC, typing.Generic, typing.Protocol):
            continue
        for name in (*vars(cls), *_annotated(cls)):
            if name in seen or name in _MACHINERY:
                continue
            seen.add(name)
            abstract = getattr(vars(cls).get(name), "__isabstractmethod__", False)
            if abstract or not name.startswith("_") or (name.startswith("__") and name.endswith("__")):
                yield name


def problems_of(cls: type, interface: type) -> Iterator[str]:
    """What a class lacks, a line for each member."""
    for name in members_of(interface):
        wanted, found = inspect.getattr_static(interface, name, _MISSING), inspect.getattr_static(cls, name, _MISSING)
        problem = _problem(cls, name, wanted, found)
        if problem:
            yield f"{name}: {problem}"


def _problem(cls: type, name: str, wanted: Any, found: Any) -> str:
    sort = _sort(wanted)
    if found is _MISSING:
        if sort == _DATA and _is_set_on_instances(cls, name):
            return ""
        return f"missing ({_words(sort, wanted)} is wanted)"
    if getattr(found, "__isabstractmethod__", False):
        return f"still abstract ({_words(sort, wanted)} is wanted)"
    if found is wanted:
        return ""
    have = _sort(found)
    if sort in (_DATA, "property"):
        if have not in (_DATA, "property"):
            return f"{_words(have, found)}, but {_words(sort, wanted)} is wanted"
        return _accessor_problem(wanted, found)
    if have in (_DATA, "property"):
        return (
            ""
            if callable(found) and not isinstance(found, type)
            else f"{_words(have, found)}, but {_words(sort, wanted)} is wanted"
        )
    if sort != "method" and have == "method":
        return f"a method, but {_words(sort, wanted)} is wanted"
    return _kind_problem(_inner(wanted), _inner(found)) or _parameter_problem(
        _parameters(wanted, sort), _parameters(found, have)
    )


def _sort(member: Any) -> str:
    """What sort of member: ``method``, ``classmethod``, ``staticmethod``, ``property`` or ``attribute``."""
    if isinstance(member, classmethod):
        return "classmethod"
    if isinstance(member, staticmethod):
        return "staticmethod"
    if isinstance(member, _PROPERTIES):
        return "property"
    if member is _MISSING or not callable(_inner(member)) or isinstance(member, type):
        return _DATA
    return "method"


def _words(sort: str, member: Any) -> str:
    if sort == "method":
        return _kind_words(kind_of(_inner(member))).replace("function", "method")
    return f"{'an' if sort == _DATA else 'a'} {sort}"


def _inner(member: Any) -> Any:
    if isinstance(member, classmethod | staticmethod):
        return member.__func__
    return member.func if isinstance(member, functools.partialmethod) else member


def _accessor_problem(wanted: Any, found: Any) -> str:
    if not isinstance(wanted, property) or not isinstance(found, property):
        return ""
    for accessor, words in (("fset", "a setter"), ("fdel", "a deleter")):
        if getattr(wanted, accessor) is not None and getattr(found, accessor) is None:
            return f"a property without {words}, which is wanted"
    return ""


_ASYNC_ITEMS = re.compile(r"\bAsync(Generator|Iterator|Iterable)\b")
_AWAITABLE = re.compile(r"\b(Awaitable|Coroutine|Future|Task)\b")
_ITEMS = re.compile(r"\b(Generator|Iterator|Iterable|Any|object)\b")


def _kind_problem(wanted: Any, found: Any) -> str:
    """Whether calls give what callers of the interface expect: a result, an awaitable, or items of either sort.

    A plain function says by its annotation that it returns something to await or to iterate over.
    """
    want, have = kind_of(wanted), _kind_through_wrappers(found)
    told = _return_annotation(wanted)
    allowed = {want}
    if want == "function":
        if _ASYNC_ITEMS.search(told):
            allowed.add("async_generator")
        elif _AWAITABLE.search(told):
            allowed.add("coroutine")
        elif not told or _ITEMS.search(told):
            allowed.add("generator")
    elif have == "function":
        own = _return_annotation(found)
        says = {"coroutine": _AWAITABLE, "async_generator": _ASYNC_ITEMS, "generator": _ITEMS}
        if want in says and says[want].search(own):
            allowed.add("function")
    if have in allowed or have == "class":
        return ""
    return f"{_kind_words(have)}, but {' or '.join(map(_kind_words, sorted(allowed)))} is wanted"


def _kind_words(kind: str) -> str:
    words = "plain" if kind == "function" else kind.replace("_", " ")
    return f"{'an' if words[0] == 'a' else 'a'} {words} function"


def _kind_through_wrappers(function: Any) -> str:
    kind = kind_of(function)
    return kind_of(inspect.unwrap(function)) if kind == "function" else kind


def _return_annotation(function: Any) -> str:
    """The return annotation as text, made without looking any name up."""
    if sys.version_info >= (3, 14):
        import annotationlib

        try:
            return str(annotationlib.get_annotations(function, format=annotationlib.Format.STRING).get("return", ""))
        except TypeError:
            return ""
    return str(getattr(function, "__annotations__", {}).get("return", ""))


def _parameters(member: Any, sort: str) -> list[inspect.Parameter] | None:
    """The parameters of a call through an instance."""
    signature = signature_of(_inner(member))
    if signature is None or isinstance(member, functools.partialmethod):
        return None
    parameters = list(signature.parameters.values())
    takes_owner = sort in ("method", "classmethod") and parameters[:1]
    if takes_owner and parameters[0].kind in (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    ):
        return parameters[1:]
    return parameters


def _parameter_problem(wanted: list[inspect.Parameter] | None, found: list[inspect.Parameter] | None) -> str:  # noqa: C901, PLR0912
    """Whether every call that one parameter list allows is allowed by another."""
    if wanted is None or found is None:
        return ""
    positional = [p for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    by_keyword = {p.name: p for p in found if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    more_positional = any(p.kind is p.VAR_POSITIONAL for p in found)
    more_keyword = any(p.kind is p.VAR_KEYWORD for p in found)
    used: set[str] = set()
    place = 0
    for want in wanted:
        if want.kind is want.VAR_POSITIONAL:
            if not more_positional:
                return f"takes no further positional arguments (*{want.name})"
            continue
        if want.kind is want.VAR_KEYWORD:
            if not more_keyword:
                return f"takes no further keyword arguments (**{want.name})"
            continue
        have: inspect.Parameter | None = None
        if want.kind is not want.KEYWORD_ONLY:
            if place < len(positional):
                have = positional[place]
                place += 1
            elif not more_positional:
                return f"does not take `{want.name}` by position"
        if want.kind is not want.POSITIONAL_ONLY and not want.name.startswith("__"):
            named = by_keyword.get(want.name)
            if named is None and not more_keyword:
                called = f", the parameter there is `{have.name}`" if have is not None else ""
                return f"does not take `{want.name}` by keyword{called}"
            if have is not None and named is not have:
                return f"has `{have.name}` where `{want.name}` is wanted"
            have = have or named
        if have is not None:
            used.add(have.name)
            if want.default is not want.empty and have.default is have.empty:
                return f"wants a value for `{have.name}`, which may be left out"
    for each in found:
        needed = each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
        if needed and each.name not in used:
            return f"wants a value for `{each.name}`, which the interface does not have"
    return ""


def _annotated(cls: type) -> tuple[str, ...]:
    """The names that a class body annotates."""
    if sys.version_info >= (3, 14):
        import annotationlib

        return tuple(annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF))
    return tuple(inspect.get_annotations(cls))


def _is_set_on_instances(cls: type, name: str) -> bool:
    """Whether a class says, or its methods show, that its instances have an attribute."""
    for each in cls.__mro__:
        if name in _annotated(each) and not getattr(each, "_is_protocol", False):
            return True
        if name in getattr(each, "__static_attributes__", ()):
            return True
        init = vars(each).get("__init__")
        if init is not None and name in getattr(getattr(inspect.unwrap(init), "__code__", None), "co_names", ()):
            return True
    return False
