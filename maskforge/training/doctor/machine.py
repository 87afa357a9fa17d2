"""What is installed, what a training needs of it, and what it computes on."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from maskforge.display.brief import Brief
from maskforge.errors import MaskforgeError, is_installed
from maskforge.training.train_options import TrainOptions

EXTRAS = {
    "keras": ("train", "networks"),
    "tensorflow": ("train", "networks on TensorFlow"),
    "jax": ("train-jax", "networks on JAX"),
    "torch": ("train-torch", "networks on PyTorch"),
    "matplotlib": ("matplotlib", "charts"),
    "openvino": ("openvino", "fast predictions on CPUs"),
    "onnxruntime": ("onnx", "fast predictions, and ONNX files"),
    "nncf": ("int8", "INT8 models"),
    "pydicom": ("dicom", "DICOM files"),
    "pylibjpeg": ("dicom", "compressed DICOM files"),
    "highdicom": ("dicom-seg", "predictions as DICOM SEG"),
    "imagecodecs": ("slides", "TIFF files in JPEG, JPEG 2000 or LZW"),
    "openslide": ("openslide", "slides that are not TIFF files"),
    "zarr": ("zarr", "Zarr images"),
    "fsspec": ("remote", "URLs instead of paths"),
    "distributed": ("dask", "many machines"),
    "SimpleITK": ("staple", "a consensus by STAPLE"),
    "optuna": ("tune", "a search for better options"),
    "starlette": ("serve", "the page and the server"),
}
"""The extra that brings a package, and what it is for, by the name to import."""

_OTHER_NAMES = {
    "tensorflow": ("tensorflow-cpu", "tensorflow-rocm", "tensorflow-macos"),
    "openslide": ("openslide-python",),
    "onnxruntime": ("onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml"),
}
"""Names under which packages are installed that can be imported by another one."""

_BACKENDS = ("tensorflow", "jax", "torch")


class Package(Brief, msgspec.Struct, frozen=True, kw_only=True):
    """An optional package.

    Attributes:
        name: Name to import.
        version: Its version; empty if it is not installed.
        purpose: What it is for.
        install: The command that installs it.
    """

    name: str
    version: str
    purpose: str
    install: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Packages and devices.

    Attributes:
        packages: All optional packages.
        missing: Those that the training needs and that are not installed.
        device: Backend and devices, as a training says them; empty if Keras cannot be started.
        note: Why this backend is taken, if it is not the first.
        has_idle_gpu: Whether there is a GPU, and the backend computes on the CPU.
        is_slow: Whether the CPU has to emulate the precision.
        problems: Why the training cannot compute as it is asked to.
    """

    packages: tuple[Package, ...]
    missing: tuple[Package, ...] = ()
    device: str = ""
    note: str = ""
    has_idle_gpu: bool = False
    is_slow: bool = False
    problems: tuple[MaskforgeError, ...] = field(default=())


def look_at_machine(options: TrainOptions) -> Machine:
    """Look at what is installed, and start Keras as a training would.

    Args:
        options: The options of the training.
    """
    packages = tuple(
        Package(
            name=name,
            version=_version(name) if is_installed(name) else "",
            purpose=purpose,
            install=f"pip install 'maskforge[{extra}]'",
        )
        for name, (extra, purpose) in EXTRAS.items()
    )
    missing = tuple(_missing(options, packages))
    if any(one.name in ("keras", *_BACKENDS) for one in missing):
        return Machine(packages=packages, missing=missing)
    from maskforge.nn import backend
    from maskforge.nn.devices import devices_used

    try:
        backend.start(options.backend)
        devices_used(options.devices, options.batch_size)
    except MaskforgeError as error:
        return Machine(packages=packages, missing=missing, problems=(error,))
    on_cpu, asked = backend.on_cpu(), options.precision
    return Machine(
        packages=packages,
        missing=missing,
        device=backend.device_report(),
        note=backend.choice_note(),
        has_idle_gpu=on_cpu and backend.has_gpu(),
        is_slow=on_cpu
        and (asked == "float16" or (asked == "bfloat16" and not backend.multiplies_bfloat16())),
    )


def _version(name: str) -> str:
    """Return the version of a package that can be imported."""
    for distribution in (name, *_OTHER_NAMES.get(name, ())):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(distribution)
    return "unknown"


def _missing(options: TrainOptions, packages: tuple[Package, ...]) -> Iterator[Package]:
    """Yield what the training needs: of the backends the one that is asked for, or any."""
    asked = options.backend if options.backend != "auto" else os.environ.get("KERAS_BACKEND", "")
    there = {one.name: bool(one.version) for one in packages}
    backends = [asked] if asked else [name for name in _BACKENDS if there[name]] or ["tensorflow"]
    for one in packages:
        if not one.version and one.name in ("keras", "matplotlib", *backends):
            yield one
    tracker = {"none": "", "tensorboard": "tensorboard"}.get(options.track, options.track)
    if tracker and not is_installed(tracker):
        yield Package(
            name=tracker,
            version="",
            purpose=f"logs for {options.track}",
            install=f"pip install {tracker}",
        )
