"""A function's own code, and the name that its results have for other processes: what ``cache_result`` keeps them apart by."""

from __future__ import annotations

import hashlib
import inspect
from types import CodeType, ModuleType
from typing import Any

from cladding._errors import ConfigurationError


def version_of(target: object) -> str:
    """A short text that changes with the source of a function or class, or with its bytecode where no source is found.

    Names that it uses, and what they lead to, are not looked into.

    Raises:
        ConfigurationError: if it has neither, as builtin functions.
    """
    target = inspect.unwrap(target)  # type: ignore[arg-type]
    try:
        text = inspect.getsource(target)  # type: ignore[arg-type]
    except (OSError, TypeError):
        code = getattr(target, "__code__", None)
        if not isinstance(code, CodeType):
            message = (
                f"cache_result: `version` cannot be 'source' for {target!r}, which has neither source nor bytecode"
            )
            raise ConfigurationError(message) from None
        text = repr(_parts(code))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _parts(code: CodeType) -> tuple[Any, ...]:
    """What makes a code object do what it does; not where it stands."""
    constants = [_parts(each) if isinstance(each, CodeType) else _constant(each) for each in code.co_consts]
    return (code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars, code.co_flags)


def _constant(value: object) -> object:
    """A constant as a text that is the same in every process; the order of a set's items is not."""
    return sorted(map(repr, value)) if isinstance(value, frozenset) else value


def namespace_of(module: str, qualname: str, target: object) -> str:
    """The name by which other processes know the same function: its own, with a hash of the code where that says too little.

    Raises:
        ConfigurationError: if its name and code do not say what it does.
    """
    name = f"{module}.{qualname}"
    owner = getattr(target, "__self__", None)
    if owner is not None and not isinstance(owner, ModuleType | type):
        raise _needed(name, f"is bound to a {type(owner).__qualname__}, which its name does not tell")
    if getattr(target, "__qualname__", None) is None and getattr(target, "__objclass__", None) is None:
        raise _needed(name, f"is a {type(target).__qualname__} and has no name of its own")
    is_main = module in ("__main__", "__mp_main__")
    if not is_main and "<" not in qualname:
        return name
    if outer := sorted(_outer_names(inspect.unwrap(target))):  # type: ignore[arg-type]
        raise _needed(name, f"uses what is around it ({', '.join(outer)}), which can be different each time")
    name = f"__main__.{qualname}" if is_main else name
    return f"{name}:{_hash_of_code(target) if '<lambda>' in qualname else version_of(target)}"


def _needed(name: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"cache_result: `namespace` has to be given where a store is shared by processes: {name}() {why}"
    )


def _outer_names(target: Any) -> set[str]:
    """The variables of functions around it that a function, or a class's methods, use."""
    functions = vars(target).values() if isinstance(target, type) else [target]
    codes = [getattr(inspect.unwrap(function), "__code__", None) for function in functions]
    names = {name for code in codes if isinstance(code, CodeType) for name in code.co_freevars}
    return names - {"__class__"}


def _hash_of_code(target: Any) -> str:
    """Of the bytecode: several lambdas can be written in one line."""
    code = inspect.unwrap(target).__code__
    return hashlib.sha256(repr(_parts(code)).encode("utf-8", "surrogatepass")).hexdigest()[:16]
