"""`cache_result`: cached functions that are pickled or copied."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import pytest

from cladding import cache_result


@cache_result
def at_module_level(x: int) -> list[int]:
    return [x]


def test_pickled_by_name_is_itself() -> None:
    assert pickle.loads(pickle.dumps(at_module_level)) is at_module_level
    assert copy.deepcopy(at_module_level) is at_module_level


def test_cloudpickled_comes_back_empty_and_working() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    bonus = 5

    @cache_result(ttl=None, max_entries=7)
    def local(x: int, y: int = 1) -> list[int]:
        return [x + y + bonus]

    local(1)
    program = (
        "import pickle, sys; f = pickle.load(sys.stdin.buffer); i = f.cache_info();"
        "assert f(1) is f(1) is f(x=1, y=1); print(f(1), i.currsize, f.cache_info().hits, f.cache_parameters()['max_entries'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=cloudpickle.dumps(local), capture_output=True, check=True, timeout=60
    )
    assert done.stdout.decode().strip() == "[7] 0 3 7"
