"""Volumes in NIfTI and TIFF files: read, labelled, written, made into surfaces. Reference: nibabel."""

import gzip
import json
import struct
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from command_line import pixelwise, refused
from PIL import Image as Pillow
from small_data import real
from small_models import TWO, tiny_bundle

import pixelwise as pw
from pixelwise.data.files.nifti_files import read_nifti, read_nifti_header, write_nifti
from pixelwise.data.files.tiff_pages import is_stack
from pixelwise.errors import DataError
from pixelwise.labels import CAMVID11
from pixelwise.prediction.files import is_volume
from pixelwise.prediction.label_volumes import label_volume, write_pages
from pixelwise.prediction.predict import predict
from pixelwise.prediction.stacks import as_photos, open_stack, read_slices, spacing_of
from pixelwise.volumes import surfaces

RUN = "runs/2026-11-20_unet_camvid"
AFFINE = np.array([[0, -0.7, 0, 5], [0.7, 0, 0, -3], [0, 0, 2, 7], [0, 0, 0, 1.0]])  # turned a quarter, right-handed


def numbers(*shape: int, dtype: type = np.int16) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 120, shape).astype(dtype)


def nifti(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE, *, order: str = "<", unit: str = "mm") -> Path:
    header = nibabel.Nifti1Header(endianness=order)
    header.set_data_dtype(array.dtype)
    image = nibabel.Nifti1Image(array, affine, header)
    image.header.set_xyzt_units(unit)
    image.to_filename(path)
    return path


# Reading


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_voxels_are_those_that_nibabel_reads_slices_first(tmp_path: Path, ending: str, order: str, dtype: type) -> None:
    path = nifti(tmp_path / f"a{ending}", numbers(5, 4, 3, dtype=dtype), order=order)
    header, read = read_nifti(path)
    assert (read.dtype, read.dtype.isnative) == (np.dtype(dtype), True)
    assert np.array_equal(read.transpose(), np.asanyarray(nibabel.load(path).dataobj))
    assert (header.shape, header.unit, header.mirrored) == ((3, 4, 5), "mm", False)
    assert header.spacing == pytest.approx((2, 0.7, 0.7))


def test_a_big_endian_file_written_by_hand_is_scaled_and_has_its_spacing(tmp_path: Path) -> None:
    """NIfTI-1, byte by byte: 2 x 3 x 4 int16, value = 2 stored - 1, voxels of 0.5 x 1.5 x 3 um."""
    head = bytearray(352)
    struct.pack_into(">i", head, 0, 348)
    struct.pack_into(">8h", head, 40, 3, 2, 3, 4, 1, 1, 1, 1)
    struct.pack_into(">2h", head, 70, 4, 16)
    struct.pack_into(">8f", head, 76, 1, 0.5, 1.5, 3, 0, 0, 0, 0)
    struct.pack_into(">3f", head, 108, 352, 2, -1)
    head[123] = 3
    head[344:348] = b"n+1\0"
    path = tmp_path / "hand.nii"
    path.write_bytes(bytes(head) + struct.pack(">24h", *range(-4, 20)))
    header, read = read_nifti(path)
    assert np.array_equal(read, (2 * np.arange(-4, 20) - 1).reshape(4, 3, 2))
    assert (header.spacing, header.unit, header.mirrored) == ((3, 1.5, 0.5), "um", False)
    assert spacing_of(path) == ((3, 1.5, 0.5), "um")


def test_nifti_2_slices_alone_and_volumes_of_one_moment_are_read(tmp_path: Path) -> None:
    nibabel.Nifti2Image(numbers(5, 4, 3), AFFINE).to_filename(tmp_path / "two.nii.gz")
    assert np.array_equal(read_nifti(tmp_path / "two.nii.gz")[1].transpose(), numbers(5, 4, 3))
    nibabel.Nifti1Image(numbers(5, 4, 3, 1), AFFINE).to_filename(tmp_path / "moment.nii")
    assert read_nifti_header(tmp_path / "moment.nii").shape == (3, 4, 5)
    nibabel.Nifti1Image(numbers(5, 4), AFFINE).to_filename(tmp_path / "slice.nii")
    assert read_nifti(tmp_path / "slice.nii")[1].shape == (1, 4, 5)


def test_a_left_handed_volume_is_turned_not_mirrored(tmp_path: Path) -> None:
    """The same body stored with its first axis the other way: half a turn about the rows' axis joins the two."""
    body = numbers(5, 4, 3, dtype=np.uint8)
    right, left = nifti(tmp_path / "right.nii", body, np.diag([1, 1, 1, 1.0])), tmp_path / "left.nii"
    nifti(left, body[::-1], np.array([[-1, 0, 0, 4], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]))
    assert (read_nifti_header(right).mirrored, read_nifti_header(left).mirrored) == (False, True)
    one, other = (
        np.stack([source.read(name)[1] for name in source.names]) for source in map(open_stack, (right, left))
    )
    assert np.array_equal(one, other[::-1, :, ::-1])


# Intensities


def test_deep_numbers_are_seen_through_one_window_for_the_whole_stack() -> None:
    ramp = np.arange(1001, dtype=np.int16)
    stack = {"dark": ramp[None, :500], "light": ramp[None, 500:]}
    seen = np.concatenate([one[0, :, 0] for one in as_photos(Path("a"), stack).values()])
    low, high = np.percentile(ramp, (1, 99))
    assert np.array_equal(seen, np.rint(255 * np.clip((ramp - low) / (high - low), 0, 1)))
    assert (seen[10], seen[500], seen[990]) == (0, 128, 255)


def test_bytes_stay_as_they_are_and_a_model_of_deep_photos_sees_the_bits_that_it_knows() -> None:
    assert np.array_equal(as_photos(Path("a"), {"a": np.array([[0, 1, 7]], np.uint8)})["a"], [[[0], [1], [7]]])
    deep = {"a": np.array([[-5, 16, 4095, 9999]], np.int16)}
    assert as_photos(Path("a"), deep, bits=12)["a"].ravel().tolist() == [0, 1, 255, 255]


def test_a_volume_of_almost_one_value_is_seen_from_its_least_to_its_largest() -> None:
    spot = np.full((20, 20), -7.0, np.float32)
    spot[3, 3] = 13
    seen = as_photos(Path("a"), {"a": spot})["a"]
    assert (seen[3, 3, 0], int(seen.sum())) == (255, 255)
    assert not as_photos(Path("a"), {"a": np.full((4, 4), 900, np.int16)})["a"].any()


# Labels out


def test_a_label_volume_written_and_read_again_is_the_same_at_the_same_place(tmp_path: Path) -> None:
    scan = nifti(tmp_path / "scan.nii", numbers(6, 5, 4), order=">", unit="micron")
    label = numbers(4, 5, 6, dtype=np.uint16) * 500
    write_nifti(tmp_path / "new" / "label.nii.gz", label, read_nifti_header(scan))
    header, read = read_nifti(tmp_path / "new" / "label.nii.gz")
    assert np.array_equal(read, label)
    assert (read.dtype, header.unit) == (np.uint16, "um")
    image, before = nibabel.load(tmp_path / "new" / "label.nii.gz"), nibabel.load(scan)
    assert np.array_equal(image.affine, before.affine)
    for key in ("pixdim", "sform_code", "qform_code", "quatern_b", "srow_x", "xyzt_units"):
        assert np.array_equal(image.header[key], before.header[key]), key
    assert image.header.get_intent()[0] == "label"
    assert np.array_equal(np.asanyarray(image.dataobj), label.transpose())
    assert [one.name for one in (tmp_path / "new").iterdir()] == ["label.nii.gz"]


def test_pages_of_classes_show_their_colours_and_are_read_again(tmp_path: Path) -> None:
    label = numbers(4, 30, 20, dtype=np.uint8) % 2
    write_pages(tmp_path / "label.tif", iter(label), label.shape, TWO)
    with Pillow.open(tmp_path / "label.tif") as picture:
        assert (picture.n_frames, picture.mode, picture.info["compression"]) == (4, "P", "tiff_adobe_deflate")
        picture.seek(3)
        assert np.array_equal(np.asarray(picture.convert("RGB")), TWO.colorize(label[3]))
    source = open_stack(tmp_path / "label.tif")
    assert np.array_equal([source.read(name)[1] for name in source.names], label)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".tif"])
def test_a_volume_is_labelled_slice_by_slice_as_its_photos_are(tmp_path: Path, ending: str) -> None:
    bundle, path, scan = tiny_bundle(), tmp_path / f"scan{ending}", numbers(3, 20, 30, dtype=np.uint8)
    if ending == ".tif":
        tifffile.imwrite(path, scan, photometric="minisblack")
    else:
        nifti(path, scan.transpose())
    output = tmp_path / ("label.tif" if ending == ".tif" else "label.nii.gz")
    shares = label_volume(bundle, path, output)
    source = open_stack(output)
    labels = np.stack([source.read(name)[1] for name in source.names])
    assert np.array_equal(labels, [predict(bundle, one[..., None]).label for one in scan])
    assert shares["Sky"] == pytest.approx((labels == 0).mean()) if "Sky" in shares else not (labels == 0).any()
    assert sum(shares.values()) == pytest.approx(1)


# What is a volume


def test_a_tiff_is_a_stack_where_it_has_pages_of_one_size_and_lies_nowhere(tmp_path: Path) -> None:
    pages, path = numbers(3, 20, 30, dtype=np.uint8), tmp_path / "a.tif"
    tifffile.imwrite(path, pages, photometric="minisblack")
    assert is_stack(path)
    tifffile.imwrite(path, pages[0], photometric="minisblack")
    assert not is_stack(path)
    with tifffile.TiffWriter(path) as writer:  # a pyramid
        writer.write(pages[0], photometric="minisblack")
        writer.write(pages[1], photometric="minisblack", subfiletype=1)
    assert not is_stack(path)
    assert len(read_slices(path)) == 1
    with tifffile.TiffWriter(path) as writer:
        writer.write(pages[0], photometric="minisblack")
        writer.write(pages[0, :9], photometric="minisblack")
    assert not is_stack(path)
    tifffile.imwrite(path, pages, photometric="minisblack", extratags=[(33550, 12, 3, (1.0, 1.0, 0.0), True)])
    assert not is_stack(path)
    path.write_bytes(b"II*\0 and no more")
    assert not is_volume(path)
    assert not is_volume(tmp_path / "none.tif")


# The commands


def said(*words: object) -> dict:
    answer = pixelwise(*words, "--json")
    assert answer.code == 0, answer
    return json.loads(answer.out)


def test_predict_and_surfaces_work_end_to_end_with_the_spacing_of_the_file(desk: Path) -> None:
    assert said("predict", RUN, "head.nii.gz", "--output", "out")["photos"].keys() == {"head"}
    assert [one.name for one in Path("out").glob("*.gz")] == ["head_label.nii.gz"]
    label = np.asanyarray(nibabel.load("out/head_label.nii.gz").dataobj)
    values, counts = np.unique(label, return_counts=True)
    name = CAMVID11.names[values[counts.argmax()]]
    found = said("surfaces", "out/head_label.nii.gz", "--names", "camvid11", "--class", name)
    assert (found["unit"], found["spacing"], found["slices"]) == ("mm", [3, 1.5, 1.5], 4)
    mesh = surfaces(list(label.transpose()), CAMVID11, (3, 1.5, 1.5), names=[name])[name]
    assert found["classes"][name]["volume"] == pytest.approx(mesh.volume)
    assert found["classes"][name]["volume"] == pytest.approx(counts.max() * 3 * 1.5 * 1.5, rel=0.01)
    assert said("surfaces", RUN, "head.nii.gz", "--class", name) == found
    forced = pixelwise("surfaces", RUN, "head.nii.gz", "--class", name, "--spacing", "6x3x3um").out
    assert "voxels of 6 x 3 x 3 um" in forced
    assert f"{8 * mesh.volume:,.0f}" in forced


def test_predict_takes_stacks_tile_by_tile_and_says_each_as_it_is_done(desk: Path) -> None:
    for folder in ("one", "two"):
        Path(folder).mkdir()
        Path(folder, "a.nii.gz").write_bytes(Path("head.nii.gz").read_bytes())
    answer = pixelwise("predict", RUN, "one/a.nii.gz", "two/a.nii.gz", "--tile", "32x32", "--flip", "--json-lines")
    assert answer.code == 0, answer
    files = [json.loads(line)["files"] for line in answer.out.splitlines()]
    assert files == [["predictions/a_1_label.nii.gz"], ["predictions/a_2_label.nii.gz"]]
    assert "1 photos labelled" in pixelwise("predict", RUN, "one/a.nii.gz").out


def test_predict_takes_stacks_and_photos_together_and_leaves_out_what_is_done(desk: Path) -> None:
    tifffile.imwrite("stack.tif", numbers(3, 40, 50, dtype=np.uint8), photometric="minisblack")
    assert "give the label alone" in refused("predict", RUN, "stack.tif", "--write", "svg")
    assert pixelwise("predict", RUN, "stack.tif", "street.jpg", "--output", "out").code == 0
    assert Path("out/street_overlay.png").exists()
    written = Path("out/stack_label.tif").stat().st_mtime_ns
    assert "2 of 2 photos are done" in pixelwise("predict", RUN, "stack.tif", "street.jpg", "--output", "out").err
    assert Path("out/stack_label.tif").stat().st_mtime_ns == written
    answer = pixelwise("regions", "--labels", "out", "--class", 1)
    assert (answer.code, "is a stack of slices; measure it by `pixelwise surfaces`" in answer.err) == (2, True)


def bad(kind: str) -> Path:
    """A file that cannot be a volume of intensities or classes."""
    path, good = Path(f"{kind}.nii.gz"), Path("head.nii.gz")
    four, image = numbers(5, 4, 3, 2), nibabel.Nifti1Image(numbers(5, 4, 3), AFFINE)
    if kind == "four":
        nibabel.Nifti1Image(four, AFFINE).to_filename(path)
    elif kind == "five":
        nibabel.Nifti1Image(np.stack([four, four, four], axis=-1), AFFINE).to_filename(path)
    elif kind == "nan":
        nibabel.Nifti1Image(np.full((5, 4, 3), np.nan, np.float32), AFFINE).to_filename(path)
    elif kind == "complex":
        nibabel.Nifti1Image(numbers(5, 4, 3).astype(np.complex64), AFFINE).to_filename(path)
    elif kind == "huge":
        head = bytearray(image.to_bytes())
        struct.pack_into("<3h", head, 42, 32767, 32767, 32767)
        path.write_bytes(gzip.compress(bytes(head)))
    else:
        content = {
            "empty": b"",
            "cut": good.read_bytes()[:-2000],
            "short": gzip.compress(gzip.decompress(good.read_bytes())[:-100]),
            "text": b"no volume at all, but some words" * 20,
            "head": image.to_bytes()[:200],
        }
        path.write_bytes(content[kind])
    return path


BAD = {
    "four": "has 4 dimensions (5 x 4 x 3 x 2); save one of its volumes by itself",
    "five": "has 5 dimensions (5 x 4 x 3 x 2 x 3)",
    "nan": "slice 1 holds",
    "complex": "holds complex64 where numbers are wanted",
    "huge": "32767 x 32767 x 32767 voxels are too many",
    "empty": "is empty",
    "cut": "is damaged or cut off",
    "short": "is damaged or cut off",
    "text": "is no NIfTI file",
    "head": "is damaged or cut off",
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_one_line(desk: Path, kind: str) -> None:
    path = bad(kind)
    for words in (("surfaces", path, "--class", "1"), ("surfaces", RUN, path, "--class", "Road")):
        line = refused(*words)
        assert f"{path}: " in line
        assert BAD[kind] in line
    answer = pixelwise("predict", RUN, path, "--output", "out")
    assert (answer.code, answer.err.count("\n")) == (2, 2)
    assert BAD[kind] in answer.err
    assert not Path("out").exists()


def test_without_nibabel_one_line_says_what_to_install(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nibabel", None)
    assert "pip install 'pixelwise[volumes]'" in refused("surfaces", "head.nii.gz", "--class", "1")
    assert "pip install 'pixelwise[volumes]'" in refused("predict", RUN, "head.nii.gz")


def test_a_header_without_a_spacing_leaves_it_to_the_option(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii", numbers(5, 4, 3, dtype=np.uint8))
    content = bytearray(path.read_bytes())
    struct.pack_into("<f", content, 80, float("inf"))
    path.write_bytes(content)
    assert spacing_of(path)[0] is None
    assert spacing_of(tmp_path) == (None, "")


def test_what_is_no_volume_of_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="slice 1 holds fractions"):
        open_stack(nifti(tmp_path / "half.nii", np.full((4, 4, 2), 0.5, np.float32)))


# A real scan


def test_a_real_scan_is_read_labelled_and_made_into_a_surface(tmp_path: Path, small_run: Path) -> None:
    path = real("volume") / "anatomical.nii"
    header, read = read_nifti(path)
    assert np.array_equal(read.transpose(), np.asanyarray(nibabel.load(path).dataobj))
    assert (header.shape, header.spacing, header.unit, header.mirrored) == ((25, 41, 33), (2, 2, 2), "mm", True)
    tissue = (read > 7625).astype(np.uint8)  # Otsu's threshold
    write_nifti(tmp_path / "tissue.nii.gz", tissue, header)
    found = said("surfaces", tmp_path / "tissue.nii.gz", "--class", 1)
    assert found["classes"]["1"]["closed"]
    assert found["classes"]["1"]["volume"] == pytest.approx(8 * tissue.sum(), rel=1e-3)
    said("predict", small_run, path, "--output", tmp_path)
    image = nibabel.load(tmp_path / "anatomical_label.nii.gz")
    assert np.array_equal(image.affine, nibabel.load(path).affine)
    first = as_photos(path, read_slices(path))["slice 1"]
    assert np.array_equal(np.asanyarray(image.dataobj)[..., 0].T, pw.load(small_run, "cpu").predict(first).label)
