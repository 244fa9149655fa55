"""Surfaces against the formulas of solids, and the files as trimesh reads them."""

import json
import struct
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import trimesh
from PIL import Image as Pillow
from scipy.special import ellipeinc, ellipkinc

from pixelwise.errors import UserError
from pixelwise.labels import LabelMap
from pixelwise.volumes import METRES, Mesh, draw, surface, surfaces, write_glb, write_picture, write_ply, write_stl
from pixelwise.volumes.picture import BACKGROUND

Mask = npt.NDArray[np.bool_]
Solid = tuple[Mask, float, float]  # with its true volume and area
Spacing = tuple[float, float, float]

CUBES, SLICES = (1.0, 1.0, 1.0), (3.0, 0.7, 0.7)
LABELS = LabelMap(("air", "bone", "vein"), ((0, 0, 0), (230, 220, 190), (60, 20, 200)))
ACROSS = {CUBES: 64.0, (2.0, 1.0, 1.0): 64.0, SLICES: 64 * 0.7, (0.7, 0.7, 3.0): 64 * 0.7, (1.0, 1.0, 2.5): 64.0}


def places(spacing: Spacing, across: float) -> list[npt.NDArray[np.float64]]:
    """The distances of all voxels from a point that is no voxel's centre, along each axis."""
    counts = [int(across / step) + 3 for step in spacing]
    steps = zip(counts, spacing, (0.13, 0.21, -0.17), strict=True)
    return list(np.meshgrid(*[(np.arange(n) - (n - 1) / 2 + off) * step for n, step, off in steps], indexing="ij"))


def ball(spacing: Spacing, across: float) -> Solid:
    radius = across / 2
    mask = sum(axis**2 for axis in places(spacing, across)) <= radius**2
    return mask, 4 / 3 * np.pi * radius**3, 4 * np.pi * radius**2


def torus(spacing: Spacing, across: float) -> Solid:
    """Its axis lies along the rows."""
    tube = across * 10 / 64
    ring = across / 2 - tube
    z, y, x = places(spacing, across)
    mask = (np.hypot(z, x) - ring) ** 2 + y**2 <= tube**2
    return mask, 2 * np.pi**2 * ring * tube**2, 4 * np.pi**2 * ring * tube


def ellipsoid(spacing: Spacing, across: float) -> Solid:
    """Its three axes differ; the area by elliptic integrals (Legendre)."""
    a, b, c = across / 2, across * 0.4, across * 0.3
    z, y, x = places(spacing, across)
    mask = (z / b) ** 2 + (y / c) ** 2 + (x / a) ** 2 <= 1
    angle = np.arccos(c / a)
    modulus = a**2 * (b**2 - c**2) / (b**2 * (a**2 - c**2))
    integrals = ellipeinc(angle, modulus) * np.sin(angle) ** 2 + ellipkinc(angle, modulus) * np.cos(angle) ** 2
    return mask, 4 / 3 * np.pi * a * b * c, 2 * np.pi * c**2 + 2 * np.pi * a * b / np.sin(angle) * integrals


@pytest.mark.parametrize("spacing", ACROSS)
@pytest.mark.parametrize("solid", [ball, torus, ellipsoid])
def test_volume_and_area_of_a_solid_are_right_to_within_one_percent(solid, spacing: Spacing) -> None:  # noqa: ANN001
    mask, volume, area = solid(spacing, ACROSS[spacing])
    mesh = surface(mask, spacing)
    assert mesh.volume == pytest.approx(volume, rel=0.01)
    assert mesh.area == pytest.approx(area, rel=0.005)
    assert mesh.is_closed


def reference(mesh: Mesh) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)


def test_the_figures_of_a_mesh_are_those_of_trimesh() -> None:
    mesh = surface(ellipsoid(CUBES, 20)[0], (2, 1, 0.5))
    other = reference(mesh)
    assert (mesh.volume, mesh.area) == pytest.approx((other.volume, other.area))
    assert other.is_watertight
    assert other.is_winding_consistent
    assert (mesh.normals * other.vertex_normals).sum(1).min() > 0.9  # weighted by angles there, by areas here


def test_normals_point_away_from_the_middle_of_a_ball() -> None:
    mesh = surface(ball(CUBES, 30)[0])
    outward = mesh.vertices - mesh.vertices.mean(0)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    assert (mesh.normals * outward).sum(1).min() > 0.9


def test_a_mesh_that_lacks_a_triangle_or_has_one_turned_round_is_not_closed() -> None:
    mesh = surface(np.ones((2, 2, 2), bool))
    turned = mesh.faces.copy()
    turned[0] = turned[0, ::-1]
    assert mesh.is_closed
    assert not Mesh(mesh.vertices, mesh.faces[1:]).is_closed
    assert not Mesh(mesh.vertices, turned).is_closed


def test_x_runs_along_the_columns_y_down_the_rows_and_z_from_slice_to_slice() -> None:
    mask = np.zeros((9, 20, 30), bool)
    mask[2:5, 4:10, 20:28] = True
    mesh = surface(mask, (3, 2, 1))
    assert (mesh.vertices.min(0) + mesh.vertices.max(0)) / 2 == pytest.approx((23.5, 13, 9))


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.9])
def test_noise_has_a_closed_surface_with_the_volume_of_its_voxels(share: float) -> None:
    mask = np.random.default_rng(0).random((14, 13, 12)) < share
    mesh = surface(mask, SLICES)
    assert mesh.is_closed
    assert mesh.volume == pytest.approx(mask.sum() * 3 * 0.7 * 0.7, rel=0.005)  # corners that touch jump


@pytest.mark.parametrize("spacing", [CUBES, SLICES, (50.0, 0.5, 0.5)])
def test_one_voxel_has_a_closed_surface_round_its_centre(spacing: Spacing) -> None:
    mask = np.zeros((3, 4, 5), bool)
    mask[1, 2, 3] = True
    mesh = surface(mask, spacing)
    assert mesh.is_closed
    assert mesh.volume == pytest.approx(np.prod(spacing), rel=0.001)
    assert mesh.vertices.mean(0)[::-1] == pytest.approx(np.array((1, 2, 3)) * spacing)


def test_a_mask_that_touches_the_border_is_closed_there() -> None:
    mesh = surface(np.ones((4, 5, 6), bool))
    assert mesh.is_closed
    assert mesh.volume == pytest.approx(4 * 5 * 6, rel=0.001)


def test_a_speck_and_a_thin_sheet_beside_a_ball_keep_their_own_volumes() -> None:
    mask = np.pad(ball(CUBES, 20)[0], ((0, 0), (0, 0), (0, 10)))
    mask[3, 3, -2] = True
    mask[2:20, 2:20, -6] = True
    found = sorted(part.volume for part in reference(surface(mask)).split())
    assert found == pytest.approx([1, 18 * 18, mask.sum() - 18 * 18 - 1], rel=0.001)


def test_a_rod_of_one_voxel_through_a_ball_and_a_bubble_within_are_not_smoothed_away() -> None:
    mask = ball(CUBES, 20)[0]
    middle = len(mask) // 2
    mask = np.pad(mask, ((0, 0), (0, 0), (10, 10)))
    mask[middle, middle] = True
    mask[middle, middle - 5, mask.shape[2] // 2] = False
    mesh = surface(mask)
    assert np.ptp(mesh.vertices[:, 0]) > mask.shape[2] - 1
    assert sorted(part.volume > 0 for part in reference(mesh).split(only_watertight=False, repair=False)) == [
        False,
        True,
    ]


def test_a_bubble_that_the_smoothed_block_is_highest_in_stays_a_bubble() -> None:
    mask = np.ones((5, 3, 4), bool)
    mask[[2, 3, 3], [1, 0, 1], [1, 3, 3]] = False
    mesh = surface(mask)
    assert mesh.is_closed
    assert mesh.volume == pytest.approx(57, rel=0.001)


def test_an_empty_mask_has_an_empty_closed_mesh() -> None:
    mesh = surface(np.zeros((3, 3, 3), bool))
    assert (len(mesh.vertices), len(mesh.faces), mesh.volume, mesh.area, mesh.is_closed) == (0, 0, 0, 0, True)


@pytest.mark.parametrize("spacing", [(1, 1), (1, 0, 1), (1, -1, 1), (1, float("nan"), 1), (float("inf"), 1, 1)])
def test_a_spacing_that_is_not_three_positive_numbers_is_refused(spacing: tuple[float, ...]) -> None:
    with pytest.raises(UserError, match="give three positive numbers"):
        surface(np.ones((2, 2, 2), bool), spacing)


def test_a_missing_scikit_image_is_one_line_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage.measure", None)
    monkeypatch.delitem(sys.modules, "pixelwise.volumes.marching", raising=False)
    with pytest.raises(UserError, match=r"pip install 'pixelwise\[regions\]'"):
        surface(np.ones((2, 2, 2), bool))


def two_classes() -> npt.NDArray[np.uint8]:
    """Blocks that touch, in (8, 16, 20), with ignored voxels."""
    stack = np.zeros((8, 16, 20), np.uint8)
    stack[2:6, 3:13, 3:10] = 1
    stack[2:6, 3:13, 10:16] = 2
    stack[0, 0, 0] = 255
    return stack


def test_two_classes_that_touch_have_a_closed_surface_each() -> None:
    stack = two_classes()
    found = surfaces(stack, LABELS, (2, 1, 1), names=["vein", "bone"])
    assert list(found) == ["vein", "bone"]
    assert all(mesh.is_closed for mesh in found.values())
    assert found["bone"].volume == pytest.approx(2 * (stack == 1).sum(), rel=0.001)
    assert found["vein"].volume == pytest.approx(2 * (stack == 2).sum(), rel=0.001)


def test_only_classes_that_occur_are_there_unless_they_are_named() -> None:
    stack = [np.minimum(label, 1) for label in two_classes()]
    assert list(surfaces(stack, LABELS)) == ["air", "bone"]
    assert surfaces(stack, LABELS, names=["vein"])["vein"].is_closed


def test_slices_of_several_sizes_and_names_that_are_no_class_are_refused() -> None:
    small, large = np.zeros((3, 3), np.uint8), np.zeros((3, 4), np.uint8)
    with pytest.raises(UserError, match=r"sizes \[\(3, 3\), \(3, 4\)\]"):
        surfaces([small, large], LABELS)
    with pytest.raises(UserError, match="sizes"):
        surfaces([], LABELS)
    with pytest.raises(UserError, match="no class 'vine'"):
        surfaces([small], LABELS, names=["vine"])


@pytest.fixture(scope="module")
def meshes() -> dict[str, Mesh]:
    """The last is empty."""
    return {
        **surfaces(two_classes(), LABELS, (2, 1, 1), names=["bone", "vein"]),
        "air": surface(np.zeros((1, 1, 1), bool)),
    }


def test_trimesh_reads_the_stl(meshes: dict[str, Mesh], tmp_path: Path) -> None:
    write_stl(tmp_path / "bone.stl", meshes["bone"], unit="cm")
    read = trimesh.load_mesh(tmp_path / "bone.stl")
    assert read.is_watertight
    assert (read.volume, read.area) == pytest.approx((meshes["bone"].volume, meshes["bone"].area), rel=1e-5)
    assert (tmp_path / "bone.stl").read_bytes().startswith(b"pixelwise; unit: cm")


def test_trimesh_reads_the_ply_with_its_color(meshes: dict[str, Mesh], tmp_path: Path) -> None:
    write_ply(tmp_path / "bone.ply", meshes["bone"], LABELS.colors[1])
    read = trimesh.load_mesh(tmp_path / "bone.ply")
    assert read.is_watertight
    assert (read.volume, read.area) == pytest.approx((meshes["bone"].volume, meshes["bone"].area), rel=1e-5)
    assert (read.visual.vertex_colors[:, :3] == LABELS.colors[1]).all()


def test_trimesh_reads_the_glb_in_metres_with_names_and_colors_and_y_up(
    meshes: dict[str, Mesh], tmp_path: Path
) -> None:
    write_glb(tmp_path / "all.glb", meshes, LABELS, unit="mm")
    scene = trimesh.load_scene(tmp_path / "all.glb")
    assert set(scene.geometry) == {"bone", "vein"}
    for part in scene.dump():
        name = part.metadata["name"]
        vertices = meshes[name].vertices * METRES["mm"] * (1, -1, -1)
        assert part.is_watertight
        assert part.volume == pytest.approx(meshes[name].volume * 1e-9, rel=1e-5)
        assert part.bounds == pytest.approx(np.array((vertices.min(0), vertices.max(0))), rel=1e-5)
    shown = scene.geometry["vein"].visual.material.baseColorFactor[:3] / 255
    assert shown == pytest.approx([0.0452, 0.007, 0.5776], abs=1 / 255)  # (60, 20, 200) in linear light


def test_the_chunks_of_the_glb_fill_it_and_its_normals_have_length_one(meshes: dict[str, Mesh], tmp_path: Path) -> None:
    write_glb(tmp_path / "all.glb", meshes, LABELS)
    content = (tmp_path / "all.glb").read_bytes()
    magic, version, total, length, kind = struct.unpack("<4sIII4s", content[:20])
    document = json.loads(content[20 : 20 + length])
    binary, second = struct.unpack("<I4s", content[20 + length : 28 + length])
    assert (magic, version, total, kind, second) == (b"glTF", 2, len(content), b"JSON", b"BIN\0")
    assert length % 4 == 0
    assert binary == document["buffers"][0]["byteLength"] == len(content) - 28 - length
    view = document["bufferViews"][document["meshes"][0]["primitives"][0]["attributes"]["NORMAL"]]
    start = 28 + length + view["byteOffset"]
    normals = np.frombuffer(content[start : start + view["byteLength"]], "<f4").reshape(-1, 3)
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1, abs=1e-5)


def test_an_empty_mesh_and_an_unknown_unit_write_nothing(meshes: dict[str, Mesh], tmp_path: Path) -> None:
    path = tmp_path / "a.stl"
    with pytest.raises(UserError, match="no surface to write"):
        write_stl(path, meshes["air"])
    with pytest.raises(UserError, match="no surface to write"):
        write_glb(path, {"air": meshes["air"]}, LABELS)
    with pytest.raises(UserError, match="no unit 'inch'"):
        write_ply(path, meshes["bone"], (1, 2, 3), unit="inch")
    assert not list(tmp_path.iterdir())


def test_a_ball_is_drawn_round_in_its_color_and_lit_from_the_upper_left() -> None:
    picture = draw({"bone": surface(ball(CUBES, 64)[0])}, LABELS, size=200).astype(int)
    shown = (picture != BACKGROUND).any(2)
    rows, columns = np.mgrid[:200, :200] - 99.5
    assert shown.sum() == pytest.approx(np.pi * 90**2, rel=0.02)
    assert not shown[np.hypot(rows, columns) > 93].any()
    assert picture[60, 60].sum() > 1.5 * picture[150, 150].sum()
    assert picture[100, 100] / picture[100, 100].max() == pytest.approx(np.array((230, 220, 190)) / 230, abs=0.02)


def test_the_nearer_surface_hides_the_farther_in_either_order() -> None:
    stack = np.zeros((40, 20, 20), np.uint8)
    stack[:4], stack[20:24] = 1, 2
    found = surfaces(stack, LABELS, names=["bone", "vein"])
    pictures = [draw({name: found[name] for name in names}, LABELS, size=120) for names in (found, reversed(found))]
    assert (pictures[0] == pictures[1]).all()
    assert (pictures[0] != draw({"vein": found["vein"]}, LABELS, size=120)).any()
    bluish = pictures[0][..., 2] > pictures[0][..., 0]
    assert 0 < bluish.sum() < (draw({"bone": found["vein"]}, LABELS, size=120) != BACKGROUND).any(2).sum()


def test_a_picture_is_written_as_png_and_nothing_to_draw_is_said(meshes: dict[str, Mesh], tmp_path: Path) -> None:
    write_picture(tmp_path / "all.png", meshes, LABELS, size=64)
    with Pillow.open(tmp_path / "all.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (64, 64))
    with pytest.raises(UserError, match="no surface to draw"):
        draw({"air": meshes["air"]}, LABELS)
