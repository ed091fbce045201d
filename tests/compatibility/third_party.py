"""Rows of the matrix for packages that production code decorates functions for."""

# No postponed annotations here: FastAPI and pydantic must find the local names in them.

import json
import os
import subprocess
import sys
import textwrap
import warnings
from typing import Annotated, Any

from .rows import CLEAR_ERROR, row
from .subjects import (
    ASYNC_GENERATOR,
    COROUTINE,
    FUNCTION,
    GENERATOR,
    METHOD,
    Subject,
    assert_worked_elsewhere,
    complete,
    counting,
    decorate,
)

FRESH_PROCESS = textwrap.dedent(
    """
    import asyncio, inspect, json, pickle, sys
    decorated = pickle.load(sys.stdin.buffer)
    assert not any(name.endswith("subjects") for name in sys.modules), "the module that made it is here as well"
    result = decorated(3, y=4)
    async def first(items):
        return [item async for item in items][0]
    if inspect.iscoroutine(result):
        result = asyncio.run(result)
    elif inspect.isgenerator(result):
        [result] = result
    elif inspect.isasyncgen(result):
        result = asyncio.run(first(result))
    stack = getattr(decorated, "cladding", None)
    print(json.dumps([
        result,
        stack.policies[0].stats["calls"] if stack and stack.policies else sum(getattr(sys, "calls_counted", {}).values()),
        [policy.name for policy in stack.policies] if stack else [],
        decorated.__name__,
        str(inspect.signature(decorated)),
    ]))
    """
)


@row("cloudpickle of a local function, in a fresh process", package="cloudpickle")
def cloudpickle_(subject: Subject) -> None:
    import cloudpickle

    free = decorate(subject.local())
    decorated = type("Local", (), {"local": free})().local if subject is METHOD else free
    payload = cloudpickle.dumps(decorated)
    done = subprocess.run(
        [sys.executable, "-c", FRESH_PROCESS], input=payload, capture_output=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    value, calls, names, name, signature = json.loads(done.stdout)
    assert_worked_elsewhere((value, calls), 12)
    assert name == "local"
    assert signature.startswith("(x: int, y: int = 2)")
    if not os.environ.get("CLADDING_TEST_DECORATOR"):
        assert names == ["timer", "monitor"]
    with counting(decorated):  # and the one that stayed is as it was
        assert complete(decorated(3, 4)) == 12


@row("joblib.Parallel, processes", FUNCTION, METHOD, package="joblib")
def joblib_(subject: Subject) -> None:
    import joblib

    decorated = subject.decorated_local() if subject is FUNCTION else subject.decorated
    results = joblib.Parallel(n_jobs=2, backend="loky")(joblib.delayed(decorated)(x, y=3) for x in range(3))
    assert results == [0, 3, 6]


@row("pydantic.validate_call over it", package="pydantic")
def validate_call_over(subject: Subject) -> None:
    import pydantic

    checked = pydantic.validate_call(subject.decorated)
    with counting(subject.decorated):
        assert complete(checked("3", y="4")) == 12
        try:
            complete(checked("no number"))
        except pydantic.ValidationError as error:
            assert error.errors()[0]["type"] == "int_parsing"


@row("pydantic.validate_call under it", FUNCTION, COROUTINE, GENERATOR, ASYNC_GENERATOR, package="pydantic")
def validate_call_under(subject: Subject) -> None:
    import pydantic

    decorated = decorate(pydantic.validate_call(subject.local()))
    with counting(decorated):
        assert complete(decorated("3", y="4")) == 12


@row("pydantic model, as a method", package="pydantic")
def pydantic_model(subject: Subject) -> None:
    import pydantic

    from .standard import _as_method

    class Model(pydantic.BaseModel):
        factor: int
        method = decorate(_as_method(subject))

    assert set(Model.model_fields) == {"factor"}
    with counting(Model.method):
        assert complete(Model(factor=1).method(3, 4)) == 12


@row("pydantic model, validators and computed fields", FUNCTION, METHOD, package="pydantic")
def pydantic_hooks(subject: Subject) -> None:
    import pydantic

    class Model(pydantic.BaseModel):
        factor: int

        if subject is METHOD:

            @pydantic.field_validator("factor")
            @classmethod
            @decorate
            def double(cls, value: int) -> int:
                return 2 * value

            @pydantic.model_validator(mode="after")
            @decorate
            def check(self) -> Any:
                assert self.factor
                return self

            @pydantic.computed_field
            @property
            @decorate
            def plus(self) -> int:
                return self.factor + 1

        else:
            factor: Annotated[int, pydantic.BeforeValidator(subject.decorated_local())]

    dumped = Model(factor=3).model_dump()
    assert dumped == ({"factor": 6, "plus": 7} if subject is METHOD else {"factor": 6})


def _client(application: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its choice between two HTTP clients
        from fastapi.testclient import TestClient

    return TestClient(application)


@row("FastAPI, as an endpoint", FUNCTION, METHOD, COROUTINE, package="fastapi")
def fastapi_endpoint(subject: Subject) -> None:
    import fastapi

    application = fastapi.FastAPI()
    application.get("/multiply")(subject.decorated)
    with _client(application) as client, counting(subject.decorated):
        answer = client.get("/multiply", params={"x": 3, "y": 4})
        assert (answer.status_code, answer.json()) == (200, 12)
        refused = client.get("/multiply", params={"x": "three"})
        assert refused.status_code == 422
        assert refused.json()["detail"][0]["loc"] == ["query", "x"]
        names = [
            parameter["name"]
            for parameter in client.get("/openapi.json").json()["paths"]["/multiply"]["get"]["parameters"]
        ]
        assert names == ["x", "y"]


@row("FastAPI, as a dependency", package="fastapi")
def fastapi_dependency(subject: Subject) -> None:
    import fastapi

    application = fastapi.FastAPI()
    dependency = subject.decorated

    @application.get("/use")
    @decorate
    def use(value: Annotated[int, fastapi.Depends(dependency)]) -> int:
        return value + 1

    @application.get("/use_async")
    @decorate
    async def use_async(value: Annotated[int, fastapi.Depends(dependency)]) -> int:
        return value + 1

    with _client(application) as client, counting(dependency, 2):
        for path in ("/use", "/use_async"):
            answer = client.get(path, params={"x": 3, "y": 4})
            assert (answer.status_code, answer.json()) == (200, 13)
            assert client.get(path).status_code == 422


@row("trio.run", COROUTINE, ASYNC_GENERATOR, package="trio")
def trio_(subject: Subject) -> None:
    import trio

    async def main() -> Any:
        if subject is COROUTINE:
            return await subject.decorated(3, 4)
        [item] = [item async for item in subject.decorated(3, 4)]
        return item

    with counting(subject.decorated):
        assert trio.run(main) == 12


@row("numpy.vectorize, numpy.frompyfunc", FUNCTION, METHOD, package="numpy")
def numpy_(subject: Subject) -> None:
    import numpy as np

    decorated = subject.decorated_local()
    with counting(decorated, 6):
        assert np.vectorize(decorated, otypes=[int])([1, 2, 3], 2).tolist() == [2, 4, 6]
        assert np.frompyfunc(decorated, 2, 1)([1, 2, 3], 2).tolist() == [2, 4, 6]


@row("numba.njit over it", FUNCTION, package="numba")
def numba_(subject: Subject) -> str | None:
    import numba

    decorated = subject.decorated_local()
    try:
        with counting(decorated):
            assert numba.njit(decorated)(3, 4) == 12
    except Exception as refused:
        if type(refused).__module__.partition(".")[0] != "numba":
            raise
        return CLEAR_ERROR
    return None


@row("torch.compile of a caller", FUNCTION, METHOD, package="torch")
def torch_compile(subject: Subject) -> str | None:
    import torch

    decorated = subject.decorated_local()

    @torch.compile(backend="eager")
    def caller(x: Any) -> Any:
        return decorated(x, 3) + 1

    try:
        with counting(decorated, 2):
            for _ in range(2):
                assert caller(torch.ones(2)).tolist() == [4.0, 4.0]
    except Exception as refused:
        if type(refused).__module__.partition(".")[0] != "torch":
            raise
        return CLEAR_ERROR
    return None


@row("torch.nn.Module.forward", METHOD, package="torch")
def torch_forward(subject: Subject) -> None:
    import torch

    class Module(torch.nn.Module):
        forward = decorate(subject.local())

    module = Module()
    with counting(Module.forward, 2):
        assert module(torch.ones(2), 3).tolist() == [3.0, 3.0]
        assert torch.compile(module, backend="eager")(torch.ones(2), 3).tolist() == [3.0, 3.0]


@row("Ray, as a task", FUNCTION, package="ray")
def ray_(subject: Subject) -> None:
    import ray

    ray.init(num_cpus=1, include_dashboard=False, ignore_reinit_error=True, log_to_driver=False)
    try:
        decorated = subject.decorated_local()

        def call(x: int, y: int) -> tuple[int, int]:
            value = decorated(x, y)
            stack = getattr(decorated, "cladding", None)
            counted = sum(getattr(sys, "calls_counted", {}).values())
            return value, stack.policies[0].stats["calls"] if stack and stack.policies else counted

        assert_worked_elsewhere(ray.get(ray.remote(call).remote(3, 4)), 12)
        assert ray.get(ray.remote(decorated).remote(3, 4)) == 12
    finally:
        ray.shutdown()
