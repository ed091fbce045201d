"""Finding the calls in tail position in a code object."""

from __future__ import annotations

import dis
from inspect import getattr_static
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

_NAMES = ("LOAD_FAST", "LOAD_GLOBAL", "LOAD_DEREF", "LOAD_NAME", "LOAD_CLASSDEREF")
_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")
# Between a call and its return: dropping the iterators of the loops around it.
_DROPPING = ("SWAP", "POP_TOP", "NOP")


class TailCall(NamedTuple):
    """A call in tail position of ``name`` or ``name.attribute``."""

    name: str
    attribute: str | None

    def callee(self, frame: FrameType) -> Any:
        """What the name stands for in a frame; nothing is run to find an attribute."""
        found = frame.f_locals.get(self.name, frame.f_globals.get(self.name))
        if self.attribute is None:
            return found
        return getattr_static(found, self.attribute, None)


class _Step(NamedTuple):
    """An instruction, or half of one that loads or stores two names."""

    offset: int
    operation: str
    argument: Any
    depth: int | None
    """How many values are on the stack before it, if it can be reached without an exception."""
    grows: int
    """How many values it adds if it does not jump."""


def tail_calls(code: CodeType) -> dict[int, TailCall]:
    """The calls in tail position whose callee is a name, or an attribute of a name, by the offset of the instruction.

    A call's callee was pushed by the last instruction before it that found the stack no higher than the place where the
    call leaves its result. Calls that an exception handler covers are no tail calls: what they raise would pass it by.
    """
    steps = list(_steps(code))
    bytecode: Any = dis.Bytecode(code)
    covered = [(entry.start, entry.end) for entry in bytecode.exception_entries]
    found: dict[int, TailCall] = {}
    for place, step in enumerate(steps):
        if step.operation not in ("CALL", "CALL_KW") or step.depth is None:
            continue
        if any(start <= step.offset < end for start, end in covered) or not _returns(steps, place + 1):
            continue
        bottom = step.depth + step.grows - 1
        pushed = place - 1
        while pushed >= 0 and not (
            (depth := steps[pushed].depth) is not None and depth <= bottom < depth + steps[pushed].grows
        ):
            pushed -= 1
        call = _callee(steps, pushed) if pushed >= 0 else None
        if call is not None:
            # On 3.11 a frame that waits for a call may point into the cache entries that follow the instruction.
            found.update(dict.fromkeys(range(step.offset, steps[place + 1].offset, 2), call))
    return found


def _returns(steps: list[_Step], place: int) -> bool:
    """Whether nothing but a return comes next, perhaps after a jump forward to it."""
    while place < len(steps):
        operation, target = steps[place].operation, steps[place].argument
        if operation == "JUMP_FORWARD":
            place = next(later for later, step in enumerate(steps) if step.offset >= target)
        elif operation in _DROPPING:
            place += 1
        else:
            return operation == "RETURN_VALUE"
    return False


def _callee(steps: list[_Step], place: int) -> TailCall | None:
    if steps[place].operation == "PUSH_NULL":  # Up to 3.12 it comes before the callee.
        place += 1
    name, after = steps[place], steps[place + 1]
    if not name.operation.startswith(_NAMES):
        return None
    if after.operation in _ATTRIBUTES:
        further = steps[place + 2].operation in _ATTRIBUTES
        return None if further else TailCall(name.argument, after.argument)
    return TailCall(name.argument, None)


def _steps(code: CodeType) -> Iterator[_Step]:
    instructions = [each for each in dis.get_instructions(code) if each.opname != "CACHE"]
    depths = _depths(instructions)
    for each in instructions:
        depth = depths.get(each.offset)
        if isinstance(each.argval, tuple) and "_FAST_" in each.opname and depth is not None:
            # Two in one, such as STORE_FAST_LOAD_FAST.
            for half, name in zip(_halves(each.opname), each.argval, strict=True):
                grows = -1 if half == "STORE_FAST" else 1
                yield _Step(each.offset, half, name, depth, grows)
                depth += grows
        else:
            yield _Step(each.offset, each.opname, each.argval, depth, _effect(each, jump=False))


def _halves(operation: str) -> tuple[str, str]:
    first, _, second = operation.replace("_BORROW", "").partition("_FAST_")
    return f"{first}_FAST", second


def _effect(instruction: dis.Instruction, *, jump: bool) -> int:
    argument = instruction.arg if instruction.opcode >= dis.HAVE_ARGUMENT else None
    return dis.stack_effect(instruction.opcode, argument, jump=jump)


_ENDS = ("RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE")
_ALWAYS = ("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT")
_JUMPS = {*dis.hasjrel, *dis.hasjabs}


def _depths(instructions: list[dis.Instruction]) -> dict[int, int]:
    """How many values are on the stack before each instruction that can be reached without an exception."""
    places = {each.offset: place for place, each in enumerate(instructions)}
    depths: dict[int, int] = {}
    waiting = [(0, 0)]
    while waiting:
        place, depth = waiting.pop()
        while place < len(instructions) and instructions[place].offset not in depths:
            each = instructions[place]
            depths[each.offset] = depth
            if each.opcode in _JUMPS:
                waiting.append((places[each.argval], depth + _effect(each, jump=True)))
                if each.opname in _ALWAYS:
                    break
            if each.opname in _ENDS:
                break
            depth += _effect(each, jump=False)
            place += 1
    return depths
