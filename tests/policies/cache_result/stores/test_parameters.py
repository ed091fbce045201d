"""Wrong parameters of stores: an error at decoration that names the parameter, the value and what is allowed."""

from __future__ import annotations

import pickle
import re
from typing import Any

import pytest

from cladding import ConfigurationError, cache_result


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"store": "redsi://localhost"}, r"`?store`?.*redsi.*redis://"),
        ({"store": "just a path"}, r"`?store`?.*URL"),
        ({"store": "redis://localhost/not-a-number"}, r"store"),
        ({"store": "redis://localhost:port"}, r"store"),
        ({"store": ""}, r"`store` must be .*got ''"),
        ({"store": 5}, r"`store` must be .*got 5"),
        ({"serializer": "yaml"}, r"`serializer` must be .*\"pickle\".*got 'yaml'"),
        ({"serializer": object()}, r"`serializer` must be .*dumps.*got <object"),
        ({"serializer": "pickle"}, r"`?serializer`?.*pickle.*`?signing_key`?"),
        ({"signing_key": "short"}, r"`signing_key` must be"),
        ({"signing_key": 12345678901234567890}, r"`signing_key` must be"),
        ({"lease": 0}, r"`lease` must be .*got 0"),
        ({"lease": float("nan")}, r"`lease` must be .*got nan"),
        ({"lease": None}, r"`lease` must be .*got None"),
        ({"store_timeout": -1}, r"`store_timeout` must be .*got -1"),
        ({"store_timeout": "1s"}, r"`store_timeout` must be .*got '1s'"),
        ({"near": -1}, r"`near` must be .*got -1"),
        ({"store": "file:///var/cache/app.db", "generators": 5}, r"`generators` and `store` cannot be used together"),
        ({"near": "near"}, r"`near` must be .*got 'near'"),
    ],
)
def test_wrong_parameters(parameters: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        cache_result(**parameters)(len)
    assert str(caught.value).startswith("cache_result: ")
    assert re.search(says, str(caught.value)), caught.value


@pytest.mark.parametrize("url", ["redsi://user:very-secret@host", "redis://user:very-secret@host:port", "very-secret"])
def test_passwords_and_keys_are_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        cache_result(store=url)
    assert "very-secret" not in str(caught.value)
    with pytest.raises(ConfigurationError) as caught:
        cache_result(signing_key="secret")
    assert "'secret'" not in str(caught.value)


def test_secrets_are_not_in_what_a_policy_shows() -> None:
    made = cache_result(store="redis://:very-secret@localhost", signing_key="also-very-secret-indeed")
    f = made(len)
    shown = f"{made!r} {f.cladding!r} {f.cladding.cache_result!r} {f.cache_parameters()}"
    assert "very-secret" not in shown
    # A worker that gets it by pickle needs them.
    assert pickle.loads(pickle.dumps(made)) == made


def test_without_a_store_the_rest_does_not_matter() -> None:
    for store in (None, "memory://"):
        f = cache_result(store=store, lease=5, store_timeout=1, near=True, serializer="pickle", signing_key=b"k" * 16)(
            abs
        )
        assert f(-2) == f(-2) == 2
        assert f.cache_info()[:2] == (1, 1)
        assert f.cache_parameters()["store"] is None


def test_a_closure_needs_a_namespace() -> None:
    factor = 3

    def times(x: int) -> int:
        return factor * x

    with pytest.raises(ConfigurationError, match="namespace"):
        cache_result(store="file:///var/cache/app.db")(times)
