"""Names of pages can be taken apart again, and nothing else is taken for one."""

from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from maskforge.dataset.manifest import mask_name
from maskforge.images.page import page_path, split_page, without_suffix
from maskforge.masks.masknames import MaskNames

NAMES = st.text(
    st.characters(exclude_characters="/\\\0", exclude_categories=["Cs"]), min_size=1, max_size=20
).filter(lambda name: not set(name) <= {"."})
SUFFIXES = st.sampled_from([".tif", ".TIFF", ".gif"])
NUMBERS = st.integers(1, 999_999_999)


@given(name=NAMES, suffix=SUFFIXES, number=NUMBERS)
def test_the_name_of_a_page_tells_file_and_number(tmp_path_factory, name, suffix, number):
    file = tmp_path_factory.getbasetemp() / f"{name}{suffix}"
    page = page_path(file, number)
    assert split_page(page) == (file, number)
    assert without_suffix(f"a/{page.name}") == f"a/{name}#{number}"
    assert mask_name(f"masks/p/{page.name}") == f"p/{name}#{number}"


@given(name=NAMES)
def test_files_are_no_pages_but_for_a_suffix_and_a_number(tmp_path_factory, name):
    file = tmp_path_factory.getbasetemp() / name
    found, page = split_page(file)
    assert (found == file) == (page is None)
    if page is not None:
        assert name == f"{found.name}#{page}"
    else:
        assert without_suffix(name) == PurePosixPath(name).stem


@given(
    images=st.lists(
        st.tuples(st.sampled_from(["a", "A", "a#1", "a#2", "a-2"]), st.integers(1, 3)), max_size=8
    )
)
def test_masks_and_pages_of_masks_have_names_of_their_own(images):
    names = MaskNames()
    taken = []
    for name, pages in images:
        base = names.assign("", f"{name}.tif", pages)
        taken += [f"{base}#{n}" for n in range(1, pages + 1)] if pages > 1 else [base]
    assert len({name.casefold() for name in taken}) == len(taken)
