"""Damaged and hostile model folders end in a sentence, before Keras or a runtime is given them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import model_folders as models
import numpy as np
import pytest

import maskforge
from maskforge.errors import ModelError
from maskforge.nn.kerasfile import KNOWN, check_keras_file
from maskforge.nn.modelfile import read_description
from maskforge.prediction import converted

keras = pytest.importorskip("keras", reason="NO NETWORKS: Keras is not installed")
h5py = pytest.importorskip("h5py", reason="NO NETWORKS: Keras is not installed")


@pytest.fixture
def never_loaded(monkeypatch):
    """Fails if Keras is given the file."""
    monkeypatch.setattr(keras.saving, "load_model", lambda *_, **__: pytest.fail("was loaded"))


@pytest.fixture
def refused(folder, never_loaded):
    """Return what is said of a folder whose ``model.keras`` was changed."""

    def told(change, reason):
        path = folder / "model.keras"
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in change(members).items():
                archive.writestr(name, content)
        described = json.loads((folder / "maskforge.json").read_bytes()) | {"weights_digest": ""}
        (folder / "maskforge.json").write_text(json.dumps(described))
        from maskforge.nn.modelio import load_model

        with pytest.raises(ModelError, match=reason):
            load_model(folder)

    return told


def layers_changed(change):
    """Change the layers of a configuration."""

    def changed(members):
        config = json.loads(members["config.json"])
        for layer in config["config"]["layers"]:
            change(layer)
        return members | {"config.json": json.dumps(config)}

    return changed


@pytest.mark.parametrize("value", [{}, [], ["Conv2D"], {"a": 1}, 3, True])
@pytest.mark.parametrize("key", ["class_name", "module", "registered_name"])
def test_names_of_layers_are_text(refused, key, value):
    refused(layers_changed(lambda layer: layer.update({key: value})), "needs")


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"registered_name": "maskforge>Evil"}, "maskforge>Evil"),
        ({"module": "os", "class_name": "system", "registered_name": "maskforge>system"}, "'os'"),
        ({"class_name": "StringLookup"}, "StringLookup"),
        ({"class_name": "Embedding"}, "Embedding"),
        ({"module": "keras.utils", "class_name": "function"}, "keras.utils"),
        ({"module": "keras.src.ops.numpy", "class_name": "Arange"}, "Arange"),
    ],
)
def test_only_layers_of_the_networks_are_made(refused, part, reason):
    refused(layers_changed(lambda layer: layer.update(part)), reason)


def of_convolutions(change):
    def changed(layer):
        if layer["class_name"].startswith("Conv2D"):
            change(layer)

    return layers_changed(changed)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda layer: layer["config"].update(filters=10**9), "weights or more, and holds"),
        (lambda layer: layer["config"].update(kernel_size=[10**6, 10**6]), "or more, and holds"),
        (lambda layer: layer["build_config"].update(input_shape=[None, None, None, 10**9]), "more"),
        (lambda layer: layer["config"].update(filters=-1), "does not say how large"),
        (lambda layer: layer["config"].update(filters="a"), "does not say how large"),
        (lambda layer: layer["config"].update(data_format="channels_first"), "does not say how"),
        (lambda layer: layer.pop("build_config"), "does not say how large"),
        (lambda layer: layer.update(config=[]), "does not say how large"),
    ],
)
def test_no_layer_is_larger_than_its_weights(refused, change, reason):
    refused(of_convolutions(change), reason)


def weights_changed(change):
    """Change the file of the weights."""

    def changed(members):
        stream = io.BytesIO(members["model.weights.h5"])
        with h5py.File(stream, "r+") as file:
            change(file)
        return members | {"model.weights.h5": stream.getvalue()}

    return changed


def with_number(value):
    def change(file):
        found = []
        file.visititems(
            lambda _, node: found.append(node) if isinstance(node, h5py.Dataset) else None
        )
        found[0][(0,) * found[0].ndim] = value

    return change


def bomb(file):
    file.create_dataset("bomb", (2**40,), "f4", chunks=(2**10,))


def elsewhere(file):
    file.create_dataset("outside", (4,), "f4", external=[("/etc/passwd", 0, 16)])


def virtual(file):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
    file.create_virtual_dataset("virtual", layout)


def circle(file):
    file["circle"] = file["/"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (with_number(np.nan), "weights that are not finite"),
        (with_number(-np.inf), "weights that are not finite"),
        (bomb, "larger than it is"),
        (elsewhere, "does not hold numbers itself"),
        (virtual, "does not hold numbers itself"),
        (circle, "is there twice"),
        (lambda file: file.update(link=h5py.ExternalLink("/etc/passwd", "x")), "is a link"),
        (lambda file: file.update(text="text"), "does not hold numbers itself"),
    ],
)
def test_weights_are_finite_numbers_in_the_file(refused, change, reason):
    refused(weights_changed(change), reason)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("model.weights.h5", b"", "cannot be read"),
        ("model.weights.h5", b"\x89HDF\r\n\x1a\n" + bytes(100), "cannot be read"),
        ("config.json", b"[]", "cannot be loaded|was loaded|must"),
        ("config.json", b"\xff", "is not a .keras file"),
        ("config.json", b'{"class_name": ' * 5000, "is not a .keras file|nested"),
        ("config.json", b"9" * 5000, "is not a .keras file"),
    ],
)
def test_damaged_members_are_named(refused, monkeypatch, name, content, reason):
    if content == b"[]":  # nothing in it is known to be wrong, so Keras is asked
        monkeypatch.undo()
    refused(lambda members: members | {name: content}, reason)


@pytest.mark.parametrize(
    ("offset", "value", "reason"),
    [(8, b"\1\0", "encrypted"), (10, b"\x63\0", "not a .keras file")],
    ids=["encrypted", "compression"],
)
def test_archives_that_cannot_be_unpacked(folder, offset, value, reason):
    """The flags, and the way of compression, of the entries in the directory of the archive."""
    path = folder / "model.keras"
    content = bytearray(path.read_bytes())
    start = content.find(b"PK\1\2")
    while start >= 0:
        content[start + offset : start + offset + 2] = value
        start = content.find(b"PK\1\2", start + 1)
    path.write_bytes(content)
    with pytest.raises(ModelError, match=reason):
        check_keras_file(path)


def test_every_cut_of_a_file_is_refused(folder):
    content = (folder / "model.keras").read_bytes()
    for length in range(0, len(content), len(content) // 20):
        (folder / "model.keras").write_bytes(content[:length])
        with pytest.raises(ModelError):
            check_keras_file(folder / "model.keras")


def test_a_pipe_is_not_waited_for(folder):
    (folder / "model.keras").unlink()
    os.mkfifo(folder / "model.keras")
    from maskforge.nn.modelio import load_model

    with pytest.raises(ModelError, match="it is a pipe, not a file"):
        load_model(folder)


def test_layers_of_our_own_are_those_that_are_known():
    from maskforge.nn.networks import layers

    ours = {
        name
        for name, one in vars(layers).items()
        if isinstance(one, type) and keras.saving.get_registered_name(one) == f"maskforge>{name}"
    }
    assert KNOWN[layers.__name__] == ours


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("stride", value) for value in (0, -4, 15, 4096, 10**9, 1.5, "4")),
        *(("tile", value) for value in ([0, 64], [64, -1], [10**9, 1], [64], [32768, 32768])),
        *(("resize", value) for value in ([0, 8], [-1, 8], [10**6, 10**6], [32768, 32768])),
        *(("offset", value) for value in ([0], [0, 65], [-64.5, 0], [1, 1, 1], ["1", 0], "1,1", 1)),
        *(("thresholds", [value, 0.5]) for value in (5, -0.1, None, "0.5")),
        ("thresholds", []),
        ("averaged_thresholds", [0.5]),
        *(("scaling", {"white": value}) for value in (0, -255, 10**9, None)),
        *(("scaling", {"channels": value}) for value in (0, 2, 4, 10**9)),
        ("scaling", {"kind": "zero-two"}),
        *(
            ("post_processing", value)
            for value in (
                [],
                {"crayon": {}},
                {"background": {}},
                {"caries": None},
                {"caries": {"min_size": 0}},
                {"caries": {"min_size": 2**40}},
                {"caries": {"min_size": 1.5}},
                {"caries": {"fill_holes": "yes"}},
                {"caries": {"one_per": "caries"}},
                {"caries": {"one_per": "x" * 10_000}},
                {"caries": {"lesion_f1": [0.5]}},
                {"caries": {"lesion_f1": [0.5, 2]}},
            )
        ),
        ("head", "tanh"),
        ("symmetries", ["rotate"]),
        ("class_map", {}),
        ("class_map", {"classes": []}),
        ("class_map", {"classes": [{"id": 0, "name": "background"}]}),
    ],
)
def test_values_of_a_description_are_in_their_range(tmp_path, key, value):
    import msgspec

    document = msgspec.to_builtins(models.describe("sigmoid")) | {key: value}
    (tmp_path / "maskforge.json").write_text(json.dumps(document))
    with pytest.raises(ModelError, match=r"maskforge\.json") as caught:
        read_description(tmp_path)
    assert key in f"{caught.value.origin} {caught.value}"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(tmp_path, number):
    import msgspec

    document = json.dumps(msgspec.to_builtins(models.describe("sigmoid")))
    (tmp_path / "maskforge.json").write_text(document.replace("0.5", number, 1))
    with pytest.raises(ModelError, match="is not the description of a model"):
        read_description(tmp_path)


MARKER = "from pathlib import Path; Path({marker!r}).touch(); raise SystemExit(5)"
SHADOWS = ("keras", "numpy", "maskforge", "onnxruntime", "json", "tensorflow", "tf2onnx", "msgspec")


@pytest.mark.parametrize("path", ["", ":"], ids=["plain", "empty part"])
def test_nothing_is_imported_from_the_working_folder(tmp_path, monkeypatch, path):
    """The program of the conversion, with one that says what it was told in its place."""
    marker = tmp_path / "was run"
    for name in SHADOWS:
        (tmp_path / f"{name}.py").write_text(MARKER.format(marker=str(marker)))
    monkeypatch.chdir(tmp_path)
    root = Path(maskforge.__file__).parents[1]
    monkeypatch.setenv("PYTHONPATH", f"{root}{os.pathsep}" if path else str(root))
    told = []
    run = subprocess.run

    def fake(command, **options):
        told.append((command, options))
        program = command[3].partition("from maskforge")[0]
        imports = "import maskforge.nn.modelfile, numpy, json, msgspec; print(maskforge.__file__)"
        done = run([*command[:3], program + imports, *command[4:]], **options)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == maskforge.__file__
        return done

    monkeypatch.setattr(subprocess, "run", fake)
    converted._run(tmp_path, "onnx", tmp_path / "model.onnx")
    assert not marker.exists()
    [(command, _)] = told
    assert command[:3] == [sys.executable, "-P", "-c"]
    assert "maskforge.nn.export" in command[3]
