"""``is_available``: whether a package can be imported, without importing it."""

from __future__ import annotations

import functools
import re
import sys
from typing import Any, Final

from cladding._gallery._checks import check_kind, wrong
from cladding._gallery._versions import Clause, clauses, satisfies

_REQUIREMENT = re.compile(r"\s*([^\W\d]\w*(?:\.[^\W\d]\w*)*)\s*(.*)", re.DOTALL)

_ALLOWED = "an import name, perhaps with conditions, such as 'torch' or 'torch>=2.1,<3'"


class _IsAvailable:
    """Whether a module can be imported, in a version that is asked for; nothing is imported to find out.

    >>> from cladding import is_available
    >>> is_available("json"), is_available("no_such_package")
    (True, False)

    Answers are kept, up to 1,024 of them, until ``is_available.cache_clear()``, which is needed after an installation while
    the process runs. A directory without an ``__init__.py`` counts as a place for modules and not as a module, so that a
    folder ``torch`` beside a script is not taken for the library.

    The version is that of the installed distribution which the module comes from, whatever its name is (``"PIL>=10"``,
    ``"sklearn<2"``); for a module of no distribution it is the ``__version__`` of the module if that is imported already,
    and else unknown, which meets no condition. Versions are compared as the specification of version specifiers says,
    except that an installed pre-release meets ``>=2.1`` if it is later than 2.1.

    Args:
        requirement: an import name, perhaps dotted, perhaps with conditions such as ``"torch>=2.1,<3"``.

    Raises:
        ConfigurationError: ``requirement`` is no such thing.
    """

    __name__ = "is_available"
    __qualname__ = "is_available"

    def __call__(self, requirement: str) -> bool:
        check_kind("is_available", "requirement", requirement, str, _ALLOWED)
        return _answer(requirement)

    def cache_clear(self) -> None:
        """Forgets all answers, and what the import system has remembered of directories."""
        import importlib

        importlib.invalidate_caches()
        _answer.cache_clear()

    def __repr__(self) -> str:
        return "<function is_available>"

    def __reduce__(self) -> str:
        return "is_available"


@functools.lru_cache(maxsize=1024)
def _answer(requirement: str) -> bool:
    match = _REQUIREMENT.fullmatch(requirement)
    if match is None:
        raise wrong("is_available", "requirement", _ALLOWED, requirement)
    name, rest = match.groups()
    conditions: tuple[Clause, ...] = ()
    if rest:
        try:
            conditions = clauses(rest)
        except ValueError as error:
            raise wrong("is_available", "requirement", f"{_ALLOWED} ({error})", requirement) from None
    return _can_be_imported(name) and (not conditions or _has_version(name, conditions))


def _can_be_imported(name: str) -> bool:
    path: Any = None
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        prefix = ".".join(parts[:depth])
        if prefix in sys.modules:
            module: Any = sys.modules[prefix]
            if module is None:
                return False
            path = getattr(module, "__path__", [])
            namespace = path and getattr(module, "__file__", None) is None and not hasattr(module, "__version__")
        else:
            spec = _spec(prefix, path)
            if spec is None:
                return False
            path = spec.submodule_search_locations or []
            namespace = spec.origin is None and spec.submodule_search_locations is not None
        if namespace and depth == len(parts):
            return False
    return True


def _spec(name: str, path: Any) -> Any:
    """The specification of a module; its parent is not imported, as ``importlib.util.find_spec`` would."""
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        spec = find(name, path, None) if find is not None else None
        if spec is not None:
            return spec
    return None


def _has_version(name: str, conditions: tuple[Clause, ...]) -> bool:
    from importlib import metadata

    top = name.partition(".")[0]
    try:
        found = [metadata.version(top)]
    except metadata.PackageNotFoundError:
        distributions = metadata.packages_distributions().get(top, ())
        found = [metadata.version(distribution) for distribution in distributions]
    if not found:
        found = [str(getattr(sys.modules.get(top), "__version__", ""))]
    # Broken metadata has no version, whatever its type says.
    return any(satisfies(str(version), conditions) for version in found)


is_available: Final = _IsAvailable()
