"""Files of torch.save give PyTorch's own tensors, without PyTorch; all others an error of one line."""

import pickle
import random
import re
import tarfile
import zipfile
from collections import OrderedDict
from contextlib import suppress

import numpy as np
import pytest

from fovea import memory
from fovea.errors import DataError, OutOfMemoryError
from fovea.files import pytorch
from fovea.files.pytorch import is_torch, read_torch
from tests.files import torch_files as make

ARRAYS = {
    "conv.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2),
    "conv.bias": np.array([0.5, -0.5], np.float32),
    "scale": np.float32(3.0),
}
FORMATS = {"zip": make.zipped, "old": make.old}
FLOATS = np.arange(6, dtype=np.float32)


@pytest.fixture
def read(tmp_path):
    def read(content):
        path = tmp_path / "file.pth"
        path.write_bytes(content)
        assert is_torch(path)
        return read_torch(path)

    return read


def refused(read, content, text):
    with pytest.raises(DataError, match=text) as caught:
        read(content)
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 700
    return line


def equal(found, expected):
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].shape == np.shape(array)
        assert np.array_equal(found[name], array)


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
class TestBothFormats:
    def test_tensors_come_by_their_names(self, form, read):
        equal(read(make.saved(ARRAYS, form)), ARRAYS)
        assert read(make.saved({}, form)) == {}

    def test_a_checkpoint_has_the_state_dict_among_other_things(self, form, read):
        inner = make.a_dict({"a": make.of_array("0", FLOATS)})
        other = make.value({"state": {0: {"step": 1}}, "param_groups": [{"lr": 0.1, "betas": (0.9, 0.99)}]})
        for name in ("state_dict", "model_state_dict", "model"):
            opcodes = make.a_dict({"epoch": make.value(3), name: inner, "optimizer": other})
            equal(read(form(opcodes, {"0": FLOATS.tobytes()})), {"a": FLOATS})

    @pytest.mark.parametrize("wrapper", ["module.", "_orig_mod."])
    def test_names_lose_what_a_wrapper_put_before_each(self, wrapper, form, read):
        wrapped = {f"{wrapper}{name}": array for name, array in ARRAYS.items()}
        equal(read(make.saved(wrapped, form)), ARRAYS)
        equal(read(make.saved({**wrapped, "a": FLOATS}, form)), {**wrapped, "a": FLOATS})

    def test_strides_and_offsets_are_followed(self, form, read):
        stored = make.storage("0", 6)
        opcodes = make.a_dict({
            "transposed": make.tensor(stored, (3, 2), (1, 3)),
            "every other": make.tensor(stored, (2,), (2,), 1),
            "none": make.tensor(stored, (0, 4), (4, 1), 6),
            "one": make.tensor(stored, (), (), 5),
        })  # fmt: skip
        expected = {
            "transposed": FLOATS.reshape(2, 3).T, "every other": FLOATS[[1, 3]], "none": np.zeros((0, 4)),
            "one": FLOATS[5],
        }  # fmt: skip
        equal(read(form(opcodes, {"0": FLOATS.tobytes()})), expected)

    @pytest.mark.parametrize(
        ("tensor", "text"),
        {
            make.tensor(make.storage("0", 6), (7,), (1,)): r"\(7,\) that reaches beyond its storage of 6",
            make.tensor(make.storage("0", 6), (2, 3), (4, 1)): "beyond its storage",
            make.tensor(make.storage("0", 6), (1,), (1,), 6): "beyond its storage",
            make.tensor(make.storage("0", 6), (1 << 40, 1 << 40), (0, 0)): "beyond its storage",
            make.tensor(make.storage("0", 6), (7,), (0,)): "beyond its storage",
            make.tensor(make.storage("0", 6), (2,), (-1,), 5): "no whole numbers",
            make.tensor(make.storage("0", 6), (-1,), (1,)): "no whole numbers",
            make.tensor(make.storage("0", 6), (2,), (1,), -1): "no whole numbers",
            make.tensor(make.storage("0", 6), (2.0,), (1,)): "no whole numbers",
            make.tensor(make.storage("0", 6), (True,), (1,)): "no whole numbers",
            make.tensor(make.storage("0", 6), (1 << 70,), (1,)): "no whole numbers",
            make.tensor(make.storage("0", 6), (2,), ()): "without storage or strides",
            make.tensor(make.storage("0", 6), (1,) * 65, (1,) * 65): "without storage or strides",
            make.tensor(make.value(1), (2,), (1,)): "without storage or strides",
            make.tensor(make.storage("0", 6), (2,), (1,), 0, {"neg": True}): "a tensor with flags",
            make.tensor(make.storage("0", -6), (2,), (1,)): "no whole numbers",
            make.tensor(make.storage("0", 1 << 60), (2,), (1,)): "no whole numbers",
            make.tensor(make.storage("0", 1 << 47), (2,), (1,)): "for|numbers",
            make.tensor(make.storage("0", 7), (2,), (1,)): "for|numbers",
            make.tensor(make.storage("0", 5), (2,), (1,)): "possible|numbers",
            make.tensor(make.storage(("a",), 6), (2,), (1,)): "a storage without type or key",
            make.tensor(make.storage("0", 6, view=("1", 4, 3)), (2,), (1,)): "beyond its end",
            make.tensor(make.storage("0", 6, view=("1", 4)), (2,), (1,)): "without start and length",
            make.called("torch._utils._rebuild_tensor_v2", make.value(1)): "v2 with other arguments",
            make.called("torch._utils._rebuild_parameter", make.value(1)): "a parameter without a tensor",
            make.called("collections.OrderedDict", make.value([1])): "something else than pairs",
            make.named("torch.FloatTensor") + b")R" + make.value((1,)) + b"b": "a tensor with another state",
        }.items(),
    )
    def test_tensors_that_make_no_sense_are_damaged(self, tensor, text, form, read):
        content = form(make.a_dict({"a": tensor}), {"0": FLOATS.tobytes()})
        refused(read, content, rf"file\.pth: expected a whole PyTorch file, got .*({text})")

    @pytest.mark.parametrize(
        ("tensor", "name"),
        {
            make.called("os.system", make.value("true")): "os.system",
            make.called("builtins.eval", make.value("1")): "builtins.eval",
            make.called("numpy.core._reconstruct", make.value(1)): "numpy.core._reconstruct",
            make.named("__main__.Net") + b")\x81": "__main__.Net",
            make.named("torch.nn.modules.conv.Conv2d") + b")\x81}b": "torch.nn.modules.conv.Conv2d",
            make.named("torch._utils._rebuild_tensor.__code__"): "torch._utils._rebuild_tensor.__code__",
            make.named("torch.storage.UntypedStorage"): "torch.storage.UntypedStorage",
            make.storage("0", 6, "ComplexFloatStorage"): "torch.ComplexFloatStorage",
            b"(X\x04\x00\x00\x00trueios\nsystem\n": "os.system, by the opcode INST",
        }.items(),
    )  # fmt: skip
    def test_a_file_that_asks_for_anything_else_is_refused_and_named(self, tensor, name, form, read):
        content = form(make.a_dict({"a": tensor}), {"0": FLOATS.tobytes()})
        line = refused(read, content, "expected tensors and nothing else")
        assert line.endswith(
            f"got a file that asks for {name}: nothing of it was run; in PyTorch, save model.state_dict()"
        )

    @pytest.mark.parametrize(
        ("opcodes", "got"),
        {
            make.of_array("0", FLOATS): "a tensor without a name",
            make.value([1, 2]): "another object",
            make.value({"a": 1, "b": "text"}): "other things than tensors, 'a', 'b'",
            make.a_dict({"w": make.of_array("0", FLOATS), "n": make.value(2)}): "other .* tensors, 'n'",
            make.a_dict({1: make.of_array("0", FLOATS)}): "other things than tensors, '1'",
            make.value({f"key {n}": n for n in range(9)}): "other .*, 'key 4' and 4 more",
        }.items(),
    )  # fmt: skip
    def test_what_is_no_state_dict_is_refused(self, opcodes, got, form, read):
        content = form(opcodes, {"0": FLOATS.tobytes()} if b"Storage" in opcodes else {})
        refused(read, content, f"expected a state dict, .*, got {got}: in PyTorch, save")

    def test_every_cut_is_an_error(self, form, tmp_path):
        content, path = make.saved(ARRAYS, form), tmp_path / "cut.pth"
        for length in range(20, len(content)):
            path.write_bytes(content[:length])
            with pytest.raises(DataError, match=r"cut\.pth: expected a whole PyTorch file, got"):
                read_torch(path)

    def test_every_changed_byte_gives_tensors_or_an_error(self, form, tmp_path):
        content, path = make.saved(ARRAYS, form), tmp_path / "changed.pth"
        random.seed(0)
        for place in range(len(content)):
            for byte in {content[place] ^ 1 << random.randrange(8), random.randrange(256)}:
                path.write_bytes(content[:place] + bytes([byte]) + content[place + 1 :])
                with suppress(DataError):
                    assert all(isinstance(array, np.ndarray) for array in read_torch(path).values())

    def test_nothing_is_read_that_does_not_fit_in_memory(self, form, read, monkeypatch):
        monkeypatch.setattr(memory, "available", lambda: 100)
        with pytest.raises(OutOfMemoryError, match=r"file\.pth: expected .* of memory for its tensors"):
            read(make.saved(ARRAYS, form))

    def test_one_storage_cannot_have_two_types(self, form, read):
        two = [make.tensor(make.storage("0", 6, kind), (6,), (1,)) for kind in ("FloatStorage", "IntStorage")]
        content = form(make.a_dict(dict(zip("ab", two, strict=True))), {"0": FLOATS.tobytes()})
        refused(read, content, "storage 0 with two lengths or types")


# The zip format


def test_numbers_that_a_fault_of_the_disk_changed_are_noticed(read):
    content = make.saved(ARRAYS)
    place = content.index(ARRAYS["conv.weight"].tobytes())
    refused(read, content[: place + 6] + b"\x01" + content[place + 7 :], r"Bad CRC-32 .*archive/data/0")


def test_compressed_entries_are_refused(read):
    content = make.zipped(make.value({}), compression=zipfile.ZIP_DEFLATED)
    refused(read, content, r"got archive/byteorder compressed or encrypted")


@pytest.mark.parametrize(
    ("content", "got"),
    {
        make.zipped(make.value({}), order=b"big"): "big-endian numbers: save it on a little-endian machine",
        make.zipped(make.value({}), more=["archive/code/net.py"]): "a TorchScript program: in PyTorch, save",
        make.zipped(make.value({}), folder="a/b"): "another zip file, without data.pkl",
        make.old(make.value({}), system={**make.SYSTEM, "little_endian": False}): "big-endian numbers",
        make.old(make.value({}), magic=1): "a pickle of another program",
        pickle.dumps([1, 2, 3]): "a pickle of another program",
    }.items(),
)
def test_other_files_are_named(content, got, read):
    refused(read, content, f"expected a state dict, .*, got {re.escape(got)}")


def test_a_storage_that_is_missing_is_named(read):
    opcodes = make.a_dict({"a": make.of_array("7", FLOATS)})
    refused(read, make.zipped(opcodes, {"0": FLOATS.tobytes()}), "got no archive/data/7")
    for keys in (["0"], [], [[]], "7", [None], ["7", "7"]):
        refused(read, make.old(opcodes, {"7": FLOATS.tobytes()}, keys=keys), "storages")


def test_storages_that_overlap_cannot_be_more_than_the_file(read):
    """Entries of a zip file may lie in the same bytes: a small file would be read a thousand times."""
    tensors = {f"t{n}": make.of_array(str(n), FLOATS) for n in range(400)}
    content = make.old(make.a_dict(tensors), {str(n): FLOATS.tobytes() for n in range(400)})
    assert len(read(content)) == 400
    refused(read, make.zipped(make.a_dict(tensors), {"0": FLOATS.tobytes()}), "no archive/data/1")


# The old format


def test_tensors_and_parameters_of_the_first_versions(read):
    stored = make.storage("0", 6)
    parts = stored, make.value(0), make.value((2, 3)), make.value((3, 1))
    first = make.called("torch._utils._rebuild_tensor", *parts)
    size = make.called("torch.Size", make.value((2, 3)))
    by_state = make.named("torch.FloatTensor") + b")R" + make.several(*parts[:2], size, parts[3]) + b"b"
    state = make.several(make.value(True), make.value(False), make.called("collections.OrderedDict")) + b"b"
    parameter = make.called("torch.nn.parameter.Parameter", first) + state
    new = make.named("torch.nn.parameter.Parameter") + make.several(first) + b"\x81" + state
    half = make.tensor(make.storage("0", 6, view=("1", 2, 3)), (3,), (1,))
    pairs = make.called("collections.OrderedDict", b"](" + b"](" + make.value("a") + first + b"e" + b"e")
    expected = FLOATS.reshape(2, 3)
    tensors = {"a": first, "b": by_state, "c": parameter, "d": new, "half": half}
    found = read(make.old(make.a_dict(tensors), {"0": FLOATS.tobytes()}))
    equal(found, {**dict.fromkeys("abcd", expected), "half": FLOATS[2:5]})
    equal(read(make.old(pairs, {"0": FLOATS.tobytes()})), {"a": expected})


def test_tar_files_of_the_first_versions_are_refused(tmp_path):
    with tarfile.open(tmp_path / "old.pth", "w") as archive:
        archive.add(__file__, "tensors")
    assert is_torch(tmp_path / "old.pth")
    with pytest.raises(DataError, match=r"got a tar file, of a PyTorch before 0\.1\.6: save it again"):
        read_torch(tmp_path / "old.pth")


def test_a_file_is_pytorchs_by_its_content(tmp_path):
    for name, content in {
        "safetensors": (0x0280).to_bytes(8, "little") + b"{" + b" " * 700, "text": b"hello", "empty": b"",
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(content)
        assert not is_torch(tmp_path / name)
    assert not is_torch(tmp_path)
    assert not is_torch(tmp_path / "none")
    with pytest.raises(DataError, match=r"none: there is no such file"):
        read_torch(tmp_path / "none")


def test_a_long_pickle_is_refused(read, monkeypatch):
    monkeypatch.setattr(pytorch, "_MOST_PICKLE", 400)
    refused(read, make.saved(ARRAYS), r"got archive/data\.pkl of .* bytes where 400 are possible")
    refused(read, make.saved(ARRAYS, make.old), "a whole PyTorch file, got ")


# Beside PyTorch itself


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old"])
def test_what_pytorch_saves_comes_as_it_was(zipped, tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is an extra: peers")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.Linear(3, 4))
    tensors = OrderedDict(net.state_dict())
    tensors["transposed"] = torch.arange(24.0).reshape(4, 6).T
    tensors["part"] = torch.arange(24.0)[3:20:2]
    tensors["parameter"] = torch.nn.Parameter(torch.randn(3))
    tensors["scalar"], tensors["nothing"] = torch.tensor(3.5), torch.zeros(0, 3)
    tensors["tied"] = tensors["2.weight"]
    kinds = "half", "bfloat16", "double", "int64", "int32", "int16", "int8", "uint8", "bool"
    for kind in kinds:
        tensors[kind] = torch.randn(3, 5).mul(100).to(getattr(torch, kind))
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.zeros(1, 3, 5, 5)).sum().backward()
    optimizer.step()
    checkpoint = {
        "epoch": 3,
        "state_dict": tensors,
        "optimizer": optimizer.state_dict(),
        "best": torch.tensor(1),
    }
    for thing in (tensors, checkpoint, {"model": {f"module.{name}": t for name, t in tensors.items()}}):
        torch.save(thing, tmp_path / "file", _use_new_zipfile_serialization=zipped)
        found = read_torch(tmp_path / "file")
        halves = torch.half, torch.bfloat16
        expected = {n: (t.float() if t.dtype in halves else t).detach().numpy() for n, t in tensors.items()}
        equal(found, expected)
        assert {name: array.dtype for name, array in found.items()} == {
            n: a.dtype for n, a in expected.items()
        }
    torch.save(net, tmp_path / "file", _use_new_zipfile_serialization=zipped)
    with pytest.raises(DataError, match=r"asks for torch\.nn\.modules\.container\.Sequential: .*state_dict"):
        read_torch(tmp_path / "file")
