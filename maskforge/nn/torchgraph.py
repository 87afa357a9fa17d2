"""Functions of Keras on PyTorch, compiled.

PyTorch's compiler reads Python, and loses its way in that of Keras: a small network falls into
dozens of pieces. So a function runs once on tensors without values, which records the operations of
PyTorch, and these are compiled as a whole.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch.fx.experimental.proxy_tensor import make_fx

Tensors = Sequence[torch.Tensor]

COMPILER = "inductor"


def compiled_graph(function: Callable[..., Any], arguments: Sequence[Any]) -> Callable[..., Any]:
    """Return a function compiled for arguments like these; the first call compiles.

    Gradients can be taken through it.

    Args:
        function: From tensors, and lists of them, to such; without effects.
        arguments: What it is called with, of the shapes and types that it will always have.
    """
    recorder = make_fx(
        partial(function),  # of a method itself it would count self
        tracing_mode="fake",
        pre_dispatch=True,  # before PyTorch prepares the gradients
        _allow_non_fake_inputs=True,  # constants
    )
    with quiet():
        graph = recorder(*arguments)
    compiled: Callable[..., Any] = torch.compile(
        graph, backend=COMPILER, fullgraph=True, dynamic=False
    )
    return compiled


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what the compiler says of itself; its failures are exceptions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
