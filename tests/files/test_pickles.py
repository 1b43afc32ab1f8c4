"""A pickle is data here: it makes containers, calls nothing of its own choice, and ends."""

import io
import os
import pickle
from contextlib import suppress

import pytest

from fovea.files.pickles import Damaged, Function, Refused, Unpickler


def load(content, **how):
    return Unpickler(io.BytesIO(content), **how).load()


PLAIN = {
    "none": None, "bools": (True, False), "numbers": [0, 255, 65535, -1, 2**31 - 1, 2**40, -(2**70), 1.5],
    "texts": ["", "é", "x" * 300], "bytes": b"abc" * 100,
    "nested": {"a": [{1: ()}, (1,), (1, 2), (1, 2, 3, 4)]},
}  # fmt: skip


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_objects_are_pythons_own(protocol):
    content = {**PLAIN, "bytes": None} if protocol == 2 else PLAIN  # protocol 2 calls a function for bytes
    assert load(pickle.dumps(content, protocol)) == content


def test_an_object_that_occurs_twice_is_one():
    inner = [1]
    first, second = load(pickle.dumps([inner, inner], 2))
    assert first is second
    itself: list = []
    itself.append(itself)
    found = load(pickle.dumps(itself, 2))
    assert found[0] is found


def test_the_stream_is_left_behind_each_pickle():
    stream = io.BytesIO(pickle.dumps(1, 2) + pickle.dumps("b", 4) + b"rest")
    assert [Unpickler(stream).load() for _ in range(2)] == [1, "b"]
    assert stream.read() == b"rest"


def test_names_are_looked_up_in_the_table_and_nowhere_else():
    known = {"os.getpid": Function("os.getpid", lambda *numbers: sum(numbers)), "os.sep": "a constant"}
    content = b"\x80\x02(cos\ngetpid\n(K\x01K\x02tRcos\nsep\nt."
    assert load(content, known=known) == (3, "a constant")
    stacked = b"\x80\x04\x8c\x02os\x8c\x06getpid\x93)R."
    assert load(stacked, known=known) == 0


class Calls:
    """What it is pickled to, when it is loaded, calls `function`."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    ("function", "name"),
    [
        (os.system, rf"{os.name}\.system|posix\.system|nt\.system"),
        (eval, r"(builtins|__builtin__)\.eval"),
        (exec, r"(builtins|__builtin__)\.exec"),
        (getattr, r"(builtins|__builtin__)\.getattr"),
        (pickle.loads, r"_?[cp]?[pP]?ickle\.loads"),
    ],
    ids=["system", "eval", "exec", "getattr", "loads"],
)
def test_code_is_refused_by_its_name_and_never_run(function, name, protocol, tmp_path):
    mark = tmp_path / "run"
    call = Calls(function, f"touch {mark}" if function is os.system else f"open({str(mark)!r}, 'w')")
    for thing in (call, [1, {"a": call}], (call, call)):
        with pytest.raises(Refused, match=f"^({name})$"):
            load(pickle.dumps(thing, protocol))
    assert not mark.exists()


@pytest.mark.parametrize(
    ("content", "text"),
    {
        b"(S'id'\nios\nsystem\n.": r"the opcode STRING",
        b"\x80\x02(X\x02\x00\x00\x00idios\nsystem\n.": r"os\.system, by the opcode INST",
        b"\x80\x02\x82\x01.": r"the opcode EXT1",
        b"\x80\x02(cos\nsystem\no.": r"os\.system",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.": r"os\.system",
        b"\x80\x02Pid\n.": "the opcode PERSID",
        b"\x80\x04\x8f(K\x01\x90.": "the opcode EMPTY_SET",
        b"\x80\x05\x96\x01\x00\x00\x00\x00\x00\x00\x00a.": "the opcode BYTEARRAY8",
        b"\x80\x02c" + b"m" * 300 + b"\nf\n.": r"m{80}…$",
    }.items(),
)
def test_other_opcodes_are_refused_by_their_names(content, text):
    with pytest.raises(Refused, match=text):
        load(content)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\x80\x02", b".", b"\x80\x02.", b"\x80\x02]", b"\x80\x02t.", b"\x80\x02K\x01u.",
        b"\x80\x02}K\x01u.", b"\x80\x02}(K\x01u.", b"\x80\x02(K\x01e.", b"\x80\x02K\x01K\x02a.",
        b"\x80\x02h\x05.", b"\x80\x02K\x01)R.", b"\x80\x02K\x01K\x02b.", b"\x80\x02K\x01Q.",
        b"\x80\x02K\x01K\x02.", b"\x80\x02}](K\x01s.", b"\x80\x02\x87.", b"\x80\x02}]K\x01s.",
        b"\x80\x02})K\x01s.", b"\x80\x02}G\x00\x00\x00\x00\x00\x00\x00\x00K\x01s.", b"\x80\x02K\x01(.",
        b"\x80\x02}\x8a\x0a" + bytes(9) + b"\x01K\x01s.", b"\x80\x04K\x01K\x02\x93.", b"\x80\x02q\x01.",
        b"\x80\x02X\xff\xff\xff\x7fabc.", b"\x80\x04\x8d" + b"\xff" * 8 + b"abc.", b"hello", b"\xff",
        b"\x80\x02\x8b\xff\xff\xff\x7f1.", b"\x80\x02X\x01\x00\x00\x00\xff.",
    ],
)  # fmt: skip
def test_a_pickle_that_makes_no_sense_is_damaged(content):
    with pytest.raises(Damaged):
        load(content)


def test_other_arguments_than_a_function_takes_are_an_error():
    known = {"a.f": Function("a.f", lambda one: one)}
    with pytest.raises(Damaged, match=r"^a\.f with other arguments$"):
        load(b"\x80\x02ca\nf\n)R.", known=known)
    with pytest.raises(Damaged, match="call of something that is no function"):
        load(b"\x80\x02ca\nf\nK\x01R.", known=known)


def test_bombs_end_at_once():
    deep = b"\x80\x02" + b"]" * 300_000 + b"a" * 299_999 + b"."
    assert isinstance(load(deep), list)
    doubled = b"\x80\x02K\x01" + b"".join(b"q%ch%c\x86" % (n, n) for n in range(200)) + b"\x85."
    assert isinstance(load(doubled), tuple)
    with pytest.raises(Damaged, match="neither text nor whole numbers"):  # its hash would take 2²⁰⁰ steps
        load(b"\x80\x02}" + doubled[2:-2] + b"K\x01s.")
    with pytest.raises(Refused, match="more than 1,000,000 operations"):
        load(b"\x80\x02" + b"N" * 1_000_001 + b".")
    assert load(b"\x80\x02K\x01r\xff\xff\xff\xffj\xff\xff\xff\xff\x86.") == (1, 1)  # place 2³² - 1


def test_every_cut_and_every_changed_byte_gives_an_object_or_one_of_two_errors():
    content = pickle.dumps(PLAIN, 4)
    for length in range(len(content)):
        with pytest.raises(Damaged):
            load(content[:length])
    for place in range(len(content)):
        for byte in range(0, 256, 7):
            changed = content[:place] + bytes([byte]) + content[place + 1 :]
            with suppress(Refused, Damaged):
                load(changed)
