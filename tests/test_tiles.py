"""Images of any size, tile by tile: the same labels as of the whole, little memory, from TIFF file to TIFF file."""

import tracemalloc
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest
import tifffile
import torch
from command_line import pixelwise
from PIL import Image as Pillow
from small_data import photo, save
from small_models import TWO, tiny_bundle
from torch import nn

from pixelwise.data.dataset import RGB, Format
from pixelwise.data.files.geotiff import read_georeference
from pixelwise.data.files.images import read_image
from pixelwise.data.files.windows import Rows, open_rows, pixels_of_tiff
from pixelwise.errors import DataError, UserError
from pixelwise.models import Network
from pixelwise.prediction.label_files import label_file, write_label
from pixelwise.prediction.labelling import label_images
from pixelwise.prediction.predict import predict
from pixelwise.prediction.tiles import STEEP, Tiles, cut, label_by_tiles, label_rows
from pixelwise.prediction.view import View


class Near(nn.Module):
    """Logits at half the size, of what is near; pooling shows whether tiles begin where they should."""

    stride = 2

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.see = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 5, 3, padding=1)
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.see(image)
        return logits


@pytest.fixture(scope="module")
def near() -> Network:
    return Network(Near()).eval()


def textured(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)


# How sides are cut


@pytest.mark.parametrize("stride", [1, 2, 16, 32])
@pytest.mark.parametrize("overlap", [0, 0.16, 0.25, 0.5])
def test_every_pixel_is_answered_for_by_weights_that_sum_to_one(stride: int, overlap: float) -> None:
    for length in (1, 31, 64, 65, 97, 255, 1000, 1001):
        for tile in (1, 2, 40, 64, 100, 333):
            parts = cut(length, tile, overlap, stride)
            assert parts[0].start == 0
            assert parts[-1].end == parts[-1].done == length
            for one, following in pairwise(parts):
                assert one.done == following.start
                assert following.rise == one.end - one.done <= following.done - following.start
                assert one.start < one.done
            for one in parts:
                assert one.seen.start % stride == 0
                assert 0 <= one.seen.start <= one.start <= one.end <= one.seen.stop <= length
                assert one.seen.stop - one.seen.start <= max(tile, 2 * stride)


# Labels


@pytest.mark.parametrize("shape", [(200, 150), (97, 211), (1, 300), (300, 1), (1, 1), (64, 64), (65, 63)])
@pytest.mark.parametrize("tile", [(64, 64), (48, 97), (1000, 1000)])
def test_tiles_that_see_far_enough_give_the_label_of_the_whole(
    shape: tuple[int, int], tile: tuple[int, int], near: Network
) -> None:
    image = textured(*shape)
    [(whole, sure)] = label_images(near, [image], shape)
    label, confidence = label_by_tiles(near, image, Tiles(tile, 0.5))
    assert label.shape == confidence.shape == shape
    assert np.mean(label == whole) > 0.999  # bf16 may break a tie
    assert np.allclose(confidence, sure, atol=0.02)


def test_tiles_that_do_not_overlap_differ_from_the_whole_at_their_edges_alone(near: Network) -> None:
    image = textured(128, 128)
    [(whole, _)] = label_images(near, [image], (128, 128))
    label, _ = label_by_tiles(near, image, Tiles((64, 64), 0))
    assert (label != whole)[60:68].mean() > 0.005
    assert (label != whole)[8:56, 8:56].mean() < 0.001


def test_where_two_tiles_answer_one_fades_into_the_other() -> None:
    class Brightness(nn.Module):
        """What a tile answers is the brightness of its first pixel, and nothing else."""

        stride = 1

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            first = image[:, :1, :1, :1].expand(-1, 1, *image.shape[2:])
            return torch.cat([first * 0, first], 1)

    image = np.zeros((40, 180, 3), np.uint8)
    [left, right] = cut(180, 128, 0.5, 1)
    image[:, right.seen.start :] = 255
    label, sure = label_by_tiles(Network(Brightness()).eval(), image, Tiles((128, 128), 0.5))
    bright = np.where(label == 1, sure, 1 - sure)
    found = np.log(bright / (1 - bright))  # the difference of the logits: -2 of the left tile, 2 of the right
    step, pixels = right.done - left.done, left.end - right.start
    width = step * pixels / (2 * STEEP)  # of two Gaussians, squared, a step apart
    from_middle = np.arange(180) + 0.5 - (right.start + left.end) / 2
    weights = [np.exp(-((from_middle + side * step / 2) ** 2) / (2 * width)) for side in (1, -1)]
    weights = [np.where(from_middle < -pixels / 2, at, one) for at, one in zip((1, 0), weights, strict=True)]
    weights = [np.where(from_middle > pixels / 2, at, one) for at, one in zip((0, 1), weights, strict=True)]
    expected = 127.5 / 64 * (weights[1] - weights[0]) / (weights[1] + weights[0])
    assert pixels == 8
    assert np.allclose(found, expected, atol=1e-3)


def test_an_image_seen_smaller_gets_a_label_of_its_own_size(near: Network) -> None:
    image = np.repeat(np.repeat(textured(40, 60), 4, axis=0), 4, axis=1)
    small, _ = label_by_tiles(near, textured(40, 60), Tiles((1000, 1000)))
    label, _ = label_by_tiles(near, image, Tiles((96, 96), 0.25, 0.25))
    assert label.shape == (160, 240)
    assert np.mean(label[2::4, 2::4] == small) > 0.8


def test_rows_are_read_once_and_from_top_to_bottom(near: Network) -> None:
    image, read = textured(300, 50), []

    def reading(top: int, bottom: int) -> np.ndarray:
        read.append((top, bottom))
        return image[top:bottom]

    bands = [labels.label for labels in label_rows(near, Rows(300, 50, reading), Tiles((64, 64)))]
    assert sum(map(len, bands)) == 300
    assert read[0] == (0, 1)  # what it looks like
    assert [one for pair in read[1:] for one in pair][1:-1:2] == [top for top, _ in read[2:]]
    assert (read[1][0], read[-1][1]) == (0, 300)


@pytest.mark.parametrize("wrong", [{"overlap": 0.6}, {"overlap": -0.1}, {"scale": 0}, {"scale": float("nan")}])
def test_tiles_that_cannot_be_are_one_clear_error(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError, match=r"tiles overlap by 0 to 0.5|the scale is from 0.05 to 8"):
        Tiles(**wrong)  # type: ignore[arg-type]


# Several sizes


def test_logits_of_several_sizes_are_averaged(near: Network) -> None:
    image = np.ascontiguousarray(np.broadcast_to(np.uint8([9, 90, 200]), (60, 80, 3)))
    [(once, sure)] = label_images(near, [image], (60, 80))
    [(label, confidence)] = label_images(near, [image], (60, 80), view=View(flip=True, scales=(0.5, 1, 1.5)))
    assert np.array_equal(label[20:40, 20:60], once[20:40, 20:60])  # of one colour it looks alike at any size
    assert np.allclose(confidence[20:40, 20:60], sure[20:40, 20:60], atol=0.02)
    [(other, _)] = label_images(near, [textured(60, 80)], (60, 80), view=View(scales=(0.5,)))
    assert other.shape == (60, 80)
    with pytest.raises(UserError, match=r"scales are from 0.1 to 8"):
        View(scales=(1, 0))


# Reading


def tiff(**how: object) -> Callable[[Path, np.ndarray], None]:
    def write(path: Path, image: np.ndarray) -> None:
        separate = how.get("planarconfig") == "separate"
        tifffile.imwrite(path, np.moveaxis(image, 2, 0) if separate else image, photometric="rgb", **how)

    return write


def pillow(mode: str, compression: str | None) -> Callable[[Path, np.ndarray], None]:
    return lambda path, image: Pillow.fromarray(image).convert(mode).save(path, compression=compression)


def deep(factor: float, dtype: type) -> Callable[[Path, np.ndarray], None]:
    return lambda path, image: tiff(rowsperstrip=9, compression="zlib")(path, (image * factor).astype(dtype))


@pytest.mark.parametrize(
    "write",
    [
        *(tiff(tile=(32, 48), **how) for how in ({}, {"compression": "zlib", "predictor": 2}, {"bigtiff": True})),
        tiff(tile=(32, 48), byteorder=">", compression="zlib"),
        tiff(planarconfig="separate", tile=(16, 16), compression="zlib"),
        *(tiff(planarconfig=planar) for planar in ("separate", "contig")),
        tiff(rowsperstrip=7, compression="zlib"),
        *(pillow(mode, "tiff_lzw") for mode in ("RGB", "L", "RGBA", "P")),
        *(pillow(mode, "jpeg") for mode in ("RGB", "L", "CMYK")),
        pillow("RGB", "packbits"),
        *(deep(factor, np.uint16) for factor in (0.5, 1, 200)),
        *(deep(factor, np.float32) for factor in (1 / 255, 0.5, 200)),
    ],
)
@pytest.mark.parametrize("format", [RGB, Format(1, 12)])
def test_rows_of_a_tiff_file_are_those_of_the_whole(
    write: Callable[[Path, np.ndarray], None], format: Format, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    write(path, photo(0, 61, 101))
    whole, rows = read_image(path, format), open_rows(path, format)
    assert (rows.height, rows.width) == (61, 101)
    assert pixels_of_tiff(path) == 61 * 101
    assert np.array_equal(np.concatenate([rows.read(top, min(top + 17, 61)) for top in range(0, 61, 17)]), whole)
    assert np.array_equal(rows.read(20, 50), whole[20:50])


def test_lzw_in_tiles_is_read_too(tmp_path: Path) -> None:
    """Tiles as GDAL writes them: each is compressed as a strip of its own, and laid into a file by hand."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    image = photo(0, 32, 48)
    parts = []
    for left in (0, 16, 32):
        for top in (0, 16):
            strip = tmp_path / f"{top}_{left}.tif"
            Pillow.fromarray(image[top : top + 16, left : left + 16]).save(strip, compression="tiff_lzw")
            with tifffile.TiffFile(strip) as file:
                page = file.pages.first
                file.filehandle.seek(page.dataoffsets[0])
                parts.append((top, left, file.filehandle.read(page.databytecounts[0])))
    parts.sort()
    tags, offset = ImageFileDirectory_v2(), 8
    for tag, value in {256: 48, 257: 32, 258: (8, 8, 8), 259: 5, 262: 2, 277: 3, 284: 1, 322: 16, 323: 16}.items():
        tags[tag] = value
    places = []
    for *_, data in parts:
        places.append(offset)
        offset += len(data)
    tags[324], tags[325] = tuple(places), tuple(len(data) for *_, data in parts)
    body = b"".join(data for *_, data in parts)
    (tmp_path / "a.tif").write_bytes(b"II*\0" + offset.to_bytes(4, "little") + body + tags.tobytes(offset))
    assert np.array_equal(open_rows(tmp_path / "a.tif").read(5, 30), image[5:30])


def test_other_formats_are_read_whole(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", photo(0, 20, 30))
    assert np.array_equal(open_rows(path).read(3, 9), photo(0, 20, 30)[3:9])
    assert (pixels_of_tiff(path), read_georeference(path)) == (0, None)


def test_files_that_cannot_be_read_are_one_clear_error(tmp_path: Path) -> None:
    whole = tmp_path / "a.tif"
    tiff(tile=(32, 32), compression="zlib")(whole, photo(0, 100, 100))
    (tmp_path / "cut.tif").write_bytes(whole.read_bytes()[:4000])
    with pytest.raises(DataError, match=r"cut.tif: cannot be read for it is damaged"):
        open_rows(tmp_path / "cut.tif").read(0, 100)
    with pytest.raises(DataError, match="there is no such file"):
        open_rows(tmp_path / "none.tif")
    with pytest.raises(DataError, match="has 3 channels where 5 are wanted"):
        open_rows(whole, Format(5)).read(0, 1)


# Writing


def test_a_label_file_shows_the_classes_in_their_colours(tmp_path: Path) -> None:
    label = np.random.default_rng(0).integers(0, 2, (300, 513)).astype(np.uint8)
    path = tmp_path / "new" / "label.tif"
    write_label(path, [label[:1], label[1:100], label[100:]], label.shape, TWO)
    with Pillow.open(path) as picture:
        assert picture.mode == "P"
        assert np.array_equal(np.asarray(picture), label)
        assert np.array_equal(np.asarray(picture.convert("RGB")), TWO.colorize(label))
    assert [one.name for one in path.parent.iterdir()] == ["label.tif"]


SCALE, TIE = (0.5, 0.5, 0.0), (0.0, 0.0, 0.0, 400000.0, 5200000.0, 0.0)
KEYS = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)
NAMED = (1, 1, 0, 2, 1025, 0, 1, 2, 1026, 34737, 9, 0)


def geotiff(path: Path, image: np.ndarray, *, keys: tuple[int, ...] = KEYS, text: str = "") -> Path:
    tags = [(33550, 12, 3, SCALE, True), (33922, 12, 6, TIE, True), (34735, 3, len(keys), keys, True)]
    named = [(34737, 2, 0, text, True)] if text else []
    tifffile.imwrite(path, image, photometric="rgb", tile=(16, 16), extratags=tags + named, metadata=None)
    return path


def test_a_geotiff_gives_a_label_of_the_same_place(tmp_path: Path) -> None:
    bundle = tiny_bundle()
    path = geotiff(tmp_path / "aerial.tif", photo(0, 70, 90))
    shares = label_file(bundle, path, tmp_path / "label.tif", Tiles((64, 64)))
    written, read = read_georeference(tmp_path / "label.tif"), read_georeference(path)
    assert written == read
    assert read is not None
    assert (read.transform, read.crs) == ((0.5, 0.0, 400000.0, 0.0, -0.5, 5200000.0), "EPSG:32633")
    found = predict(bundle, path, tiles=Tiles((64, 64)))
    assert np.array_equal(tifffile.imread(tmp_path / "label.tif"), found.label)
    assert shares == found.shares()
    drawn = found.to_geojson()
    points = np.concatenate([np.concatenate(one["geometry"]["coordinates"]) for one in drawn["features"]])
    assert points.min(0).tolist() == [400000, 5200000 - 35]
    assert points.max(0).tolist() == [400045, 5200000]
    assert drawn["crs"]["properties"]["name"] == "EPSG:32633"


def test_pixels_that_are_points_lie_half_a_pixel_off_and_a_system_without_a_code_has_a_name(tmp_path: Path) -> None:
    read = read_georeference(geotiff(tmp_path / "a.tif", photo(0, 16, 16), keys=NAMED, text="Our grid|"))
    assert read is not None
    assert read.transform == (0.5, 0.0, 399999.75, 0.0, -0.5, 5200000.25)
    assert read.crs == "Our grid"


def test_a_large_file_is_labelled_in_the_memory_of_a_few_rows(tmp_path: Path) -> None:
    """10,000 x 3,000 pixels: 90 megabytes, 240 of logits; each row of tiles leaves no more behind than its label."""
    path, bundle = tmp_path / "large.tif", tiny_bundle(TWO)
    bundle.network.body = nn.Conv2d(3, 2, 1)
    bundle.network.body.stride = 1  # type: ignore[assignment]
    writing = tifffile.memmap(path, shape=(10000, 3000, 3), dtype=np.uint8, photometric="rgb")
    writing[:] = (np.arange(3000) % 256).astype(np.uint8)[:, None]
    writing.flush()
    del writing
    process, memory = psutil.Process(), []
    tracemalloc.start()  # of NumPy's arrays

    def bands() -> Iterator[np.ndarray]:
        for labels in label_rows(bundle.network, open_rows(path), Tiles((512, 512))):
            memory.append(process.memory_info().rss)
            yield labels.label

    write_label(tmp_path / "label.tif", bands(), (10000, 3000), TWO)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6
    assert max(memory) - memory[0] < 60e6
    assert len(memory) > 20
    written = tifffile.imread(tmp_path / "label.tif")
    assert written.shape == (10000, 3000)
    assert (written == written[0]).all()


# The commands


def test_predict_labels_by_tiles_and_says_what_it_cannot(small_run: Path, tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", photo(0, 70, 90))
    words = ("predict", small_run, path, "--output", tmp_path / "out")
    shown = pixelwise(*words, "--tile", "64x64", "--flip")
    assert shown.code == 0, shown.err
    assert [one.name for one in (tmp_path / "out").glob("*.tif")] == ["a_label.tif"]
    assert "1 of 1 photos are done" in pixelwise(*words, "--tile", "64x64", "--flip").err
    assert "labelled by another model or with other settings" in pixelwise(*words, "--tile", "48x64", "--flip").err
    assert tifffile.imread(tmp_path / "out" / "a_label.tif").shape == (70, 90)
    assert "is of tiles" in pixelwise(*words, "--overlap", "0.2").line
    assert "write the label alone" in pixelwise(*words, "--tile", "64x64", "--write", "svg").err
    assert "are no numbers" in pixelwise(*words, "--scales", "1,two").line


def test_an_image_too_large_to_be_seen_whole_is_told_of_tiles(small_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "huge.tif"
    tifffile.imwrite(path, shape=(12000, 12000), dtype=np.uint8, photometric="minisblack")  # a file with a hole
    answer = pixelwise("predict", small_run, path, "--output", tmp_path / "out")
    assert answer.code == 2
    assert f"{path}: has 144 million pixels; add --scale 1" in answer.err


def test_evaluate_looks_at_the_mirror_image_where_asked(small_run: Path, small_folder: Path) -> None:
    answer = pixelwise("evaluate", small_run, small_folder, "--split", "test", "--flip", "--scales", "1,1.5", "--json")
    assert answer.code == 0, answer.err
    said = "mean logits of the image and of the mirror image at 1, 1.5 times its size"
    assert said in answer.out
    assert "say how a model looks" in pixelwise("evaluate", small_folder, "--predictions", "x", "--flip").line
