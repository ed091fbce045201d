"""`validate_input` when an argument does not pass: what the error and the metrics tell, and fallbacks."""

from __future__ import annotations

import asyncio
import functools
import pickle
from typing import Any

import pytest

import cladding
from cladding import Array, ConfigurationError, Keys, Range, ValidationError, validate_input

from .helpers import Level, checked, failure_of

np = pytest.importorskip("numpy")


# --------------------------------------------------------------------------------------------------------- what is told


def test_an_error_names_function_argument_path_expectation_and_what_came() -> None:
    expectation = Array(shape=("n", 6), dtype="float32", finite=True)

    @validate_input(x=expectation)
    def predict(x: Any) -> None: ...

    values = np.ones((4, 6), np.float32)
    values[3, 5] = np.nan
    with pytest.raises(ValidationError, match=r"predict: `x\[3, 5\]` must be finite, got nan$") as caught:
        predict(values)
    error = caught.value
    assert isinstance(error, ValueError)
    assert isinstance(error, cladding.CladdingError)
    assert error.function.endswith("predict")
    assert (error.argument, error.path, error.expectation, error.got) == ("x", "x[3, 5]", expectation, "nan")
    again = pickle.loads(pickle.dumps(error))
    assert vars(again) == vars(error)
    assert str(again) == str(error)


@pytest.mark.parametrize(
    ("expectation", "value", "text"),
    [
        (Range(0, 1), 2, "`x` must be a number from 0 to 1, got 2"),
        (Range(min=0.5), "a", "`x` must be a number of at least 0.5, got 'a'"),
        (Range(max=2), Level.HIGH, "`x` must be a number of at most 2, got Level"),
        (Range(), None, "`x` must be a number, got None"),
        (Range(0, 1), [2], "`x` must be a number from 0 to 1, got list [2]"),
        (Range(0, 1), np.ones((2, 3)), "got ndarray of dtype float64 and shape (2, 3)"),
        (
            Keys("a", "b"),
            {"a": 1, "z": 2},
            "`x` must have the keys 'a', 'b': 'b' is missing, got dict with the keys 'a', 'z'",
        ),
        (Keys("a"), {}, "`x` must have the key 'a', got an empty dict"),
        (Keys("a"), [1], "`x` must be a mapping with the key 'a', got list [1]"),
        (
            Array(dtype="float32"),
            np.ones((2, 3)),
            "`x` must be an array of dtype float32, got ndarray of dtype float64 and shape (2, 3)",
        ),
        (
            Array((2, None)),
            np.ones(3),
            "`x` must be an array of shape (2, any), got ndarray of dtype float64 and shape (3,)",
        ),
        (Array(("n", "n")), np.ones((2, 3)), "`x` must be an array of shape (n, n) with n = 2, got"),
        (Array(max=5), np.array([[1, 2], [9, 0]]), "`x[1, 0]` must be a number of at most 5, got 9"),
        (Array(min=0, max=1), np.array(-1.5), "`x[()]` must be a number from 0 to 1, got -1.5"),
    ],
)
def test_texts(expectation: Any, value: Any, text: str) -> None:
    assert text in str(failure_of(expectation, value))


def test_the_path_of_a_missing_key_is_its_place() -> None:
    error = failure_of(Keys("a", "b"), {"a": 1})
    assert (error.argument, error.path) == ("x", "x['b']")


def test_what_came_is_told_in_few_words() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError

    assert len(str(failure_of(Range(), "x" * 10_000))) < 300
    assert len(str(failure_of(Range(), list(range(10_000))))) < 300
    assert len(str(failure_of(Keys("a"), {f"key{i}": i for i in range(10_000)}))) < 300
    assert len(str(failure_of(Range(max=0), 10**5000))) < 300
    assert "Odd" in str(failure_of(Range(), Odd()))


def test_what_an_argument_raises_while_it_is_looked_at_is_heard() -> None:
    class Stops(dict):
        def __contains__(self, key: object) -> bool:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checked(Keys("a"))(Stops())


def test_the_metrics_count_rejections_by_argument() -> None:
    @validate_input(x=Range(0, 1), y=Keys("a"))
    def counted_here(x: Any, y: Any) -> None: ...

    for args in [(2, {}), (3, {}), (1, {}), (1, {"a": 1})]:
        try:
            counted_here(*args)
        except ValidationError:
            pass
    name = f"{__name__}.test_the_metrics_count_rejections_by_argument.<locals>.counted_here"
    text = cladding.metrics_text()
    assert f'cladding_rejected_inputs_total{{function="{name}",argument="x"}} 2\n' in text
    assert f'cladding_rejected_inputs_total{{function="{name}",argument="y"}} 1\n' in text


# ------------------------------------------------------------------------------------------------------------ fallbacks


def test_a_fallback_value_and_a_fallback_function() -> None:
    @validate_input(x=Range(0, 1), fallback=None)
    def value(x: float) -> float | None:
        return x

    @validate_input(x=Range(0, 1), fallback=lambda x, *, scale=1: -x * scale)
    def function(x: float, *, scale: float = 1) -> float:
        return x

    assert (value(1), value(2), function(1), function(2), function(x=2, scale=3)) == (1, None, 1, -2, -6)
    assert function.cladding.validate_input.stats == {"checked": 3, "rejected": 2, "fallbacks": 2}


def test_a_fallback_of_a_coroutine_is_what_it_gives_when_awaited() -> None:
    @validate_input(x=Range(0, 1), fallback=lambda x: ("bad", x))
    async def f(x: float) -> Any:
        return x

    assert asyncio.run(f(1)) == 1
    assert asyncio.run(f(2)) == ("bad", 2)


def test_a_fallback_that_fails_is_heard() -> None:
    @validate_input(x=Range(0, 1), fallback=lambda x: 1 / 0)
    def f(x: float) -> float:
        return x

    with pytest.raises(ZeroDivisionError):
        f(2)


def test_fallbacks_that_make_no_sense_are_refused() -> None:
    async def other(x: float) -> float:
        return x

    class Other:
        async def __call__(self, x: float) -> float:
            return x

    for fallback in (other, functools.partial(other, 1), Other()):
        policy = validate_input(x=Range(0, 1), fallback=fallback)
        for target in (other, lambda x: x):
            with pytest.raises(ConfigurationError, match=r"`fallback` of .* must not be a coroutine function"):
                policy(target)

    def items(x: float):
        yield x

    async def async_items(x: float):
        yield x

    for generator in (items, async_items):
        with pytest.raises(ConfigurationError, match=r"`fallback` cannot be used on .*generator"):
            validate_input(x=Range(0, 1), fallback=[])(generator)
