"""The U-Net of maskforge, written for PyTorch as a user of PyTorch would."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from maskforge.nn.network_catalog import NetworkPlan


def block(inputs: int, filters: int, plan: NetworkPlan) -> nn.Sequential:
    """Return the convolutions of a level."""
    layers: list[nn.Module] = []
    normalized = plan.normalization == "batch"
    for before in (inputs, *[filters] * (plan.convolutions - 1)):
        layers.append(nn.Conv2d(before, filters, plan.kernel, padding="same", bias=not normalized))
        if normalized:
            layers.append(nn.BatchNorm2d(filters, eps=1e-3, momentum=0.1))
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


class UNet(nn.Module):  # type: ignore[misc]  # PyTorch is not read by mypy
    """A U-Net from (B, 1, H, W) to logits (B, 1, H, W).

    Args:
        plan: Filters, depth, convolutions, normalization (``batch`` or ``none``) and dropout
            (before the bottleneck); the upsampling is transposed convolutions.
    """

    def __init__(self, plan: NetworkPlan) -> None:
        super().__init__()
        filters = [plan.filters * 2**level for level in range(plan.depth + 1)]
        self.down = nn.ModuleList(
            block(before, after, plan)
            for before, after in zip((1, *filters[:-1]), filters, strict=True)
        )
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(2 * after, after, plan.upsampling_kernel, stride=2)
            for after in filters[:-1]
        )
        self.merge = nn.ModuleList(block(2 * after, after, plan) for after in filters[:-1])
        self.drop = nn.Dropout(plan.dropout)
        self.head = nn.Conv2d(filters[0], 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        features = []
        for level in self.down[:-1]:
            x = level(x)
            features.append(x)
            x = functional.max_pool2d(x, 2)
        x = self.down[-1](self.drop(x))
        for skip, up, merge in zip(
            reversed(features), reversed(self.up), reversed(self.merge), strict=True
        ):
            x = merge(torch.cat([skip, up(x)], dim=1))
        return self.head(x)


def loss_of(logits: Tensor, targets: Tensor) -> Tensor:
    """Return Dice over the batch plus the mean cross-entropy."""
    entropy = functional.binary_cross_entropy_with_logits(logits, targets)
    scores = torch.sigmoid(logits)
    both, all_ = (scores * targets).sum(), scores.sum() + targets.sum()
    return entropy + 1 - (2 * both + 1) / (all_ + 1)
