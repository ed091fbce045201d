"""The interpreter ends as it does without cladding, whatever is still alive then."""

from __future__ import annotations

import pytest

from .scripts import assert_same, run

pytestmark = pytest.mark.slow


def test_live_generators() -> None:
    ended = assert_same(
        """
        @decorate
        def items(name):
            try:
                yield 1
                yield 2
            finally:
                print(name, "finally")
        started = items("started")
        next(started)
        unstarted = items("unstarted")
        cycle = items("cycle")
        next(cycle)
        holder = [cycle]
        holder.append(holder)
        print("end")
        """
    )
    assert ended.status == 0
    assert "started finally" in ended.output


def test_live_coroutines() -> None:
    ended = assert_same(
        """
        import types
        @types.coroutine
        def suspend():
            yield
        @decorate
        async def work(name):
            try:
                await suspend()
            finally:
                print(name, "finally")
        started = work("started")
        started.send(None)
        unstarted = work("unstarted")
        print("end")
        """
    )
    assert ended.status == 0
    assert "never awaited" in ended.errors


def test_live_async_generators() -> None:
    ended = assert_same(
        """
        @decorate
        async def items(name):
            try:
                yield 1
            finally:
                print(name, "finally")
        started = items("started")
        try:
            started.__anext__().send(None)
        except StopIteration as stop:
            print(stop.value)
        unstarted = items("unstarted")
        print("end")
        """
    )
    assert ended.status == 0


def test_async_generators_and_tasks_when_the_loop_ends() -> None:
    ended = assert_same(
        """
        import asyncio
        kept = []
        @decorate
        async def items(name):
            try:
                yield 1
            finally:
                await asyncio.sleep(0)
                print(name, "finally")
        @decorate
        async def work(name):
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                print(name, "finally")
        async def main():
            kept.append(items("items"))
            await anext(kept[0])
            kept.append(asyncio.create_task(work("task")))
            await asyncio.sleep(0)
        asyncio.run(main())
        print("end")
        """
    )
    assert ended.status == 0
    assert ended.output.split("\n")[:3] == ["task finally", "items finally", "end"]


def test_loop_that_is_never_closed() -> None:
    assert_same(
        """
        import asyncio, warnings
        warnings.simplefilter("ignore", ResourceWarning)
        @decorate
        async def work():
            await asyncio.Event().wait()
        loop = asyncio.new_event_loop()
        task = loop.create_task(work())
        loop.call_later(0.01, loop.stop)
        loop.run_forever()
        print(task.done())
        """
    )


def test_daemon_threads_in_calls() -> None:
    ended = assert_same(
        """
        import threading
        ready = threading.Semaphore(0)
        @decorate
        def wait():
            ready.release()
            threading.Event().wait()
        @decorate
        def busy():
            ready.release()
            while True:
                add(1)
        @decorate
        def add(x):
            return x + 1
        for target in (wait, busy, busy):
            threading.Thread(target=target, daemon=True).start()
        for _ in range(3):
            ready.acquire()
        print("end")
        """
    )
    assert (ended.status, ended.errors) == (0, "")


def test_threads_that_are_waited_for() -> None:
    ended = assert_same(
        """
        import threading
        go = threading.Event()
        @decorate
        def work():
            go.wait()
            print("worked")
        threading.Thread(target=work).start()
        threading._register_atexit(go.set)
        print("end")
        """
    )
    assert ended.output == "end\nworked\n"


def test_calls_from_finalisers_and_exit_handlers() -> None:
    ended = assert_same(
        """
        import atexit, weakref, sys
        @decorate
        def report(x):
            print("report", x)
        class Late:
            def __del__(self, report=report):
                report("del")
        atexit.register(report, "atexit")
        late = Late()
        target = Late()
        weakref.finalize(target, report, "finalize")
        sys.modules["late"] = Late()
        builtins_late = __builtins__.late = Late()
        """
    )
    assert ended.status == 0
    assert "report atexit" in ended.output


@pytest.mark.parametrize("leave", ["raise ValueError('inside')", "raise SystemExit(3)", "raise KeyboardInterrupt"])
@pytest.mark.parametrize("kind", ["function", "coroutine", "generator"])
def test_leaving_from_inside(leave: str, kind: str) -> None:
    definition, call = {
        "function": ("def work():", "work()"),
        "coroutine": ("async def work():", "asyncio.run(work())"),
        "generator": ("def work():\n    yield 1", "list(work())"),
    }[kind]
    ended = assert_same(f"import asyncio\n@decorate\n{definition}\n    {leave}\n{call}\n")
    assert ended.status != 0


def test_hard_exit_with_calls_in_progress() -> None:
    ended = assert_same(
        """
        import os, threading
        ready = threading.Event()
        @decorate
        def work():
            ready.set()
            threading.Event().wait()
        threading.Thread(target=work, daemon=True).start()
        ready.wait()
        os._exit(4)
        """
    )
    assert (ended.status, ended.errors) == (4, "")


def test_module_is_torn_down_in_any_order() -> None:
    ended = assert_same(
        """
        import sys
        @decorate
        class C:
            @decorate
            def method(self):
                return 1
            @decorate
            def __del__(self):
                print("del", self.method())
        kept = C()
        for name in [name for name in sys.modules if name.split(".")[0] == "cladding"]:
            del sys.modules[name]
        sys.modules["__main__"].__dict__.pop("cladding", None)
        print("end")
        """
    )
    assert (ended.status, ended.output) == (0, "end\ndel 1\n")


def test_finalisers_that_call_what_nobody_called_before() -> None:
    ended = run(
        """
        import os
        @cladding.decorator
        def told(wrapped, instance, args, kwargs):
            return wrapped(*args, **kwargs), instance is not None
        class Parent:
            @decorate
            @told
            def last(self):
                return "last"
            def __del__(self, write=os.write):
                write(1, repr(self.last()).encode())
        class Child(Parent):
            @decorate
            @told
            def last(self):
                return super().last()
        kept = Child()
        """,
        decorated=True,
    )
    assert (ended.status, ended.output, ended.errors) == (0, "(('last', True), True)", "")
