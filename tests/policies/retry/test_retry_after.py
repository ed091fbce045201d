"""`retry`: waits that the other side asks for, by whatever the exception carries."""

from __future__ import annotations

import email.message
import io
import re
import time
import urllib.error
from datetime import timedelta
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.kinds import Kind, all_kinds

from .helpers import Fails


class RefusedError(Exception):
    """An exception with whatever attributes it is given."""

    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)


class Headers:
    """As those of requests, httpx, aiohttp and urllib3: the case of a name does not matter."""

    def __init__(self, **fields: object) -> None:
        self.fields = {name.lower().replace("_", "-"): value for name, value in fields.items()}

    def get(self, name: str, default: object = None) -> object:
        return self.fields.get(name.lower(), default)


def _message(**fields: str) -> email.message.Message:
    message = email.message.Message()
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    return message


def _waits_for(cladding: Any, error: Any, **parameters: Any) -> list[float]:
    """The wait after one failure with this error."""
    waits: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cladding._waits.sleep", waits.append)
        options = {"exceptions": Exception, "schedule": [0.5], **parameters}
        assert cladding.retry(1, **options)(Fails(1, lambda: error))() == 2
    return waits


CARRIERS = {
    "requests and httpx": lambda: RefusedError(response=SimpleNamespace(headers=Headers(Retry_After="7"))),
    "aiohttp": lambda: RefusedError(status=429, headers=Headers(Retry_After="7")),
    "aiohttp without headers": lambda: RefusedError(
        headers=None, response=SimpleNamespace(headers={"Retry-After": "7"})
    ),
    "urllib": lambda: urllib.error.HTTPError("http://x", 503, "busy", _message(Retry_After="7"), io.BytesIO()),
    "a dictionary in lower case": lambda: RefusedError(headers={"retry-after": "7"}),
    "bytes": lambda: RefusedError(headers={"retry-after": b"7"}),
    "a response that is its headers": lambda: RefusedError(response={"Retry-After": "7"}),
    "botocore": lambda: RefusedError(
        response={"Error": {}, "ResponseMetadata": {"HTTPStatusCode": 503, "HTTPHeaders": {"retry-after": "7"}}}
    ),
    "gRPC": lambda: RefusedError(trailing_metadata=lambda: (("other", "1"), ("grpc-retry-pushback-ms", "7000"))),
    "gRPC with a field of HTTP": lambda: RefusedError(trailing_metadata=lambda: (("retry-after", "7"),)),
    "metadata as an attribute": lambda: RefusedError(trailing_metadata=[("Retry-After", "7")]),
    "a number": lambda: RefusedError(headers={"Retry-After": 7}),
    "a timedelta": lambda: RefusedError(headers={"Retry-After": timedelta(seconds=7)}),
}


@pytest.mark.parametrize("carrier", CARRIERS.values(), ids=CARRIERS)
def test_seconds_are_waited(cladding: Any, carrier: Any) -> None:
    error = carrier()
    assert _waits_for(cladding, error) == [7]
    if isinstance(error, urllib.error.HTTPError):
        error.close()


@pytest.mark.parametrize("format", ["rfc1123", "rfc850", "asctime"])
def test_dates_are_waited_for(cladding: Any, format: str) -> None:
    date = time.time() + 30
    text = {
        "rfc1123": formatdate(date, usegmt=True),
        "rfc850": time.strftime("%A, %d-%b-%y %H:%M:%S GMT", time.gmtime(date)),
        "asctime": time.asctime(time.gmtime(date)),
    }[format]
    [wait] = _waits_for(cladding, RefusedError(headers={"Retry-After": text}))
    assert 27 < wait <= 30


def test_a_date_that_is_past_is_no_wait(cladding: Any) -> None:
    assert _waits_for(cladding, RefusedError(headers={"Retry-After": formatdate(time.time() - 99, usegmt=True)})) == []


@pytest.mark.parametrize("asked", ["3600", formatdate(time.time() + 1e6, usegmt=True), "9" * 300])
def test_what_is_asked_for_is_capped(cladding: Any, asked: str) -> None:
    error = RefusedError(headers={"Retry-After": asked})
    assert _waits_for(cladding, error) == [60]
    assert _waits_for(cladding, error, max_retry_after=5) == [5]
    assert _waits_for(cladding, error, max_retry_after=timedelta(seconds=2)) == [2]


def test_a_cap_of_the_schedule_is_none_of_this(cladding: Any) -> None:
    error = RefusedError(headers={"Retry-After": "30"})
    assert _waits_for(cladding, error, schedule="constant", max_delay=1) == [30]


@all_kinds
def test_after_it_the_schedule_goes_on(cladding: Any, waits: list[float], kind: Kind) -> None:
    errors = iter([RefusedError(), RefusedError(headers={"Retry-After": "9"}), RefusedError()])
    fails = Fails(3, lambda: next(errors))
    f = cladding.retry(exceptions=RefusedError, jitter="none", initial_delay=1)(kind.make(fails))
    assert kind.run(f) == 4
    assert waits == [1, 9, 4]


def test_a_wait_that_could_not_end_before_the_deadline(cladding: Any, waits: list[float]) -> None:
    fails = Fails(9, lambda: RefusedError(headers={"Retry-After": "50"}))
    with pytest.raises(RefusedError) as caught:
        cladding.retry(exceptions=RefusedError, deadline=20)(fails)()
    assert (fails.calls, waits) == (1, [])
    assert caught.value.__notes__[0].endswith("the next wait of 50.000 s would not end before the deadline of 20 s")


def test_told_not_to_look(cladding: Any) -> None:
    assert _waits_for(cladding, RefusedError(headers={"Retry-After": "9"}), retry_after=False) == [0.5]


def test_a_predicate_that_says_how_long_has_the_last_word(cladding: Any) -> None:
    error = RefusedError(headers={"Retry-After": "9"})
    assert _waits_for(cladding, error, exceptions=lambda error: 3) == [3]
    assert _waits_for(cladding, error, exceptions=lambda error: True) == [9]


@pytest.mark.parametrize(("answer", "wait"), [(4, 4), (0.25, 0.25), (timedelta(seconds=3), 3), (None, 0.5), (99, 60)])
def test_a_callable_finds_it_elsewhere(cladding: Any, answer: Any, wait: float) -> None:
    error = RefusedError(headers={"Retry-After": "9"})
    seen: list[Exception] = []

    def find(error: Exception) -> Any:
        seen.append(error)
        return answer

    assert _waits_for(cladding, error, retry_after=find) == [wait]
    assert seen == [error]


@pytest.mark.parametrize("answer", [-1, float("nan"), float("inf"), 2e9, "3", True, [3]])
def test_a_callable_that_answers_something_else(cladding: Any, waits: list[float], answer: Any) -> None:
    fails = Fails(9)
    expected = f"retry: the callable of `retry_after` must answer seconds from 0 to 1e9, or None, got {answer!r}"
    with pytest.raises(cladding.ConfigurationError, match=f"^{re.escape(expected)}$") as caught:
        cladding.retry(retry_after=lambda error: answer)(fails)()
    assert caught.value.__context__ is fails.raised[0]
    assert fails.calls == 1


def test_a_callable_that_raises(cladding: Any, waits: list[float]) -> None:
    fails = Fails(9)
    with pytest.raises(AttributeError) as caught:
        cladding.retry(retry_after=lambda error: error.headers["x"])(fails)()
    assert caught.value.__context__ is fails.raised[0]


def test_properties_that_fail_say_nothing(cladding: Any) -> None:
    class OddError(Exception):
        @property
        def response(self) -> Any:
            raise RuntimeError("not read")

        @property
        def headers(self) -> Any:
            return SimpleNamespace(get=lambda name: 1 / 0)

        def trailing_metadata(self) -> Any:
            raise LookupError

    assert _waits_for(cladding, OddError()) == [0.5]


@pytest.mark.parametrize("attribute", ["response", "headers", "trailing_metadata"])
def test_an_interrupt_in_a_property_passes(cladding: Any, waits: list[float], attribute: str) -> None:
    def interrupted(self: object) -> None:
        raise KeyboardInterrupt

    error_type = type("OddError", (Exception,), {attribute: property(interrupted)})
    fails = Fails(9, error_type)
    with pytest.raises(KeyboardInterrupt):
        cladding.retry(exceptions=Exception)(fails)()
    assert fails.calls == 1


def test_a_response_that_pretends_to_have_everything(cladding: Any) -> None:
    from unittest import mock

    assert _waits_for(cladding, RefusedError(response=mock.MagicMock(), headers=mock.Mock())) == [0.5]


anything = st.one_of(
    st.text(st.characters()),  # lone surrogates too
    st.text("0123456789.:, GMTJanFebSu-+e", max_size=30),
    st.binary(),
    st.integers(),
    st.integers(10**300, 10**400),
    st.floats(),
    st.booleans(),
    st.none(),
    st.timedeltas(),
    st.lists(st.text(max_size=3), max_size=3),
    st.decimals(),
    st.builds(object),
)


@given(value=anything, carrier=st.sampled_from(["response", "headers", "grpc", "pushback", "bare", "botocore"]))
def test_garbage_never_breaks_a_call(cladding: Any, value: Any, carrier: str) -> None:
    headers = {"Retry-After": value}
    attributes: dict[str, Any] = {
        "response": {"response": SimpleNamespace(headers=headers)},
        "headers": {"headers": headers},
        "grpc": {"trailing_metadata": lambda: [("retry-after", value)]},
        "pushback": {"trailing_metadata": lambda: [("grpc-retry-pushback-ms", value)]},
        "bare": {"response": value, "headers": value, "trailing_metadata": value},
        "botocore": {"response": {"ResponseMetadata": {"HTTPHeaders": value}}},
    }[carrier]
    for wait in _waits_for(cladding, RefusedError(**attributes)):
        assert 0 < wait <= 60


@given(text=st.text(), seconds=st.integers(0, 10**9), fraction=st.integers(0, 999))
def test_only_numbers_and_dates_are_read(cladding: Any, text: str, seconds: int, fraction: int) -> None:
    number = f"{seconds}.{fraction:03}"
    expected = min(float(number), 60)
    assert _waits_for(cladding, RefusedError(headers={"Retry-After": f" {number} "})) == [expected] * (expected > 0)
    for garbage in (f"-{seconds}", f"{seconds}s", f"+{seconds}", f"{seconds}e1", f"x{text}"):
        assert _waits_for(cladding, RefusedError(headers={"Retry-After": garbage})) == [0.5]


@pytest.mark.parametrize("value", [1, "yes", None, 3.5])
def test_what_retry_after_cannot_be(cladding: Any, value: Any) -> None:
    with pytest.raises(cladding.ConfigurationError, match="`retry_after` must be a bool, or a callable"):
        cladding.retry(retry_after=value)
