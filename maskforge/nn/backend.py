"""Starting Keras on a backend: what must happen before anything else here is imported."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from maskforge.choices import Backend
from maskforge.errors import OptionError, is_installed, not_loaded, require, shorten
from maskforge.nn.devices import distribute
from maskforge.remote.address import cache_folder

__all__ = [
    "choice_note",
    "cpu_flags",
    "device_report",
    "distribute",
    "has_gpu",
    "is_out_of_memory",
    "multiplies_bfloat16",
    "on_cpu",
    "peak_memory",
    "peak_memory_note",
    "reset_peak_memory",
    "seed_everything",
    "start",
    "versions",
]

_ORDER = ("tensorflow", "jax", "torch")
_EXTRA = "maskforge[train]"
_CPU_INFO = Path("/proc/cpuinfo")
_GPU_FILES = tuple(map(Path, ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")))  # NVIDIA, AMD, WSL
_TORCH_CACHE = "TORCHINDUCTOR_CACHE_DIR"
_passed_over: list[str] = []
"""What is installed and would have been taken, had it found the GPU."""
_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}


def start(backend: Backend = "auto") -> str:
    """Import Keras on a backend.

    Must be called before any other module of this package is imported. The order is: ``backend``,
    the environment variable ``KERAS_BACKEND``, the first that is installed of TensorFlow, JAX and
    PyTorch; on a machine with a GPU, the first of them that can use it.

    What the user has set for Keras in general, in ``keras.json``, does not count.

    Returns:
        The name of the backend.

    Raises:
        MissingDependencyError: If Keras or the backend is not installed, or cannot be loaded.
        OptionError: If Keras already runs on another backend, or with other settings.
    """
    require("keras", _EXTRA)
    if "keras" in sys.modules:
        return _running(backend)
    # What stops the work is raised in Python; TensorFlow's own lines tell of lesser things.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    chosen = backend if backend != "auto" else os.environ.get("KERAS_BACKEND") or _choose()
    _check_backend(chosen)
    require(chosen, _EXTRA)
    os.environ["KERAS_BACKEND"] = chosen
    try:
        if chosen == "tensorflow":
            with _said_only_on_failure():
                import tensorflow as tf  # it talks while it is loaded, Keras does not
            tf.get_logger().setLevel("ERROR")  # a network for every fold is not too many
        import keras
    except Exception as error:
        settings = "; Keras reads settings of its own from ~/.keras/keras.json"
        raise not_loaded(f"Keras on {chosen}", error, settings) from None
    # A user's own settings shall not change what is trained and predicted.
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    if chosen == "tensorflow":
        _grow_memory()
    else:
        _keep_compiled(chosen)
    return str(keras.config.backend())


def _choose() -> str:
    """Return the backend to take if nobody has said which."""
    installed = [name for name in _ORDER if is_installed(name)]
    if len(installed) > 1 and has_gpu():
        for number, name in enumerate(installed):
            if _finds_gpu(name):
                _passed_over[:] = installed[:number]
                return name
    return installed[0] if installed else _ORDER[0]


def has_gpu() -> bool:
    """Tell whether the machine has a GPU, whether or not a backend finds it."""
    return any(file.exists() for file in _GPU_FILES)


def _finds_gpu(name: str) -> bool:
    with _said_only_on_failure(), contextlib.suppress(Exception):  # installed, but broken
        return bool(_DEVICES[name]())
    return False


def choice_note() -> str:
    """Return why Keras runs on another backend than the first that is installed, in words."""
    if not _passed_over:
        return ""
    import keras

    blind = " and ".join(_passed_over)
    return f"{keras.config.backend()} is taken because it finds the GPU, and {blind} does not"


def _running(backend: Backend) -> str:
    """Return the backend on which Keras runs already, if it can be used as it is set.

    Raises:
        OptionError: If it cannot.
    """
    config = sys.modules["keras"].config
    running = str(config.backend())
    _check_backend(running)
    if backend not in ("auto", running):
        raise OptionError(
            f"Keras already runs on {running}, so {backend} cannot be used",
            hint=f"set the environment variable KERAS_BACKEND={backend} before the start",
        )
    for name, needed in (("floatx", "float32"), ("image_data_format", "channels_last")):
        found = getattr(config, name)()
        if found != needed:
            raise OptionError(
                f"Keras is set to the {name} {found}, but maskforge needs {needed}",
                hint=f'call keras.config.set_{name}("{needed}") before',
            )
    return running


def _check_backend(name: str) -> None:
    if name not in _ORDER:
        raise OptionError(
            f"{shorten(name)} is not a backend that maskforge uses",
            hint=f"use one of {', '.join(_ORDER)}",
        )


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and the backend.

    With the same seed just before, a network begins with the same weights, on the same backend.
    """
    import keras

    keras.utils.set_random_seed(seed)


def versions() -> dict[str, str]:
    """Return the versions of maskforge, Keras, the running backend, NumPy and Python."""
    import keras
    import numpy as np

    name = keras.config.backend()
    return {
        "maskforge": importlib.metadata.version("maskforge"),
        "keras": keras.__version__,
        name: str(sys.modules[name].__version__),
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def device_report() -> str:
    """Return a line on the backend and the devices that it computes with, and their memory."""
    import keras

    name = keras.config.backend()
    devices = _DEVICES[name]() or [f"CPU with {os.cpu_count()} cores"]
    return f"Keras {keras.__version__} on {name} {versions()[name]}, {', '.join(devices)}"


def cpu_flags() -> frozenset[str]:
    """Return what the CPU can do, in the words of Linux; nothing on other systems."""
    try:
        lines = _CPU_INFO.read_text("utf-8", "replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line for line in lines if line.startswith("flags")), "").split())


def multiplies_bfloat16() -> bool:
    """Tell whether the CPU multiplies bfloat16 in hardware; only known on Linux."""
    return bool(_BFLOAT16_FLAGS & cpu_flags())


def on_cpu() -> bool:
    """Tell whether the backend computes on the CPU, without any other device."""
    import keras

    return not _DEVICES[keras.config.backend()]()


def peak_memory() -> int:
    """Return the most bytes held so far on the first GPU, else by this process; 0 if unknown."""
    import keras

    on_device = _PEAKS[keras.config.backend()]()
    if on_device:
        return on_device
    with contextlib.suppress(ImportError):  # Windows has no such module
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return 0


def peak_memory_note() -> str:
    """Return what else than the work itself is in the peak memory, to be added to it in words."""
    import keras

    tries = keras.config.backend() == "jax" and not on_cpu()
    return ", which JAX may have needed to try out kernels while it compiled" if tries else ""


def reset_peak_memory() -> None:
    """Forget the most bytes held so far on the first GPU, if the backend can.

    While a step compiles, kernels are tried out with more work space than they need later.
    """
    import keras

    if on_cpu():
        return
    if keras.config.backend() == "torch":
        import torch

        torch.cuda.reset_peak_memory_stats()
    elif keras.config.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.reset_memory_stats("GPU:0")


def is_out_of_memory(error: Exception) -> bool:
    """Tell whether an exception of Python or of a backend means that memory was too small."""
    text = f"{type(error).__name__} {error}"
    signs = ("ResourceExhausted", "RESOURCE_EXHAUSTED", "OutOfMemory", "out of memory")
    return isinstance(error, MemoryError) or any(sign in text for sign in signs)


@contextlib.contextmanager
def _said_only_on_failure() -> Iterator[None]:
    """Hold back what libraries write to the standard error; after an exception, write it.

    What C++ code writes passes by ``sys.stderr``, so the file descriptor itself is redirected.
    """
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(kept, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _grow_memory() -> None:
    """Let TensorFlow take GPU memory as it needs it: by default it takes all there is."""
    import tensorflow as tf

    for device in tf.config.list_physical_devices("GPU"):
        with contextlib.suppress(RuntimeError):  # TensorFlow has begun to compute already
            tf.config.experimental.set_memory_growth(device, True)


def _keep_compiled(name: str) -> None:
    """Let JAX and PyTorch find again what they compiled before: a large network takes a minute."""
    cache = cache_folder()
    if cache is None or _keeps_already(name):
        return
    # They look at their own version and at the GPU; a home folder may be shared by many CPUs.
    kind = hashlib.sha256(
        f"{platform.machine()} {' '.join(sorted(cpu_flags()))}".encode()
    ).hexdigest()[:16]
    folder = cache / name / kind
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        if name == "torch":
            os.environ[_TORCH_CACHE] = str(folder)
        else:
            import jax

            jax.config.update("jax_compilation_cache_dir", str(folder))


def _keeps_already(name: str) -> bool:
    """Tell whether a user has chosen a folder for what is compiled."""
    if name == "torch":
        return _TORCH_CACHE in os.environ
    import jax

    return jax.config.jax_compilation_cache_dir is not None


def _tensorflow_devices() -> list[str]:
    import tensorflow as tf

    details = tf.config.experimental.get_device_details
    found = tf.config.list_physical_devices("GPU")
    return [str(details(device).get("device_name", device.name)) for device in found]


def _jax_devices() -> list[str]:
    import jax

    found = [device for device in jax.devices() if device.platform != "cpu"]
    memory = [(device.memory_stats() or {}).get("bytes_limit", 0) for device in found]
    return [_name(one.device_kind, size) for one, size in zip(found, memory, strict=True)]


def _torch_devices() -> list[str]:
    import torch

    found = [torch.cuda.get_device_properties(n) for n in range(torch.cuda.device_count())]
    return [_name(one.name, one.total_memory) for one in found]


def _name(name: str, memory: int) -> str:
    return f"{name} ({memory / 2**30:.0f} GiB)" if memory else name


def _tensorflow_peak() -> int:
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        return 0
    return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])


def _jax_peak() -> int:
    import jax

    device = jax.devices()[0]
    found = None if device.platform == "cpu" else device.memory_stats()
    return int((found or {}).get("peak_bytes_in_use", 0))


def _torch_peak() -> int:
    import torch

    return int(torch.cuda.max_memory_allocated()) if torch.cuda.is_available() else 0


_PEAKS = {"tensorflow": _tensorflow_peak, "jax": _jax_peak, "torch": _torch_peak}
_DEVICES = {"tensorflow": _tensorflow_devices, "jax": _jax_devices, "torch": _torch_devices}
