"""Several devices that share each batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeAlias

from maskforge.errors import OptionError

Scope: TypeAlias = Callable[[], AbstractContextManager[Any]]


@contextmanager
def distribute(devices: int, batch_size: int) -> Iterator[Scope]:
    """Share every batch among devices.

    Yields a function: networks must be built and compiled in the contexts that it returns, and
    fitted inside the outer one::

        with distribute(2, batch_size) as scope:
            with scope():
                network = build_network(...)
                network.compile(...)
            network.fit(...)

    Weights are on every device, each computes an equal share of the batch, and the result is that
    of one device: losses over a whole batch sum their areas over all devices, and the gradients are
    averaged. On TensorFlow batch normalization sees the share of one device alone, and
    ``train_on_batch`` does not divide the batch: use ``fit``.

    Args:
        devices: How many; 0 for all, or as many of them as divide the batch.
        batch_size: Images per step; on JAX every batch must have as many, the last too.

    Raises:
        OptionError: If there are not as many, they do not divide the batch, or the backend is
            PyTorch, where Keras uses one device.
    """
    import keras

    count = devices_used(devices, batch_size)
    if count == 1:
        yield nullcontext
    elif keras.config.backend() == "tensorflow":
        import tensorflow as tf

        names = _devices()[:count]
        # NCCL, the default between GPUs, is not there on CPUs
        across = tf.distribute.HierarchicalCopyAllReduce() if "CPU" in names[0] else None
        yield tf.distribute.MirroredStrategy(names, cross_device_ops=across).scope
    else:
        before = keras.distribution.distribution()
        parallel = keras.distribution.DataParallel(devices=_devices()[:count])
        keras.distribution.set_distribution(parallel)
        try:
            yield nullcontext
        finally:
            keras.distribution.set_distribution(before)


def sum_over_devices(values: Sequence[Any]) -> Sequence[Any]:
    """Return the sums of tensors over the devices that share a batch.

    On JAX a sum over the batch is one over all devices already.
    """
    import keras

    if keras.config.backend() != "tensorflow":
        return values
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return values
    summed: Sequence[Any] = context.all_reduce(tf.distribute.ReduceOp.SUM, list(values))
    return summed


def devices_used(devices: int, batch_size: int) -> int:
    """Return how many devices will share a batch, with the arguments of ``distribute``.

    CPUs count as one device, unless the backend was told to have several virtual ones.

    Raises:
        OptionError: As ``distribute``.
    """
    import keras

    if devices == 1 or (devices == 0 and keras.config.backend() == "torch"):
        return 1
    if keras.config.backend() == "torch":
        raise OptionError(
            f"{devices} devices are asked for, but Keras on PyTorch uses one",
            hint="use --backend tensorflow or jax for several, or --devices 1",
        )
    there = len(_devices())
    if devices == 0:
        return max(count for count in range(1, there + 1) if batch_size % count == 0)
    if not 1 <= devices <= there:
        raise OptionError(
            f"{devices} devices are asked for, but there are {there}",
            hint=f"use --devices with 1 to {there}, or 0 for all",
        )
    if batch_size % devices:
        raise OptionError(
            f"a batch of {batch_size} cannot be shared among {devices} devices",
            hint=f"use --batch-size {max(round(batch_size / devices), 1) * devices}",
        )
    return devices


def _devices() -> list[str]:
    import keras

    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return [device.name for device in found]
    return [str(name) for name in keras.distribution.list_devices()]
