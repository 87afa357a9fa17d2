"""Damage to JSON: everything once at every place, and anything anywhere."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

Place = tuple[Any, ...]

WRONG = {
    str: (5, [], ""),
    bool: ("x", 5),
    int: ("x", [], -1, 10**400),
    float: ("x", True, 1e300, math.nan),
    list: ("x", {}, [], [[[]]]),
    dict: ("x", [], {}),
    type(None): ("x", 5, [], {}),
}
"""What a value of each type can be by mistake; besides, all can be null, or not there at all."""

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 5),
    st.sampled_from([2**31, -(2**63), 10**30, 10**400, 1e300, 5e-324, 0.5, -0.0]),
    st.sampled_from([math.nan, math.inf, -math.inf]),
    st.sampled_from(
        ["", "circle", "mask", "points", "POINT", "polygon", "meta", "9", "#t=1", ".."]
    ),
    st.sampled_from(["../../etc/passwd.png", "C:\\a\\b.png", "\0", "%", "%00", "%ff%fe.png"]),
    st.sampled_from(["https://[::1/a.png?x", "file:", "a?b.png"]),
    st.sampled_from([["#00000f"], {"color": "#00000f"}, {"timeline": {}}, {"instances": []}]),
    st.text(max_size=5),
    st.just("x" * 5000),
    st.recursive(
        st.sampled_from([None, 1, "a", math.nan]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=8,
    ),
)


def items(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        yield from list(value.items())
    elif isinstance(value, list):
        yield from enumerate(list(value))


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Yield every place in a JSON value, the deep ones too."""
    for key, inner in items(value):
        yield (*place, key)
        yield from places(inner, (*place, key))


def parent_of(root: Any, place: Place) -> Any:
    for key in place[:-1]:
        root = root[key]
    return root


def kinds_of_places(
    value: Any, place: Place = (), holder: str = "", record: Any = ()
) -> Iterator[tuple[Place, Any]]:
    """Yield every place with what it has in common with others, wherever these are."""
    for key, inner in items(value):
        name = key if isinstance(key, str) and not is_own_name(key, value) else ""
        yield (*place, key), (record, holder, name, type(inner))
        yield from kinds_of_places(inner, (*place, key), name or holder, words_of(inner) or record)


def is_own_name(key: str, value: dict[str, Any]) -> bool:
    """Tell whether a key is not one of the format, but the name or id of one of many things."""
    if "." in key:
        return True
    things = [one for one in value.values() if isinstance(one, dict) and not is_point(one)]
    keys = {frozenset(one) for one in things}
    return 1 < len(things) == len(value) and len(keys) == 1


def is_point(value: dict[str, Any]) -> bool:
    return all(isinstance(one, int | float) for one in value.values())


def lean(value: Any) -> Any:
    """Return a document with one record of each kind."""
    if isinstance(value, dict):
        return {key: lean(inner) for key, inner in value.items()}
    if not isinstance(value, list) or not any(map(words_of, value)):
        return value
    return [lean(one) for one in {words_of(one): one for one in value}.values()]


def words_of(value: Any) -> tuple[str, ...]:
    """Return what says of which kind a record is."""
    kinds: tuple[Any, ...] = ()
    if isinstance(value, dict):
        kinds = (value.get("type"), value.get("shape_type"))
        if isinstance(value.get("shape_attributes"), dict):
            kinds = (value["shape_attributes"].get("name"),)
    return tuple(one for one in kinds if isinstance(one, str))


def every_damage(root: Any, seen: set[Any]) -> Iterator[Any]:
    """Yield a document once for each thing that can be wrong at each kind of place.

    Args:
        root: The document.
        seen: The kinds of places that need no more damage; grows.
    """
    for place, kind in kinds_of_places(root):
        if kind in seen:
            continue
        seen.add(kind)
        for value in (*WRONG[type(parent_of(root, place)[place[-1]])], None, ...):
            changed, within = excerpt(root, place)
            parent, last = parent_of(changed, within), within[-1]
            if value is ...:
                del parent[last]
            else:
                parent[last] = value
            yield changed


def excerpt(root: Any, place: Place) -> tuple[Any, Place]:
    """Return a document to be changed at a place, and this place in it.

    Of many records or images on the way it has the one and a neighbor: it is read quickly.
    """
    if not place:
        return root, ()
    key = place[0]
    inner, below = excerpt(root[key], place[1:])
    if isinstance(root, dict):
        others = [one for one in root if is_own_name(one, root) and one != key]
        left = others[is_own_name(key, root) :]
        whole = {one: value for one, value in root.items() if one not in left}
        return whole | {key: inner}, (key, *below)
    if any(map(words_of, root)):
        return [*root[:key][-1:], inner, *root[key + 1 :][: key == 0]], (min(key, 1), *below)
    return [*root[:key], inner, *root[key + 1 :]], (key, *below)


def change(draw: st.DrawFn, root: Any, within: Place = ()) -> None:
    """Change one place at or below another one; the list that holds ``within`` keeps its length."""
    inside = [one for one in places(root) if one[: len(within)] == within]
    if not inside:
        return
    place = draw(st.sampled_from(inside))
    parent, last = parent_of(root, place), place[-1]
    junk = copy.deepcopy(draw(JUNK))  # or the next change would change the strategy, too
    match draw(st.sampled_from(["replace", "drop", "insert", "wrap", "rename"])):
        case "drop" if place != within:
            del parent[last]
        case "insert" if isinstance(parent, list) and place != within:
            parent.insert(last, junk)
        case "rename" if isinstance(parent, dict) and place != within:
            parent[f"{last}_"] = parent.pop(last)
        case "wrap":
            parent[last] = [parent[last]]
        case _:
            parent[last] = junk
