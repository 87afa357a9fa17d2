"""Converted models are looked into before a runtime is given them."""

from __future__ import annotations

import contextlib

import pytest

from maskforge.errors import ModelError
from maskforge.prediction.runtimes.graphfile import check_onnx, check_openvino


def varint(value):
    parts = []
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def field(number, content):
    """A field of Protocol Buffers: a number, or a message."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def node(operator, *attributes):
    return field(1, b"x") + field(4, operator.encode()) + b"".join(attributes)


def model(*nodes, tensors=(), functions=()):
    """An ONNX file: version, graph, functions."""
    graph = b"".join(field(1, one) for one in nodes) + field(2, b"name")
    graph += b"".join(field(5, one) for one in tensors)
    return field(1, 8) + field(7, graph) + b"".join(field(25, one) for one in functions)


WEIGHTS = field(1, 3) + field(2, 1) + field(9, bytes(12))
OUTSIDE = field(13, field(1, b"location") + field(2, b"/etc/passwd"))
CONSTANT = field(5, field(1, b"value") + field(5, WEIGHTS) + field(20, 4))


@pytest.fixture
def checked(tmp_path):
    def check(content, name="model.onnx"):
        path = tmp_path / name
        path.write_bytes(content)
        (check_onnx if path.suffix == ".onnx" else check_openvino)(path)

    return check


def test_plain_operators_pass(checked):
    checked(model(node("Conv"), node("Constant", CONSTANT), tensors=[WEIGHTS]))
    checked(model(node("Relu"), functions=[field(1, b"name") + field(7, node("Add"))]))


@pytest.mark.parametrize("operator", ["Loop", "If", "Scan", "SequenceMap"])
def test_loops_are_refused(checked, operator):
    with pytest.raises(ModelError, match=f"operator '{operator}', which could run without end"):
        checked(model(node("Conv"), node(operator)))


@pytest.mark.parametrize("number", [6, 11])
def test_graphs_within_operators_are_refused(checked, number):
    inner = field(5, field(1, b"body") + field(number, field(1, node("Add"))))
    with pytest.raises(ModelError, match="without end"):
        checked(model(node("Own", inner)))


def test_loops_within_functions_are_refused(checked):
    with pytest.raises(ModelError, match="without end"):
        checked(model(node("Own"), functions=[field(7, node("Loop"))]))


@pytest.mark.parametrize(
    "content",
    [
        model(node("Conv"), tensors=[WEIGHTS + OUTSIDE]),
        model(node("Conv"), tensors=[WEIGHTS + field(14, 1)]),
        model(node("Constant", field(5, field(5, WEIGHTS + OUTSIDE)))),
        model(node("Constant", field(5, field(10, WEIGHTS + OUTSIDE)))),
    ],
)
def test_weights_in_other_files_are_refused(checked, content):
    with pytest.raises(ModelError, match="another file"):
        checked(content)


def test_damaged_files_are_an_error_of_the_family(checked):
    whole = model(node("Conv"), node("Constant", CONSTANT), tensors=[WEIGHTS])
    for content in (*(whole[:length] for length in range(3, len(whole))), b"\xff" * 50, b"<net/>"):
        with contextlib.suppress(ModelError):
            checked(content)
    with pytest.raises(ModelError, match="is not an ONNX file"):
        checked(whole[:-1])


PLAIN = '<net name="a"><layers><layer id="0" type="Convolution"/>{}</layers></net>'


def test_a_plain_openvino_model_passes(checked):
    checked(PLAIN.format("").encode(), "model.xml")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        *(
            (PLAIN.format(f'<layer type="{name}"/>'), name)
            for name in ("Loop", "TensorIterator", "If")
        ),
        (PLAIN.format('<layer type="Own"><body/></layer>'), "without end"),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + PLAIN.format(""), "document type"),
        ("<net>", "is not an OpenVINO model"),
        ("", "is not an OpenVINO model"),
    ],
)
def test_other_openvino_models_are_refused(checked, content, reason):
    with pytest.raises(ModelError, match=reason):
        checked(content.encode(), "model.xml")
