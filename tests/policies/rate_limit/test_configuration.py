"""`rate_limit` as it is written down: what is refused, and limits that functions share."""

from __future__ import annotations

import copy
import gc
import pickle
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest


def test_the_policy_apart_from_any_function(cladding: Any) -> None:
    policy = cladding.rate_limit(5, timedelta(minutes=1))
    assert policy == cladding.rate_limit(rate=5, per=timedelta(minutes=1)) != cladding.rate_limit(5)
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert repr(cladding.rate_limit(5)) == "rate_limit(rate=5, per=1.0, burst=None, max_wait=None)"


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        *(("rate", value) for value in (0, -1, "3", True, float("nan"), float("inf"), 1e10, 1e-10, print)),
        *(("per", value) for value in (0, -1, "1", None, float("nan"), float("inf"), 2e9, timedelta(0))),
        *(("burst", value) for value in (0, -1, 1.5, "2", True)),
        *(("max_wait", value) for value in (-1, "1", float("nan"), float("inf"), 2e9, timedelta(seconds=-1), True)),
        ("enabled", "yes"),
    ],
)
def test_wrong_parameters_are_refused_by_name(cladding: Any, parameter: str, value: object) -> None:
    with pytest.raises(cladding.ConfigurationError, match=f"^rate_limit: `{parameter}` must be "):
        cladding.rate_limit(**{"rate": 1, parameter: value})
    if parameter in {"rate", "per", "burst"}:
        with pytest.raises(cladding.ConfigurationError, match=f"^RateLimiter: `{parameter}` must be "):
            cladding.RateLimiter(**{"rate": 1, parameter: value})


def test_either_a_rate_or_a_limiter(cladding: Any) -> None:
    limiter = cladding.RateLimiter(1)
    for more in ({"rate": 1}, {"per": 2}, {"burst": 3}):
        with pytest.raises(cladding.ConfigurationError, match=r"^rate_limit: `limiter` has its own"):
            cladding.rate_limit(limiter=limiter, **more)
    for use in (cladding.rate_limit, lambda: cladding.stack(cladding.rate_limit)):
        with pytest.raises(cladding.ConfigurationError, match=r"^rate_limit: `rate` is needed"):
            use()
    with pytest.raises(cladding.ConfigurationError, match=r"^rate_limit: `limiter` must be a RateLimiter, or None"):
        cladding.rate_limit(limiter=3)


def test_what_a_limiter_tells(cladding: Any) -> None:
    limiter = cladding.RateLimiter(2.5, 60)
    assert (limiter.rate, limiter.per, limiter.burst, limiter.available) == (2.5, 60, 2, 2)
    assert repr(limiter) == "RateLimiter(rate=2.5, per=60, burst=2)"
    f = cladding.rate_limit(limiter=limiter, max_wait=0)(lambda: None)
    f()
    assert limiter.available == 1
    with pytest.raises(AttributeError):
        limiter.rate = 3


def test_functions_share_a_limiter(cladding: Any) -> None:
    policy = cladding.rate_limit(limiter=cladding.RateLimiter(2, 10_000), max_wait=0)
    f, g = policy(lambda: 1), policy(lambda: 2)
    assert (f(), g()) == (1, 2)
    for each in (f, g):
        with pytest.raises(cladding.RateLimitError):
            each()
    assert (f.cladding.rate_limit.stats["rejected"], g.cladding.rate_limit.stats["rejected"]) == (1, 1)


def test_a_copy_of_a_limiter_is_the_limiter(cladding: Any) -> None:
    limiter = cladding.RateLimiter(2)
    assert copy.copy(limiter) is copy.deepcopy(limiter) is limiter
    pickled = pickle.dumps([limiter, cladding.rate_limit(limiter=limiter)])
    for _ in range(2):
        again, policy = pickle.loads(pickled)
        assert again is limiter
        assert policy == cladding.rate_limit(limiter=limiter)


def test_a_limiter_in_another_process(cladding: Any) -> None:
    pickled = pickle.dumps(cladding.RateLimiter(3, 60, burst=2))
    program = (
        "import pickle, sys\n"
        "pickled = sys.stdin.buffer.read()\n"
        "one, other = pickle.loads(pickled), pickle.loads(pickled)\n"
        "assert one is other and pickle.loads(pickle.dumps(one)) is one\n"
        "print(one)"
    )
    process = subprocess.run(
        [sys.executable, "-c", program], input=pickled, capture_output=True, check=True, timeout=60
    )
    assert process.stdout.decode().strip() == "RateLimiter(rate=3, per=60, burst=2)"


def test_threads_unpickle_one_limiter(cladding: Any) -> None:
    limiter = cladding.RateLimiter(2)
    pickled, gone = pickle.dumps(limiter), weakref.ref(limiter)
    del limiter
    gc.collect()
    assert gone() is None  # nothing keeps what nobody uses
    with ThreadPoolExecutor(8) as pool:
        made = [*pool.map(lambda _: pickle.loads(pickled), range(200))]
    assert len({id(each) for each in made}) == 1
