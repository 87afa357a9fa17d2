"""VoTT projects that are written, against what VoTT's own source says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import labelme, shape
from PIL import Image
from predicted_sets import masks, predicted, save_images
from vott_documents import (
    ID,
    NOT_VISITED,
    OTHER,
    TAGGED,
    VIDEO,
    VISITED,
    asset,
    box,
    points,
    project,
    region,
    write,
    write_asset,
)

import maskforge as mf

TRIANGLE = [[1.5, 2.0], [5.25, 2.0], [5.25, 4.5]]


def load(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def written(folder: Path) -> tuple[Any, dict[str, Any]]:
    """Return the project of a folder, and its asset files by id."""
    (path,) = folder.glob("*.vott")
    files = {one.name.removesuffix("-asset.json"): load(one) for one in folder.glob("*-asset.json")}
    return load(path), files


def draw_image(path: Path, size: tuple[int, int] = (8, 6)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size).save(path)
    return path


def test_a_project_of_foreign_shapes(tmp_path):
    """Id, path and name as createAssetFromFilePath and encodeFileURI of VoTT make them."""
    image = draw_image(tmp_path / "in" / "tööth #1 (a).png")
    labelme(image.with_suffix(".json"), shape("caries", TRIANGLE), imagePath=image.name)
    mf.export(tmp_path / "in", tmp_path / "out", format="vott", image_files="copy")
    found, files = written(tmp_path / "out")
    name = "t%C3%B6%C3%B6th%20%231%20(a).png"
    path = f"file:{(tmp_path / 'out').as_posix()}/{name}"
    ((id_, one),) = found["assets"].items()
    assert (one["name"], one["path"], one["format"]) == (name, path, "png")
    assert (one["state"], one["type"], one["size"]) == (TAGGED, 1, {"width": 8, "height": 6})
    assert "predicted" not in one
    assert files[id_]["asset"] == one
    (record,) = files[id_]["regions"]
    assert record["type"] == "POLYGON"
    assert record["tags"] == ["caries"]
    assert record["points"] == points(*TRIANGLE)
    assert record["boundingBox"] == box(1.5, 2.0, 3.75, 2.5)
    assert [tag["name"] for tag in found["tags"]] == ["caries"]
    assert found["useSecurityToken"] is False
    for connection in ("sourceConnection", "targetConnection"):
        folder = found[connection]["providerOptions"]["folderPath"]
        assert (found[connection]["providerType"], folder) == (
            "localFileSystemProxy",
            str(tmp_path / "out"),
        )


def test_the_id_is_the_md5_of_the_path(tmp_path, monkeypatch):
    """`md5sum` of "file:/images/a.png" is the id that VoTT looks for."""
    from maskforge.exports.written_files import WrittenFiles

    monkeypatch.setattr(WrittenFiles, "image_path", lambda *_: "/images/a.png")
    draw_image(tmp_path / "a.png")
    labelme(tmp_path / "a.json", shape("caries", TRIANGLE))
    mf.export(tmp_path / "a.json", tmp_path / "out", format="vott")
    found, files = written(tmp_path / "out")
    assert [*found["assets"]] == [*files] == ["6c5c8b4e60d519920fff6cd25a4d0aa6"]


def test_boxes_stay_boxes_where_they_come_back_exactly(tmp_path):
    draw_image(tmp_path / "a.png")
    labelme(
        tmp_path / "a.json",
        shape("caries", [[1, 1.5], [5, 4]], "rectangle"),
        shape("caries", [[0.03, 1], [0.29, 4]], "rectangle"),  # 0.03 + (0.29 - 0.03) is not 0.29
    )
    mf.export(tmp_path / "a.json", tmp_path / "out", format="vott")
    _, files = written(tmp_path / "out")
    first, second = next(iter(files.values()))["regions"]
    assert (first["type"], first["boundingBox"]) == ("RECTANGLE", box(1, 1.5, 4, 2.5))
    assert first["points"] == points((1, 1.5), (5, 1.5), (5, 4), (1, 4))
    assert second["type"] == "POLYGON"


def test_the_json_export_is_what_vott_makes_of_the_project(tmp_path):
    """All assets but whole videos, without connections; blanks of the name become hyphens."""
    ids = [f"{number:032x}" for number in range(3)]
    write_asset(tmp_path, region(mine=1), id_=ids[0])
    write_asset(tmp_path, region(), id_=ids[1], name="clip.mp4", type=VIDEO)
    assets = [
        asset(ids[0]),
        asset(ids[1], "clip.mp4", type=VIDEO),
        asset(ids[2], "unseen.png", state=NOT_VISITED),
    ]
    for name in ("tooth.png", "clip.mp4.png", "unseen.png"):
        draw_image(tmp_path / name, (100, 80))
    write(tmp_path / "my  teeth.vott", project(*assets, mine=[2], exportFormat={"a": 1}))
    out = tmp_path / "out"
    mf.export(tmp_path / "my  teeth.vott", out, format="vott")
    found, files = written(out)
    (path,) = (out / "vott-json-export").iterdir()
    assert path.name == "my--teeth-export.json"
    exported = load(path)
    with_regions = exported.pop("assets")
    assert exported == {
        key: one
        for key, one in found.items()
        if key not in {"assets", "sourceConnection", "targetConnection"}
    }
    images = {key: one for key, one in found["assets"].items() if one["type"] != VIDEO}
    assert {key: one["asset"] for key, one in with_regions.items()} == images
    drawn, unseen = with_regions.values()
    assert drawn == files[drawn["asset"]["id"]]
    assert (unseen["regions"], unseen["asset"]["state"]) == ([], NOT_VISITED)
    reader = mf.read(out)
    assert len(list(reader)) == len(found["assets"])
    assert reader.issues == []
    again = list(mf.read(path))
    assert [one.image.name for one in again] == ["tooth.png", "unseen.png"]


def is_predicted(folder: Path) -> set[tuple[str, bool]]:
    """Return the name of every asset, and what all files say about it."""
    found, files = written(folder)
    (export,) = map(load, (folder / "vott-json-export").iterdir())
    assets = [*found["assets"].values()]
    assets += [one["asset"] for one in (*files.values(), *export["assets"].values())]
    return {(one["name"], one.get("predicted") is True) for one in assets}


def test_what_a_network_made_is_predicted_and_stays_so(tmp_path):
    """Masks of predict, also those without a lesion, and images of other tools with scores."""
    images = save_images(tmp_path / "images", ["a", "b"], (5, 3))
    drawn = masks(a=("33...",) * 3, b=(".....",) * 3)
    mf.export(predicted(tmp_path / "set", images, drawn), tmp_path / "set-out", format="vott")
    assert is_predicted(tmp_path / "set-out") == {("a.png", True), ("b.png", True)}

    for name, keys in {"c": {"score": 0.75}, "d": {}}.items():
        draw_image(tmp_path / "in" / f"{name}.png")
        more = shape("caries", TRIANGLE, **keys)
        labelme(tmp_path / "in" / f"{name}.json", shape("crown", TRIANGLE), more)
    report = mf.export(tmp_path / "in", tmp_path / "out", format="vott")
    assert report.left_out["scores"] == 1
    expected = {("c.png", True), ("d.png", False)}
    assert is_predicted(tmp_path / "out") == expected

    mf.export(tmp_path / "out", tmp_path / "again", format="vott")
    assert is_predicted(tmp_path / "again") == expected


def test_images_keep_their_states(tmp_path):
    for name in ("seen", "unseen"):
        draw_image(tmp_path / f"{name}.png", (100, 80))
    assets = [
        asset(ID, "seen.png", state=VISITED),
        asset(OTHER, "unseen.png", state=NOT_VISITED, size=None),
    ]
    write(tmp_path / "teeth.vott", project(*assets))
    mf.export(tmp_path / "teeth.vott", tmp_path / "out", format="vott")
    found, files = written(tmp_path / "out")
    assert not files
    states = {one["name"]: (one["state"], one["size"]) for one in found["assets"].values()}
    size = {"width": 100, "height": 80}
    assert states == {"seen.png": (VISITED, size), "unseen.png": (NOT_VISITED, None)}


def test_an_own_project_comes_back_whole(tmp_path):
    """Unknown keys, empty tags, closed rings, regions of no known kind, settings and colors."""
    regions = [
        region("SQUARE", ("caries", "crown"), mine=1, points=points((2, 3), (12, 9))),
        region("POLYGON", ("crown",), points=points((2, 3), (12, 3), (12, 9), (2, 3))),
        region("HEART", ("caries",)),
        region("POLYLINE", (), points=points((2, 3), (12, 9))),
        region("POINT", ("caries",), points=points((2, 3)), boundingBox=box(2, 3, 0, 0)),
    ]
    path = f"file:{tmp_path.as_posix()}/images/tooth.png"
    draw_image(tmp_path / "images" / "tooth.png", (100, 80))
    file = write_asset(tmp_path, *regions, path=path, mine={"a": None})
    whole = project(asset(path=path, mine={"a": None}), lastVisitedAssetId=ID, mine=[2])
    write(tmp_path / "teeth.vott", whole)
    report = mf.export(tmp_path, tmp_path / "out", format="vott")
    assert (report.changed, report.left_out) == ({}, {})
    found, files = written(tmp_path / "out")
    assert files == {ID: load(file)}
    assert (tmp_path / "out" / "teeth.vott").exists()
    moved = {"sourceConnection", "targetConnection", "securityToken", "useSecurityToken"}
    kept = {key: value for key, value in whole.items() if key not in moved}
    assert {key: found[key] for key in kept} == kept
    assert found.keys() - kept.keys() <= moved | {"activeLearningSettings"}


def test_what_moves_gets_a_new_id_and_the_project_knows_it(tmp_path):
    draw_image(tmp_path / "tooth.png", (100, 80))
    write_asset(tmp_path, region())
    write(tmp_path / "teeth.vott", project(asset(), lastVisitedAssetId=ID))
    mf.export(tmp_path, tmp_path / "out", format="vott", image_files="copy")
    found, files = written(tmp_path / "out")
    ((id_, one),) = found["assets"].items()
    assert one["path"] == f"file:{(tmp_path / 'out').as_posix()}/tooth.png"
    assert id_ != ID
    assert [*files] == [id_] == [found["lastVisitedAssetId"]]


def test_two_people_with_one_image_are_two_assets(tmp_path):
    draw_image(tmp_path / "tooth.png", (100, 80))
    for name in ("ann", "bob"):
        write_asset(tmp_path / name, region(mine=name))
        write(tmp_path / name / f"{name}.vott", project(asset()))
    mf.export(
        [tmp_path / "ann", tmp_path / "bob"], tmp_path / "out", format="vott", images=tmp_path
    )
    found, files = written(tmp_path / "out")
    assert len(files) == 2
    assert files.keys() == found["assets"].keys()
    assert sorted(one["regions"][0]["mine"] for one in files.values()) == ["ann", "bob"]
    assert (tmp_path / "out" / "out.vott").exists()
    assert [tag["name"] for tag in found["tags"]] == ["caries", "crown"]


@pytest.mark.parametrize("damage", ["[", "[1]", '{"assets": 5, "tags": 7}', '{"tags": [{}, 1]}'])
def test_a_damaged_project_is_no_obstacle(tmp_path, damage):
    draw_image(tmp_path / "tooth.png", (100, 80))
    write_asset(tmp_path, region())
    (tmp_path / "teeth.vott").write_text(damage)
    mf.export(tmp_path / f"{ID}-asset.json", tmp_path / "out", format="vott")
    found, _ = written(tmp_path / "out")
    assert [tag["name"] for tag in found["tags"]] == ["caries"]
