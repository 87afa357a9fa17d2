"""All checks. A new one is a function in one of these families, or a new one, and a line here."""

from __future__ import annotations

from maskforge.checks import copies, coverage, edges, labels, pairs, parts, regions
from maskforge.checks.base import Check, broken

CHECKS: tuple[Check, ...] = (
    Check(
        "unreadable",
        "error",
        "An image or mask cannot be read, or the two do not fit each other.",
        broken("unreadable"),
    ),
    Check(
        "own-mask", "error", "An image shows the same as its mask: it is the mask.", pairs.own_mask
    ),
    Check("unknown-value", "error", "A mask holds values that no class has.", pairs.unknown_value),
    Check(
        "refused-part",
        "error",
        "Parts of an annotation were refused, so the mask lacks them.",
        parts.refused_part,
    ),
    Check(
        "unfinished",
        "error",
        "The run that writes the data set has not finished, so images are missing.",
        broken("unfinished"),
    ),
    Check(
        "contradicting-masks",
        "error",
        "Identical images have different masks.",
        copies.contradicting_masks,
    ),
    Check(
        "split-leak",
        "error",
        "Identical images are in several parts of the split.",
        copies.split_leak,
    ),
    Check("no-image", "warning", "A mask or an annotation has no image.", pairs.no_image),
    Check("no-mask", "warning", "An image has no mask.", broken("no-mask")),
    Check(
        "unclear-pair",
        "warning",
        "Several images or masks have one name, so none of them is used.",
        broken("unclear-pair"),
    ),
    Check(
        "weak-match",
        "warning",
        "An image was found by its name alone, and may be another one.",
        pairs.weak_match,
    ),
    Check(
        "mask-like-image",
        "warning",
        "An image looks like a mask, and lies where masks do.",
        pairs.mask_like_image,
    ),
    Check(
        "instance-labels",
        "warning",
        "Labels are numbered per image, as if they were objects of one class.",
        labels.instance_labels,
    ),
    Check(
        "twin-labels",
        "warning",
        "Two labels are so alike that one may be a slip of the other.",
        labels.twin_labels,
    ),
    Check(
        "one-class",
        "warning",
        "One class covers the whole image.",
        coverage.one_class,
    ),
    Check(
        "far-outside",
        "warning",
        "A shape lies mostly, or reaches far, outside of the image.",
        regions.far_outside,
    ),
    Check(
        "speck",
        "warning",
        "A region of a few pixels lies alone, and the class is usually much larger.",
        regions.speck,
    ),
    Check(
        "shifted-mask",
        "warning",
        "The mask fits the edges in the image much better when it is moved.",
        edges.shifted_mask,
    ),
    Check(
        "mirrored-mask",
        "warning",
        "The mask fits the edges in the image much better when it is mirrored.",
        edges.mirrored_mask,
    ),
    Check(
        "empty-mask",
        "note",
        "A mask is empty, and nearly all others are not.",
        coverage.empty_mask,
    ),
    Check("rare-class", "note", "A class is in fewer than three images.", coverage.rare_class),
    Check("copied-image", "note", "Identical images have equal masks.", copies.copied_image),
    Check(
        "odd-image",
        "note",
        "An image has another size or depth than nearly all others.",
        coverage.odd_image,
    ),
)
"""The errors first, then the warnings and the notes."""
