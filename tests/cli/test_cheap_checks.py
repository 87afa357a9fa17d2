"""What needs no file to be refused is refused before any file is looked for."""

import pytest
from builders import run

import maskforge as mf


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "gone", "--out", "run", "--loss", "dise"), "did you mean 'dice'"),
        (("train", "gone", "--out", "run", "--head", "softmax", "--loss", "bce"), "compete"),
        (("train", "gone", "--out", "run", "--loss", "dice", "--class-weights", "a=2"), "nothing"),
        (
            ("train", "gone", "--out", "run", "--class-weights", "a=0"),
            "of 'a' cannot be 0",
        ),
        (("train", "gone", "--out", "run", "--set", "loss_options.gama=2"), "no option 'gama'"),
        (("train", "gone", "--out", "run", "--arch", "cnn", "--encoder", "vgg16"), "own encoder"),
        (("train", "gone", "--out", "run", "--depth", "99"), "depth cannot be 99"),
        (
            ("train", "gone", "--out", "run", "--encoder", "vgg16", "--encoder-weights", "lost.h5"),
            "network.encoder_weights is lost.h5, which is not a file",
        ),
        (("train", "gone", "--out", "run", "--resize", "64"), "64"),
        (("train", "gone", "--out", "run", "--optimizer", "adm"), "adm"),
        (
            ("train", "gone", "--out", "run", "--set", "augment.rotate=999"),
            "augment.rotate cannot be",
        ),
        (("train", "gone", "--out", "run", "--group-pattern", "("), "not a regular expression"),
        (("train", "gone", "--out", "run", "--validation", "0.6", "--test", "0.6"), "add up"),
        (("train", "gone", "--out", "run", "--folds", "1"), "2 folds or more"),
        (("doctor", "gone", "--loss", "dise"), "did you mean 'dice'"),
        (("doctor", "gone", "--group-pattern", "("), "not a regular expression"),
        (("tune", "gone", "--out", "o"), "nothing says when the search ends"),
        (("tune", "gone", "--out", "o", "--time", "1h", "--search", "los"), "did you mean 'loss'"),
        (("tune", "gone", "--out", "o", "--time", "1h", "--loss", "dise"), "did you mean 'dice'"),
        (("tune", "gone", "--out", "o", "--trials", "9", "--folds", "3"), "a search has one split"),
        (("split", "gone", "--validation", "2"), "share for validation"),
        (("split", "gone", "--folds", "1"), "2 folds or more"),
        (("split", "gone", "--group-pattern", "("), "not a regular expression"),
        (("predict", "gone", "gone", "--out", "o", "--tile", "big"), "--tile cannot be 'big'"),
        (("predict", "gone", "gone", "--out", "o", "--overlap", "1"), "overlap cannot be 1"),
        (
            ("predict", "gone", "gone", "--out", "o", "--threshold", "2"),
            "thresholds cannot be 2.0",
        ),
        (("predict", "gone", "gone", "--out", "o", "--precision", "float16"), "float16"),
        (("predict", "gone", "gone", "--out", "o", "--file-type", "jpg"), "JPEG"),
        (("predict", "gone", "gone", "--out", "o", "--as", "labelmee"), "did you mean 'labelme'"),
        (("predict", "gone", "gone", "--out", "o", "--encoding", "onehot"), "one channel per"),
        (("evaluate", "gone", "gone", "--overlap", "1"), "overlap cannot be 1"),
        (("evaluate", "gone", "gone", "--spacing", "0x1"), "spacing cannot be"),
        (("evaluate", "gone", "gone", "--spacing", "0x1", "--classes", "gone"), "spacing cannot"),
        (("preview", "gone", "--out", "o", "--augmented", "--augment", "wild"), "wild"),
        (("preview", "gone", "--out", "o", "--augmented", "--crop", "0"), "--crop"),
    ],
)
def test_commands_look_at_the_options_first(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert "gone" not in result.stderr.replace("maskforge predict gone", "")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mf.train("gone", "run", loss="dise"), "did you mean 'dice'"),
        (lambda: mf.train("gone", "run", optimizer="adm"), "did you mean 'adam'"),
        (
            lambda: mf.train("gone", "run", epochs="many"),
            "epochs must be a whole number",
        ),
        (lambda: mf.train("gone", "run", network={"arch": "une"}), "did you mean 'unet'"),
        (lambda: mf.tune("gone", "o", trials=2, search=["los"]), "did you mean 'loss'"),
        (lambda: mf.tune("gone", "o", trials=2, train={"loss": "dise"}), "did you mean 'dice'"),
        (lambda: mf.predict("gone", "gone", "o", tile="big"), "tile cannot be 'big'"),
        (lambda: mf.predict("gone", "gone", "o", runtime="onyx"), "did you mean 'onnx'"),
        (lambda: mf.predict("gone", "gone", "o", formats=["labelme", "cocoa"]), "mean 'coco'"),
        (lambda: mf.Predictor.load("gone", precision="float8"), "precision cannot be"),
    ],
)
def test_functions_look_at_the_options_first(tmp_path, monkeypatch, call, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(mf.MaskforgeError, match=message) as caught:
        call()
    assert "gone" not in str(caught.value)
    assert not list(tmp_path.iterdir())
