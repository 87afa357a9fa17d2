"""Units and depths: which are positive, and what follows from many of them."""

import numpy as np
import pytest
from builders import grid

from maskforge.evaluation.measures import depths, units
from maskforge.evaluation.measures.bootstrap import resampled_weights
from maskforge.evaluation.measures.units import UnitMap, UnitTable

TEETH = grid(
    "..........",
    ".1111.222.",
    ".1111.222.",
    ".1111.222.",
    "..........",
)
THREE = UnitMap(TEETH.astype(np.int32), ("36", "37"))


def test_a_unit_is_positive_if_one_lesion_has_enough_pixels_in_it():
    lesions = grid(
        "1.........",
        ".....11...",
        ".11..11...",
        ".1........",
        "....1.....",
    ).astype(bool)
    # 3 pixels in 36, and one that only touches it; of 4 pixels 2 in 37.
    assert units.hits(THREE, lesions, least=1).tolist() == [True, True]
    assert units.hits(THREE, lesions, least=2).tolist() == [True, True]
    assert units.hits(THREE, lesions, least=3).tolist() == [True, False]
    assert units.hits(THREE, lesions, least=4).tolist() == [False, False]
    assert units.outside(THREE, lesions) == (4, 2)


def test_small_lesions_in_one_unit_do_not_add_up():
    lesions = grid(
        "..........",
        ".1..1.....",
        "..........",
        ".1..1.....",
        "..........",
    ).astype(bool)
    assert units.hits(THREE, lesions, least=1).tolist() == [True, False]
    assert units.hits(THREE, lesions, least=2).tolist() == [False, False]


def test_pixels_at_a_corner_are_one_lesion_unless_told_otherwise():
    lesions = grid("..........", ".1........", "..1.......", "..........", "..........") == 1
    assert units.hits(THREE, lesions, least=2).tolist() == [True, False]
    assert units.hits(THREE, lesions, least=2, connectivity=4).tolist() == [False, False]


def test_regions_of_a_class_are_units_without_names():
    found = units.regions_as_units(TEETH > 0)
    assert found.names == ("", "")
    np.testing.assert_array_equal(found.numbers, TEETH)


def test_instances_of_one_name_are_one_unit_whatever_their_class():
    instances = grid("112233", "445566")
    wanted = {1: "36", 2: "37", 4: "36", 5: "", 6: "", 9: "38"}
    found = units.instances_as_units(instances, wanted)
    assert found.names == ("36", "37", "", "")
    np.testing.assert_array_equal(found.numbers, grid("112200", "113344"))


def test_void_pixels_belong_to_no_unit_and_units_of_nothing_else_go():
    valid = np.ones(TEETH.shape, dtype=bool)
    valid[:, :5] = False
    valid[1, 6] = False
    found = THREE.within(valid)
    assert found.names == ("37",)
    np.testing.assert_array_equal(found.numbers, (TEETH == 2) & valid)
    assert THREE.within(valid, least=8).names == ("37",)
    assert THREE.within(valid, least=9).names == ()


def test_the_score_of_a_unit_is_its_largest_probability_or_the_mean_of_some():
    probabilities = np.linspace(0, 0.49, 50).reshape(5, 10)
    assert units.unit_scores(THREE, probabilities).tolist() == pytest.approx([0.34, 0.38])
    assert units.unit_scores(THREE, probabilities, 2).tolist() == pytest.approx([0.335, 0.375])


def table(rows, images):
    truth, predicted, scores = np.array(rows).T
    return UnitTable(np.array(images), truth > 0, predicted > 0, scores)


# Truth, predicted, score: 2 TP, 1 FN, 1 FP, 3 TN.
SEVEN = table(
    [(1, 1, 0.9), (1, 1, 0.6), (1, 0, 0.4), (0, 1, 0.7), (0, 0, 0.4), (0, 0, 0.1), (0, 0, 0.1)],
    [0, 0, 1, 1, 1, 2, 2],
)


def test_the_figures_of_units_are_those_of_a_table_of_four():
    found = units.unit_statistics(SEVEN, np.ones((1, 3)))
    assert {name: values.item() for name, values in found.items()} == pytest.approx(
        {
            "sensitivity": 2 / 3,
            "specificity": 3 / 4,
            "ppv": 2 / 3,
            "npv": 3 / 4,
            "accuracy": 5 / 7,
            # Of 12 pairs: 4 and 3 won by the first two, 2.5 by the third.
            "auc": 9.5 / 12,
        }
    )


def test_images_are_drawn_with_all_their_units():
    weights = np.array([[2, 0, 1], [0, 0, 3], [0, 1, 0]])
    found = units.unit_statistics(SEVEN, weights)
    np.testing.assert_allclose(found["sensitivity"], [1, np.nan, 0])
    np.testing.assert_allclose(found["specificity"], [1, 1, 0.5])
    np.testing.assert_allclose(found["auc"], [1, np.nan, 0.25])
    drawn = resampled_weights(["a", "a", "b"], 200, seed=1)
    shares = units.unit_statistics(SEVEN, drawn)["accuracy"]
    assert set(shares) == {3 / 5, 5 / 7, 1.0}  # two patients: aa, ab, bb


def test_there_is_no_area_without_probabilities():
    scores = np.full(7, np.nan)
    without = UnitTable(SEVEN.images, SEVEN.truth, SEVEN.predicted, scores)
    found = units.unit_statistics(without, np.ones((2, 3)))
    assert np.isnan(found["auc"]).all()
    assert found["accuracy"] == pytest.approx([5 / 7, 5 / 7])


def zones_of(row, units_row=None, spacing=(1.0, 1.0)):
    """One row of a tooth: enamel, dentine and pulp by their first letters, 0 around them."""
    letters = np.array([[*row]])
    tissues = np.array([letters == one for one in "edp"])
    numbers = tissues.any(axis=0) if units_row is None else grid(units_row)
    whole = UnitMap(numbers.astype(np.int32), ("",) * int(numbers.max()))
    found = depths.depth_zones(whole, tissues, spacing)
    return " ".join(depths.DEPTH_NAMES[one] if one else "-" for one in found[0])


def test_enamel_is_halved_and_dentine_divided_into_thirds():
    expected = "- E1 E1 E2 E2 D1 D1 D2 D2 D3 D3 D3 D3 D3 D2 D1 E2 E1 E1 -"
    assert zones_of("0eeeeddddddppdddeee0") == expected
    assert zones_of("0eeeeddddddppdddeee0", spacing=(0.04, 0.04)) == expected


def test_dentine_without_enamel_above_begins_at_the_surface():
    assert zones_of("0dddp") == "- D1 D2 D3 D3"


def test_nothing_is_known_without_what_lies_below():
    assert zones_of("0eeee0") == "- - - - - -"
    assert zones_of("0eedd0") == "- E1 E2 - - -"


def test_the_edge_of_the_image_is_not_a_surface():
    assert zones_of("eeeed") == "- - - - -"


def test_the_surface_is_where_the_unit_ends():
    assert zones_of("00eeedp", "0111111") == "- - E1 E2 E2 D2 D3"


def test_the_tooth_beside_does_not_matter():
    expected = "- E1 E2 D1 D3 D3 D3 D3 D1 E2 E1 E1 E2 D1 D2 D2 D3 D3 D3 D3 -"
    assert zones_of("0eeddppddeeeeddddppp0", "011111111112222222220") == expected


@pytest.mark.parametrize("turn", range(4))
def test_a_filling_inside_a_tooth_is_not_its_surface(turn):
    letters = np.rot90(np.array([[*"0eeeeddddpppppp0"]] * 12), turn)
    letters[[0, -1]] = letters[:, [0, -1]] = "0"
    tissues = np.array([letters == one for one in "edp"])
    whole = tissues.any(axis=0)
    hole = np.rot90(np.arange(letters.size).reshape(12, 16) % 16 == 4, turn)
    hole = hole & np.rot90(np.arange(letters.size).reshape(12, 16) // 16 == 6, turn)
    found, with_hole = (
        depths.depth_zones(UnitMap(one.astype(np.int32), ("",)), tissues & one)
        for one in (whole, whole & ~hole)
    )
    assert hole.sum() == 1
    np.testing.assert_array_equal(with_hole, np.where(hole, 0, found))


def test_the_deepest_pixel_of_a_lesion_counts():
    zones = np.array([[1, 2, 3, 5, 0, 1, 0, 0]], dtype=np.uint8)
    two = UnitMap(grid("11112223").astype(np.int32), ("", "", ""))
    lesions = grid("11100110").astype(bool)
    assert depths.deepest(two, zones, lesions).tolist() == [3, 1, 0]
    assert depths.deepest(two, zones, grid("00001001") == 1).tolist() == [0, 6, 6]


def test_depths_of_truth_and_prediction_are_counted_in_pairs():
    truth = np.array([0, 1, 1, 5, 6], dtype=np.uint8)
    predicted = np.array([0, 1, 2, 0, 5], dtype=np.uint8)
    found = depths.depth_confusion(truth, predicted)
    assert found.sum() == 5
    assert all(found[pair] for pair in zip(truth, predicted, strict=True))
    marked = table([(0, 0, 0), (1, 1, 0), (1, 0, 0), (1, 0, 0), (1, 1, 0)], [0, 0, 1, 2, 2])
    shares = depths.depth_sensitivities(marked, truth, np.array([[1, 1, 1], [2, 1, 0]]))
    np.testing.assert_allclose(shares[:, 1], [1 / 2, 2 / 3])
    np.testing.assert_allclose(shares[:, 5], [0, np.nan])
