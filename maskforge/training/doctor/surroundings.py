"""Whether the machine has what the training needs."""

from __future__ import annotations

from collections.abc import Iterator

from maskforge.checks.base import CheckPlace
from maskforge.training.doctor.outlook import Outlook

_RUNTIMES = ("openvino", "onnxruntime")
_OF_GPUS = {
    "tensorflow": "pip install 'maskforge[train-gpu]'",
    "jax": "pip install 'jax[cuda12]'",
    "torch": "see the site of PyTorch for the build that fits the GPU",
}


def cannot_train(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield what would stop the training."""
    yield from outlook.problems
    for error in outlook.machine.problems:
        yield problem_of(error.message, error.hint)


def problem_of(message: str, hint: str) -> CheckPlace:
    """Return what an error says and advises."""
    return CheckPlace(message=f"{message}; {hint}" if hint else message)


def missing_package(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield packages that the training needs."""
    for one in outlook.machine.missing:
        yield CheckPlace(message=f"{one.name}, for {one.purpose}: {one.install}")


def idle_gpu(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield a GPU that the backend does not find."""
    machine = outlook.machine
    if machine.has_idle_gpu:
        name = next((one for one in _OF_GPUS if f" on {one} " in machine.device), "tensorflow")
        yield CheckPlace(message=f"{machine.device}: {_OF_GPUS[name]}")


def slow_precision(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield a precision that the CPU does not compute in."""
    if outlook.machine.is_slow:
        yield CheckPlace(message=outlook.machine.device)


def slow_prediction(outlook: Outlook) -> Iterator[CheckPlace]:
    """Yield the runtimes of which one would predict faster."""
    found = [one for one in outlook.machine.packages if one.name in _RUNTIMES]
    if not any(one.version for one in found):
        yield CheckPlace(message=found[0].install)
