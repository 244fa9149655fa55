"""`pixelwise surfaces`: stacks of masks or photos in, files and measures out."""

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from command_line import pixelwise, refused
from PIL import Image as Pillow

import pixelwise as pw
from pixelwise.labels import CAMVID11
from pixelwise.volumes import surfaces

RUN = "runs/2026-11-20_unet_camvid"
SPACING = ("--spacing", "2x0.7x0.7")


def voxels() -> np.ndarray:
    """The stack of `desk`: a ball of class 1."""
    return np.stack([np.asarray(Pillow.open(f"scan/slice{number}.png")) for number in range(8)])


def made(*words: object) -> dict:
    answer = pixelwise("surfaces", *words, "--json")
    assert answer.code == 0, answer
    return json.loads(answer.out)


def save_pages(pages: np.ndarray, path: str) -> None:
    first, *others = map(Pillow.fromarray, pages)
    first.save(path, save_all=True, append_images=others)


def test_a_folder_of_masks_gives_volume_area_and_a_mesh_that_others_read(desk: Path) -> None:
    said = made("scan", "--class", 1, *SPACING, "--output", "out/ball.stl", "--picture", "out/ball.png")
    ball = said["classes"]["1"]
    assert (said["unit"], said["slices"], ball["closed"]) == ("mm", 8, True)
    assert ball["volume"] == pytest.approx(voxels().sum() * 2 * 0.7 * 0.7, rel=1e-3)
    read = trimesh.load("out/ball.stl")
    assert (read.volume, read.area) == (pytest.approx(ball["volume"]), pytest.approx(ball["area"]))
    assert len(read.faces) == ball["triangles"]
    assert np.asarray(Pillow.open("out/ball.png")).shape == (640, 640, 3)


def test_slices_are_in_the_order_of_counting(desk: Path) -> None:
    Path("scan/slice8.png").write_bytes(Path("scan/slice7.png").read_bytes())
    for number in range(9, 12):  # which sort between 1 and 2 as text
        Path(f"scan/slice{number}.png").write_bytes(Path("scan/slice4.png").read_bytes())
    labels = [np.asarray(Pillow.open(f"scan/slice{number}.png")) for number in range(12)]
    mesh = surfaces(labels, CAMVID11, (2, 0.7, 0.7), names=["Building"])["Building"]
    assert made("scan", "--class", 1, *SPACING)["classes"]["1"]["area"] == pytest.approx(mesh.area)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_the_pages_of_a_tiff_file_are_slices(desk: Path, dtype: type) -> None:
    save_pages(voxels().astype(dtype), "scan.tif")
    assert made("scan.tif", "--class", 1, *SPACING) == made("scan", "--class", 1, *SPACING)


def test_a_model_labels_photos_slice_by_slice_from_a_folder_and_from_pages(desk: Path) -> None:
    Path("film").mkdir()
    photos = []
    for number in (0, 1, 0):
        photos.append(np.asarray(Pillow.open(f"holiday_photos/{number}.jpg")))
        Pillow.fromarray(photos[-1]).save(f"film/{len(photos)}.png")
    save_pages(np.stack(photos), "film.tif")
    model = pw.load(RUN, "cpu")
    mesh = surfaces([model.predict(photo).label for photo in photos], model.labels, (5, 1, 1), names=["Road"])["Road"]
    for stack in ("film", "film.tif"):
        said = made(RUN, stack, "--class", "road", "--spacing", "5x1x1um")
        assert (said["unit"], said["classes"]["Road"]["volume"]) == ("um", pytest.approx(mesh.volume))


def test_several_classes_are_named_meshes_of_one_glb_and_those_that_are_absent_are_empty(desk: Path) -> None:
    words = ("scan", "--names", "camvid11", "--class", "Building", "--class", "sky", "--class", "Car")
    answer = pixelwise("surfaces", *words, "--output", "scan.glb")
    assert answer.code == 0, answer
    assert "volume mm³" in answer.out
    assert "scan.glb" in answer.out
    assert set(trimesh.load("scan.glb").geometry) == {"Building", "Sky"}
    assert made(*words)["classes"]["Car"] == {"volume": 0.0, "area": 0.0, "triangles": 0, "closed": True}


def test_a_ply_has_the_colour_of_its_class(desk: Path) -> None:
    assert pixelwise("surfaces", "scan", "--names", "camvid11", "--class", "building", "--output", "a.ply").code == 0
    assert tuple(trimesh.load("a.ply").visual.vertex_colors[0][:3]) == CAMVID11.colors[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere", "--class", 1), "there is no such file or folder"),
        (("street.jpg", "--class", 1), "is no stack"),
        (("scan", "--class", 5, "--output", "a.glb"), "choose a class that occurs"),
        (("scan", "--class", "bone"), "masks hold numbers"),
        (("scan", "--class", 1, "--spacing", "0.7"), "has three lengths"),
        (("scan", "--class", 1, "--spacing", "2x0x1"), "--spacing '2x0x1': write lengths above 0"),
        (("scan", "--class", 1, "--output", "a.obj"), "let the name end so"),
        (("scan", "--class", 1, "--class", 0, "--output", "a.stl"), "holds one surface"),
        (("scan", "--class", 1, "--picture", "a.jpg"), "let the name end so"),
        (("scan", "scan", "--class", 1), "name one stack"),
        (("holiday_photos", "--class", 1), "holds colours"),
    ],
)
def test_what_cannot_be_a_surface_is_told_in_one_line(desk: Path, words: tuple[object, ...], said: str) -> None:
    answer = pixelwise("surfaces", *words)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err.splitlines()[-1]


def test_slices_of_several_sizes_and_pages_that_hold_no_classes_are_refused(desk: Path) -> None:
    Pillow.fromarray(np.zeros((5, 5), np.uint8)).save("scan/slice9.png")
    assert "of one size" in refused("surfaces", "scan", "--class", 1)
    save_pages(np.full((2, 4, 4), 0.5, np.float32), "half.tif")
    assert "holds fractions" in refused("surfaces", "half.tif", "--class", 1)
    Path("torn.tif").write_bytes(Path("half.tif").read_bytes()[:150])
    assert "torn.tif" in refused("surfaces", "torn.tif", "--class", 1)
