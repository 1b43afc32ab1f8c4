"""Files of operators that Fovea has layers for become networks; of any other an error says why not."""

import numpy as np
import pytest

import fovea
from fovea.errors import DataError, FoveaError
from fovea.layers import (
    Affine,
    AveragePool2D,
    BatchNorm,
    Channels,
    Clip,
    Concat,
    Conv2D,
    Dense,
    DepthToSpace,
    Flatten,
    GlobalAveragePool2D,
    GroupNorm,
    HardSwish,
    InstanceNorm,
    MaxPool2D,
    Pad2D,
    ReLU,
    ReLU6,
    Resize2D,
    Shortcut,
    SiLU,
    Softmax,
    SpaceToDepth,
    Tanh,
)

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.helper import make_node as node  # noqa: E402

RNG = np.random.default_rng(0)
PICTURES = ("N", 3, 8, 6)


def numbers(*shape):
    return RNG.normal(size=shape).astype(np.float32)


W = numbers(4, 3, 3, 3)


def model(*nodes, opset=17, input=PICTURES, elements=TensorProto.FLOAT, outputs=("y",), **constants):
    x = helper.make_tensor_value_info("x", elements, input)
    ys = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    weights = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(list(nodes), "test", [x], ys, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def kinds(network):
    return [type(layer) for layer in network.layers]


def computes(made, *, batch=3):
    """The network of a model, which gives what the model's operators give one after another."""
    network = fovea.onnx.from_model(made)
    shape = network.input_shape
    x = np.random.default_rng(1).normal(size=(batch, *shape)).astype(np.float32)
    with fovea.engine("reference"):
        there = x.transpose(0, 3, 1, 2) if x.ndim == 4 else x
        (expected,) = fovea.onnx.Backend.run_model(made, [there])
        found = network.forward(x)[0]
    found = found.transpose(0, 3, 1, 2) if found.ndim == 4 else found
    assert np.allclose(found.reshape(expected.shape), expected, rtol=1e-4, atol=1e-5)
    return network


# What becomes of operators


def test_a_dense_layer_of_merged_pixels_is_a_convolution_of_one():
    nodes = [
        node("Transpose", ["x"], ["last"], perm=[0, 2, 3, 1]), node("Reshape", ["last", "all"], ["pixels"]),
        node("Gemm", ["pixels", "D", "b"], ["made"]), node("Reshape", ["made", "apart"], ["parted"]),
        node("Transpose", ["parted"], ["y"], perm=[0, 3, 1, 2]),
    ]  # fmt: skip
    constants = {"all": np.array([-1, 3]), "D": numbers(3, 2), "b": numbers(2)}
    made = model(*nodes, apart=np.array([-1, 8, 6, 2]), **constants)
    assert kinds(computes(made)) == [Conv2D]
    mixed = model(*nodes[:2], node("Relu", ["pixels"], ["y"]), **constants)
    with pytest.raises(DataError, match=r'Relu "y": its input: expected one part per picture'):
        fovea.onnx.from_model(mixed)


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Add", ["x", "three"], ["a"]), node("Clip", ["a", "zero", "six"], ["c"]),
         node("Mul", ["c", "x"], ["m"]), node("Div", ["m", "six"], ["y"])],
        [node("HardSigmoid", ["x"], ["h"], alpha=1 / 6), node("Mul", ["x", "h"], ["y"])],
    ],
    ids=["relu6", "gate"],
)  # fmt: skip
def test_a_layer_is_known_by_what_several_operators_compute(nodes):
    constants = {name: np.float32(n) for name, n in (("zero", 0), ("three", 3), ("six", 6))}
    assert kinds(computes(model(*nodes, **constants))) == [HardSwish]


def test_what_only_resembles_a_layer_is_none():
    nodes = [
        node("Sigmoid", ["x"], ["s"]),
        node("Mul", ["x", "s"], ["m"]),
        node("Clip", ["m", "", "most"], ["y"]),
    ]
    network = computes(model(*nodes, most=np.float32(100)))
    assert kinds(network) == [SiLU, Clip]


def test_what_is_normalised_together_decides_which_layer_it_is():
    ones = {"g": np.ones(3, np.float32), "b": np.zeros(3, np.float32)}
    whole = {name: np.broadcast_to(array[:, None, None], (3, 8, 6)) for name, array in ones.items()}
    layer = node("LayerNormalization", ["x", "g", "b"], ["y"], axis=1)
    assert kinds(computes(model(layer, **whole))) == [GroupNorm]
    assert kinds(computes(model(node("InstanceNormalization", ["x", "g", "b"], ["y"]), **ones))) == [
        InstanceNorm
    ]
    last = node("LayerNormalization", ["x", "r"], ["y"], axis=-1)
    with pytest.raises(DataError, match="its groups of numbers: expected the channels of each pixel"):
        fovea.onnx.from_model(model(last, r=np.ones(6, np.float32)))


def test_padding_goes_into_the_convolution():
    pads = np.array([0, 0, 1, 2, 0, 0, 3, 4])
    conv = node("Conv", ["p", "W"], ["y"], pads=[1, 1, 1, 1])
    network = computes(model(node("Pad", ["x", "pads"], ["p"]), conv, W=W, pads=pads))
    assert kinds(network) == [Conv2D]
    assert network.layers[0].padding == (2, 4, 3, 5)


def test_padding_before_anything_else_is_a_layer_without_parameters():
    pads = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    pool = node("MaxPool", ["p"], ["y"], kernel_shape=[2, 2])
    network = computes(model(node("Pad", ["x", "pads"], ["p"]), pool, pads=pads))
    assert kinds(network) == [Pad2D, MaxPool2D]


PADS = np.array([0, 0, 1, 3, 0, 0, 2, 1])


@pytest.mark.parametrize("mode", ["reflect", "edge", "wrap"])
def test_what_is_around_pictures(mode):
    network = computes(model(node("Pad", ["x", "p"], ["y"], mode=mode), p=PADS, opset=19))
    assert kinds(network) == [Pad2D]


def test_pictures_of_slices_that_are_put_around_them_are_wrapped():
    ends = {"zero": np.array([0]), "one": np.array([1]), "last": np.array([-2]), "end": np.array([99])}
    steps = [
        node("Slice", ["x", "last", "end", "rows"], ["a"]),
        node("Slice", ["x", "zero", "one", "rows"], ["b"]),
        node("Concat", ["a", "x", "b"], ["c"], axis=2),
        node("Slice", ["c", "last", "end", "columns"], ["d"]), node("Concat", ["d", "c"], ["y"], axis=3),
    ]  # fmt: skip
    network = computes(model(*steps, rows=np.array([2]), columns=np.array([3]), **ends))
    assert kinds(network) == [Pad2D]
    assert (network.layers[0].padding, network.layers[0].mode) == ((2, 1, 2, 0), "wrap")


def test_what_is_cut_off_and_passed_over():
    ends = {
        "from": np.array([1, 2]),
        "to": np.array([7, 6]),
        "axes": np.array([2, 3]),
        "by": np.array([2, 1]),
    }
    network = computes(model(node("Slice", ["x", *ends], ["a"]), node("Relu", ["a"], ["y"]), **ends))
    assert kinds(network) == [Pad2D, Shortcut, ReLU]


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_blocks_of_channels_become_pixels_and_back(mode):
    parts = {"s": np.array([0, 2, 2, 3, 8, 6] if mode == "DCR" else [0, 3, 2, 2, 8, 6])}
    order = [0, 3, 4, 1, 5, 2] if mode == "DCR" else [0, 1, 4, 2, 5, 3]
    steps = [
        node("Reshape", ["x", "s"], ["r"]), node("Transpose", ["r"], ["t"], perm=order),
        node("Reshape", ["t", "u"], ["z"]), node("Tanh", ["z"], ["a"]),
    ]  # fmt: skip
    back = node("SpaceToDepth", ["a"], ["y"], blocksize=2)
    network = computes(model(*steps, back, input=("N", 12, 8, 6), **parts, u=np.array([0, 3, 16, 12])))
    assert kinds(network) == [DepthToSpace, Tanh, SpaceToDepth]
    assert network.layers[0].mode == mode


def test_slices_side_by_side_are_blocks_of_channels():
    starts = {f"{i}{j}": np.array([i, j]) for i in (0, 1) for j in (0, 1)}
    how = {"end": np.array([99, 99]), "axes": np.array([2, 3]), "by": np.array([2, 2])}
    slices = [node("Slice", ["x", start, *how], [f"p{start}"]) for start in starts]
    together = node("Concat", ["p00", "p10", "p01", "p11"], ["y"], axis=1)  # column after column
    assert kinds(computes(model(*slices, together, **starts, **how))) == [SpaceToDepth, Channels]


@pytest.mark.parametrize("operator", ["ReduceMax", "ReduceMean", "ReduceSum"])
@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("axes", [[2, 3], [1], [2], [-1], [1, 2, 3], [1, 3]], ids=str)
def test_reductions(operator, axes, keepdims):
    left = np.prod(
        [n for axis, n in enumerate((3, 8, 6), start=1) if axis not in axes and axis - 4 not in axes]
    )
    steps = [
        node(operator, ["x", "axes"], ["a"], keepdims=keepdims), node("Flatten", ["a"], ["f"]),
        node("MatMul", ["f", "V"], ["y"]),
    ]  # fmt: skip
    computes(model(*steps, opset=18, axes=np.array(axes), V=numbers(int(left), 2)))


@pytest.mark.parametrize("operator", ["ReduceMax", "ReduceMean", "ReduceSum"])
@pytest.mark.parametrize("way", ["columns, then rows", "rows and columns as one axis", "channels last"])
def test_pictures_are_reduced_in_several_ways(operator, way):
    first, axis = {
        "columns, then rows": (node(operator, ["x", "three"], ["a"], keepdims=0), "two"),
        "rows and columns as one axis": (node("Reshape", ["x", "shape"], ["a"]), "two"),
        "channels last": (node("Transpose", ["x"], ["a"], perm=[0, 2, 3, 1]), "inner"),
    }[way]
    steps = [
        first, node(operator, ["a", axis], ["b"], keepdims=0), node("Flatten", ["b"], ["f"]),
        node("MatMul", ["f", "V"], ["y"]),
    ]  # fmt: skip
    axes = {"two": np.array([2]), "three": np.array([3]), "inner": np.array([1, 2])}
    computes(model(*steps, opset=18, **axes, shape=np.array([0, 3, -1]), V=numbers(3, 2)))


def test_channels_are_picked_by_places_too():
    steps = [
        node("Transpose", ["x"], ["a"], perm=[1, 0, 2, 3]), node("GatherND", ["a", "places"], ["b"]),
        node("Transpose", ["b"], ["c"], perm=[1, 0, 2, 3]), node("Conv", ["c", "W"], ["y"]),
    ]  # fmt: skip
    computes(model(*steps, places=np.array([[2], [1], [0]]), W=W))


def test_a_weight_is_normalised_while_the_model_is_read():
    steps = [
        node("ReduceL2", ["V", "axes"], ["n"]), node("Div", ["V", "n"], ["u"]),
        node("Conv", ["x", "u"], ["y"]),
    ]  # fmt: skip
    computes(model(*steps, opset=18, V=W, axes=np.array([1, 2, 3])))


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_automatic_padding(auto_pad):
    computes(model(node("Conv", ["x", "W"], ["y"], auto_pad=auto_pad, strides=[2, 2]), W=numbers(4, 3, 2, 3)))


def test_clip_from_0_to_6_is_relu6_and_without_end_relu():
    low, high = np.float32(0), np.float32(6)
    assert kinds(computes(model(node("Clip", ["x", "low", "high"], ["y"]), low=low, high=high))) == [ReLU6]
    assert kinds(computes(model(node("Clip", ["x", "low"], ["y"]), low=low))) == [ReLU]
    assert kinds(computes(model(node("Clip", ["x"], ["y"], min=0.0, max=6.0), opset=9))) == [ReLU6]


def test_identity_and_dropout_are_gone():
    steps = [node("Identity", ["x"], ["a"]), node("Dropout", ["a"], ["b"]), node("Relu", ["b"], ["y"])]
    assert kinds(computes(model(*steps))) == [ReLU]


def test_a_constant_added_to_a_product_is_its_bias():
    steps = [node("Flatten", ["x"], ["f"]), node("MatMul", ["f", "M"], ["m"]), node("Add", ["b", "m"], ["y"])]
    network = computes(model(*steps, M=numbers(144, 5), b=numbers(5)))
    assert kinds(network) == [Flatten, Dense]
    assert network.layers[1].bias


def test_arithmetic_with_constants_goes_into_the_layer_before_it_if_nothing_else_takes_its_output():
    conv = node("Conv", ["x", "W"], ["c"])
    scaled = node("Div", ["c", "s"], ["y"])
    assert kinds(computes(model(conv, scaled, W=W, s=numbers(1, 4, 1, 1)))) == [Conv2D]
    both = [
        conv,
        node("Mul", ["c", "s"], ["d"]),
        node("Sub", ["t", "d"], ["e"]),
        node("Add", ["c", "e"], ["y"]),
    ]
    network = computes(model(*both, W=W, s=numbers(1, 4, 1, 1), t=numbers(4, 1, 1)))
    assert kinds(network)[:2] == [Conv2D, Affine]


@pytest.mark.parametrize(
    ("size", "how"),
    [
        ((16, 12), {"mode": "linear", "coordinate_transformation_mode": "align_corners"}),
        ((5, 9), {"mode": "linear", "coordinate_transformation_mode": "align_corners"}),
        ((12, 4), {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}),
        ((12, 4), {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}),
    ],
    ids=str,
)
def test_pictures_of_any_other_size(size, how):
    made = model(node("Resize", ["x", "", "", "size"], ["y"], **how), size=np.array([2, 3, *size]))
    made.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
    assert kinds(computes(made, batch=2)) == [Resize2D]


@pytest.mark.parametrize("operator", ["Add", "Mul", "Sub"])
def test_what_broadcasts_there_broadcasts_here(operator):
    made = model(
        node("GlobalAveragePool", ["x"], ["g"]), node(operator, ["x", "g"], ["a"]),
        node("Transpose", ["a"], ["t"], perm=[0, 2, 3, 1]),
        node("Transpose", ["g"], ["h"], perm=[0, 2, 3, 1]),
        node(operator, ["h", "t"], ["last"]), node("Transpose", ["last"], ["y"], perm=[0, 3, 1, 2]),
    )  # fmt: skip
    computes(made)


def test_constants_that_meet_channels_last_are_a_number_for_each_channel():
    made = model(
        node("Tanh", ["x"], ["h"]), node("Transpose", ["h"], ["t"], perm=[0, 2, 3, 1]),
        node("Mul", ["t", "g"], ["s"]), node("Add", ["s", "o"], ["a"]),
        node("Transpose", ["a"], ["y"], perm=[0, 3, 1, 2]), g=numbers(3), o=np.float32(2),
    )  # fmt: skip
    assert kinds(computes(made)) == [Tanh, Affine]


def test_weights_behind_a_flattened_picture_are_in_this_order_here():
    conv, flat = node("Conv", ["x", "W"], ["c"]), node("Flatten", ["c"], ["f"])
    dense = node("Gemm", ["f", "M", "b"], ["y"], transB=1, alpha=0.5, beta=2.0)
    network = computes(model(conv, flat, dense, W=W, M=numbers(5, 96), b=numbers(5)))
    assert kinds(network) == [Conv2D, Flatten, Dense]


def test_rows_are_normalised_and_joined_in_this_order_too():
    steps = [
        node("Flatten", ["x"], ["f"]),
        node("BatchNormalization", ["f", "g", "b", "m", "v"], ["n"]),
        node("Concat", ["n", "f"], ["c"], axis=1),
        node("Gemm", ["c", "M"], ["y"]),
    ]
    rows = {name: np.abs(numbers(144)) for name in "gbmv"}
    network = computes(model(*steps, M=numbers(288, 5), **rows))
    assert kinds(network) == [Flatten, BatchNorm, Concat, Dense]


def test_channels_are_shuffled_and_picked():
    shuffle = [
        node("Reshape", ["c", "groups"], ["r"]), node("Transpose", ["r"], ["t"], perm=[0, 2, 1, 3, 4]),
        node("Reshape", ["t", "maps"], ["s"]), node("Slice", ["s", "one", "four", "one"], ["p"]),
        node("Relu", ["p"], ["y"]),
    ]  # fmt: skip
    shapes = {"groups": np.array([0, 2, 2, 6, 4]), "maps": np.array([0, 4, 6, 4])}
    ends = {"one": np.array([1]), "four": np.array([4])}
    network = computes(model(node("Conv", ["x", "W"], ["c"]), *shuffle, W=W, **shapes, **ends))
    assert kinds(network) == [Conv2D, Channels, ReLU]


def test_shapes_that_are_computed_are_constants():
    steps = [
        node("Shape", ["x"], ["s"]), node("Gather", ["s", "zero"], ["n"], axis=0),
        node("Unsqueeze", ["n", "axes"], ["u"]), node("Concat", ["u", "rest"], ["shape"], axis=0),
        node("Reshape", ["x", "shape"], ["f"]), node("MatMul", ["f", "M"], ["y"]),
    ]  # fmt: skip
    constants = {"zero": np.array(0), "axes": np.array([0]), "rest": np.array([-1])}
    assert kinds(computes(model(*steps, M=numbers(144, 5), **constants))) == [Flatten, Dense]


def test_the_mean_over_rows_and_columns_is_global_pooling():
    mean = node("ReduceMean", ["x"], ["m"], axes=[-1, -2], keepdims=0)
    network = computes(model(mean, node("Gemm", ["m", "M"], ["y"]), M=numbers(3, 5)))
    assert kinds(network) == [GlobalAveragePool2D, Dense]


def test_convolutions_behind_global_pooling_are_dense():
    steps = [node("GlobalAveragePool", ["x"], ["g"]), node("Conv", ["g", "K"], ["y"])]
    assert kinds(computes(model(*steps, K=numbers(5, 3, 1, 1)))) == [GlobalAveragePool2D, Dense]


def test_the_last_softmax_is_left_out_and_any_other_is_a_layer():
    dense, flat = node("Gemm", ["f", "M"], ["g"]), node("Flatten", ["x"], ["f"])
    last = model(flat, dense, node("Softmax", ["g"], ["y"], axis=1), M=numbers(144, 5))
    assert kinds(fovea.onnx.from_model(last)) == [Flatten, Dense]
    x = np.random.default_rng(1).normal(size=(2, 8, 6, 3)).astype(np.float32)
    with fovea.engine("reference"):
        (expected,) = fovea.onnx.Backend.run_model(last, [x.transpose(0, 3, 1, 2)])
        assert np.allclose(fovea.onnx.from_model(last).predict(x), expected, atol=1e-6)
    inside = model(flat, node("Softmax", ["f"], ["s"]), node("Gemm", ["s", "M"], ["y"]), M=numbers(144, 5))
    assert kinds(computes(inside)) == [Flatten, Softmax, Dense]


def test_pictures_may_come_with_their_channels_last():
    steps = [node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]), node("Conv", ["t", "W"], ["y"])]
    network = fovea.onnx.from_model(model(*steps, W=W, input=("N", 8, 6, 3)))
    assert network.input_shape == (8, 6, 3)
    assert kinds(network) == [Conv2D]


def test_half_precision_becomes_float32():
    weights = W.astype(np.float16)
    network = fovea.onnx.from_model(model(node("Conv", ["x", "W"], ["y"]), W=weights))
    assert np.array_equal(network.parameters["conv1.W"], weights.astype(np.float32).transpose(2, 3, 1, 0))


def test_pools_keep_their_padding_and_what_they_count():
    pool = node(
        "AveragePool",
        ["x"],
        ["y"],
        kernel_shape=[3, 2],
        strides=[2, 1],
        pads=[1, 0, 0, 1],
        count_include_pad=1,
    )
    (layer,) = computes(model(pool)).layers
    assert isinstance(layer, AveragePool2D)
    assert layer.count_include_pad


@pytest.mark.parametrize("name", ["densenet121", "inception_v2", "resnet50", "shufflenet", "squeezenet"])
def test_models_of_the_zoo_give_what_onnxruntime_gives(name):
    """Their files come with the library onnx, with weights left out."""
    runtime = pytest.importorskip("onnxruntime")
    from onnx.backend.test.loader import DATA_DIR

    made = onnx.load(f"{DATA_DIR}/light/light_{name}.onnx")
    given = {i.name for i in made.graph.initializer}
    _weigh(made)
    network = fovea.onnx.from_model(made)
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # it warns of weights among the inputs
    session = runtime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (end,) = [i for i in session.get_inputs() if i.name not in given]
    x = np.random.default_rng(0).normal(size=end.shape).astype(np.float32)
    expected = session.run(None, {end.name: x})[0].reshape(1, -1)
    with fovea.engine("reference"):
        last = network.forward if name == "densenet121" else network.predict
        found = last(x.transpose(0, 2, 3, 1))
    found = found[0] if isinstance(found, tuple) else found
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


def _weigh(made):
    """Random weights in place of those that the files leave out."""
    shapes = {i.name: numpy_helper.to_array(i) for i in made.graph.initializer}
    for step in [step for step in made.graph.node if step.op_type == "ConstantOfShape"]:
        shape = shapes[step.input[0]]
        array = RNG.normal(size=shape) * (0.5 / np.sqrt(max(np.prod(shape[1:]), 1)))
        array = np.abs(array) + 0.5 if len(shape) == 1 else array  # variances are positive
        made.graph.initializer.append(numpy_helper.from_array(array.astype(np.float32), step.output[0]))
        made.graph.node.remove(step)


# What cannot be imported


RELU = node("Relu", ["x"], ["y"])
PLACES = {"coordinate_transformation_mode": "asymmetric"}
BRANCHES = ("then_branch", "else_branch")
WRONG = {
    "an unknown operator": (model(node("LRN", ["x"], ["y"], name="n1", size=5)), 'LRN "n1": .*a layer for'),
    "an operator of a vendor": (model(node("Fused", ["x"], ["y"], domain="com.its")), 'com.its.Fused "y"'),
    "a quotient of pictures": (
        model(node("Tanh", ["x"], ["s"]), node("Div", ["x", "s"], ["y"], name="part")),
        'Div "part": .*constant numbers, got a tensor that the network computes',
    ),
    "a product of pictures and rows": (
        model(node("Flatten", ["x"], ["s"]), node("Mul", ["x", "s"], ["y"], name="gate")),
        'Mul "gate": .*shapes that broadcast',
    ),
    "a cycle": (
        model(node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]), node("Relu", ["b"], ["y"])),
        "a graph without cycles",
    ),
    "free rows and columns": (model(RELU, input=("N", 3, "h", "w")), 'input "x": .*\\(N, 3, h, w\\)'),
    "free channels": (model(RELU, input=("N", None, 8, 8)), 'input "x": expected \\(N, C, H, W\\)'),
    "no shape at all": (model(RELU, input=None), 'input "x": .*no shape'),
    "a film": (model(RELU, input=("N", 3, 4, 8, 8)), 'input "x": expected \\(N, C, H, W\\) or'),
    "an old operator set": (model(RELU, opset=3), "opset 7 to .*, got opset 3"),
    "an operator set of the future": (model(RELU, opset=500), "got opset 500"),
    "an output twice": (model(RELU, outputs=("y", "y")), "different outputs, got y, y"),
    "an output that is constant": (
        model(RELU, node("Neg", ["w"], ["z"]), outputs=("y", "z"), w=np.ones((1, 2), np.float32)),
        'output "z": .*depends on .* input, got a constant',
    ),
    "one of two outputs in which pictures are mixed": (
        model(RELU, node("Reshape", ["x", "s"], ["z"]), outputs=("y", "z"), s=np.array([-1])),
        'output "z": .*one part per picture',
    ),
    "one of two outputs in another order": (
        model(RELU, node("Flatten", ["x"], ["z"]), outputs=("y", "z")),
        'output "z": expected numbers in the order of its last layer',
    ),
    "no operators": (model(outputs=("x",)), "one input"),
    "pictures that are mixed": (
        model(node("Reshape", ["x", "s"], ["y"], name="mix"), s=np.array([-1])),
        'output "y": .*one part per picture',
    ),
    "another axis": (model(node("Concat", ["x", "x"], ["y"], axis=2)), "Concat.*its axis"),
    "another softmax": (model(node("Softmax", ["x"], ["y"], axis=0)), "Softmax.*its axis"),
    "reflections of more than there is": (
        model(node("Pad", ["x", "p"], ["y"], mode="reflect"), p=np.array([0, 0, 8, 0] * 2)),
        "Pad.*at most 7 rows and 5 columns",
    ),
    "weights that are computed": (model(node("Conv", ["x", "x"], ["y"])), '"x": expected constant numbers'),
    "weights of another shape": (model(node("Conv", ["x", "W"], ["y"]), W=W[:, :2]), "Conv"),
    "an attribute that nobody knows": (model(node("Relu", ["x"], ["y"], slope=1.0)), "Relu.*slope"),
    "normalisation in training": (
        model(node("BatchNormalization", ["x", *"vvvv"], ["y"], training_mode=1), v=np.ones(3, np.float32)),
        "training_mode",
    ),
    "an order that no layer has": (model(node("Transpose", ["x"], ["y"], perm=[0, 1, 3, 2])), "order"),
    "a constant that differs from pixel to pixel": (
        model(node("Add", ["x", "t"], ["y"]), t=numbers(3, 8, 6)), "Add.*one number for each channel",
    ),
    "a way to resize": (
        model(node("Resize", ["x", "", "s"], ["y"], mode="linear", **PLACES), s=np.float32([1, 1, 2, 2])),
        "Resize.*its interpolation",
    ),
    "a division by 0": (
        model(node("Div", ["x", "zero"], ["y"], name="d"), zero=np.zeros(1, np.float32)),
        r'^Div "d": its gamma: expected finite numbers, got NaN or infinity$',
    ),
    "a division by 0 of a layer's output": (
        model(node("Conv", ["x", "W"], ["c"]), node("Div", ["c", "zero"], ["y"], name="d"),
              W=W, zero=np.zeros(1, np.float32)),
        r'^Div "d": its W: expected finite numbers, got NaN or infinity$',
    ),
    "a product that float32 cannot hold": (
        model(node("Conv", ["x", "W"], ["c"]), node("Mul", ["c", "s"], ["t"]),
              node("Mul", ["t", "s"], ["y"], name="m"), W=W, s=np.float32([3e30])),
        r'^Mul "m": its W: expected finite numbers, got NaN or infinity$',
    ),
    "a sum that float32 cannot hold": (
        model(node("Conv", ["x", "W"], ["c"]), node("Add", ["c", "s"], ["t"]),
              node("Add", ["t", "s"], ["y"], name="a"), W=W, s=np.float32([3e38])),
        r'^Add "a": its b: expected finite numbers, got NaN or infinity$',
    ),
    "a variance below 0": (
        model(node("BatchNormalization", ["x", *"gggv"], ["y"], name="n"),
              g=np.ones(3, np.float32), v=np.float32([1, -1, 1])),
        r'^BatchNormalization "n": its variance: expected numbers of at least 0, got -1$',
    ),
    "a text": (
        model(node("Add", ["x", "t"], ["y"], name="a"), t=np.array(["a"])), '^Add "a": "t": expected numbers'
    ),
    "a graph in an operator": (
        model(node("If", ["x"], ["y"], name="if", **dict.fromkeys(BRANCHES, model(RELU).graph))),
        '^If "if": expected an operator that Fovea has a layer for, got If$',
    ),
    "an index beyond the end": (
        model(node("Gather", ["x", "i"], ["y"], name="g", axis=1), i=np.array([7])),
        '^Gather "g": expected inputs',
    ),
    "padding that is more than enough": (
        model(node("Pad", ["x", "p"], ["y"]), p=np.array([0, 0, 10**9, 10**9] * 2)),
        '^output "y": its result: expected at most',
    ),
    "a constant output": (model(node("Shape", ["x"], ["y"])), 'output "y": .*depends on .* input'),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_imported_is_named(what):
    made, words = WRONG[what]
    with pytest.raises(DataError, match=words):
        fovea.onnx.from_model(made)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_named(wrong):
    weights = W.copy()
    weights[1, 2, 0, 0] = wrong
    with pytest.raises(DataError, match='Conv "c1": "W": expected finite numbers'):
        fovea.onnx.from_model(model(node("Conv", ["x", "W"], ["y"], name="c1"), W=weights))


def test_a_shape_that_is_open_can_be_given():
    made = model(node("Conv", ["x", "W"], ["y"]), W=W, input=("N", 3, "height", "width"))
    assert fovea.onnx.from_model(made, input_shape=(8, 6, 3)).input_shape == (8, 6, 3)


def test_without_the_library_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(FoveaError, match=r"pip install 'fovea-cnn\[onnx\]', or in a clone"):
        fovea.onnx.load("model.onnx")
