"""Backend, versions, devices, precision."""

from __future__ import annotations

import importlib
import os
import sys
from types import SimpleNamespace

import pytest

import maskforge
from maskforge.errors import MissingDependencyError, OptionError
from maskforge.nn import backend

keras = pytest.importorskip("keras", reason="NO NETWORKS: Keras is not installed")

from maskforge.nn import precision  # noqa: E402


def test_the_running_backend_is_kept(running_backend):
    assert backend.start() == running_backend
    assert backend.start(running_backend) == running_backend


def test_another_backend_is_refused_once_one_runs(running_backend):
    other = "jax" if running_backend != "jax" else "torch"
    with pytest.raises(OptionError, match=f"runs on {running_backend}.*\n.*KERAS_BACKEND={other}"):
        backend.start(other)


@pytest.fixture
def not_imported(monkeypatch, running_backend):
    """Keras as if nobody had imported it yet."""
    monkeypatch.setenv("KERAS_BACKEND", running_backend)
    monkeypatch.delitem(sys.modules, "keras")
    settings = {
        name: getattr(keras.config, name)()
        for name in ("floatx", "epsilon", "image_data_format", "dtype_policy")
    }
    yield
    for name, value in settings.items():
        getattr(keras.config, f"set_{name}")(value)


def test_what_a_user_has_set_for_keras_does_not_count(not_imported, running_backend):
    keras.config.set_floatx("float16")
    keras.config.set_dtype_policy("float16")
    keras.config.set_epsilon(0.5)
    keras.config.set_image_data_format("channels_first")
    assert backend.start() == running_backend
    config = keras.config
    assert (config.floatx(), config.epsilon()) == ("float32", 1e-7)
    assert (config.image_data_format(), config.dtype_policy().name) == ("channels_last", "float32")


@pytest.mark.parametrize(
    "error",
    [
        ImportError("libtensorflow_framework.so.2: failed to map segment from shared object"),
        MemoryError(),
        AssertionError(),
        ValueError("Invalid `floatx` configuration."),
    ],
)
def test_keras_that_cannot_be_loaded_is_one_sentence(not_imported, monkeypatch, error):
    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name == "keras":
                raise error

    monkeypatch.setattr(backend, "require", lambda *_: None)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(MissingDependencyError, match=r"cannot be loaded: .+") as caught:
        backend.start()
    assert str(error) in caught.value.message
    assert "ulimit" in caught.value.hint
    assert "keras.json" in caught.value.hint


@pytest.mark.parametrize("name", ["theano", "auto", "numpy", "openvino", "Jax", " ", "x" * 999])
def test_other_backends_are_refused(not_imported, monkeypatch, name):
    monkeypatch.setenv("KERAS_BACKEND", name)
    with pytest.raises(OptionError, match="is not a backend that maskforge uses"):
        backend.start()


@pytest.mark.parametrize(
    ("name", "value"), [("floatx", "float16"), ("image_data_format", "channels_first")]
)
def test_a_host_with_other_settings_is_told(monkeypatch, name, value):
    monkeypatch.setattr(keras.config, name, lambda: value)
    with pytest.raises(
        OptionError, match=f"(?s)set to the {name} {value}.*keras.config.set_{name}"
    ):
        backend.start()


@pytest.mark.parametrize("chosen", [None, "elsewhere"])
def test_jax_keeps_what_it_compiled(monkeypatch, tmp_path, running_backend, chosen):
    if running_backend != "jax":
        pytest.skip("NO JAX: this is a setting of its own")
    import jax

    monkeypatch.setenv("MASKFORGE_CACHE", str(tmp_path / "cache"))
    before = jax.config.jax_compilation_cache_dir
    try:
        jax.config.update("jax_compilation_cache_dir", chosen)
        backend._keep_compiled("jax")
        found = jax.config.jax_compilation_cache_dir
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
    if chosen:
        assert found == chosen
        assert not (tmp_path / "cache").exists()
    else:
        assert [str(one) for one in (tmp_path / "cache" / "jax").iterdir()] == [found]


def test_without_a_place_for_a_cache_jax_keeps_nothing(monkeypatch, tmp_path, running_backend):
    if running_backend != "jax":
        pytest.skip("NO JAX: this is a setting of its own")
    import jax

    (tmp_path / "file").touch()
    before = jax.config.jax_compilation_cache_dir
    monkeypatch.setenv("MASKFORGE_CACHE", str(tmp_path / "file"))
    try:
        jax.config.update("jax_compilation_cache_dir", None)
        backend._keep_compiled("jax")
        assert jax.config.jax_compilation_cache_dir is None
    finally:
        jax.config.update("jax_compilation_cache_dir", before)


@pytest.mark.parametrize("chosen", [None, "elsewhere"])
def test_pytorch_keeps_what_it_compiled(monkeypatch, tmp_path, chosen):
    variable = "TORCHINDUCTOR_CACHE_DIR"
    monkeypatch.setenv("MASKFORGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(variable, chosen or "")
    if chosen is None:
        monkeypatch.delenv(variable)
    backend._keep_compiled("torch")
    if chosen:
        assert os.environ[variable] == chosen
        assert not (tmp_path / "cache").exists()
    else:
        (folder,) = (tmp_path / "cache" / "torch").iterdir()
        assert os.environ[variable] == str(folder)


GPU = ["NVIDIA H200 (139 GiB)"]


def broken():
    raise ImportError("libcudart.so.12: cannot open shared object file")


def none():
    return []


@pytest.mark.parametrize(
    ("found", "there", "chosen", "note"),
    [
        ({"tensorflow": none, "jax": lambda: GPU, "torch": lambda: GPU}, True, "jax", True),
        ({"tensorflow": lambda: GPU, "jax": lambda: GPU}, True, "tensorflow", False),
        ({"tensorflow": broken, "jax": none, "torch": lambda: GPU}, True, "torch", True),
        ({"tensorflow": none, "jax": none, "torch": none}, True, "tensorflow", False),
        ({"jax": none, "torch": none}, True, "jax", False),
        # Nothing is loaded to look for a GPU that is not there, or if there is no choice.
        ({"tensorflow": broken, "jax": broken}, False, "tensorflow", False),
        ({"torch": broken}, True, "torch", False),
        ({}, True, "tensorflow", False),
    ],
)
def test_the_backend_that_finds_the_gpu_is_taken(monkeypatch, tmp_path, found, there, chosen, note):
    (tmp_path / "gpu").touch()
    monkeypatch.setattr(backend, "_GPU_FILES", (tmp_path / ("gpu" if there else "none"),))
    monkeypatch.setattr(backend, "is_installed", lambda name: name in found)
    monkeypatch.setattr(backend, "_DEVICES", found)
    monkeypatch.setattr(backend, "_passed_over", [])
    assert backend._choose() == chosen
    monkeypatch.setattr(keras.config, "backend", lambda: chosen)
    said = backend.choice_note()
    assert bool(said) == note
    if note:
        assert said.startswith(f"{chosen} is taken because it finds the GPU, and tensorflow")
    assert ("jax" in said) == (note and found.get("jax") is not None)


def test_a_backend_that_is_asked_for_is_not_looked_at(not_imported, monkeypatch, running_backend):
    monkeypatch.setattr(backend, "_choose", broken)
    assert backend.start() == running_backend  # by KERAS_BACKEND
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.delitem(sys.modules, "keras")
    assert backend.start(running_backend) == running_backend


def test_versions(running_backend):
    versions = backend.versions()
    assert versions["maskforge"] == maskforge.__version__
    assert versions["keras"] == keras.__version__
    assert set(versions) == {"maskforge", "keras", running_backend, "numpy", "python"}
    assert all(version[0].isdigit() for version in versions.values())


def test_the_report_names_backend_and_devices(running_backend):
    report = backend.device_report()
    assert f"on {running_backend} {backend.versions()[running_backend]}" in report
    assert "\n" not in report
    if precision.gpu_capability() is None:
        assert "CPU" in report


@pytest.mark.parametrize(
    ("running", "cpu", "noted"),
    [("jax", False, True), ("jax", True, False), ("tensorflow", False, False)],
)
def test_trials_of_the_compiler_are_named_with_the_memory(monkeypatch, running, cpu, noted):
    monkeypatch.setattr(keras.config, "backend", lambda: running)
    monkeypatch.setattr(backend, "on_cpu", lambda: cpu)
    assert ("try out" in backend.peak_memory_note()) == noted


@pytest.mark.parametrize(
    ("running", "cpu", "forgotten"),
    [("torch", False, 1), ("torch", True, 0), ("tensorflow", False, 1), ("jax", False, 0)],
)
def test_memory_for_trials_of_kernels_is_forgotten(monkeypatch, running, cpu, forgotten):
    calls = []
    cuda = SimpleNamespace(reset_peak_memory_stats=lambda: calls.append("cuda"))
    experimental = SimpleNamespace(reset_memory_stats=calls.append)
    config = SimpleNamespace(experimental=experimental)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace(config=config))
    monkeypatch.setattr(keras.config, "backend", lambda: running)
    monkeypatch.setattr(backend, "on_cpu", lambda: cpu)
    backend.reset_peak_memory()
    assert len(calls) == forgotten


@pytest.mark.parametrize("seed", [0, 7])
def test_seeds_make_random_numbers_repeat(seed):
    drawn = []
    for _ in range(2):
        backend.seed_everything(seed)
        drawn.append(keras.ops.convert_to_numpy(keras.random.uniform((4,))).tolist())
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize(
    ("asked", "policy"),
    [("float32", "float32"), ("bfloat16", "mixed_bfloat16"), ("float16", "mixed_float16")],
)
def test_precision_that_is_asked_for(asked, policy):
    assert precision.resolve_precision(asked) == policy


def test_an_unknown_precision_is_refused():
    with pytest.raises(OptionError, match="no precision 'float8'"):
        precision.resolve_precision("float8")


@pytest.mark.parametrize(
    ("running", "capability", "flags", "policy"),
    [
        ("tensorflow", (9, 0), "", "mixed_bfloat16"),
        ("jax", (8, 0), "", "mixed_bfloat16"),
        ("torch", (7, 5), "avx512_bf16", "mixed_float16"),
        ("torch", (6, 1), "avx512_bf16", "float32"),
        ("tensorflow", None, "fpu avx2 avx512_bf16", "mixed_bfloat16"),
        ("torch", None, "fpu amx_bf16 amx_tile", "mixed_bfloat16"),
        ("jax", None, "fpu avx512_bf16", "float32"),
        ("tensorflow", None, "fpu avx2 avx512_bf16_not", "float32"),
        ("tensorflow", None, None, "float32"),
    ],
)
def test_precision_that_fits_the_hardware(
    running, capability, flags, policy, monkeypatch, tmp_path
):
    info = tmp_path / "cpuinfo"
    if flags is not None:
        info.write_text(f"processor : 0\nflags\t\t: {flags}\nbugs : avx512_bf16\n")
    monkeypatch.setattr(backend, "_CPU_INFO", info)
    monkeypatch.setattr(keras.config, "backend", lambda: running)
    monkeypatch.setattr(precision, "gpu_capability", lambda: capability)
    assert precision.resolve_precision() == policy


def test_the_policy_is_restored_after_an_error():
    before = keras.config.dtype_policy()
    seen = []

    def fail():
        seen.append(keras.config.dtype_policy().name)
        raise RuntimeError

    with pytest.raises(RuntimeError), precision.using_policy("mixed_float16"):
        fail()
    assert seen == ["mixed_float16"]
    assert keras.config.dtype_policy() is before


def test_what_libraries_write_is_shown_only_if_they_fail(capfd):
    with backend._said_only_on_failure():
        os.write(2, b"for your information")
    assert capfd.readouterr().err == ""
    with pytest.raises(ModuleNotFoundError), backend._said_only_on_failure():
        importlib.import_module(f"none{os.write(2, b'for your information')}")
    os.write(2, b"; afterwards")
    assert capfd.readouterr().err == "for your information; afterwards"
