"""Loading a model of one network, or of the several that a cross-validation trained."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from maskforge.choices import FoldWeights, ModelPrecision
from maskforge.choices import Runtime as RuntimeName
from maskforge.errors import OptionError
from maskforge.nn.modelfile import ModelDescription
from maskforge.prediction.converted import weights_digest
from maskforge.prediction.runtime_choice import load_runtime
from maskforge.prediction.runtimes.base import Runtime
from maskforge.prediction.runtimes.mean import mean_of


def load_networks(
    folder: Path,
    description: ModelDescription,
    runtime: RuntimeName,
    precision: ModelPrecision,
    fold_weights: FoldWeights,
) -> Runtime:
    """Load what a model consists of.

    Args:
        folder: Folder of the model.
        description: Its description.
        runtime: As for ``load_runtime``.
        precision: As for ``load_runtime``.
        fold_weights: How the networks of a cross-validation are weighed.

    Raises:
        MissingDependencyError: If a runtime is not installed.
        ModelError: If a network cannot be loaded, or is not what the description says.
        OptionError: If runtime and precision do not go together, or there is nothing to weigh.
    """
    if not description.members:
        if fold_weights != "equal":
            raise OptionError(
                f"{folder} is a single network, so there are no folds to weigh",
                hint="leave out --fold-weights",
            )
        digest = weights_digest(folder, description.weights_digest)
        return load_runtime(folder, digest, runtime, precision, description.bfloat16)
    networks = load_members(folder, description, runtime, precision)
    weights = [1.0] * len(networks)
    if fold_weights == "validation":
        weights = [member.dice or 0.0 for member in description.members]
        if not sum(weights):
            raise OptionError(
                f"the folds of {folder} have no Dice on their validation examples",
                hint="leave out --fold-weights",
            )
    return mean_of(
        networks, weights, f"predicted by the mean of {len(networks)} networks, one for each fold"
    )


def load_members(
    folder: Path,
    description: ModelDescription,
    runtime: RuntimeName,
    precision: ModelPrecision,
) -> list[Runtime]:
    """Load the networks of a cross-validation, all in the runtime and precision of the first.

    Args:
        folder: Folder of their model.
        description: Its description.
        runtime: As for ``load_runtime``.
        precision: As for ``load_runtime``.

    Raises:
        MissingDependencyError: If a runtime is not installed.
        ModelError: If a network cannot be loaded, or is not what the description says.
        OptionError: If runtime and precision do not go together.
    """
    networks: list[Runtime] = []
    for member in description.members:
        place = folder / member.folder
        digest = weights_digest(place, member.weights_digest)
        one = load_runtime(place, digest, runtime, precision, description.bfloat16)
        networks.append(one)
        # The others run as the first one does.
        runtime = cast("RuntimeName", one.name.partition("-")[0])
        precision = cast("ModelPrecision", one.precision)
    return networks
