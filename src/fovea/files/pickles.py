"""Pickles read as data: an interpreter of the few opcodes that containers, numbers and text need.

Python's `pickle` imports whatever a file names and calls it with the file's arguments, so a pickle is a
program. Here a name is looked up in a table of functions, and a file that asks for any other is refused;
nothing is imported. Keys of dicts are text or whole numbers, and the number of opcodes is limited, so that
time and memory are bounded by the file's size. The text opcodes of protocol 0 are not known.
Opcodes: https://github.com/python/cpython/blob/main/Lib/pickletools.py
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

_OPCODES = 1_000_000  # a state dict takes about 40 per tensor
_NO_SENSE = "operations that do not fit together"
_SHOWN = 80  # characters of a name that a file asks for


class Refused(ValueError):
    """The pickle asks for something else than data; the text names it."""


class Damaged(ValueError):
    """The pickle is cut short or makes no sense; the text says why."""


@dataclass(frozen=True)
class Function:
    """A name in the pickle, and the function that is called in its place."""

    name: str
    call: Callable[..., Any]


class Unpickler:
    """One pickle at a time out of `stream`, which is left behind the pickle's end.

    `known` maps the names that a pickle may ask for, "collections.OrderedDict", to what stands for them: a
    `Function`, or any object that is passed to one. `persistent` finds objects that are stored outside the
    pickle by their ids. Objects with a method `restore(state)` may be given a state; that of a dict, the
    attributes of an OrderedDict, is ignored.
    """

    def __init__(
        self,
        stream: BytesIO,
        known: Mapping[str, object] | None = None,
        persistent: Callable[[object], object] | None = None,
    ) -> None:
        self.stream, self.known, self.persistent = stream, known or {}, persistent

    def load(self) -> Any:
        """The next object. Raises Refused and Damaged."""
        from pickletools import genops

        self.stack: list[Any] = []
        self.outer: list[list[Any]] = []  # the stacks below each mark
        self.memo: dict[int, Any] = {}
        try:
            for number, (opcode, argument, _) in enumerate(genops(self.stream)):
                if number >= _OPCODES:
                    raise Refused(f"more than {_OPCODES:,} operations")
                if opcode.name in _CONSTANTS:
                    self.push(argument)
                elif opcode.name in _ACTIONS:
                    _ACTIONS[opcode.name](self, argument)
                else:
                    name = f"{_shown(argument)}, by " if opcode.name == "INST" else ""
                    raise Refused(f"{name}the opcode {opcode.name}")
        except (IndexError, KeyError) as error:
            raise Damaged(_NO_SENSE) from error
        except Refused:
            raise
        except ValueError as error:
            raise Damaged(str(error)) from error
        if len(self.stack) != 1 or self.outer:
            raise Damaged(_NO_SENSE)
        return self.stack[0]

    def push(self, thing: Any) -> None:
        self.stack.append(thing)

    def remember(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    def after_mark(self) -> list[Any]:
        """The objects since the last mark."""
        items, self.stack = self.stack, self.outer.pop()
        return items

    def look_up(self, name: str) -> None:
        if name not in self.known:
            raise Refused(_shown(name))
        self.push(self.known[name])

    def look_up_stacked(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not (isinstance(name, str) and isinstance(module, str)):
            raise ValueError("a name that is no text")
        self.look_up(f"{module}.{name}")

    def mark(self) -> None:
        self.outer.append(self.stack)
        self.stack = []

    def call(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not (isinstance(function, Function) and isinstance(arguments, tuple)):
            raise ValueError("a call of something that is no function")
        try:
            self.push(function.call(*arguments))
        except TypeError as error:
            raise ValueError(f"{function.name} with other arguments") from error

    def restore(self) -> None:
        state, thing = self.stack.pop(), self.stack[-1]
        if hasattr(thing, "restore"):
            thing.restore(state)
        elif not isinstance(thing, dict):
            raise ValueError("a state for something that has none")

    def resolve(self) -> None:
        if self.persistent is None:
            raise ValueError("a persistent id")
        self.push(self.persistent(self.stack.pop()))

    def extend(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise ValueError("items for something that is no list")
        self.stack[-1].extend(items)

    def update(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], dict):
            raise ValueError("items for something that is no dict")
        self.stack[-1].update(_dict(items))

    def merge(self, count: int) -> None:
        """The last `count` objects as a tuple."""
        if count > len(self.stack):
            raise IndexError
        self.stack[len(self.stack) - count :] = [tuple(self.stack[len(self.stack) - count :])]


def is_key(key: object) -> bool:
    """Whether a dict may have this key: others may take forever to hash, or all have the same hash."""
    return isinstance(key, str) or (isinstance(key, int) and abs(key) < 1 << 60)


def _dict(items: list[Any]) -> dict[Any, Any]:
    """From keys and values in turn."""
    if len(items) % 2 or not all(map(is_key, items[::2])):
        raise ValueError("a dict whose keys are neither text nor whole numbers")
    return dict(zip(items[::2], items[1::2], strict=True))


def _shown(name: object) -> str:
    """Module and name, "os.system", at a length that fits in an error."""
    text = ".".join(str(name).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


_CONSTANTS = {
    *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINSTRING", "SHORT_BINSTRING"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
}
_ACTIONS: dict[str, Callable[[Unpickler, Any], object]] = {
    "PROTO": lambda p, version: None,
    "FRAME": lambda p, length: None,
    "STOP": lambda p, _: None,
    "NONE": lambda p, _: p.push(None),
    "NEWTRUE": lambda p, _: p.push(True),
    "NEWFALSE": lambda p, _: p.push(False),
    "MARK": lambda p, _: p.mark(),
    "EMPTY_LIST": lambda p, _: p.push([]),
    "LIST": lambda p, _: p.push(p.after_mark()),
    "APPEND": lambda p, _: p.extend([p.stack.pop()]),
    "APPENDS": lambda p, _: p.extend(p.after_mark()),
    "EMPTY_TUPLE": lambda p, _: p.push(()),
    "TUPLE": lambda p, _: p.push(tuple(p.after_mark())),
    "TUPLE1": lambda p, _: p.merge(1),
    "TUPLE2": lambda p, _: p.merge(2),
    "TUPLE3": lambda p, _: p.merge(3),
    "EMPTY_DICT": lambda p, _: p.push({}),
    "DICT": lambda p, _: p.push(_dict(p.after_mark())),
    "SETITEM": lambda p, _: p.update([p.stack.pop(), p.stack.pop()][::-1]),
    "SETITEMS": lambda p, _: p.update(p.after_mark()),
    "BINPUT": lambda p, place: p.remember(place),
    "LONG_BINPUT": lambda p, place: p.remember(place),
    "MEMOIZE": lambda p, _: p.remember(len(p.memo)),
    "BINGET": lambda p, place: p.push(p.memo[place]),
    "LONG_BINGET": lambda p, place: p.push(p.memo[place]),
    "GLOBAL": lambda p, name: p.look_up(".".join(name.split(" "))),
    "STACK_GLOBAL": lambda p, _: p.look_up_stacked(),
    "REDUCE": lambda p, _: p.call(),
    "NEWOBJ": lambda p, _: p.call(),
    "BUILD": lambda p, _: p.restore(),
    "BINPERSID": lambda p, _: p.resolve(),
}
