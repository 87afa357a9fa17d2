"""HD95 and surface Dice: by hand, and against MONAI, MedPy and DeepMind's surface-distance."""

import numpy as np
import pytest
from builders import grid

from maskforge.evaluation.measures.outlines import border, border_distances
from maskforge.evaluation.measures.surface import hd95, surface_dice

theirs_may_warn = pytest.mark.filterwarnings("ignore")


def mask(*rows):
    return grid(*rows) > 0


def blob(generator, size=48):
    """A random smooth region."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(generator.random((size, size + 7)), 4) > 0.505


def test_the_border_is_inside_and_follows_the_edge_of_the_image():
    region = mask(
        "....1111",
        ".111.111",
        ".111.111",
        ".111.111",
    )
    # Only pixels with all four neighbors inside are not border.
    assert np.array_equal(
        region & ~border(region),
        mask("........", "......1.", "..1...1.", "........"),
    )


def test_distances_by_hand():
    """Two lines, three rows apart; the second is two pixels longer."""
    first = mask("1111......", "..........", "..........", "..........")
    second = mask("..........", "..........", "..........", "111111....")
    to_second, to_first = border_distances(first, second)
    assert to_second.tolist() == [3, 3, 3, 3]
    expected = [3, 3, 3, 3, np.hypot(3, 1), np.hypot(3, 2)]
    np.testing.assert_allclose(to_first, expected)
    # The 95th percentile of six values lies at 0.95 * 5 = 4.75: three quarters from 5th to 6th.
    high = np.hypot(3, 1) + 0.75 * (np.hypot(3, 2) - np.hypot(3, 1))
    assert hd95((to_second, to_first)) == pytest.approx(high)
    assert surface_dice((to_second, to_first), 3) == pytest.approx(8 / 10)
    assert surface_dice((to_second, to_first), 2.9) == 0
    assert surface_dice((to_second, to_first), np.hypot(3, 2)) == 1


def test_the_spacing_is_height_and_width_of_a_pixel():
    first, second = mask("1...", "....", "...."), mask("....", "....", "...1")
    distances = border_distances(first, second, (0.5, 2.0))
    assert hd95(distances) == pytest.approx(np.hypot(2 * 0.5, 3 * 2.0))
    assert surface_dice(distances, 0.1 + 0.2) == 0


def test_a_distance_that_is_the_tolerance_is_within_it():
    """0.1 * 3 is a little more than 0.3 as floating point number."""
    first, second = mask("1...", "...."), mask("...1", "....")
    assert surface_dice(border_distances(first, second, (0.1, 0.1)), 0.3) == 1


def test_without_one_of_the_regions_there_is_no_distance():
    empty, full = np.zeros((3, 3), bool), np.ones((3, 3), bool)
    assert border_distances(empty, full) is None
    assert border_distances(full, empty) is None
    assert border_distances(empty, empty) is None
    assert hd95(border_distances(full, full)) == 0


@theirs_may_warn
@pytest.mark.parametrize("seed", range(6))
def test_hd95_and_surface_dice_equal_those_of_monai(seed):
    metrics = pytest.importorskip("monai.metrics", reason="NO PEER: MONAI is missing")
    torch = pytest.importorskip("torch", reason="NO PEER: PyTorch is missing")
    generator = np.random.default_rng(seed)
    truth, predicted = blob(generator), blob(generator)
    spacing = ((1.0, 1.0), (0.4, 0.7))[seed % 2]
    distances = border_distances(truth, predicted, spacing)
    first, second = (torch.tensor(one[None, None]) for one in (predicted, truth))
    expected = metrics.compute_hausdorff_distance(
        first, second, include_background=True, percentile=95, spacing=list(spacing)
    )
    assert hd95(distances) == pytest.approx(float(expected), rel=1e-6)
    for tolerance in (0.5, 1.0, 3.0):
        expected = metrics.compute_surface_dice(
            first, second, [tolerance], include_background=True, spacing=list(spacing)
        )
        assert surface_dice(distances, tolerance) == pytest.approx(float(expected), rel=1e-6)


@theirs_may_warn
@pytest.mark.parametrize("seed", range(6))
def test_distances_equal_those_of_medpy(seed):
    binary = pytest.importorskip("medpy.metric.binary", reason="NO PEER: MedPy is missing")
    generator = np.random.default_rng(seed)
    truth, predicted = blob(generator), blob(generator)
    to_predicted, to_truth = border_distances(truth, predicted, (0.4, 0.7))
    both = np.concatenate([to_predicted, to_truth])
    keys = {"voxelspacing": (0.4, 0.7)}
    assert np.percentile(both, 95) == pytest.approx(binary.hd95(predicted, truth, **keys))
    assert both.max() == pytest.approx(binary.hd(predicted, truth, **keys))
    assert to_truth.mean() == pytest.approx(binary.asd(predicted, truth, **keys))
    assert hd95((to_predicted, to_truth)) >= np.percentile(both, 95) - 1e-12


@theirs_may_warn
@pytest.mark.parametrize("seed", range(4))
def test_surface_dice_is_near_that_of_deepmind(seed):
    """It follows the outline between the pixels and weighs it by its length."""
    peer = pytest.importorskip("surface_distance", reason="NO PEER: surface-distance is missing")
    generator = np.random.default_rng(seed)
    truth = blob(generator, 96)
    predicted = np.roll(truth, (1, 2), (0, 1)) | (blob(generator, 96) & np.roll(truth, 5, 0))
    theirs = peer.compute_surface_distances(truth, predicted, (1.0, 1.0))
    expected = peer.compute_surface_dice_at_tolerance(theirs, 2)
    ours = surface_dice(border_distances(truth, predicted), 2)
    assert ours == pytest.approx(expected, abs=0.06)
