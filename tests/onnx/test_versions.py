"""Every version of every operator means what onnxruntime makes of it, or is refused by name."""

import numpy as np
import pytest

import fovea
from fovea.errors import DataError
from fovea.onnx.graph import step_of
from fovea.onnx.importers import ACTIVATION, IMPORTERS, NORMALISED
from fovea.onnx.operators import OPERATORS, sizes

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

RNG = np.random.default_rng(0)
PICTURES, ROWS = (2, 3, 6, 4), (2, 12)
OLDEST, NEWEST = 7, 26
VERSIONS = range(OLDEST, NEWEST + 1)


def f(*shape):
    return RNG.uniform(0.5, 1.5, shape).astype(np.float32)


def i(*numbers):
    return np.array(numbers, np.int64)


def c(*constants, since=OLDEST, until=NEWEST, x=PICTURES, outputs=1, **attributes):
    """A node of x, of float32 and of this shape, and constants; None is left out."""
    return since, until, x, constants, outputs, attributes


NORM = [f(3) for _ in range(4)]
EACH = [c(), c(x=ROWS)]
BOTH = [c(f(3, 1, 1)), c(f(1)), c(f(1, 3, 1, 1)), c(f(12), x=ROWS), c(f(3, 6, 4)), c(f(2, 1, 1, 1))]
SOFTMAX = [
    *EACH, c(axis=1), c(axis=1, x=ROWS), *(c(axis=axis) for axis in (2, 3, 0)), c(axis=1, x=(2, 5, 1, 1)),
    *(c(axis=axis, since=11) for axis in (-1, -2, -3)), c(axis=-1, x=ROWS, since=11),
]  # fmt: skip
POOL = {"kernel_shape": [3, 2], "strides": [2, 3]}
POOLS = [
    c(**POOL), c(**POOL, pads=[1, 0, 0, 1]), c(**POOL, auto_pad="SAME_UPPER"), c(**POOL, auto_pad="VALID"),
    c(**POOL, auto_pad="SAME_LOWER"), c(**POOL, ceil_mode=1, since=10),
    c(**POOL, pads=[1, 0, 1, 1], ceil_mode=1, since=10),
]  # fmt: skip
REDUCED = [c(), c(keepdims=0)]


def reduced(until):
    return [
        *REDUCED, c(axes=[2, 3], until=until), c(axes=[2, 3], keepdims=0, until=until),
        c(axes=[1], until=until),
        c(axes=[-1, -2], since=11, until=until), c(i(2, 3), since=until + 1),
        c(i(1), keepdims=0, since=until + 1),
        c(noop_with_empty_axes=1, since=until + 1), c(i(-1, -2), since=until + 1),
    ]  # fmt: skip


RESIZE_10 = [
    c(np.float32([1, 1, *scales]), mode=mode) for mode in ("nearest", "linear")
    for scales in ((2, 3), (1.5, 1), (0.5, 0.5), (0.6, 0.8))
]  # fmt: skip
RESIZE = [
    c(np.float32([]), np.float32([1, 1, *scales]), mode=mode, coordinate_transformation_mode=at, since=11)
    for mode in ("nearest", "linear") for scales in ((2, 3), (0.5, 0.75))
    for at in ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
]  # fmt: skip
CASES = {
    "Abs": EACH, "Erf": [c(since=9)], "Log": EACH, "Reciprocal": EACH, "Softplus": EACH, "Softsign": EACH,
    "Celu": [c(since=12), c(alpha=2.0, since=12)],
    "Elu": [*EACH, c(alpha=0.3)],
    "Gelu": [c(since=20), c(approximate="tanh", x=ROWS, since=20)],
    "GreaterOrEqual": [c(f(3, 1, 1), since=12)], "LessOrEqual": [c(f(3, 1, 1), since=12)],
    "GroupNormalization": [
        c(f(3), f(3), num_groups=3, since=21), c(f(3), f(3), num_groups=1, epsilon=0.1, since=21),
    ],
    "HardSigmoid": [*EACH, c(alpha=0.3, beta=0.4)],
    "HardSwish": [c(since=14), c(x=ROWS, since=14)],
    "InstanceNormalization": [c(f(3), f(3)), c(f(3), f(3), epsilon=0.1)],
    "LayerNormalization": [
        c(f(12), f(12), x=ROWS, since=17), c(f(12), x=ROWS, epsilon=0.1, since=17),
        c(f(3, 1, 1), f(3, 1, 1), axis=1, since=17), c(f(4), since=17), c(f(3, 6, 4), axis=-3, since=17),
    ],
    "Mish": [c(since=18), c(x=ROWS, since=18)],
    "PRelu": [c(f(3, 1, 1)), c(f(1)), c(f(12), x=ROWS), c(f(3, 6, 4))],
    "Selu": [*EACH, c(alpha=2.0, gamma=3.0)],
    "ThresholdedRelu": [c(since=10), c(alpha=0.3, since=10)],
    "Add": BOTH, "Sub": BOTH, "Mul": BOTH, "Div": BOTH,
    "AveragePool": [
        *POOLS, c(**POOL, pads=[1, 0, 0, 1], count_include_pad=1),
        c(**POOL, pads=[1, 0, 1, 1], count_include_pad=1, ceil_mode=1, since=10),
        c(**POOL, dilations=[2, 1], since=19),
    ],
    "BatchNormalization": [
        c(*NORM), c(*NORM, epsilon=0.1), c(*(f(3, 6, 4) for _ in range(4)), spatial=0, until=8),
        c(*(f(12) for _ in range(4)), x=ROWS), c(*NORM, training_mode=1, outputs=3, since=14),
        c(*NORM, training_mode=1, outputs=1, since=14),
    ],
    "Cast": [c(to=TensorProto.FLOAT), c(to=TensorProto.DOUBLE), c(to=TensorProto.INT64)],
    "CastLike": [c(f(1), since=15), c(i(1), since=15)],
    "Clip": [
        c(min=0.7, max=1.2, until=10), c(until=10, max=1.1), c(until=10),
        c(np.float32(0.7), np.float32(1.2), since=11),
        c(None, np.float32(1.2), since=11), c(np.float32(0.9), since=11),
        c(np.float32(1.2), np.float32(0.7), since=13),
    ],
    "Concat": [c(f(2, 3, 6, 4), axis=1), c(axis=1), c(axis=-3, since=11), c(axis=0)],
    "Constant": [
        c(x=None, value=numpy_helper.from_array(f(2, 3))), c(x=None, value_floats=[1.0, 2.0], since=12)
    ],
    "ConstantOfShape": [c(i(2, 3), x=None, since=9)],
    "Conv": [
        c(f(5, 3, 3, 2), f(5)),
        c(f(6, 1, 2, 2), group=3, strides=[2, 1], dilations=[2, 1], pads=[1, 0, 2, 1]),
        c(f(5, 3, 3, 2), auto_pad="SAME_UPPER", strides=[2, 3]), c(f(5, 3, 3, 2), auto_pad="SAME_LOWER"),
    ],
    "ConvTranspose": [
        c(f(3, 5, 3, 2), f(5), strides=[2, 2]), c(f(3, 2, 3, 3), group=3, pads=[1, 0, 0, 2]),
        c(f(3, 5, 3, 3), strides=[2, 2], output_padding=[1, 0]),
        c(f(3, 5, 3, 3), strides=[2, 2], output_shape=[12, 8]),
        c(f(3, 5, 3, 3), strides=[2, 2], auto_pad="SAME_UPPER"),
        c(f(3, 5, 3, 3), strides=[2, 2], auto_pad="SAME_LOWER"),
    ],
    "Dropout": [
        c(), c(ratio=0.3, until=11), c(np.float32(0.3), since=12),
        c(np.float32(0.3), np.array(False), since=12)
    ],
    "Equal": [c(f(2, 3, 6, 4), since=11)], "Greater": BOTH[:2], "Less": BOTH[:2],
    "Exp": EACH, "Floor": EACH, "Neg": EACH, "Sqrt": EACH, "Relu": EACH, "Sigmoid": EACH, "Tanh": EACH,
    "Expand": [c(i(1, 3, 6, 4), since=8), c(i(2, 2, 3, 6, 4), since=8)],
    "DepthToSpace": [c(x=(2, 12, 2, 3), blocksize=2), c(x=(2, 12, 2, 3), blocksize=2, mode="CRD", since=11)],
    "SpaceToDepth": [c(blocksize=2), c(x=(2, 2, 3, 6), blocksize=3)],
    "Flatten": [c(), c(axis=1), c(axis=2), c(axis=0), c(axis=-3, since=11)],
    "Gather": [c(i(0, 2), axis=1), c(i(1, 0)), c(i(-1), axis=1, since=11), c(np.array(1), axis=2)],
    "GatherND": [
        c(np.array([[[0, 2], [1, 1]], [[1, 0], [0, 0]]]), since=11), c(np.array([[1], [0]]), since=11),
        c(np.array([[2, -1], [0, 0]]), batch_dims=1, since=12),
        c(np.array([[[2], [0]], [[1], [1]]]), batch_dims=1, since=12),
        c(np.array([[[2], [0]], [[2], [0]]]), batch_dims=1, since=12),
    ],
    "Gemm": [
        c(f(12, 5), f(5), x=ROWS), c(f(5, 12), f(1, 5), x=ROWS, transB=1, alpha=0.5, beta=2.0),
        c(f(12, 5), x=ROWS, since=11), c(f(2, 5), f(5), x=ROWS, transA=1), c(f(12, 5), f(2, 1), x=ROWS),
    ],
    "GlobalAveragePool": [
        c()], "GlobalMaxPool": [c()], "Identity": EACH, "Shape": [c(), c(start=1, end=-1, since=15)
    ],
    "Size": [c()],
    "LeakyRelu": [c(), c(alpha=0.3)],
    "LogSoftmax": SOFTMAX, "Softmax": SOFTMAX,
    "MatMul": [c(f(12, 5), x=ROWS), c(f(4, 5))],
    "Max": [c(f(2, 3, 6, 4)), c(f(3, 1, 1), since=8)], "Min": [c(f(2, 3, 6, 4)), c(f(3, 1, 1), since=8)],
    "MaxPool": [
        *POOLS, c(**POOL, outputs=2, since=8), c(**POOL, outputs=2, storage_order=1, since=8),
        c(**POOL, dilations=[2, 1], since=10),
    ],
    "Pad": [
        c(pads=[0, 0, 1, 2, 0, 0, 0, 1], until=10), c(pads=[0, 0, 1, 2, 0, 0, 0, 1], value=0.5, until=10),
        c(i(0, 0, 1, 2, 0, 0, 0, 1), since=11), c(i(0, 0, 1, 2, 0, 0, 0, 1), np.float32(0.5), since=11),
        *(c(i(0, 0, 1, 2, 0, 0, 0, 1), mode=mode, since=11) for mode in ("reflect", "edge")),
        c(i(0, 0, 1, 2, 0, 0, 0, 1), mode="wrap", since=19), c(i(1, 2, 0, 1), None, i(-2, -1), since=18),
        c(pads=[0, 0, 1, 2, 0, 0, 0, 1], mode="reflect", until=10), c(i(0, 0, -1, 0, 0, 0, 0, -1), since=11),
    ],
    "Pow": [c(np.float32(2)), c(f(3, 1, 1)), c(i(2), since=12)],
    "Range": [
        c(np.float32(3), np.float32(0.25), x=(), since=11), c(np.float32(-3), np.float32(-1), x=(), since=11)
    ],
    "ReduceL1": reduced(17), "ReduceL2": reduced(17), "ReduceMin": reduced(17),
    "ReduceSumSquare": reduced(17),
    "ReduceMax": reduced(17), "ReduceMean": reduced(17), "ReduceProd": reduced(17), "ReduceSum": reduced(12),
    "Reshape": [
        c(i(2, 3, 24)), c(i(0, -1)), c(i(0, 0, 24)), c(i(2, 72), allowzero=1, since=14), c(i(-1, 12))
    ],
    "Resize": [
        *((10, 10, *case[2:]) for case in RESIZE_10), *RESIZE,
        c(np.float32([]), None, i(2, 3, 9, 8), since=13), c(None, None, i(9, 8), axes=[2, 3], since=18),
        c(None, np.float32([1, 1, 0.5, 0.5]), mode="linear", antialias=1, since=18),
    ],
    "Slice": [
        c(starts=[0, 1], ends=[2, 9], axes=[1, 3], until=9), c(starts=[0, 1], ends=[2, 2], until=9),
        c(i(0, 1), i(2, 9), i(1, 3), i(1, 2), since=10), c(i(-1), i(-9), i(3), i(-1), since=10),
        c(i(1), i(3), i(-3), since=11),
    ],
    "Split": [
        c(axis=1, outputs=3), c(axis=1, outputs=2, split=[1, 2], until=12),
        c(i(1, 2), axis=1, outputs=2, since=13),
        c(axis=2, outputs=2, num_outputs=2, since=18), c(axis=2, outputs=4, num_outputs=4, since=18),
        c(axis=2, outputs=4, until=17),
    ],
    "Squeeze": [
        c(x=(2, 5, 1, 1), axes=[2, 3], until=12), c(i(2, 3), x=(2, 5, 1, 1), since=13), c(x=(2, 5, 1, 1)),
        c(x=(2, 5, 1, 1), axes=[-1], since=11, until=12),
    ],
    "Sum": [c(f(2, 3, 6, 4)), c(f(3, 1, 1), since=8), c()],
    "Tile": [c(i(1, 2, 1, 3)), c(i(2, 1), x=ROWS)],
    "Transpose": [c(), c(perm=[0, 2, 3, 1]), c(perm=[0, 1, 3, 2])],
    "Unsqueeze": [c(axes=[1], until=12), c(axes=[-1], since=11, until=12), c(i(1, -1), since=13)],
    "Upsample": [
        *(c(scales=[1.0, 1.0, 2.0, 3.0], mode=mode, until=8) for mode in ("nearest", "linear")),
        *((9, 9, *case[2:]) for case in RESIZE_10),
    ],
    "Where": [c(f(2, 3, 6, 4), since=9)],
}  # fmt: skip
LATER = {
    "Celu": 12,
    "Erf": 9,
    "Gelu": 20,
    "GreaterOrEqual": 12,
    "GroupNormalization": 21,
    "HardSwish": 14,
    "LayerNormalization": 17,
    "LessOrEqual": 12,
    "Mish": 18,
    "ThresholdedRelu": 10,
    "CastLike": 15,
    "ConstantOfShape": 9,
    "Equal": 11,
    "GatherND": 11,
    "Expand": 8,
    "Range": 11,
    "Resize": 10,
    "Where": 9,
}
BY_VERSION = [
    (operator, version, number)
    for operator, cases in CASES.items()
    for number, (since, until, *_) in enumerate(cases)
    for version in VERSIONS
    if since <= version <= until
    and (version == since or onnx.defs.get_schema(operator, version).since_version == version)
]


def made(operator, opset, number, *, dense=False):
    """The model of a case, with a dense layer behind it if wanted, and what goes in."""
    _, _, shape, constants, outputs, attributes = CASES[operator][number]
    names = ["" if constant is None else f"c{place}" for place, constant in enumerate(constants)]
    weights = [
        numpy_helper.from_array(np.asarray(constant), name)
        for name, constant in zip(names, constants, strict=True) if name
    ]  # fmt: skip
    x = np.random.default_rng(number).normal(size=shape or ()).astype(np.float32)
    x = np.abs(x) if operator in ("Sqrt", "Pow", "Log") else x
    nodes, own = [], ["x"] if shape is not None else []
    if operator == "Where":
        nodes, own = [helper.make_node("Greater", ["x", "c0"], ["more"])], ["more", "x"]
    ys = [f"y{place}" for place in range(outputs)]
    nodes.append(helper.make_node(operator, [*own, *names], ys, name="it", **attributes))
    if dense:
        size = np.prod(expected(operator, opset, number)[0].shape[1:], dtype=int)
        weights.append(
            numpy_helper.from_array(np.linspace(-1, 1, size * 2, dtype=np.float32).reshape(size, 2), "D")
        )
        nodes += [
            helper.make_node("Flatten", ["y0"], ["flat"]),
            helper.make_node("MatMul", ["flat", "D"], ["z"]),
        ]
        ys = ["z"]
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)] if own else []
    ends = [onnx.ValueInfoProto(name=name) for name in ys]
    graph = helper.make_graph(nodes, "case", given, ends, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return onnx.shape_inference.infer_shapes(model), [x] if own else []


def expected(operator, opset, number):
    return _run(*made(operator, opset, number))


def _run(model, inputs):
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": inputs[0]} if inputs else {})


def test_every_version_of_every_operator_has_a_case():
    assert set(CASES) == {*OPERATORS, *IMPORTERS} - {ACTIVATION, NORMALISED}
    for operator in CASES:
        schemas = {onnx.defs.get_schema(operator, v) for v in VERSIONS if v >= LATER.get(operator, OLDEST)}
        versions = {max(s.since_version, OLDEST) for s in schemas if not s.deprecated}
        assert versions <= {v for name, v, _ in BY_VERSION if name == operator}, operator


def _alike(found, expected):
    found = np.asarray(found)
    assert found.shape == expected.shape
    assert found.dtype.kind == expected.dtype.kind
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("operator", CASES)
def test_the_backend_computes_what_the_version_says(operator):
    for case in [case for case in BY_VERSION if case[0] == operator]:
        try:
            wanted = expected(*case)
        except Exception:  # onnxruntime has as many errors as it has ways to refuse a model
            continue
        model, inputs = made(*case)
        assert _size(model, inputs) >= sum(own.size for own in wanted[:1])
        with fovea.engine("reference"):
            for found, own in zip(fovea.onnx.Backend.run_model(model, inputs), wanted, strict=True):
                _alike(found, own)


def _size(model, inputs):
    """What sizes.py says of the case's node."""
    (node,) = [node for node in model.graph.node if node.name == "it"]
    values = {"": None, **{own.name: numpy_helper.to_array(own) for own in model.graph.initializer}}
    values |= {"x": inputs[0], "more": inputs[0] > 0} if inputs else {}
    step = step_of(node, model.opset_import[0].version)
    small = step.operator in ("Shape", "Size", "Constant")  # what they give is not computed
    return 10 if small else sizes.numbers(step.operator, [values[n] for n in step.inputs], step.attributes)


# What a network of layers can't be: everything that computes of two axes or shapes, or gives whole numbers.
NEVER = {
    "Abs", "Erf", "Log", "Reciprocal", "GreaterOrEqual", "LessOrEqual",
    "CastLike", "Constant", "ConstantOfShape", "Equal", "Exp", "Expand", "Floor", "Greater", "Less", "Max",
    "Min",
    "ReduceL1", "ReduceL2", "ReduceMin", "ReduceSumSquare", "Tile",
    "Pow", "Range", "ReduceProd", "Shape", "Size", "Sqrt", "Sum", "Where",
    "Concat",
}  # fmt: skip


@pytest.mark.parametrize("operator", CASES)
def test_importing_gives_what_the_version_says_or_refuses(operator):
    imported = 0
    for case in [case for case in BY_VERSION if case[0] == operator]:
        for dense in (False, True):
            try:
                model, inputs = made(*case, dense=dense)
                wanted = _run(model, inputs)
            except Exception:  # as above
                continue
            try:
                network = fovea.onnx.from_model(model)
            except DataError:
                continue
            x = inputs[0].transpose(0, 2, 3, 1) if inputs[0].ndim == 4 else inputs[0]
            with fovea.engine("reference"):
                left_out = "Softmax" in operator and not dense and len(network.output_shape) == 1
                found = network.predict(x) if left_out else network.forward(x)[0]
            found = np.log(found) if left_out and operator == "LogSoftmax" else found
            outputs = found.values() if network.outputs else [found]
            for own, other in zip(outputs, wanted, strict=bool(network.outputs)):
                own = own.transpose(0, 3, 1, 2) if own.ndim == 4 else own
                _alike(own.reshape(other.shape), other)
            imported += 1
    assert imported or operator in NEVER


@pytest.mark.parametrize("operator", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("opset", range(OLDEST, NEWEST + 1))
def test_a_softmax_of_pictures_is_over_the_axes_of_its_opset(operator, opset):
    x, kinds = f(*PICTURES), set()
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, PICTURES) for name in "xy"]
    for axis in (1, 2, 3):
        node = helper.make_node(operator, ["x"], ["y"], axis=axis)
        graph = helper.make_graph([node], "one", ends[:1], ends[1:])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        network = fovea.onnx.from_model(model)
        kinds.add(network.layers[-1].over)
        with fovea.engine("reference"):
            found = network.forward(x.transpose(0, 2, 3, 1))[0].transpose(0, 3, 1, 2)
        axes = tuple(range(axis, 4)) if opset < 13 else axis
        shares = np.exp(x) / np.exp(x).sum(axis=axes, keepdims=True)
        _alike(found, shares if operator == "Softmax" else np.log(shares))
    assert kinds == ({"all", "pixels", "width"} if opset < 13 else {"channels", "height", "width"})


def test_a_last_log_softmax_of_rows_is_left_out_as_softmax_is():
    nodes = [helper.make_node("Gemm", ["x", "W"], ["g"]), helper.make_node("LogSoftmax", ["g"], ["y"])]
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", 4]) for n in "xy")
    graph = helper.make_graph(nodes, "rows", [x], [y], [numpy_helper.from_array(f(4, 4), "W")])
    for opset in (11, 13):
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        rows = f(3, 4)
        with fovea.engine("reference"):
            found = fovea.onnx.from_model(model).predict(rows)
        assert np.allclose(np.log(found), _run(model, [rows])[0], atol=1e-5)


@pytest.mark.parametrize(
    ("operator", "opset", "inputs", "attributes", "words"),
    [
        ("Softmax", 11, (), {"axis": 0}, "Softmax \"it\": its axis: expected 1 to 3, got 0"),
        ("LogSoftmax", 17, (), {"axis": -4}, "LogSoftmax \"it\": its axis: expected 1 to 3, got -4"),
        ("Hardmax", 17, (), {}, 'Hardmax "it"'),
        ("Upsample", 10, (np.float32([1, 1, 2, 2]),), {}, "of Upsample in opset 10, got .*deprecated"),
        ("Squeeze", 13, (), {"axes": [2]}, "of Squeeze in opset 13, got Unrecognized attribute: axes"),
        ("Expand", 7, (i(2, 3, 6, 4),), {}, "of Expand in opset 7"),
        ("AveragePool", 18, (), {"kernel_shape": [2, 2],
        "dilations": [2, 2]}, "AveragePool in opset 18.*dilations"),
        ("Cast", 13, (), {"to": TensorProto.INT32}, "its type: expected float.*got INT32"),
        ("Dropout", 13, (np.float32(0.5), np.array(True)), {}, "training_mode: expected false"),
        ("Relu", 13, (), {"axis": 1.5}, "Relu"),
        ("Softmax", 13, (), {"axis": 1.5}, "Softmax.*axis"),
    ],
)  # fmt: skip
def test_what_another_version_would_have_is_refused_by_name(operator, opset, inputs, attributes, words):
    names = [f"c{place}" for place, _ in enumerate(inputs)]
    weights = [
        numpy_helper.from_array(np.asarray(own), name) for name, own in zip(names, inputs, strict=True)
    ]
    node = helper.make_node(operator, ["x", *names], ["y"], name="it", **attributes)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, PICTURES)
    graph = helper.make_graph([node], "one", [x], [onnx.ValueInfoProto(name="y")], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    with pytest.raises(DataError, match=words):
        fovea.onnx.from_model(model)


def test_two_operator_sets_at_once_are_refused():
    model, _ = made("Softmax", 11, 1)
    model.opset_import.add(domain="ai.onnx", version=13)
    with pytest.raises(DataError, match="got opset 11 and 13"):
        fovea.onnx.from_model(model)


def test_a_function_of_another_operator_set_is_not_taken_for_the_models():
    nodes = [helper.make_node("Softmax", ["x"], ["y"])]
    own = helper.make_function("f", "own", ["x"], ["y"], nodes, [helper.make_opsetid("", 11)])
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, PICTURES) for n in "xy")
    graph = helper.make_graph([helper.make_node("own", ["x"], ["y"], domain="f")], "calls", [x], [y])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9, functions=[own])
    with pytest.raises(DataError, match=r"f\.own"):
        fovea.onnx.from_model(model)


def test_rows_that_are_more_axes_are_no_classes():
    nodes = [
        helper.make_node("Reshape", ["x", "s"], ["r"]),
        helper.make_node("Softmax", ["r"], ["y"], axis=1),
    ]
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, None if n == "y" else ["N", 6]) for n in "xy")
    graph = helper.make_graph(nodes, "axes", [x], [y], [numpy_helper.from_array(i(0, 2, 3), "s")])
    with pytest.raises(DataError, match="Softmax"):
        fovea.onnx.from_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))


@pytest.mark.parametrize(("operator", "refused"), [("Cast", False), ("Div", True), ("Relu", True)])
def test_whole_numbers_are_cast_first(operator, refused):
    attributes, more = (
        ({"to": TensorProto.FLOAT}, []) if operator == "Cast" else ({}, ["c"] * (operator == "Div"))
    )
    x = helper.make_tensor_value_info("x", TensorProto.UINT8, PICTURES)
    nodes = [
        helper.make_node(operator, ["x", *more], ["h"], **attributes),
        helper.make_node("Relu", ["h"], ["y"]),
    ]
    weights = [numpy_helper.from_array(np.uint8(255), "c")]
    graph = helper.make_graph(nodes, "whole", [x], [onnx.ValueInfoProto(name="y")], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if refused:
        with pytest.raises(DataError, match=f"{operator}.*an input of floats"):
            fovea.onnx.from_model(model)
    else:
        assert len(fovea.onnx.from_model(model).layers) == 1
