"""Model folders: written whole, read without running anything."""

import json
import pickle
import zipfile

import model_folders as models
import numpy as np
import pytest

from maskforge.errors import ModelError
from maskforge.nn.modelfile import read_description

INPUT = np.random.default_rng(0).random((1, 8, 12, 1), dtype=np.float32)


def load(path):
    from maskforge.nn.modelio import load_model

    return load_model(path)


def rewrite(path, change):
    """Put a changed file in the place of a member of an archive."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in change(members).items():
            archive.writestr(name, content)


def without_digest(folder):
    path = folder / "maskforge.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"weights_digest": ""}))


def test_a_model_comes_back_as_it_was(tmp_path):
    model = models.network()
    from maskforge.nn.modelio import save_model

    written = save_model(tmp_path / "a" / "model", model, models.describe())
    again, description = load(tmp_path / "a" / "model")
    np.testing.assert_array_equal(
        np.asarray(again.predict_on_batch(INPUT)), np.asarray(model.predict_on_batch(INPUT))
    )
    assert description == written == read_description(tmp_path / "a" / "model")
    assert len(description.weights_digest) == 64
    assert sorted(one.name for one in (tmp_path / "a" / "model").iterdir()) == [
        "maskforge.json",
        "model.keras",
    ]


@pytest.mark.parametrize("key", ["thresholds", "averaged_thresholds"])
def test_a_threshold_too_many_is_refused(tmp_path, key):
    folder = models.save(tmp_path / "model", head="sigmoid", **{key: (0.5,) * 3})
    with pytest.raises(ModelError, match="has 3 thresholds, expected 2") as caught:
        read_description(folder)
    assert caught.value.origin.pointer == f"$.{key}"


def test_weights_of_another_model_are_refused(folder, tmp_path):
    other = models.save(tmp_path / "other", models.network(seed=1))
    (folder / "model.keras").write_bytes((other / "model.keras").read_bytes())
    with pytest.raises(ModelError, match="SHA-256 differs"):
        load(folder)


@pytest.mark.parametrize(
    ("description", "named"),
    [
        ({"channels": 3}, "input"),
        ({"head": "sigmoid"}, "output"),
    ],
)
def test_a_model_that_does_not_fit_its_description_is_not_written(tmp_path, description, named):
    with pytest.raises(ModelError, match=named):
        models.save(tmp_path, models.network(), **description)
    assert not list(tmp_path.iterdir())


def test_a_fixed_input_size_is_refused(tmp_path):
    import keras

    source = keras.Input((16, 16, 1))
    fixed = keras.Model(source, keras.layers.Conv2D(3, 1)(source))
    with pytest.raises(ModelError, match="left open"):
        models.save(tmp_path, fixed)


class Evil:
    """Leaves a trace when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("code of the model was run",))


@pytest.mark.parametrize("name", ["model.pkl", "model.pt", "model.pth", "weights.h5", "model.pb"])
def test_other_kinds_of_models_are_refused_unread(tmp_path, name):
    (tmp_path / name).write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ModelError, match=r"pickle|HDF5|SavedModel"):
        load(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"PK", pickle.dumps(Evil()), b"\x89HDF\r\n"])
def test_anything_else_named_keras_is_refused(folder, content):
    (folder / "model.keras").write_bytes(content)
    without_digest(folder)
    with pytest.raises(ModelError, match=r"not a .keras file"):
        load(folder)


def test_a_missing_file_is_named(folder):
    (folder / "model.keras").unlink()
    with pytest.raises(ModelError, match=r"model.keras.*cannot be read"):
        load(folder)
    (folder / "maskforge.json").unlink()
    with pytest.raises(ModelError, match=r"no maskforge.json"):
        load(folder)


def config_with(part):
    """Replace the last layer of a configuration."""

    def change(members):
        config = json.loads(members["config.json"])
        config["config"]["layers"][-1] |= part
        return members | {"config.json": json.dumps(config)}

    return change


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"class_name": "Lambda"}, "Lambda"),
        ({"class_name": "TFSMLayer"}, "TFSMLayer"),
        ({"module": "os", "class_name": "system"}, "'os'"),
        ({"module": "evil.layers", "class_name": "Own", "registered_name": "Own"}, "'Own'"),
        ({"config": {"activation": {"class_name": "__lambda__", "config": {}}}}, "function"),
    ],
)
def test_code_in_a_model_is_refused(folder, part, reason):
    rewrite(folder / "model.keras", config_with(part))
    without_digest(folder)
    with pytest.raises(ModelError, match=reason):
        load(folder)


def test_a_lambda_layer_that_keras_wrote_is_refused(folder):
    import keras

    source = keras.Input((None, None, 1))
    output = keras.layers.Lambda(lambda x: x)(keras.layers.Conv2D(3, 1)(source))
    keras.Model(source, output).save(folder / "model.keras")
    without_digest(folder)
    with pytest.raises(ModelError, match="Lambda"):
        load(folder)


def test_an_unknown_layer_of_keras_is_an_error_without_traceback(folder):
    rewrite(folder / "model.keras", config_with({"class_name": "Conv9D"}))
    without_digest(folder)
    with pytest.raises(ModelError, match=r"needs 'Conv9D' of 'keras\.layers'"):
        load(folder)


def test_a_bomb_is_not_unpacked(folder):
    rewrite(
        folder / "model.keras", lambda members: members | {"model.weights.h5": bytes(64 * 2**20)}
    )
    without_digest(folder)
    with pytest.raises(ModelError, match="unpacks"):
        load(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda members: members | {"assets/run.py": b"print()"},
        lambda members: members | {"../outside": b"x"},
        lambda members: {"config.json": members["config.json"]},
    ],
)
def test_surplus_or_missing_members_are_refused(folder, change):
    rewrite(folder / "model.keras", change)
    without_digest(folder)
    with pytest.raises(ModelError, match=r"holds|lacks"):
        load(folder)


def test_a_failed_write_leaves_the_old_model(folder, monkeypatch):
    before = (folder / "model.keras").read_bytes()
    model = models.network(seed=5)

    def fail(path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model, "save", fail)
    with pytest.raises(OSError, match="No space"):
        models.save(folder, model)
    assert (folder / "model.keras").read_bytes() == before
    assert len(list(folder.iterdir())) == 2


def test_deep_nesting_is_an_error(folder):
    nested = "[" * 5000 + "]" * 5000
    rewrite(folder / "model.keras", lambda members: members | {"config.json": nested})
    without_digest(folder)
    with pytest.raises(ModelError):
        load(folder)
