"""Looking into converted models before a runtime is given them: no loops, no other files.

A loop could run without end, and maskforge writes none. The formats are read here themselves, since
neither runtime lets its operators be seen, and the packages that do are needed for nothing else.
"""

from __future__ import annotations

import xml.parsers.expat
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from maskforge.errors import ModelError, shorten
from maskforge.files import open_regular, read_bytes
from maskforge.issues import Origin

_LOOPS = {"If", "Loop", "Scan", "SequenceMap", "TensorIterator"}

# Numbers of fields in onnx.proto.
_GRAPH, _FUNCTIONS = 7, 25
_NODES, _TENSORS = 1, 5
_NODES_OF_FUNCTION = 7
_OPERATOR, _ATTRIBUTES = 4, 5
_TENSOR_OF_ATTRIBUTE, _TENSORS_OF_ATTRIBUTE = 5, 10
_GRAPH_OF_ATTRIBUTE, _GRAPHS_OF_ATTRIBUTE = 6, 11
_FILES_OF_TENSOR, _PLACE_OF_TENSOR = 13, 14

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

_Fields: TypeAlias = Iterator[tuple[int, memoryview | int]]


def check_onnx(path: Path) -> None:
    """Make sure that an ONNX file is a plain sequence of operators, with all weights in it.

    Raises:
        ModelError: If it is not.
    """
    origin = Origin(path, "")
    try:
        model = memoryview(read_bytes(path))
        for graph in _children(model, _GRAPH):
            for tensor in _children(graph, _TENSORS):
                _check_tensor(tensor, origin)
        nodes = [node for graph in _children(model, _GRAPH) for node in _children(graph, _NODES)]
        for function in _children(model, _FUNCTIONS):
            nodes += _children(function, _NODES_OF_FUNCTION)
        for node in nodes:
            _check_node(node, origin)
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror or error}", origin=origin) from None
    except (IndexError, ValueError) as error:
        raise ModelError(f"is not an ONNX file: {error}", origin=origin) from None


def _check_node(node: memoryview, origin: Origin) -> None:
    for operator in _children(node, _OPERATOR):
        _check_operator(bytes(operator).decode("utf-8", "replace"), origin)
    for attribute in _children(node, _ATTRIBUTES):
        for number in (_GRAPH_OF_ATTRIBUTE, _GRAPHS_OF_ATTRIBUTE):
            if any(True for _ in _children(attribute, number)):
                _check_operator("Loop", origin)
        for number in (_TENSOR_OF_ATTRIBUTE, _TENSORS_OF_ATTRIBUTE):
            for tensor in _children(attribute, number):
                _check_tensor(tensor, origin)


def _check_tensor(tensor: memoryview, origin: Origin) -> None:
    for number, value in _fields(tensor):
        if number == _FILES_OF_TENSOR or (number == _PLACE_OF_TENSOR and value):
            raise ModelError("refers to weights in another file", origin=origin)


def _check_operator(name: str, origin: Origin) -> None:
    if name in _LOOPS:
        raise ModelError(
            f"holds the operator {shorten(name)}, which could run without end",
            origin=origin,
            hint="export the model again",
        )


def _children(message: memoryview, number: int) -> Iterator[memoryview]:
    """Yield the fields of one number that are messages, or texts, themselves."""
    for found, value in _fields(message):
        if found == number:
            if isinstance(value, int):
                raise ValueError(f"field {number} is a number")
            yield value


def _fields(message: memoryview) -> _Fields:
    """Yield number and value of every field of a message of Protocol Buffers."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            length, place = _varint(message, place)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"a field of the kind {kind}")
        if place + length > len(message):
            raise ValueError("it is cut off")
        yield key >> 3, message[place : place + length]
        place += length


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def check_openvino(path: Path) -> None:
    """Make sure that an OpenVINO model is a plain sequence of operators.

    Raises:
        ModelError: If it is not.
    """
    origin = Origin(path, "")

    def see(name: str, attributes: dict[str, str]) -> None:
        if name == "body":
            _check_operator("Loop", origin)
        if name == "layer":
            _check_operator(attributes.get("type", ""), origin)

    def refuse(*_: object) -> None:
        raise ModelError("has a document type, which OpenVINO does not write", origin=origin)

    parser = xml.parsers.expat.ParserCreate()
    parser.StartElementHandler = see
    parser.StartDoctypeDeclHandler = refuse
    try:
        with open_regular(path) as stream:
            parser.ParseFile(stream)
    except ModelError:
        raise
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror or error}", origin=origin) from None
    except (xml.parsers.expat.ExpatError, ValueError) as error:
        raise ModelError(f"is not an OpenVINO model: {error}", origin=origin) from None
