"""Models made to hurt are refused before they cost anything: memory, time, the interpreter's stack."""

import tracemalloc

import numpy as np
import pytest

import fovea
from fovea.errors import DataError

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.helper import make_node as node  # noqa: E402

from fovea.onnx.bounds import Room  # noqa: E402
from fovea.onnx.graph import Step  # noqa: E402
from fovea.onnx.operators import OPERATORS, run, sizes  # noqa: E402

MUCH = 2**40


def i(*numbers):
    return np.array(numbers, np.int64)


def model(*nodes, opset=17, input=("N", 3, 8, 6), output="y", functions=(), domains=(), **constants):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, input)
    y = onnx.ValueInfoProto(name=output)
    weights = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(list(nodes), "hurts", [x], [y], weights)
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9, functions=list(functions))


ONE, ENDLESS = np.float32([1]), np.float32([np.inf])
DOUBLED = [node("Concat", [f"t{n}", f"t{n}"], [f"t{n + 1}"], axis=0) for n in range(60)]
# What computes an enormous constant "c"; the rest of the model is the same.
CONSTANTS = {
    "ConstantOfShape": ([node("ConstantOfShape", ["s"], ["c"])], {"s": i(MUCH)}),
    "many axes": ([node("ConstantOfShape", ["s"], ["c"])], {"s": np.ones(100_000, np.int64)}),
    "Expand": ([node("Expand", ["one", "s"], ["c"])], {"s": i(2**20, 2**20), "one": ONE}),
    "Range": ([node("Range", ["a", "b", "d"], ["c"])], {"a": i(0)[0], "b": i(MUCH)[0], "d": i(1)[0]}),
    "a Range of nothing": (
        [node("Range", ["a", "b", "d"], ["c"])], {"a": np.array(0), "b": np.array(5), "d": np.array(0)},
    ),
    "Resize": (
        [node("Resize", ["one", "", "f"], ["c"])],
        {"one": np.ones((1, 1, 4, 4), np.float32), "f": np.float32([1, 1, 1e6, 1e6])},
    ),
    "Resize without end": ([node("Resize", ["one", "", "g"], ["c"])], {"one": ONE, "g": ENDLESS}),
    "Pad": ([node("Pad", ["one", "s"], ["c"])], {"one": ONE, "s": i(0, MUCH)}),
    "Gather": (
        [node("ConstantOfShape", ["s"], ["many"], value=numpy_helper.from_array(i(0))),
         node("Gather", ["wide", "many"], ["c"])],
        {"s": i(10**6), "wide": np.ones((1, 10_000), np.float32)},
    ),
    "Concat of itself": (DOUBLED, {"t0": ONE}),
    "Add": (
        [node("Reshape", ["wide", "up"], ["column"]), node("Add", ["wide", "column"], ["c"])],
        {"wide": np.ones(100_000, np.float32), "up": i(-1, 1)},
    ),
    "MatMul": (
        [node("Reshape", ["wide", "up"], ["column"]), node("Reshape", ["wide", "flat"], ["row"]),
         node("MatMul", ["column", "row"], ["c"])],
        {"wide": np.ones(100_000, np.float32), "up": i(-1, 1), "flat": i(1, -1)},
    ),
    "Conv": (
        [node("Conv", ["one", "one"], ["c"], pads=[10**6] * 4, strides=[10**6] * 2)],
        {"one": np.ones((1, 1, 1, 1), np.float32)},
    ),
    "a kernel": (
        [node("MaxPool", ["one"], ["c"], kernel_shape=[10**5] * 2, pads=[10**5 - 1] * 4)],
        {"one": np.ones((1, 1, 1, 1), np.float32)},
    ),
    "ConvTranspose": (
        [node("ConvTranspose", ["one", "one"], ["c"], strides=[10**6] * 2)],
        {"one": np.ones((1, 1, 9, 9), np.float32)},
    ),
    "one after another": (
        [node("ConstantOfShape", ["s"], [f"c{n}"]) for n in range(200)] + [node("Sum", ["c0"], ["c"])],
        {"s": i(2**25)},
    ),
    "a long shape": (
        [node("ConstantOfShape", ["s"], ["shape"], value=numpy_helper.from_array(i(1))),
         node("Reshape", ["one", "shape"], ["c"])],
        {"s": i(2**25), "one": ONE},
    ),
}  # fmt: skip
CONSTANTS["one after another"][0][-1].input[:] = [f"c{n}" for n in range(200)]
CONSTANTS["Concat of itself"][0][-1].output[:] = ["c"]


def bounded(function, made):
    """Whether it raises DataError, and takes little memory until then."""
    tracemalloc.start()
    try:
        with fovea.engine("reference"), pytest.raises(DataError):
            function(made)
        assert tracemalloc.get_traced_memory()[1] < 2**30
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("what", CONSTANTS)
def test_enormous_constants_are_not_computed(what):
    nodes, constants = CONSTANTS[what]
    made = model(*nodes, node("Add", ["x", "c"], ["y"]), **constants)
    bounded(fovea.onnx.from_model, made)
    bounded(fovea.onnx.Backend.prepare, made)


@pytest.mark.parametrize("what", ["Expand", "Pad", "Resize", "ConvTranspose"])
def test_enormous_results_of_inputs_are_not_computed(what):
    nodes, constants = CONSTANTS[what]
    (enormous,) = nodes
    enormous = node(enormous.op_type, ["x", *enormous.input[1:]], ["y"], **{
        a.name: helper.get_attribute_value(a) for a in enormous.attribute
    })  # fmt: skip
    shape = (1, 1, 9, 9)
    constants = {**constants, **({"s": i(0, 0, 0, 0, 0, 0, 0, MUCH)} if what == "Pad" else {})}
    prepared = fovea.onnx.Backend.prepare(model(enormous, input=shape, **constants))
    bounded(prepared.run, [np.ones(shape, np.float32)])


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Transpose", ["x"], ["t"], perm=[0, 1, 3, 2]), node("Flatten", ["t"], ["y"])],
        [node("Conv", ["x", "W"], ["h"], pads=[30_000] * 4), node("Flatten", ["h"], ["y"])],
        [node("Upsample", ["x", "f"], ["h"]), node("Flatten", ["h"], ["y"])],
    ],
)
def test_enormous_pictures_are_not_moved(nodes):
    weights = {"W": np.ones((3, 3, 3, 3), np.float32), "f": np.float32([1, 1, 5000, 5000])}
    large = nodes[0].op_type == "Transpose"
    made = model(*nodes, opset=9, input=("N", 3, 20_000, 20_000) if large else ("N", 3, 8, 6), **weights)
    bounded(fovea.onnx.from_model, made)


def test_a_batch_without_end_is_not_made():
    bounded(fovea.onnx.from_model, model(node("Flatten", ["x"], ["y"]), input=(10**9, 3, 8, 6)))


def test_there_is_room_for_what_models_compute():
    """A weight of a million numbers, transposed, cast and added up ten times over."""
    steps, name = [], "w"
    for turn in range(5):
        steps += [node("Transpose", [name], [f"t{turn}"]), node("Mul", [f"t{turn}", "two"], [f"m{turn}"])]
        name = f"m{turn}"
    flat = node("Flatten", ["x"], ["f"])
    made = model(*steps, flat, node("MatMul", ["f", name], ["y"]), w=np.ones((144, 144), np.float32), two=ONE)
    assert fovea.onnx.from_model(made).parameters["dense1.W"].shape == (144, 144)


@pytest.mark.parametrize("input", [(1, 10**9), (1, 10**7, 1, 1), (10**12, 3, 8, 6), (2**62, 2**62)])
def test_enormous_inputs_are_refused(input):
    bounded(fovea.onnx.from_model, model(node("Relu", ["x"], ["y"]), input=input))


@pytest.mark.parametrize("operator", OPERATORS)
def test_what_broadcasts_is_counted(operator):
    """A column and a row make a matrix: every operator that says so is counted by what it makes."""
    schema = onnx.defs.get_schema(operator)
    inputs = [np.ones((50, 1), np.float32), np.ones((1, 50), np.float32)][: schema.max_input]
    step = Step(operator, "it", ("a", "b")[: len(inputs)], ("y",), {})
    try:
        results = run(step, inputs, 21, Room(10**6))
    except DataError:  # it is no operator of these
        return
    assert sizes.numbers(operator, inputs, {}) >= results[0].size or operator in ("Shape", "Size")


# Graphs


def chain(operators, opset=17):
    names = [f"t{n}" for n in range(operators)]
    nodes = [node("Relu", [a], [b]) for a, b in zip(["x", *names], [*names[:-1], "y"], strict=False)]
    return model(*nodes, opset=opset)


def test_a_hundred_thousand_operators_are_too_many():
    with pytest.raises(DataError, match=r"at most 100,000 operators, inputs, outputs .*, got more$"):
        fovea.onnx.from_model(chain(100_000))


def test_layers_are_bounded_too():
    with pytest.raises(DataError, match="at most 10,000 layers"):
        fovea.onnx.from_model(chain(10_001))


def function(name, nodes):
    return helper.make_function(
        "f", name, ["x"], ["y"], nodes, [helper.make_opsetid(n, v) for n, v in (("", 17), ("f", 1))]
    )


def call(name):
    return node(name, ["x"], ["y"], domain="f")


def twice(name):
    return [node(name, ["x"], ["h"], domain="f"), node(name, ["h"], ["y"], domain="f")]


@pytest.mark.parametrize(
    ("functions", "words"),
    [
        ([function("a", [call("a")])], "no call of itself"),
        ([function("a", [call("b")]), function("b", [call("a")])], "function f.[ab]: .*no call of itself"),
        ([function("a", twice("b0")), *(function(f"b{n}", twice(f"b{n + 1}")) for n in range(60)),
          function("b60", [node("Relu", ["x"], ["y"])])], "100,000 operators"),
        ([function("a", [call("b0")]), *(function(f"b{n}", [call(f"b{n + 1}")]) for n in range(2000)),
          function("b2000", [node("Relu", ["x"], ["y"])])], "functions at most 100 deep, got 2002"),
    ],
)  # fmt: skip
def test_functions_are_counted_as_often_as_they_are_called(functions, words):
    for read in (fovea.onnx.from_model, fovea.onnx.Backend.prepare):
        with pytest.raises(DataError, match=words):
            read(model(call("a"), functions=functions, domains=["f"]))


def test_a_function_that_ends_is_what_it_calls():
    functions = [function("a", [call("b")]), function("b", [node("Relu", ["x"], ["y"])])]
    assert len(fovea.onnx.from_model(model(call("a"), functions=functions, domains=["f"])).layers) == 1


def test_names_that_are_no_text_are_refused():
    """In the node's, the input's and the attribute's names, and in the metadata."""
    made = model(node("LeakyRelu", ["x"], ["y"], name="leak", alpha=0.1))
    made.metadata_props.add(key="told", value="much")
    raw = made.SerializeToString()
    for name in (b"LeakyRelu", b"leak", b"alpha", b"told", b"much"):
        broken = onnx.ModelProto.FromString(raw.replace(name, b"\xff" * len(name)))
        for read in (fovea.onnx.from_model, fovea.onnx.Backend.prepare):
            with pytest.raises(DataError, match="names in UTF-8"):
                read(broken)


def test_errors_are_short_whatever_the_names():
    made = model(node("Foo" * 10_000, ["x"], ["y"], name="n" * 10_000))
    with pytest.raises(DataError) as raised:
        fovea.onnx.from_model(made)
    assert len(str(raised.value)) < 1000


@pytest.mark.parametrize("dims", [[-1], [2**62, 4], [0], [4, 1, 1], [3]])
def test_constants_have_the_lengths_that_they_say(dims):
    made = model(node("Add", ["x", "c"], ["y"]), c=np.ones(4, np.float32))
    made.graph.initializer[0].dims[:] = dims
    with pytest.raises(DataError, match=r'"c"|Add'):
        fovea.onnx.from_model(made)
