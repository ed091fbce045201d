"""Many clients at once of a server that fails: nothing is lost, and nothing is hammered."""

from __future__ import annotations

import asyncio
import http.client
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .flaky_server import DOWN, OK, RESET, STALL, Answer, FlakyServer, Plan, by_seed, reply_to

httpx = pytest.importorskip("httpx")

THREADS, TASKS = 16, 24
PATIENCE = 20.0  # seconds; no answer takes so long, on however busy a machine
# Half of all first attempts fail, in one way or another.
FLAKY = {Answer(500): 0.15, DOWN: 0.1, RESET: 0.15, STALL: 0.04, Answer(503, after=0): 0.04}
# A key that is doomed never gets anything but a failure; nobody has to be asked twice about one that is not there.
DOOMED, ABSENT = Answer(500), Answer(404)
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def flaky(seed: int) -> Plan:
    plan = by_seed(seed, FLAKY, most=3)

    def with_exceptions(key: str, before: int) -> Answer:
        number = int(key.rpartition("-")[2])
        return DOOMED if number % 20 == 7 else ABSENT if number % 20 == 13 else plan(key, before)

    return with_exceptions


def worth_it(error: Exception) -> bool:
    """Whether another attempt may come to more."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in {429, 500, 503}
    if isinstance(error, urllib.error.HTTPError):
        return error.code in {429, 500, 503}
    return isinstance(error, httpx.TransportError | http.client.HTTPException | OSError)


def status_of(error: BaseException) -> int:
    return error.response.status_code if isinstance(error, httpx.HTTPStatusError) else getattr(error, "code", 0)


def with_httpx(server: FlakyServer, client: httpx.Client, seconds: float = PATIENCE) -> Callable[[str], str]:
    def get(key: str) -> str:
        return client.get(server.url(key), timeout=seconds).raise_for_status().text

    return get


def with_httpx_async(server: FlakyServer, client: httpx.AsyncClient) -> Callable[[str], Any]:
    async def get(key: str) -> str:
        return (await client.get(server.url(key))).raise_for_status().text

    return get


def with_urllib(server: FlakyServer, seconds: float = PATIENCE) -> Callable[[str], str]:
    def get(key: str) -> str:
        try:
            with NO_PROXY.open(server.url(key), timeout=seconds) as response:
                return response.read().decode()
        except urllib.error.HTTPError as error:
            error.close()
            raise

    return get


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, verify=False, limits=httpx.Limits()) as client:
        yield client


def in_threads(get: Callable[[str], str], keys: list[str]) -> dict[str, Any]:
    """What each key came to: the answer, or the exception."""

    def one(key: str) -> tuple[str, Any]:
        try:
            return key, get(key)
        except Exception as error:
            return key, error

    with ThreadPoolExecutor(THREADS) as pool:
        return dict(pool.map(one, keys))


def in_tasks(make: Callable[[httpx.AsyncClient], Callable[[str], Any]], keys: list[str]) -> dict[str, Any]:
    """The same in tasks of one event loop."""
    left = iter(keys)
    came_to: dict[str, Any] = {}

    async def work(get: Callable[[str], Any]) -> None:
        for key in left:
            try:
                came_to[key] = await get(key)
            except Exception as error:
                came_to[key] = error

    async def main() -> None:
        # No timeout of its own: the attempts' timeout is what ends a stall.
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=None, limits=httpx.Limits()) as client:
            get = make(client)
            async with asyncio.TaskGroup() as tasks:
                for _ in range(TASKS):
                    tasks.create_task(work(get))

    asyncio.run(main())
    return came_to


def assert_none_lost(server: FlakyServer, keys: list[str], came_to: dict[str, Any], stats: dict[str, Any]) -> None:
    assert sorted(came_to) == sorted(keys)
    attempts = Counter(seen.key for seen in server.log)
    answered = {seen.key for seen in server.log if seen.answer.status == 200}
    for key, result in came_to.items():
        number = int(key.rpartition("-")[2])
        if number % 20 == 7:
            assert worth_it(result)
            assert attempts[key] <= 9
            assert "gave up after 9 attempts" in result.__notes__[0]
        elif number % 20 == 13:
            assert status_of(result) == 404
            assert not hasattr(result, "__notes__")
        else:
            assert result == reply_to(key)
            assert key in answered
    assert stats["calls"] == len(keys)
    # An attempt that timed out on a busy machine may never have got as far as the server.
    assert len(keys) < len(server.log) <= stats["calls"] + stats["retries"]
    for kind in FLAKY:
        assert any(seen.answer == kind for seen in server.log), kind


POLICY: dict[str, Any] = {
    "max_retries": 8,
    "exceptions": worth_it,
    "initial_delay": 0.002,
    "max_delay": 0.02,
    "deadline": 50,
}


def all_well(key: str, before: int) -> Answer:
    return OK


def patience(batch: Callable[[FlakyServer, list[str]], object]) -> float:
    """Seconds that no attempt takes which is answered: several times what as many at once take on this machine, now."""
    with FlakyServer(all_well) as server:
        start = time.monotonic()
        batch(server, [f"warm-{number}" for number in range(2 * TASKS)])
        return min(5.0, max(0.3, 4 * (time.monotonic() - start)))


def test_no_request_of_many_threads_is_lost(cladding: Any, client: httpx.Client) -> None:
    keys = [f"row-{number}" for number in range(150)]
    seconds = patience(lambda server, keys: in_threads(with_httpx(server, client), keys))
    with FlakyServer(flaky(1)) as server:
        get = cladding.retry(**POLICY, budget=cladding.RetryBudget(ratio=10))(with_httpx(server, client, seconds))
        assert_none_lost(server, keys, in_threads(get, keys), get.cladding.retry.stats)


def test_no_request_of_many_threads_is_lost_with_a_timeout_of_the_attempts(cladding: Any) -> None:
    keys = [f"row-{number}" for number in range(100)]
    seconds = patience(lambda server, keys: in_threads(cladding.timeout(PATIENCE)(with_urllib(server)), keys))
    with FlakyServer(flaky(2)) as server:
        # The socket's own timeout ends the threads that are left to run.
        get = cladding.retry(**POLICY, timeout=seconds)(with_urllib(server, 2 * seconds))
        assert_none_lost(server, keys, in_threads(get, keys), get.cladding.retry.stats)


def test_no_request_of_many_tasks_is_lost(cladding: Any) -> None:
    keys = [f"row-{number}" for number in range(200)]
    breaker = cladding.CircuitBreaker(failure_ratio=0.95, min_calls=100, exceptions=worth_it)
    seconds = patience(lambda server, keys: in_tasks(lambda client: with_httpx_async(server, client), keys))
    policy = cladding.retry(**POLICY, timeout=seconds, budget=cladding.RetryBudget(ratio=10), breaker=breaker)
    made: list[Any] = []

    def make(client: httpx.AsyncClient) -> Callable[[str], Any]:
        made.append(policy(with_httpx_async(server, client)))
        return made[0]

    with FlakyServer(flaky(3)) as server:
        came_to = in_tasks(make, keys)
        assert_none_lost(server, keys, came_to, made[0].cladding.retry.stats)
    assert breaker.state == "closed"


def test_a_budget_keeps_the_load_on_a_server_that_is_down_within_its_promise(
    cladding: Any, client: httpx.Client
) -> None:
    tenacity = pytest.importorskip("tenacity")
    calls, max_retries = 160, 4
    keys = [f"row-{number}" for number in range(calls)]
    waits = {"initial_delay": 0.002, "jitter": "none", "max_delay": 0.01}

    def load(decorate: Callable[[Any], Any]) -> tuple[int, float]:
        with FlakyServer(lambda key, before: DOWN) as server:
            start = time.monotonic()
            came_to = in_threads(decorate(with_httpx(server, client)), keys)
            took = time.monotonic() - start
        assert {status_of(error) for error in came_to.values()} == {503}
        return len(server.log), took

    alone, _ = load(
        tenacity.retry(
            stop=tenacity.stop_after_attempt(1 + max_retries),
            wait=tenacity.wait_exponential(multiplier=0.002, max=0.01),
            retry=tenacity.retry_if_exception(worth_it),
            reraise=True,
        )
    )
    assert alone == calls * (1 + max_retries)
    without, _ = load(cladding.retry(max_retries, exceptions=worth_it, **waits))
    assert without == alone

    ratio, least, window = 0.2, 5.0, 2.0
    budget = cladding.RetryBudget(ratio=ratio, min_per_second=least, window=window)
    loaded, took = load(cladding.retry(max_retries, exceptions=worth_it, budget=budget, **waits))
    # In any window (nine tenths of it at least) a fifth of its calls, and so many a second.
    assert calls <= loaded <= calls + (calls * ratio + least * took) / 0.9 + least * window
    assert loaded < alone / 2
    assert loaded - calls == budget.stats["retries"]
    assert budget.stats["refused"] > 0


def test_a_budget_is_shared_by_threads_tasks_and_functions(cladding: Any, client: httpx.Client) -> None:
    keys = [f"row-{number}" for number in range(120)]
    budget = cladding.RetryBudget(ratio=0.1, min_per_second=0, window=60)
    policy = cladding.retry(exceptions=worth_it, initial_delay=0.001, budget=budget)
    with FlakyServer(lambda key, before: DOWN) as server:
        threads = threading.Thread(target=in_threads, args=(policy(with_httpx(server, client)), keys))
        threads.start()
        in_tasks(lambda client: policy(with_httpx_async(server, client)), keys)
        threads.join()
    assert budget.stats["retries"] == 24
    assert len(server.log) == 240 + 24


def asked_to_wait(key: str, before: int) -> Answer:
    """Every key is sent away once: with seconds, or with a date, by either status."""
    number = int(key.rpartition("-")[2])
    if before:
        return OK
    status = 429 if number % 4 < 2 else 503
    return Answer(status, after=0, as_date=True) if number % 2 else Answer(status, after=1)


def assert_waited(server: FlakyServer, keys: list[str]) -> None:
    for key in keys:
        first, second = server.of(key)
        # What clocks of some systems are off by at most between two threads.
        assert second.came >= first.may_return - 0.02
        assert second.came_wall >= first.may_return_wall - 0.02
    assert {bool(seen.may_return) for seen in server.log} == {True, False}


def test_threads_do_not_come_back_before_they_are_asked_to(cladding: Any, client: httpx.Client) -> None:
    keys = [f"row-{number}" for number in range(THREADS)]
    policy = cladding.retry(exceptions=worth_it, initial_delay=0)
    with FlakyServer(asked_to_wait) as server:
        by_httpx, by_urllib = policy(with_httpx(server, client)), policy(with_urllib(server))
        came_to = in_threads(lambda key: (by_httpx if int(key[4:]) % 8 < 4 else by_urllib)(key), keys)
    assert came_to == {key: reply_to(key) for key in keys}
    assert_waited(server, keys)


def test_tasks_do_not_come_back_before_they_are_asked_to(cladding: Any) -> None:
    keys = [f"row-{number}" for number in range(TASKS)]
    policy = cladding.retry(exceptions=worth_it, initial_delay=0)
    with FlakyServer(asked_to_wait) as server:
        came_to = in_tasks(lambda client: policy(with_httpx_async(server, client)), keys)
    assert came_to == {key: reply_to(key) for key in keys}
    assert_waited(server, keys)


def test_who_is_asked_to_wait_beyond_the_deadline_gives_up_at_once(cladding: Any, client: httpx.Client) -> None:
    with FlakyServer(lambda key, before: Answer(503, after=50)) as server:
        get = cladding.retry(exceptions=worth_it, deadline=20)(with_httpx(server, client))
        with pytest.raises(httpx.HTTPStatusError, match="503") as caught:
            get("row-1")
    assert len(server.log) == 1
    assert "deadline" in caught.value.__notes__[0]


def test_a_breaker_spares_a_server_that_is_dead_and_comes_back_with_it(cladding: Any, client: httpx.Client) -> None:
    dead = [True]
    open_for, min_calls = 0.25, 10
    breaker = cladding.CircuitBreaker(min_calls=min_calls, open_for=open_for, exceptions=worth_it)
    policy = cladding.retry(exceptions=worth_it, initial_delay=0.001, breaker=breaker)
    keys = [f"row-{number}" for number in range(400)]
    with FlakyServer(lambda key, before: RESET if dead[0] else OK) as server:
        get = policy(with_httpx(server, client))
        start = time.monotonic()
        came_to = in_threads(get, keys)
        # Those that opened it, those that were under way then, and the probes since.
        most = min_calls + THREADS + (time.monotonic() - start) / open_for + 1
        assert min_calls <= len(server.log) <= most
        refused = [error for error in came_to.values() if isinstance(error, cladding.CircuitOpenError)]
        assert len(refused) >= len(keys) - most
        assert all(0 <= error.retry_in <= open_for for error in refused)

        dead[0] = False
        spared = len(server.log)
        while True:
            try:
                assert get("back-1") == reply_to("back-1")
                break
            except cladding.CircuitOpenError as error:
                time.sleep(error.retry_in)
        # It was a probe that got through, and the only one that went to the server.
        assert len(server.log) == spared + 1
        assert breaker.state == "closed"
        assert in_threads(get, keys) == {key: reply_to(key) for key in keys}
