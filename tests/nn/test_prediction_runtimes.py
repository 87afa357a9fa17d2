"""One model in every runtime: the same output, chosen and converted as documented."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import model_folders as models
import msgspec
import numpy as np
import pytest
from PIL import Image

from maskforge.errors import MissingDependencyError, ModelError, OptionError
from maskforge.nn import backend
from maskforge.nn.export import export_model
from maskforge.nn.modelfile import Agreement, read_description, write_description
from maskforge.prediction import converted
from maskforge.prediction.predict import predict
from maskforge.prediction.predictor import Predictor, network_of

PACKAGES = {"keras": "keras", "onnx": "onnxruntime", "openvino": "openvino"}
IMAGE = np.random.default_rng(0).integers(0, 256, (37, 50), dtype=np.uint8)


def needs(*packages):
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"NO {package}: it is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, running_backend):
    """A model, also converted for both runtimes, as the first use leaves it."""
    folder = models.save(tmp_path_factory.mktemp("runtimes") / "model")
    for runtime in ("onnx", "openvino"):
        if importlib.util.find_spec(PACKAGES[runtime]) and running_backend != "jax":
            path = export_model(folder, format=runtime).path
            converted.record(path, converted.weights_digest(folder, ""), runtime)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MASKFORGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def expected(folder):
    """What Keras itself says."""
    from maskforge.nn.modelio import load_model

    model, _ = load_model(folder)
    padded = np.pad(IMAGE, ((0, 3), (0, 2)), mode="reflect")[None, ..., None] / np.float32(255)
    return np.asarray(model.predict_on_batch(padded))[0, :37, :50]


@pytest.mark.parametrize("runtime", PACKAGES)
def test_every_runtime_says_the_same(folder, expected, runtime):
    needs(PACKAGES[runtime])
    predictor = Predictor.load(folder, runtime=runtime)
    assert predictor.runtime.name.partition("-")[0] == runtime
    assert predictor.runtime.precision == "float32"
    for _ in range(2):  # the second call reuses buffers
        result = predictor.predict(IMAGE)
        np.testing.assert_allclose(result.probabilities, expected, atol=1e-5)
    other = predictor.predict(IMAGE[:8, :9])
    np.testing.assert_allclose(result.probabilities, expected, atol=1e-5)
    assert other.mask.shape == (8, 9)


@pytest.mark.parametrize("runtime", PACKAGES)
def test_calls_that_are_under_way_do_not_disturb_each_other(folder, expected, runtime):
    needs(PACKAGES[runtime])
    network = network_of(Predictor.load(folder, runtime=runtime))
    padded = np.pad(IMAGE, ((0, 3), (0, 2)), mode="reflect")[None, ..., None] / np.float32(255)
    batches = [padded, padded[:, :8], np.flip(padded, axis=1).copy(), padded]
    alone = [network.infer(batch) for batch in batches]
    np.testing.assert_allclose(alone[0][0, :37, :50], expected, atol=1e-5)
    waits = [network.start(batch) for batch in batches]
    for wait, result in reversed([*zip(waits, alone, strict=True)]):
        np.testing.assert_array_equal(wait(), result)


def test_a_folder_is_predicted_as_on_a_gpu(folder, tmp_path):
    """Images of one size in one call: the same probabilities, but for their last bits."""
    loaded = Predictor.load(folder, runtime="keras")
    shapes = []

    def start(batch):
        shapes.append(batch.shape)
        return partial(loaded.runtime.infer, batch)

    joined = replace(loaded.runtime, start=start, joined_pixels=3 * 40 * 52, compiles=True)
    predictor = replace(loaded, runtime=joined)
    (tmp_path / "images").mkdir()
    images = {f"{number}.png": np.roll(IMAGE, number, axis=0) for number in range(5)}
    for name, image in images.items():
        Image.fromarray(image).save(tmp_path / "images" / name)
    report = predict(predictor, tmp_path / "images", tmp_path / "out", probabilities=True)
    assert report.images["predicted"] == 5
    assert shapes == [(3, 40, 52, 1)] * 2
    for name, image in images.items():
        found = np.load(tmp_path / "out" / "probabilities" / name.replace("png", "npy"))
        alone = loaded.predict(image).probabilities
        np.testing.assert_allclose(found, alone.astype(np.float16), atol=6e-4)


@pytest.mark.parametrize("runtime", PACKAGES)
def test_threads_do_not_disturb_each_other(folder, runtime):
    needs(PACKAGES[runtime])
    predictor = Predictor.load(folder, runtime=runtime)
    images = [np.roll(IMAGE, number, axis=0) for number in range(12)]
    alone = [predictor.predict(one).probabilities for one in images]
    with ThreadPoolExecutor(4) as pool:
        together = [one.probabilities for one in pool.map(predictor.predict, images)]
    np.testing.assert_array_equal(alone, together)


def test_openvino_tells_nobody_of_its_use(folder):
    needs("openvino")
    Predictor.load(folder, runtime="openvino")
    assert sys.modules["openvino_telemetry"] is None
    assert not [name for name in sys.modules if name.startswith("openvino_telemetry.")]


@pytest.mark.parametrize("runtime", ["keras", "openvino"])
def test_bfloat16_is_near_and_only_on_demand(folder, expected, runtime):
    needs(PACKAGES[runtime])
    predictor = Predictor.load(folder, runtime=runtime, precision="bfloat16")
    difference = np.abs(predictor.predict(IMAGE).probabilities - expected).max()
    assert difference < 0.03
    if predictor.runtime.precision == "bfloat16":
        assert difference > 1e-6
    else:
        assert "bfloat16" in predictor.runtime.notes[0]


@pytest.mark.parametrize(
    ("runtime", "precision", "error"),
    [
        ("onnx", "bfloat16", "does not compute in bfloat16"),
        ("onnx", "int8", "does not compute in int8"),
        ("keras", "int8", "use the runtime openvino"),
        ("auto", "float16", "float16"),
        ("tensorrt", "auto", "tensorrt"),
    ],
)
def test_combinations_that_do_not_exist_are_refused(folder, runtime, precision, error):
    with pytest.raises(OptionError, match=error):
        Predictor.load(folder, runtime=runtime, precision=precision)


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_a_converted_model_needs_no_training_framework(folder, runtime):
    needs(PACKAGES[runtime])
    Predictor.load(folder, runtime=runtime)
    program = (
        "import sys, json, numpy as np\n"
        "from maskforge.prediction.predictor import Predictor\n"
        f"predictor = Predictor.load({str(folder)!r}, runtime={runtime!r})\n"
        "mask = predictor.predict(np.zeros((9, 11), np.uint8)).mask\n"
        "heavy = {'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)\n"
        "print(json.dumps([mask.shape, sorted(heavy)]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert json.loads(result.stdout) == [[9, 11], []]


def installed(monkeypatch, *packages):
    """Make only these packages seem to be installed."""
    real = importlib.util.find_spec

    def find(name, *rest):
        hidden = name in PACKAGES.values() and name not in packages
        return None if hidden else real(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", find)


@pytest.mark.parametrize(
    ("packages", "chosen"),
    [
        (("openvino", "onnxruntime", "keras"), "openvino"),
        (("onnxruntime", "keras"), "onnx"),
        (("keras",), "keras"),
    ],
)
def test_the_fastest_that_is_installed_is_chosen(folder, tmp_path, monkeypatch, packages, chosen):
    needs(*packages)
    monkeypatch.setattr(backend, "_CPU_INFO", tmp_path / "of a CPU without bfloat16")
    installed(monkeypatch, *packages)
    runtime = Predictor.load(folder).runtime
    assert runtime.name.partition("-")[0] == chosen
    assert runtime.precision == "float32"
    assert bool(runtime.notes) == (chosen == "keras")


def test_what_is_not_installed_is_named_with_its_command(folder, monkeypatch):
    installed(monkeypatch)
    for runtime, extra in {"openvino": "openvino", "onnx": "onnx", "keras": "train"}.items():
        with pytest.raises(MissingDependencyError, match=rf"maskforge\[{extra}\]"):
            Predictor.load(folder, runtime=runtime)
    with pytest.raises(MissingDependencyError, match="pip install"):
        Predictor.load(folder)


def test_a_conversion_that_fails_leads_to_the_next_runtime_with_the_reason(folder, monkeypatch):
    needs("openvino", "onnxruntime")

    def fail(folder, digest, runtime):
        raise ModelError("cannot be converted: no memory")

    monkeypatch.setattr(converted, "find", lambda *_: None)
    monkeypatch.setattr(converted, "convert", fail)
    runtime = Predictor.load(folder).runtime
    assert runtime.name.startswith("keras")
    assert [note.split(" is not used: ")[0] for note in runtime.notes] == ["openvino", "onnx"]
    assert "no memory" in runtime.notes[0]


def onnx_of(folder):
    return converted.find(folder, converted.weights_digest(folder, ""), "onnx")


@pytest.fixture
def fresh(folder, tmp_path):
    """A copy of the model with its ONNX file."""
    needs("onnxruntime")
    Predictor.load(folder, runtime="onnx")
    for name in ("model.keras", "maskforge.json", "model.onnx", "model.onnx.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    assert onnx_of(tmp_path) == tmp_path / "model.onnx"
    return tmp_path


def test_a_stale_conversion_is_not_used(fresh):
    models.save(fresh, models.network(seed=9))
    assert onnx_of(fresh) is None


def test_a_damaged_conversion_is_not_used(fresh):
    content = bytearray((fresh / "model.onnx").read_bytes())
    content[-20] ^= 1
    (fresh / "model.onnx").write_bytes(content)
    assert onnx_of(fresh) is None


def test_weights_need_not_be_there_beside_a_conversion(fresh):
    (fresh / "model.keras").unlink()
    assert Predictor.load(fresh, runtime="onnx").predict(IMAGE).mask.shape == IMAGE.shape


def test_weights_that_were_exchanged_are_refused_in_every_runtime(fresh, tmp_path):
    other = models.save(tmp_path / "other", models.network(seed=3))
    (fresh / "model.keras").write_bytes((other / "model.keras").read_bytes())
    for runtime in ("onnx", "keras"):
        with pytest.raises(ModelError, match="SHA-256 differs"):
            Predictor.load(fresh, runtime=runtime)


def test_a_user_without_any_folder_can_convert_nonetheless(folder, fresh, cache, monkeypatch):
    (fresh / "model.onnx.json").unlink()
    conversion = (folder / "model.onnx").read_bytes()
    monkeypatch.setattr(converted, "_run", lambda _, runtime, path: path.write_bytes(conversion))
    monkeypatch.setattr(converted, "_can_write", lambda place: False)
    mask = Predictor.load(fresh, runtime="onnx").predict(IMAGE).mask
    assert mask.shape == IMAGE.shape
    assert not (fresh / "model.onnx.json").exists()
    assert not list(cache.rglob("model.onnx"))


@pytest.mark.parametrize("home", [None, ".", ""])
def test_the_cache_is_never_in_the_working_folder(tmp_path, monkeypatch, home):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MASKFORGE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    if home is None:  # and the user is in no table
        monkeypatch.delenv("HOME", raising=False)
        monkeypatch.setattr("pwd.getpwuid", lambda user: {}[user])
    else:
        monkeypatch.setenv("HOME", home)
    folder = tmp_path / "model"
    for place in converted._places(folder, "1"):
        assert place == folder or not place.is_relative_to(tmp_path)


def test_a_folder_that_cannot_be_written_uses_the_cache(folder, fresh, cache, monkeypatch):
    (fresh / "model.onnx.json").unlink()
    conversion = (folder / "model.onnx").read_bytes()
    can_write = converted._can_write
    monkeypatch.setattr(converted, "_run", lambda _, runtime, path: path.write_bytes(conversion))
    monkeypatch.setattr(converted, "_can_write", lambda place: place != fresh and can_write(place))
    predictor = Predictor.load(fresh, runtime="onnx")
    assert predictor.runtime.name == "onnx"
    assert not (fresh / "model.onnx.json").exists()
    assert len(list(cache.rglob("model.onnx"))) == 1
    assert onnx_of(fresh) in cache.rglob("model.onnx")


@pytest.mark.parametrize(("gpu", "first"), [(True, "keras"), (False, "openvino")])
def test_a_gpu_is_used_where_there_is_one(folder, tmp_path, monkeypatch, gpu, first):
    needs(PACKAGES["openvino"])
    control = tmp_path / "nvidiactl"
    if gpu:
        control.touch()
    monkeypatch.setattr("maskforge.prediction.runtime_choice._GPU_CONTROL", control)
    monkeypatch.setattr(backend, "_CPU_INFO", tmp_path / "of a CPU without bfloat16")
    predictor = Predictor.load(folder)
    assert predictor.runtime.name.partition("-")[0] == first
    assert not predictor.runtime.notes


@pytest.fixture
def this_cpu(tmp_path, monkeypatch):
    """Make the CPU, and OpenVINO on it, say that they have bfloat16 or not."""
    needs("openvino")
    info = tmp_path / "cpuinfo"
    monkeypatch.setattr(backend, "_CPU_INFO", info)

    def pretend(*, cpu, openvino):
        info.write_text(f"flags : fpu avx2 {'avx512_bf16' if cpu else ''}\n")
        target = "maskforge.prediction.runtimes.openvino._computes_bfloat16"
        monkeypatch.setattr(target, lambda core: openvino)

    return pretend


def agreed(dice, *, images=5):
    return Agreement(images=images, class_dice={"caries": dice, "crown": 0.9999})


@pytest.fixture
def load(folder, tmp_path):
    """Load the model with an agreement in its description."""

    def load(agreement, **options):
        copy = shutil.copytree(folder, tmp_path / "copy")
        changed = msgspec.structs.replace(read_description(copy), bfloat16=agreement)
        write_description(copy, changed)
        return Predictor.load(copy, **options).runtime

    return load


@pytest.mark.parametrize(
    ("agreement", "precision", "note"),
    [
        (agreed(0.9912), "bfloat16", r"^bfloat16, because .* 5 validation images .* 0\.9912\.$"),
        (agreed(0.9871), "float32", r"^float32, although .* 0\.9871 only, less than 0\.99;"),
        (Agreement(images=2, class_dice={"caries": None}), "float32", "does not say how far"),
        (None, "float32", "does not say how far"),  # a model of an earlier version
    ],
)
def test_bfloat16_is_taken_where_the_masks_stay_the_same(
    load, this_cpu, agreement, precision, note
):
    this_cpu(cpu=True, openvino=True)
    runtime = load(agreement)
    assert (runtime.name, runtime.precision) == ("openvino", precision)
    (said,) = runtime.notes
    assert re.search(note, said)


@pytest.mark.parametrize(("cpu", "openvino"), [(False, False), (False, True), (True, False)])
def test_a_cpu_without_it_is_told_nothing(load, this_cpu, cpu, openvino):
    this_cpu(cpu=cpu, openvino=openvino)
    runtime = load(agreed(1.0))
    assert (runtime.precision, runtime.notes) == ("float32", ())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_was_asked_for_is_taken_without_a_word(load, this_cpu, precision):
    this_cpu(cpu=True, openvino=True)
    runtime = load(agreed(0.5), precision=precision)
    assert (runtime.precision, runtime.notes) == (precision, ())


def test_keras_stays_at_float32(load, this_cpu):
    this_cpu(cpu=True, openvino=True)
    runtime = load(agreed(1.0), runtime="keras")
    assert (runtime.precision, runtime.notes) == ("float32", ())
