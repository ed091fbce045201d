"""Mistakes with caches that type checkers find."""

from __future__ import annotations

from cladding import cache, lru_cache, memoize


@lru_cache(maxsize=8)
def square(x: int) -> int:
    return x * x


class Model:
    @lru_cache(per_instance=True)
    def scale(self, x: int) -> int:
        return x

    @memoize
    def load(self, path: str) -> bytes:
        return path.encode()


square("3")  # expect: arg-type reportArgumentType
square(3, 4)  # expect: call-arg reportCallIssue
Model().scale("3")  # expect: arg-type reportArgumentType
Model().load(3)  # expect: arg-type reportArgumentType
square.cache_infos()  # expect: attr-defined reportAttributeAccessIssue,reportUnknownMemberType
cache(maxsize=3)  # expect: call-overload reportCallIssue
