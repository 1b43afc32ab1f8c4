"""Files of PyTorch's two formats, written byte by byte: also such as PyTorch would never write."""

import io
import pickle
import zipfile

import numpy as np

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
SYSTEM = {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {"int": 4}}


def value(plain):
    """The opcodes of numbers, text and containers of them."""
    return pickle.dumps(plain, 2)[2:-1]


def named(name):
    module, _, attribute = name.rpartition(".")
    return f"c{module}\n{attribute}\n".encode()


def several(*items):
    return b"(" + b"".join(items) + b"t"


def called(name, *items):
    return named(name) + several(*items) + b"R"


def a_dict(items):
    return b"}(" + b"".join(value(key) + content for key, content in items.items()) + b"u"


def storage(key, count, kind="FloatStorage", view=None):
    identity = value("storage"), named(f"torch.{kind}"), value(key), value("cpu"), value(count)
    return several(*identity, *(() if view is None else (value(view),))) + b"Q"


def tensor(stored, shape, strides, offset=0, *others):
    places = value(offset), value(tuple(shape)), value(tuple(strides))
    hooks = called("collections.OrderedDict")
    rest = map(value, others)
    return called("torch._utils._rebuild_tensor_v2", stored, *places, value(False), hooks, *rest)


def of_array(key, array):
    strides = [stride // array.itemsize for stride in array.strides]
    return tensor(storage(key, array.size), array.shape, strides)


def whole(opcodes):
    return b"\x80\x02" + opcodes + b"."


def zipped(opcodes, storages=(), order=b"little", folder="archive", compression=zipfile.ZIP_STORED, more=()):
    """A zip file; `storages` maps keys to bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr(f"{folder}/data.pkl", whole(opcodes))
        archive.writestr(f"{folder}/byteorder", order)
        for key, content in dict(storages).items():
            archive.writestr(f"{folder}/data/{key}", content)
        archive.writestr(f"{folder}/version", b"3\n")
        for name in more:
            archive.writestr(name, b"")
    return file.getvalue()


def old(opcodes, storages=(), magic=MAGIC, system=SYSTEM, keys=None, itemsize=4):
    """A file of the format before; `storages` maps keys to bytes."""
    storages = dict(storages)
    file = io.BytesIO()
    for plain in (magic, PROTOCOL, system):
        file.write(pickle.dumps(plain, 2))
    file.write(whole(opcodes))
    file.write(pickle.dumps(sorted(storages) if keys is None else keys, 2))
    for key in sorted(storages):
        file.write((len(storages[key]) // itemsize).to_bytes(8, "little") + storages[key])
    return file.getvalue()


def saved(arrays, form=zipped):
    """The file of a state dict of float32 arrays."""
    arrays = {name: np.asarray(array, np.float32, order="C") for name, array in arrays.items()}
    keys = {name: str(number) for number, name in enumerate(arrays)}
    opcodes = a_dict({name: of_array(keys[name], array) for name, array in arrays.items()})
    return form(opcodes, {keys[name]: array.tobytes() for name, array in arrays.items()})
