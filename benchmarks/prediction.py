"""Measure how fast single images and folders are predicted in every runtime; print two tables.

Run with ``python benchmarks/prediction.py``; it takes about three minutes and needs TensorFlow,
onnxruntime and openvino. The network is a U-Net of 16 filters (1.94 million parameters), the
images have 256 x 256 px. Times are taken in turns in one process, so that what else the machine
does hits all of them alike; told is the median over the rounds of the ratio to
``keras.Model.predict`` in the same round. Memory is the peak of a process that predicts in one
runtime alone (Linux only).

The second table compares ``maskforge.predict``, from image files to masks and manifest, with the
bare runtime, which is given the same images as arrays and writes nothing. ``rate`` is by the clock,
and means something only if nothing else runs; ``processor`` is by the time of all processors that
the process used, which other programs disturb less. Beside it is what this is for everything but
the network.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskforge.choices import Runtime
from maskforge.images.decoder import read_image
from maskforge.images.intensity import ScalingRecord
from maskforge.masks.classes import ClassMap, MaskClass
from maskforge.nn import backend
from maskforge.nn.modelfile import ModelDescription, class_map_document
from maskforge.nn.network_catalog import NetworkOptions
from maskforge.prediction.predict import predict
from maskforge.prediction.predictor import Predictor

SIDE = 256
ROUNDS = 15
CALLS = 4  # per method and round
FOLDER_ROUNDS = 7
IMAGES = 32
METHODS = ("model.predict", "keras", "onnx", "openvino", "openvino-bfloat16")
NAMES = {
    "model.predict": "`keras.Model.predict`",
    "keras": "`--runtime keras` (compiled, without the loop of `predict`)",
    "onnx": "`--runtime onnx`",
    "openvino": "`--runtime openvino`",
    "openvino-bfloat16": "`--runtime openvino --precision bfloat16`",
}


def make_model(folder: Path, filters: int = 16, channels: int = 1) -> None:
    """Write a U-Net with random weights, and its conversions."""
    backend.start("tensorflow")
    from maskforge.nn.heads import probabilities
    from maskforge.nn.modelio import save_model
    from maskforge.nn.networks import build_network
    from maskforge.training.model_export import export_model

    network = build_network(
        NetworkOptions(arch="unet", filters=filters),
        input_shape=(None, None, channels),
        outputs=1,
    )
    print(f"{network.count_params():,} parameters", file=sys.stderr)
    classes = ClassMap((MaskClass(1, "caries", (255, 0, 0), ()),))
    description = ModelDescription(
        class_map=class_map_document(classes),
        head="sigmoid",
        scaling=ScalingRecord(channels=channels),
        stride=16,
        tile=(SIDE, SIDE),
        thresholds=(0.5,),
    )
    save_model(folder, probabilities(network, "sigmoid"), description)
    export_model(folder, format="onnx")
    export_model(folder, format="openvino")


def make_images(folder: Path, count: int) -> list[bytes]:
    """Write images that are compressed about as radiographs are, and return their files."""
    folder.mkdir()
    random = np.random.default_rng(0)
    contents = []
    for number in range(count):
        coarse = random.integers(0, 256, (8, 8), np.uint8)
        smooth = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        noisy = smooth // 2 + random.integers(0, 16, (SIDE, SIDE), np.uint8)
        contents.append(cv2.imencode(".png", noisy)[1].tobytes())
        (folder / f"{number:03}.png").write_bytes(contents[-1])
    return contents


def as_batch(content: bytes) -> NDArray[np.float32]:
    """Return an image as the network takes it."""
    image = read_image(content, upright=True)[None]
    scaled: NDArray[np.float32] = np.divide(image, 255, dtype=np.float32)
    return scaled


def load_predictor(method: str, folder: Path) -> Predictor:
    name, _, low = method.partition("-")
    runtime: Runtime = "keras" if name == "keras" else "onnx" if name == "onnx" else "openvino"
    return Predictor.load(folder, runtime=runtime, precision="bfloat16" if low else "float32")


def load(method: str, folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return what one method makes of a batch."""
    if method == "model.predict":
        backend.start("tensorflow")
        from maskforge.nn.modelio import load_model

        model, _ = load_model(folder)
        return lambda batch: model.predict(batch, verbose=0)
    predictor = load_predictor(method, folder)
    for note in predictor.runtime.notes:
        print(note, file=sys.stderr)
    return predictor.runtime.infer


def measure(folder: Path) -> dict[str, tuple[float, float, float]]:
    """Return the speed beside ``model.predict``, milliseconds, and the largest difference."""
    image = np.random.default_rng(0).random((1, SIDE, SIDE, 1), dtype=np.float32)
    calls = {method: load(method, folder) for method in METHODS}
    outputs = {}
    for method, call in calls.items():
        for _ in range(3):
            outputs[method] = np.asarray(call(image))
    times: dict[str, list[float]] = {method: [] for method in METHODS}
    for _ in range(ROUNDS):
        for method, call in calls.items():
            call(image)  # what the one before left in the caches does not count
            start = time.perf_counter()
            for _ in range(CALLS):
                call(image)
            times[method].append((time.perf_counter() - start) / CALLS)
    base = times["model.predict"]
    return {
        method: (
            statistics.median(a / b for a, b in zip(base, taken, strict=True)),
            1000 * statistics.median(taken),
            float(np.abs(outputs[method] - outputs["model.predict"]).max()),
        )
        for method, taken in times.items()
    }


def measure_folder(method: str, folder: Path) -> tuple[float, float, float, float]:
    """Return images per second, both ratios, and milliseconds of everything but the network."""
    images = folder / "images"
    if not images.exists():
        make_images(images, IMAGES)
    batches = [as_batch(path.read_bytes()) for path in sorted(images.iterdir())]
    predictor = load_predictor(method, folder)

    def bare() -> None:
        for batch in batches:
            predictor.runtime.infer(batch)

    def whole() -> None:
        predict(predictor, images, folder / "out", overwrite=True)

    def timed(call: Callable[[], None]) -> tuple[float, float]:
        start = time.perf_counter(), time.process_time()
        call()
        return time.perf_counter() - start[0], time.process_time() - start[1]

    rounds = [(timed(whole), timed(bare)) for _ in range(FOLDER_ROUNDS + 1)][1:]  # one warms up
    return (
        IMAGES / statistics.median(one[0] for one, _ in rounds),
        statistics.median(other[0] / one[0] for one, other in rounds),
        statistics.median(other[1] / one[1] for one, other in rounds),
        1000 * statistics.median(one[1] - other[1] for one, other in rounds) / IMAGES,
    )


def peak_memory(method: str, folder: Path) -> float:
    """Return the peak memory in MB of a process that predicts 20 images."""
    result = subprocess.run(
        [sys.executable, __file__, method, str(folder)], capture_output=True, text=True, check=True
    )
    return float(json.loads(result.stdout.strip().splitlines()[-1]))


def predict_alone(method: str, folder: Path) -> None:
    call = load(method, folder)
    for number in range(20):
        call(np.full((1, SIDE, SIDE, 1), number / 20, dtype=np.float32))
    status = Path("/proc/self/status").read_text()
    print(int(status.partition("VmHWM:")[2].split()[0]) / 1000)


def main() -> None:
    if len(sys.argv) == 3:
        predict_alone(sys.argv[1], Path(sys.argv[2]))
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_model(folder)
        measured = measure(folder)
        print("| method | speed | ms | largest difference | memory MB |")
        print("|---|---|---|---|---|")
        for method, (speed, milliseconds, difference) in measured.items():
            memory = peak_memory(method, folder)
            print(
                f"| {NAMES[method]} | {speed:.2f} | {milliseconds:.0f} | {difference:.1e} "
                f"| {memory:.0f} |"
            )
        print("\n| `maskforge predict` of a folder | images/s | rate | processor | ms beside it |")
        print("|---|---|---|---|---|")
        for method in METHODS[1:]:
            rate, clock, processor, beside = measure_folder(method, folder)
            print(
                f"| {NAMES[method]} | {rate:.0f} | {clock:.2f} | {processor:.2f} | {beside:.1f} |"
            )


if __name__ == "__main__":
    main()
