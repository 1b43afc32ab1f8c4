"""The notes' numbers: what a network costs, and what fully connected layers would."""

from fovea import Network
from fovea.layers import (
    AveragePool2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    Layer,
    MaxPool2D,
    ReLU,
)
from fovea.models import course39, lenet5
from fovea.network import summary


def column(network, name):
    return {row.name: getattr(row, name) for row in summary.rows(network)}


def test_lenet5_has_61706_parameters():
    assert column(lenet5(), "parameters") == {
        "conv1": 156,
        "relu1": 0,
        "pool1": 0,
        "conv2": 2_416,
        "relu2": 0,
        "pool2": 0,
        "flatten1": 0,
        "dense1": 48_120,
        "relu3": 0,
        "dense2": 10_164,
        "relu4": 0,
        "dense3": 850,
    }
    assert summary.total(summary.rows(lenet5())).parameters == 61_706


def test_lenet5_sees_through_growing_windows():
    fields = column(lenet5(), "receptive_field")
    assert fields["conv1"] == fields["relu1"] == (5, 5)
    assert fields["pool1"] == (6, 6)
    assert fields["conv2"] == (14, 14)
    assert fields["pool2"] == fields["flatten1"] == (16, 16)
    assert fields["dense1"] == fields["dense3"] == (28, 28)


def test_the_notes_network():
    network = course39()
    assert [row.output_shape for row in summary.rows(network) if row.type != "ReLU"] == [
        (37, 37, 10),
        (17, 17, 20),
        (7, 7, 40),
        (1960,),
        (10,),
    ]
    parameters = column(network, "parameters")
    assert parameters["conv1"] == (3 * 3 * 3 + 1) * 10
    assert parameters["conv2"] == (5 * 5 * 10 + 1) * 20
    assert parameters["conv3"] == (5 * 5 * 20 + 1) * 40
    assert parameters["dense1"] == (1960 + 1) * 10


def test_a_filter_is_shared_by_all_its_positions():
    for row in summary.rows(course39()):
        if row.type == "Conv2D":
            assert row.connections == row.parameters * row.output_shape[0] * row.output_shape[1]


def test_each_value_of_a_convolution_depends_on_one_window():
    rows = {row.name: row for row in summary.rows(lenet5())}
    assert rows["conv1"].connections == 122_304
    assert rows["conv1"].multiply_adds == 117_600 == 28 * 28 * 6 * 25
    assert rows["conv1"].dense_parameters == (784 + 1) * 4704
    assert rows["pool1"].connections == 14 * 14 * 6 * 4
    assert rows["dense1"].connections == rows["dense1"].dense_parameters == rows["dense1"].parameters


def test_layers_that_connect_nothing_have_no_counterpart():
    network = Network([ReLU(), Dropout(0.5), Flatten()], (4, 4, 2))
    assert set(column(network, "dense_parameters").values()) == {None}
    assert set(column(network, "connections").values()) == {0}


def test_growing_pictures_make_fully_connected_layers_grow():
    """A layer of 1000 units on the pictures of the notes."""
    assert summary.dense_parameters((64, 64, 3), (1000,)) == (12_288 + 1) * 1000
    assert summary.dense_parameters((1000, 1000, 3), (1000,)) == 3_000_001_000


def test_strides_add_up_and_stay_apart_for_height_and_width():
    layers = [Conv2D(2, (3, 1), (2, 1)), AveragePool2D((1, 2), (1, 3)), MaxPool2D((2, 3), 1)]
    assert list(column(Network(layers, (20, 21, 1)), "receptive_field").values()) == [(3, 1), (3, 2), (5, 8)]


def test_global_pooling_sees_what_all_its_windows_see():
    fields = column(Network([Conv2D(2, 3), GlobalAveragePool2D(), Dense(3)], (9, 7, 1)), "receptive_field")
    assert set(fields.values()) == {(3, 3), (9, 7)}


def test_without_a_picture_there_is_no_field():
    assert column(Network([Dense(3), ReLU()], (7,)), "receptive_field") == {"dense1": None, "relu1": None}


def test_a_users_layer_is_counted_by_its_parameters():
    class Gain(Layer):
        def parameter_shapes(self, input_shape):
            return {"g": input_shape}

    assert column(Network([Gain()], (4, 4, 2)), "parameters") == {"gain1": 32}


def test_the_table_in_plain_text():
    lines = Network([Conv2D(2, 3), Flatten(), Dense(10)], (5, 5, 1)).summary().splitlines()
    assert lines[0].split("  ")[0] == "layer"
    assert lines[1] == lines[-2] == "─" * len(lines[0])
    assert [line.split() for line in lines if "─" not in line][1:] == [
        ["input", "5×5×1"],
        ["conv1", "Conv2D", "3×3×2", "20", "180", "162", "3×3", "468"],
        ["flatten1", "Flatten", "18", "0", "0", "0", "3×3", "–"],
        ["dense1", "Dense", "10", "190", "190", "180", "5×5", "190"],
        ["total", "10", "210", "370", "342", "5×5", "658"],
    ]


def test_the_same_cells_for_any_face():
    cells = summary.cells(summary.rows(lenet5())[0])
    assert len(cells) == len(summary.HEADERS)
    assert cells == ("conv1", "Conv2D", "28×28×6", "156", "122,304", "117,600", "5×5", "3,692,640")
