"""Versions and what is asked of them, as the Python packaging specification "Version specifiers" (PEP 440) orders them."""

from __future__ import annotations

import re
from functools import total_ordering
from typing import Any, NamedTuple

_VERSION = re.compile(
    r"""
    \s* v?
    (?: (?P<epoch>\d+) ! )?
    (?P<release> \d+ (?: \.\d+ )* )
    (?: [-_.]? (?P<pre>alpha|beta|preview|pre|rc|a|b|c) [-_.]? (?P<pre_number>\d*) )?
    (?: - (?P<post_bare>\d+) | [-_.]? (?P<post>post|rev|r) [-_.]? (?P<post_number>\d*) )?
    (?: [-_.]? (?P<dev>dev) [-_.]? (?P<dev_number>\d*) )?
    (?: \+ (?P<local> [a-z0-9]+ (?: [-_.] [a-z0-9]+ )* ) )?
    \s*
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_PRE = {"a": 0, "alpha": 0, "b": 1, "beta": 1, "c": 2, "rc": 2, "pre": 2, "preview": 2}
# Before any pre-release, and after all of them; likewise for post-releases and development releases.
_LOWEST, _HIGHEST = (-1,), (9,)


@total_ordering
class Version:
    """A version that can be compared."""

    def __init__(self, text: str) -> None:
        match = _VERSION.fullmatch(text)
        if match is None:
            message = f"{text!r} is no version"
            raise ValueError(message)
        self.text = text.strip()
        self.epoch = int(match["epoch"] or 0)
        self.release = tuple(map(int, match["release"].split(".")))
        self.pre = None if match["pre"] is None else (_PRE[match["pre"].lower()], int(match["pre_number"] or 0))
        bare, named = match["post_bare"], match["post"]
        self.post = None if bare is None and named is None else int(bare or match["post_number"] or 0)
        self.dev = None if match["dev"] is None else int(match["dev_number"] or 0)
        local = match["local"]
        self.local = () if local is None else tuple(map(_local_part, re.split(r"[-_.]", local.lower())))

    @property
    def public(self) -> tuple[Any, ...]:
        """All but the local part, in an order that Python's tuples have."""
        release = self.release
        while len(release) > 1 and release[-1] == 0:
            release = release[:-1]
        if self.pre is not None:
            pre: tuple[int, ...] = self.pre
        else:
            # 1.0.dev1 comes before 1.0a1, but 1.0.post1.dev1 after 1.0.
            pre = _LOWEST if self.post is None and self.dev is not None else _HIGHEST
        post = -1 if self.post is None else self.post
        dev = (1, 0) if self.dev is None else (0, self.dev)
        return (self.epoch, release, pre, post, dev)

    @property
    def is_prerelease(self) -> bool:
        """Whether it is an alpha, beta, candidate or development release."""
        return self.pre is not None or self.dev is not None

    @property
    def base(self) -> tuple[int, tuple[int, ...]]:
        """Epoch and release, without zeros at the end."""
        epoch, release, *_ = self.public
        return epoch, release

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Version):
            return NotImplemented
        return (self.public, self.local) == (other.public, other.local)

    def __lt__(self, other: Version) -> bool:
        return (self.public, self.local) < (other.public, other.local)

    def __hash__(self) -> int:
        return hash((self.public, self.local))


def _local_part(part: str) -> tuple[int, int, str]:
    """Numbers come after text, and are compared as numbers."""
    return (1, int(part), "") if part.isdigit() else (0, 0, part)


_CLAUSE = re.compile(r"\s*(===|==|!=|~=|<=|>=|<|>)\s*([^\s,]+)\s*", re.ASCII)


class Clause(NamedTuple):
    """One condition, such as ``>=2.1``."""

    operator: str
    version: str


def clauses(text: str) -> tuple[Clause, ...]:
    """Conditions, separated by commas.

    Raises:
        ValueError: one of them is none.
    """
    found: list[Clause] = []
    for part in text.split(","):
        match = _CLAUSE.fullmatch(part)
        if match is None:
            message = f"{part.strip()!r} is no condition such as '>=2.1'"
            raise ValueError(message)
        operator, version = match[1], match[2]
        if operator != "===":
            wanted = Version(version.removesuffix(".*"))
            if version.endswith(".*") and (operator not in ("==", "!=") or wanted.dev is not None or wanted.local):
                message = f"'.*' cannot stand in {part.strip()!r}"
                raise ValueError(message)
            if wanted.local and operator not in ("==", "!="):
                message = f"{part.strip()!r} cannot name a local version"
                raise ValueError(message)
            if operator == "~=" and len(wanted.release) < 2:
                message = f"{part.strip()!r} needs two numbers at least"
                raise ValueError(message)
        found.append(Clause(operator, version))
    return tuple(found)


def satisfies(version: str, conditions: tuple[Clause, ...]) -> bool:
    """Whether a version that is installed meets every condition. A pre-release is compared like any other version."""
    return all(_meets(version, condition) for condition in conditions)


def _meets(text: str, condition: Clause) -> bool:
    operator, wanted_text = condition
    if operator == "===":
        return text.strip().lower() == wanted_text.lower()
    try:
        version = Version(text)
    except ValueError:
        return False
    if operator == "~=":
        wanted = Version(wanted_text)
        return version.public >= wanted.public and _starts_with(version, wanted, wanted.release[:-1])
    if operator in ("==", "!="):
        return _equals(version, wanted_text) is (operator == "==")
    wanted = Version(wanted_text)
    if operator == "<=":
        return version.public <= wanted.public
    if operator == ">=":
        return version.public >= wanted.public
    if operator == "<":
        # A pre-release of the version named is not meant, unless a pre-release is named.
        early = version.is_prerelease and not wanted.is_prerelease and version.base == wanted.base
        return version.public < wanted.public and not early
    late = version.post is not None and wanted.post is None and version.base == wanted.base
    return version.public > wanted.public and not late


def _equals(version: Version, wanted_text: str) -> bool:
    wanted = Version(wanted_text.removesuffix(".*"))
    if wanted_text.endswith(".*"):
        if wanted.pre is None and wanted.post is None:
            return _starts_with(version, wanted, wanted.release)
        fits = version.base == wanted.base and version.pre == wanted.pre
        return fits and (wanted.post is None or version.post == wanted.post)
    return version == wanted if wanted.local else version.public == wanted.public


def _starts_with(version: Version, wanted: Version, release: tuple[int, ...]) -> bool:
    padded = version.release + (0,) * (len(release) - len(version.release))
    return version.epoch == wanted.epoch and padded[: len(release)] == release
