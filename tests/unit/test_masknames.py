"""Names of mask files: safe, unique and recognizable."""

import unicodedata
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskforge.dataset.manifest import is_inside
from maskforge.masks.masknames import MaskNames


def assign(*names, folder=""):
    mask_names = MaskNames()
    return [mask_names.assign(folder, name) for name in names]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x.png", "x"),
        ("x.JPG", "x"),
        ("x.y.png", "x.y"),
        ("x", "x"),
        ("x.1", "x.1"),
        ("clip.mp4#t=1.5", "clip.mp4#t=1.5"),
        ("zähne 歯.png", "zähne 歯"),
        (".hidden.png", "hidden"),
        ("../../x.png", "_.._x"),
        ("/etc/passwd", "_etc_passwd"),
        ("C:\\a\\b.png", "C__a_b"),
        ("a\0\n\x7fb.png", "a___b"),
        ('<>:"|?*.png', "_______"),
        ("x. . .png", "x"),
        ("", "_"),
        ("..", "_"),
        (".png", "png"),
        ("con.png", "_con"),
        ("Aux.txt", "_Aux.txt"),
        ("lpt1", "_lpt1"),
        ("com10.png", "com10"),
        ("CONIN$.png", "_CONIN$"),
        ("com¹.png", "_com¹"),
        ("nul .b.png", "_nul .b"),
        ("x" * 200 + ".png", "x" * 120),
        ("é" * 200 + ".png", "é" * 60),
        ("x" * 119 + ". " + "x" * 50, "x" * 119),
        ("a\udce9.png", "a_"),
    ],
)
def test_names_become_safe_and_stay_recognizable(name, expected):
    assert assign(name) == [expected]


def test_names_that_meet_keep_their_suffix_and_then_get_numbers():
    assert assign("a.jpg", "a.tif", "a.jpg", "a.jpg", "A.PNG", "a-2.png") == [
        "a",
        "a.tif",
        "a.jpg",
        "a-2",
        "A.PNG",
        "a-2.png",
    ]


def test_composed_and_decomposed_names_meet():
    composed, decomposed = (unicodedata.normalize(form, "é.png") for form in ("NFC", "NFD"))
    assert assign(composed, decomposed) == ["é", "é.png"]


def test_numbers_are_kept_when_names_are_cut():
    names = assign(*["x" * 500 + ".png"] * 4)
    assert len(set(names)) == 4
    assert all(len(name) <= 120 for name in names)


def test_thousands_of_namesakes_cost_no_more_than_thousands():
    names = assign(*["image.png"] * 30_000)
    assert len(set(names)) == 30_000


def test_folders_are_kept_and_made_safe():
    assert assign("x.png", folder="a/b c") == ["a/b c/x"]
    assert assign("x.png", folder="../a:b/con/..") == ["_/a_b/_con/_/x"]
    assert assign("x.png", folder="a.png/b.TIFF/c.npy/d.jpg") == ["a.png_/b.TIFF_/c.npy_/d.jpg/x"]


def test_each_folder_has_names_of_its_own():
    names = MaskNames()
    assert names.assign("a", "x.png") == "a/x"
    assert names.assign("b", "x.png") == "b/x"
    assert names.assign("A", "x.png") == "A/x.png"


TEXT = st.text(st.characters(codec=None), max_size=300) | st.sampled_from(
    ["a.png", "A.png", "..", "../a", "con", "a.", "é.png", "e\u0301.png", "ﬀ", "ff", "ß", "ss"]
)


@given(st.lists(st.tuples(st.sampled_from(["", "a", "A", "../b", "c.png"]), TEXT), max_size=30))
def test_whatever_images_are_called_their_masks_are_apart_and_inside(images):
    names = MaskNames()
    assigned = [names.assign(folder, name) for folder, name in images]
    keys = {unicodedata.normalize("NFC", name).casefold() for name in assigned}
    assert len(keys) == len(images)
    files = {f"{name}.png" for name in assigned}
    for name in assigned:
        assert is_inside(f"masks/{name}.png")
        for part in PurePosixPath(name).parts:
            assert 0 < len(part.encode()) <= 130
            assert part == part.strip(". ")
        folders = {str(parent) for parent in PurePosixPath(name).parents}
        assert not folders & files
