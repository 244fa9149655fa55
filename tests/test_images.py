"""Image files of every kind against Pillow, OpenCV, tifffile and NumPy."""

import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from image_makers import Array, by_pillow, deep, npy, npy_bytes, png, refused, tiff
from PIL import Image as Pillow
from PIL import ImageOps
from small_data import photo, save

from pixelwise.data.dataset import Format
from pixelwise.data.files.images import content_of, find_format, is_image, read_image, read_mask
from pixelwise.errors import DataError

GREY = Format(1)


# Photos of 8 bits


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "webp", "jpg"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_colours_and_grey_are_read_as_pillow_reads_them_and_made_what_is_asked(
    tmp_path: Path, ending: str, mode: str
) -> None:
    path = tmp_path / f"a.{ending}"
    Pillow.fromarray(photo()).convert(mode).save(path, **({"lossless": True} if ending == "webp" else {}))
    expected = by_pillow(path)
    assert np.array_equal(read_image(path), np.asarray(expected.convert("RGB")))
    assert np.abs(read_image(path, GREY)[..., 0].astype(int) - np.asarray(expected.convert("L"))).max() <= 1
    assert find_format([path]) == Format(1 if mode == "L" and ending != "webp" else 3)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P with transparency", "1"])
def test_alpha_is_dropped_from_every_mode(tmp_path: Path, mode: str) -> None:
    picture = Pillow.fromarray(photo())
    if mode == "P with transparency":
        picture.quantize(16).save(tmp_path / "a.png", transparency=bytes(range(0, 256, 16)))
    else:
        picture.convert(mode).save(tmp_path / "a.png")
    expected = by_pillow(tmp_path / "a.png").convert("RGBA").convert("RGB")
    assert np.array_equal(read_image(tmp_path / "a.png"), np.asarray(expected))
    assert find_format([tmp_path / "a.png"]).channels == (1 if mode in {"LA", "1"} else 3)


def test_a_palette_of_greys_is_grey(tmp_path: Path) -> None:
    Pillow.fromarray(photo()[..., 0]).quantize(64).save(tmp_path / "a.png")
    assert find_format([tmp_path / "a.png"]) == GREY
    assert np.array_equal(
        read_image(tmp_path / "a.png", GREY)[..., 0], np.asarray(by_pillow(tmp_path / "a.png").convert("L"))
    )


@pytest.mark.parametrize(("mode", "ending"), [("CMYK", "jpg"), ("CMYK", "tif"), ("YCbCr", "jpg"), ("YCbCr", "tif")])
def test_other_colours_become_rgb(tmp_path: Path, mode: str, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    Pillow.fromarray(photo()).convert(mode).save(path)
    assert np.array_equal(read_image(path), np.asarray(by_pillow(path).convert("RGB")))
    assert find_format([path]) == Format(3)


def test_lab_becomes_rgb_as_opencv_converts_it(tmp_path: Path) -> None:
    smooth = cv2.GaussianBlur(photo(), (9, 9), 4)
    lab = cv2.cvtColor(smooth.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    stored = np.dstack([lab[..., 0] * 2.55, lab[..., 1], lab[..., 2]]).round().astype(np.int16).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="cielab", metadata=None)
    assert np.abs(read_image(tmp_path / "a.tif").astype(int) - smooth).max() <= 6


def test_a_gif_is_its_first_frame(tmp_path: Path) -> None:
    frames = [Pillow.fromarray(photo(seed)).quantize(64) for seed in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert is_image(tmp_path / "a.gif")
    assert np.array_equal(read_image(tmp_path / "a.gif"), np.asarray(frames[0].convert("RGB")))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tif"])
def test_every_orientation_is_turned_upright(tmp_path: Path, orientation: int, ending: str) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{ending}"
    Pillow.fromarray(photo(height=9, width=17)).save(path, exif=exif)
    with Pillow.open(path) as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture))
    assert np.array_equal(read_image(path), expected)
    assert np.array_equal(read_mask(path), expected)
    assert expected.shape[:2] == ((17, 9) if orientation > 4 else (9, 17))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_of_many_bands_is_turned_like_one_of_three(tmp_path: Path, orientation: int) -> None:
    bands = np.dstack([photo(height=9, width=17), photo(1, height=9, width=17)[..., :2]])
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    Pillow.fromarray(bands[..., :3]).save(tmp_path / "three.tif", exif=exif)
    tiff(tmp_path / "five.tif", bands, extratags=[(274, 3, 1, orientation, True)])
    five = read_image(tmp_path / "five.tif", Format(5))
    assert np.array_equal(five[..., :3], read_image(tmp_path / "three.tif"))


@pytest.mark.parametrize("exif", [b"", b"II", b"MM\0*\0\0\0\x08\xff\xff", b"nonsense", b"II*\0\xff\xff\xff\xff"])
def test_a_photo_with_damaged_exif_is_a_photo_all_the_same(tmp_path: Path, exif: bytes) -> None:
    Pillow.fromarray(photo()).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_image(tmp_path / "a.png"), photo())


# Many channels and many bits


@pytest.mark.parametrize("channels", [2, 4, 5, 13])
@pytest.mark.parametrize("how", [{}, {"planarconfig": "separate"}, {"compression": "zlib"}, {"tile": (16, 16)}])
def test_tiff_bands_of_no_declared_meaning_are_data(tmp_path: Path, channels: int, how: dict[str, object]) -> None:
    array = deep(channels, 8, np.uint8)
    stored = np.moveaxis(array, 2, 0) if how.get("planarconfig") == "separate" else array
    path = tiff(tmp_path / "a.tif", stored, **how)
    assert find_format([path]) == Format(channels, 8)
    assert np.array_equal(read_image(path, Format(channels)), array)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("extra", "channels"), [("unassalpha", 3), ("assocalpha", 3), ("unspecified", 4)])
def test_a_fourth_band_is_dropped_only_where_it_is_declared_as_alpha(
    tmp_path: Path, dtype: type[np.generic], extra: str, channels: int
) -> None:
    array = deep(4, 8 * np.dtype(dtype).itemsize, dtype)
    array[..., 3] = np.iinfo(dtype).max  # opaque
    path = tiff(tmp_path / "a.tif", array, photometric="rgb", extrasamples=[extra])
    format = find_format([path])
    assert format == Format(channels, 8 * np.dtype(dtype).itemsize)
    assert np.array_equal(read_image(path, format), array[..., :channels] >> (format.bits - 8))


def test_a_colour_photo_with_near_infrared_and_alpha_keeps_four_channels(tmp_path: Path) -> None:
    array = deep(5, 8, np.uint8)
    path = tiff(tmp_path / "a.tif", array, photometric="rgb", extrasamples=["unspecified", "unassalpha"])
    assert find_format([path]) == Format(4)
    assert np.array_equal(read_image(path, Format(4)), array[..., :4])


WRITERS: dict[str, Callable[[Path, Array], object]] = {
    "cv2.png": lambda path, array: cv2.imwrite(str(path), array[..., ::-1] if array.ndim == 3 else array),
    "cv2.tif": lambda path, array: cv2.imwrite(
        str(path), array[..., ::-1] if array.ndim == 3 else array, [cv2.IMWRITE_TIFF_COMPRESSION, 1]
    ),
    "tifffile.tif": lambda path, array: tifffile.imwrite(path, array),
    "numpy.npy": np.save,
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("bits", [9, 12, 16])
def test_the_upper_eight_of_the_bits_in_use_are_kept(tmp_path: Path, name: str, channels: int, bits: int) -> None:
    array = deep(channels, bits)
    WRITERS[name](tmp_path / name, array)
    format = find_format([tmp_path / name])
    assert format == Format(channels, bits)
    assert np.array_equal(read_image(tmp_path / name, format).squeeze(), array >> (bits - 8))


def test_sixteen_bit_colours_with_alpha_keep_their_depth(tmp_path: Path) -> None:
    array = deep(4, 12)
    cv2.imwrite(str(tmp_path / "rgba.png"), array[..., [2, 1, 0, 3]])
    assert find_format([tmp_path / "rgba.png"]) == Format(3, 12)
    assert np.array_equal(read_image(tmp_path / "rgba.png", Format(3, 12)), array[..., :3] >> 4)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array[..., :2])
    (tmp_path / "la.png").write_bytes(png(32, 24, rows, depth=16, color=4))
    assert find_format([tmp_path / "la.png"]) == Format(1, 12)
    assert np.array_equal(read_image(tmp_path / "la.png", Format(1, 12))[..., 0], array[..., 0] >> 4)


def test_one_depth_holds_for_all_photos_and_what_is_beyond_it_is_white(tmp_path: Path) -> None:
    dark, light = deep(1, 9), deep(1, 12)
    paths = [save(tmp_path / "dark.png", dark), save(tmp_path / "light.png", light)]
    assert find_format(paths) == Format(1, 12)
    assert np.array_equal(read_image(paths[0], Format(1, 12))[..., 0], dark >> 4)
    assert np.array_equal(read_image(paths[1], Format(1, 9))[..., 0], np.minimum(light >> 1, 255))


def test_photos_of_eight_bits_stay_as_they_are_among_deeper_ones(tmp_path: Path) -> None:
    assert np.array_equal(read_image(save(tmp_path / "a.png", photo()), Format(3, 12)), photo())
    assert read_image(npy(tmp_path / "a.npy", np.array([[3, 255]])), GREY)[..., 0].tolist() == [[3, 255]]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_fractions_up_to_one_stand_for_0_to_255(tmp_path: Path, dtype: type[np.generic]) -> None:
    array = np.array([[0, 0.5, 1, 1.25, -0.25, np.nan]]).astype(dtype)
    for path in (npy(tmp_path / "a.npy", array), tiff(tmp_path / "a.tif", array)):
        assert find_format([path]) == GREY
        assert read_image(path, GREY)[..., 0].tolist() == [[0, 128, 255, 255, 0, 0]]


def test_larger_fractions_are_taken_as_whole_numbers(tmp_path: Path) -> None:
    array = np.dstack([np.linspace(-5, 4095.9, 64).reshape(8, 8)] * 5).astype(np.float32)
    for path in (npy(tmp_path / "a.npy", array), tiff(tmp_path / "a.tif", array)):
        assert find_format([path]) == Format(5, 12)
        assert np.array_equal(read_image(path, Format(5, 12)), np.clip(array, 0, None).astype(int) >> 4)


def test_negative_numbers_are_black_and_huge_ones_white(tmp_path: Path) -> None:
    array = np.array([[-7, 0, 65535, 70000]], np.int32)
    for path in (npy(tmp_path / "a.npy", array), tiff(tmp_path / "a.tif", array)):
        assert find_format([path]).bits == 16
        assert read_image(path, Format(1, 16))[..., 0].tolist() == [[0, 0, 255, 255]]


def test_only_the_first_page_of_a_tiff_is_an_image(tmp_path: Path) -> None:
    pages = np.stack([deep(5), deep(5) // 2])
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack", planarconfig="contig", metadata=None)
    assert np.array_equal(read_image(tmp_path / "a.tif", Format(5, 16)), pages[0] >> 8)
    Pillow.fromarray(photo()).save(tmp_path / "b.tif", save_all=True, append_images=[Pillow.fromarray(photo(1))])
    assert np.array_equal(read_image(tmp_path / "b.tif"), photo())


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders_and_both_kinds_of_tiff_are_read(tmp_path: Path, big: bool, order: str) -> None:
    array = deep(6, 16)
    tifffile.imwrite(
        tmp_path / "a.tif", array, photometric="minisblack", planarconfig="contig", byteorder=order, bigtiff=big
    )
    assert np.array_equal(read_image(tmp_path / "a.tif", Format(6, 16)), array >> 8)


def test_a_compression_that_takes_another_package_is_one_line_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tiff(tmp_path / "a.tif", deep(5), compression="zlib")
    content = bytearray(path.read_bytes())
    place = content.index(struct.pack("<HHII", 259, 3, 1, 8))
    content[place : place + 12] = struct.pack("<HHII", 259, 3, 1, 5)  # says LZW
    path.write_bytes(content)
    error = refused(path)
    assert error.what == "is compressed by LZW, which takes another package"
    assert error.mend == "pip install imagecodecs"


def test_a_volume_is_no_image(tmp_path: Path) -> None:
    volume, how = np.zeros((16, 32, 32, 5), np.uint8), {"photometric": "minisblack", "planarconfig": "contig"}
    tifffile.imwrite(tmp_path / "a.tif", volume, volumetric=True, tile=(16, 16, 16), **how)
    assert "volume" in refused(tmp_path / "a.tif").what


def test_grey_and_colour_together_are_read_as_colour(tmp_path: Path) -> None:
    paths = [save(tmp_path / "a.png", photo()), save(tmp_path / "b.png", photo()[..., 0])]
    assert find_format(paths) == Format(3)
    assert find_format(paths[1:]) == GREY


def test_other_mixtures_are_refused_with_two_names(tmp_path: Path) -> None:
    paths = [save(tmp_path / "a.png", photo()), tiff(tmp_path / "b.tif", deep(5))]
    with pytest.raises(DataError, match=r"b\.tif: has 5 channels but a\.png has 3; make them equal") as caught:
        find_format(paths)
    assert caught.value.kind == "channels"


@pytest.mark.parametrize(("has", "wanted"), [(1, 4), (3, 4), (5, 3), (5, 1), (2, 3)])
def test_channels_that_cannot_be_converted_are_refused(tmp_path: Path, has: int, wanted: int) -> None:
    path = npy(tmp_path / "a.npy", deep(has, 8, np.uint8))
    error = refused(path, lambda path: read_image(path, Format(wanted)))
    assert error.kind == "channels"
    assert f"has {has} channel" in error.what
    assert f"{wanted} are wanted" in error.what


def test_at_most_sixteen_photos_are_looked_at_and_none_of_8_bits_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import ImageFile

    paths = [save(tmp_path / f"{index}.png", photo(index)) for index in range(40)]
    opened: list[Path] = []
    plain = Path.open
    monkeypatch.setattr(Path, "open", lambda path, *how: opened.append(path) or plain(path, *how))
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("decoded"))
    assert find_format(paths) == Format(3)
    assert len(opened) == 16
    assert opened[0] == paths[0]
    assert opened[-1] == paths[-1]


def test_photos_that_cannot_be_read_do_not_hide_the_format_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    paths = [tmp_path / "a.png", save(tmp_path / "b.png", deep(1, 12)), tmp_path / "gone.png"]
    assert find_format(paths) == Format(1, 12)
    assert find_format([]) == Format(3, 8)


# Masks


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.int8, np.int16, np.int32, np.int64, np.float32])
@pytest.mark.parametrize("ending", ["npy", "tif"])
def test_index_masks_of_every_type_keep_their_values(tmp_path: Path, dtype: type[np.generic], ending: str) -> None:
    values = np.array([[0, 1, 18, 100]] * 3).astype(dtype)
    path = npy(tmp_path / "a.npy", values) if ending == "npy" else tiff(tmp_path / "a.tif", values)
    mask = read_mask(path)
    assert mask.dtype == (np.uint8 if dtype == np.uint8 else np.uint16)
    assert np.array_equal(mask, values)


def test_sixteen_and_thirty_two_bit_index_images_keep_their_values(tmp_path: Path) -> None:
    values = np.array([[0, 300, 65535]])
    assert np.array_equal(read_mask(save(tmp_path / "a.png", values.astype(np.uint16))), values)
    assert np.array_equal(read_mask(save(tmp_path / "a.tif", values.astype(np.int32))), values)


@pytest.mark.parametrize("array", [np.array([[-1, 3, -100, 7]]), np.array([[-1.0, 3, np.nan, 7]])])
def test_negative_values_and_nan_are_ignored_pixels(tmp_path: Path, array: Array) -> None:
    assert read_mask(npy(tmp_path / "a.npy", array)).tolist() == [[255, 3, 255, 7]]
    assert read_mask(tiff(tmp_path / "a.tif", array.astype(np.float32))).tolist() == [[255, 3, 255, 7]]


@pytest.mark.parametrize("value", [65536, 1e300, np.inf, 0.5])
def test_values_that_are_no_class_are_refused(tmp_path: Path, value: float) -> None:
    assert refused(npy(tmp_path / "a.npy", np.array([[0, value]])), read_mask).kind == "unknown value"


def test_arrays_with_one_or_three_channels_are_masks_and_others_are_not(tmp_path: Path) -> None:
    values = deep(1, 8, np.uint8)
    assert np.array_equal(read_mask(npy(tmp_path / "a.npy", values[..., None])), values)
    assert np.array_equal(read_mask(npy(tmp_path / "b.npy", photo().astype(np.int64))), photo())
    assert read_mask(npy(tmp_path / "c.npy", values > 100)).tolist() == (values > 100).astype(int).tolist()
    for channels in (2, 4, 5):
        error = refused(npy(tmp_path / "d.npy", deep(channels, 8, np.uint8)), read_mask)
        assert (error.kind, str(channels) in error.what) == ("channels", True)


def test_palette_indices_with_transparency_and_in_gif_files_are_the_mask(tmp_path: Path) -> None:
    picture = Pillow.fromarray(photo()).quantize(16)
    picture.save(tmp_path / "a.png", transparency=bytes(range(0, 256, 16)))
    picture.save(tmp_path / "a.gif", optimize=False)
    for name in ("a.png", "a.gif"):
        with Pillow.open(tmp_path / name) as opened:
            assert np.array_equal(read_mask(tmp_path / name), np.asarray(opened))


# What a file is


CONTENTS: dict[str, Callable[[Path], object]] = {
    "png": lambda path: Pillow.fromarray(photo()).save(path, "PNG"),
    "jpeg": lambda path: Pillow.fromarray(photo()).save(path, "JPEG"),
    "tiff": lambda path: Pillow.fromarray(photo()).save(path, "TIFF"),
    "bmp": lambda path: Pillow.fromarray(photo()).save(path, "BMP"),
    "webp": lambda path: Pillow.fromarray(photo()).save(path, "WEBP"),
    "gif": lambda path: Pillow.fromarray(photo()).save(path, "GIF"),
    "npy": lambda path: path.write_bytes(npy_bytes(photo())),
    "zip": lambda path: path.write_bytes(b"PK\x03\x04" + bytes(100)),
    "pdf": lambda path: Pillow.fromarray(photo()).save(path, "PDF"),
    "postscript": lambda path: Pillow.fromarray(photo()).save(path, "EPS"),
    "avif": lambda path: Pillow.fromarray(photo()).save(path, "AVIF"),
    "html": lambda path: path.write_bytes(b"\n<HTML><body>404"),
    "git lfs pointer": lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n"),
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_file_is_what_its_first_bytes_say_whatever_it_is_called(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.tif"
    CONTENTS[kind](path)
    assert content_of(path) == kind
    if kind in {"png", "jpeg", "tiff", "bmp", "webp", "gif", "npy"}:
        assert read_image(path).shape == photo().shape
    else:
        assert refused(path).what == f"is not an image that can be read but {kind}"


def test_content_that_nobody_knows_is_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\0\1\2\3")
    (tmp_path / "b").touch()
    assert content_of(tmp_path / "a") is None
    assert content_of(tmp_path / "b") is None
    assert refused(tmp_path / "c", content_of).what == "there is no such file"
