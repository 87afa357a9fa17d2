"""The commands predict and export-model, as they are typed."""

import importlib.util
import json
import os

import model_folders as models
import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

import maskforge as mf
from maskforge.cli.export_model import export_model
from maskforge.cli.predict import predict

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("keras") is None, reason="NO NETWORKS: Keras is not installed"
)

app = typer.Typer()
app.command("predict")(predict)
app.command("export-model")(export_model)


def run(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A network that finds caries above 100 and crown above 200."""
    from maskforge.nn import backend

    backend.start()
    folder = tmp_path_factory.mktemp("models") / "model"
    cuts = [100 / 255, 200 / 255]
    return models.save(folder, models.brightness(cuts), head="sigmoid")


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for name, values in (("a", [[0, 150, 255]]), ("b", [[0, 0]])):
        Image.fromarray(np.array(values, dtype=np.uint8)).save(folder / f"{name}.png")
    return folder


def test_masks_are_written_and_told(model, images, tmp_path):
    result = run("predict", model, images, "--out", tmp_path / "out", "--runtime", "keras")
    assert result.exit_code == 0, result.output
    masks = {
        item.entry.mask: item.read_mask().tolist() for item in mf.open_dataset(tmp_path / "out")
    }
    assert masks["masks/a.png"][0][:2] == [0, 3]
    assert masks["masks/a.png"][0][2] in (3, 7)  # both are certain
    assert masks["masks/b.png"] == [[0, 0]]
    assert "2 of 2 images predicted in keras-" in result.output
    assert "caries" in result.output


def test_every_option_is_heard(model, images, tmp_path):
    result = run(
        *("predict", model, images / "a.png", "--out", tmp_path / "out", "--runtime", "keras"),
        *("--threshold", "caries=0.9", "--threshold", "crown=0.25", "--encoding", "multihot"),
        *("--file-type", "npy", "--tile", "32", "--overlap", "0.25", "--tta", "--batch-size", "2"),
        *("--probabilities", "--overlay", "--precision", "float32", "--json"),
    )
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["thresholds"] == {"caries": 0.9, "crown": 0.25}
    assert report["images"] == {"found": 1, "predicted": 1, "refused": 0}
    assert (tmp_path / "out" / "probabilities" / "a.npy").is_file()
    assert (tmp_path / "out" / "overlays" / "a.png").is_file()
    mask = np.load(tmp_path / "out" / "masks" / "a.npy")
    assert mask.tolist() == [[[0, 0], [1, 0], [1, 1]]]


def test_a_bad_image_is_named_and_the_exit_code_tells(model, images, tmp_path):
    (images / "broken.png").write_bytes(b"\x89PNG")
    result = run("predict", model, images, "--out", tmp_path / "out", "--runtime", "keras")
    assert result.exit_code == 1
    assert "broken.png: cannot be" in result.output
    assert "2 of 3 images predicted" in result.output


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="NO CHECK: there are no pipes")
def test_what_is_not_an_image_or_never_ends_costs_only_itself(model, images, tmp_path):
    os.mkfifo(images / "pipe.png")
    os.mkfifo(images / "pipe.tif")
    (images / "endless.png").symlink_to("/dev/zero")
    (images / "eps.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 3 2\n")
    result = run(
        *("predict", model, images, "--out", tmp_path / "out", "--runtime", "keras", "--json"),
    )
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["images"]["predicted"] == 2
    said = {one["file"].rpartition("/")[2]: one["message"] for one in report["problems"]}
    assert list(said) == ["endless.png", "eps.png", "pipe.png", "pipe.tif"]
    assert "it is a device, not a file" in said["endless.png"]
    assert "it is PostScript, which is not an image" in said["eps.png"]
    assert "it is a pipe, not a file" in said["pipe.png"]
    assert "it is a pipe, not a file" in said["pipe.tif"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--tile", "big"], "--tile cannot be 'big'"),
        (["--tile", "0"], "tile cannot be 0, expected 1 to 1048576"),
        (["--threshold", "caries=high"], "--threshold"),
        (["--threshold", "0.5", "--threshold", "caries=0.2"], "--threshold"),
        (["--threshold", "pulp=0.2"], "no class 'pulp'"),
        (["--precision", "float16"], "float16"),
        (["--file-type", "jpg"], "JPEG"),
    ],
)
def test_wrong_options_are_explained(model, images, tmp_path, arguments, reason):
    result = run(
        "predict", model, images, "--out", tmp_path / "o", "--runtime", "keras", *arguments
    )
    assert result.exit_code == 2
    assert reason in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "o").exists()


def test_a_pickle_is_no_model(images, tmp_path):
    (tmp_path / "model.pt").write_bytes(b"\x80")
    result = run("predict", tmp_path / "model.pt", images, "--out", tmp_path / "o")
    assert result.exit_code == 2
    assert "pickle" in result.output
    result = run("predict", tmp_path, images, "--out", tmp_path / "o")
    assert result.exit_code == 2
    assert "maskforge train" in result.output


def test_a_model_is_exported(model, tmp_path):
    if importlib.util.find_spec("onnxruntime") is None:
        pytest.skip("NO ONNX: onnxruntime is not installed")
    result = run("export-model", model, "--to", "onnx", "--out", tmp_path / "net.onnx")
    if "Keras runs on jax" in result.output:
        assert result.exit_code == 2
        return
    assert result.exit_code == 0, result.output
    assert "net.onnx" in result.output
    result = run("export-model", model, "--to", "onnx", "--out", tmp_path / "net.onnx")
    assert result.exit_code == 2
    assert "--overwrite" in result.output


def test_files_of_labeling_tools_are_written_beside_the_masks(model, images, tmp_path):
    """What maskforge draws from them is the mask; scores are the mean probability inside."""
    out = tmp_path / "out"
    formats = ("labelme", "x-anylabeling", "coco")
    chosen = [word for name in formats for word in ("--as", name)]
    arguments = ("predict", model, images, "--out", out, "--runtime", "keras", *chosen)
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    exports = json.loads(result.stdout)["exports"]
    assert [(one["format"], one["images"]["written"]) for one in exports] == [
        (name, 2) for name in formats
    ]
    dataset = mf.open_dataset(out)
    masks = {item.image_path.stem: item.read_mask() for item in dataset}
    for name, format_ in zip(formats, ("labelme", "labelme", "coco"), strict=True):
        read = list(mf.read(out / name, format=format_, images=images))
        assert {one.image.file.stem for one in read} == {"a", "b"}
        for image in read:
            drawn = mf.draw(image, dataset.classes).mask
            assert (drawn == masks[image.image.file.stem]).all()
    document = json.loads((out / "labelme" / "a.json").read_text())
    assert document["imagePath"] == "../../images/a.png"
    assert all(0.5 < one["score"] <= 1 for one in document["shapes"])
    assert json.loads((out / "x-anylabeling" / "a.json").read_text())["checked"] is False


def test_corrections_are_not_overwritten_by_the_next_prediction(model, images, tmp_path):
    out = tmp_path / "out"
    arguments = ("predict", model, images, "--out", out, "--runtime", "keras", "--as", "labelme")
    assert run(*arguments).exit_code == 0
    assert run(*arguments).exit_code == 2
    assert run(*arguments, "--overwrite").exit_code == 0
    corrected = (out / "labelme" / "a.json").read_text().replace("caries", "crown")
    (out / "labelme" / "a.json").write_text(corrected)
    result = run(*arguments, "--overwrite")
    assert result.exit_code == 2
    assert "changed since" in result.output
    assert (out / "labelme" / "a.json").read_text() == corrected


def test_a_format_that_is_not_written_is_refused(model, images, tmp_path):
    result = run("predict", model, images, "--out", tmp_path / "out", "--as", "photoshop")
    assert result.exit_code == 2
    assert "photoshop" in result.output
    assert not (tmp_path / "out").exists()
