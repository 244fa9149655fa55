"""Reading images whatever their kind; datasets as sequences that read nothing too early."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from small_data import Held, dataset, folders, held, label, photo, save

from pixelwise.data import Dataset, Sample, Split, open_dataset
from pixelwise.data.dataset import Source
from pixelwise.data.files.images import is_image, list_images, read_image, read_mask
from pixelwise.data.sampling import even_sample
from pixelwise.errors import UserError
from pixelwise.labels import CAMVID11


def test_a_grey_photo_becomes_three_equal_channels(tmp_path: Path) -> None:
    grey = photo()[..., 0]
    assert np.array_equal(read_image(save(tmp_path / "a.png", grey)), np.stack([grey] * 3, axis=2))


def test_alpha_is_dropped_and_the_colours_kept(tmp_path: Path) -> None:
    rgba = np.dstack([photo(), photo(1)[..., 0]])
    assert np.array_equal(read_image(save(tmp_path / "a.png", rgba)), photo())


def test_sixteen_bits_are_cut_to_eight(tmp_path: Path) -> None:
    deep = np.array([[0, 257, 65535]], np.uint16)
    assert read_image(save(tmp_path / "a.png", deep))[..., 0].tolist() == [[0, 1, 255]]


def test_a_photo_with_a_palette_is_read_in_its_colours(tmp_path: Path) -> None:
    indices = np.array([[0, 3]], np.uint8)
    path = save(tmp_path / "a.png", indices, CAMVID11)
    assert read_image(path).tolist() == [[[128, 128, 128], [128, 64, 128]]]
    assert read_mask(path).tolist() == [[0, 3]]


def test_a_photo_taken_sideways_is_turned_upright(tmp_path: Path) -> None:
    picture = Pillow.fromarray(photo(height=8, width=16))
    exif = Pillow.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees clockwise
    picture.save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_image(tmp_path / "a.png"), np.rot90(photo(height=8, width=16), -1))


def test_one_pixel_is_an_image(tmp_path: Path) -> None:
    assert read_image(save(tmp_path / "a.png", photo(height=1, width=1))).shape == (1, 1, 3)


@pytest.mark.parametrize(
    ("mode", "pixels", "read"),
    [
        ("1", [[0, 255]], [[0, 255]]),
        ("L", [[0, 7]], [[0, 7]]),
        ("LA", [[[0, 255], [7, 255]]], [[0, 7]]),
        ("RGBA", [[[1, 2, 3, 255], [4, 5, 6, 0]]], [[[1, 2, 3], [4, 5, 6]]]),
    ],
)
def test_masks_of_every_mode_are_read_as_annotated(tmp_path: Path, mode: str, pixels: list, read: list) -> None:
    array = np.array(pixels, np.uint8)
    picture = Pillow.fromarray(array).convert("1") if mode == "1" else Pillow.fromarray(array)
    assert picture.mode == mode
    picture.save(tmp_path / "a.png")
    assert read_mask(tmp_path / "a.png").tolist() == read


def test_sixteen_bit_masks_keep_their_values(tmp_path: Path) -> None:
    mask = read_mask(save(tmp_path / "a.png", np.array([[0, 300]], np.uint16)))
    assert mask.dtype == np.uint16
    assert mask.tolist() == [[0, 300]]


def test_a_truncated_file_is_one_line_that_names_it(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", photo(height=200, width=200))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(UserError, match=r"a\.png: cannot be read .*damaged or cut off"):
        read_image(path)


def test_a_file_that_is_no_image_is_one_line_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("not an image")
    with pytest.raises(UserError, match=r"a\.png: is not an image"):
        read_image(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"b\.png: there is no such file"):
        read_image(tmp_path / "b.png")


def test_a_header_that_claims_a_billion_pixels_is_refused_unread(tmp_path: Path) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b""))
    with pytest.raises(UserError, match=r"bomb\.png.*too many"):
        read_image(tmp_path / "bomb.png")
    header = struct.pack(">IIBBBBB", 12_000, 12_000, 8, 2, 0, 0, 0)  # more than we take, less than Pillow refuses
    (tmp_path / "big.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b""))
    with pytest.raises(UserError, match=r"big\.png: 12000 x 12000 pixels are too many"):
        read_image(tmp_path / "big.png")


def test_files_are_listed_in_the_order_of_counting_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("10.png", "2.png", "1.JPG", "a10b2.png", "a10b10.png", "a9b3.png", "._2.png", "notes.txt"):
        (tmp_path / name).touch()
    listed = [path.name for path in list_images(tmp_path)]
    assert listed == ["1.JPG", "2.png", "10.png", "a9b3.png", "a10b2.png", "a10b10.png"]
    assert is_image(Path("x.TIFF"))
    assert not is_image(Path("x.nii"))


def test_an_even_sample_has_the_ends_and_never_repeats() -> None:
    for length in range(2, 60):
        for most in range(2, 20):
            sample = even_sample(range(length), most)
            assert len(sample) == len(set(sample)) == min(length, most)
            assert (sample[0], sample[-1]) == (0, length - 1)


def test_a_split_reads_one_sample_when_that_one_is_asked_for() -> None:
    entries = [Held(Sample(photo(seed), label(seed), str(seed))) for seed in range(5)]
    split = Split(tuple(entries))
    assert split.names == ("0", "1", "2", "3", "4")
    assert len(split) == 5
    assert [entry.reads for entry in entries] == [0, 0, 0, 0, 0]
    assert split[2].name == "2"
    assert split[1:3][1].name == "2"
    assert [entry.reads for entry in entries] == [0, 0, 2, 0, 0]
    assert [sample.name for sample in split] == list(split.names)


def test_a_dataset_says_what_it_is() -> None:
    data = dataset(train=held("a", "b"), test=held("c"))
    assert str(data) == "small: held layout (made by a test); 2 train, 1 test; 11 classes"
    assert data.split("test").names == ("c",)
    assert len(data.split("val")) == 0


def test_opening_a_folder_reads_a_sample_of_the_files_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{index:03d}" for index in range(300)]
    for name in names:
        save(tmp_path / "images" / f"{name}.png", photo(height=4, width=4))
        save(tmp_path / "masks" / f"{name}.png", np.array([[0, 0], [0, 1]], np.uint8))
    opened: list[str] = []
    plain = Pillow.open
    monkeypatch.setattr(
        Pillow, "open", lambda path, *rest, **more: opened.append(str(path)) or plain(path, *rest, **more)
    )
    data = open_dataset(tmp_path)
    assert len(data.train) == 300
    assert len({path for path in opened if "images" in path}) <= 26
    assert len({path for path in opened if "masks" in path}) <= 210


def test_streets_are_there_without_any_data() -> None:
    data = open_dataset("streets")
    assert isinstance(data, Dataset)
    assert data.source == Source("streets")
    assert (len(data.train), len(data.val), len(data.test)) == (600, 60, 100)
    names = data.train.names + data.val.names + data.test.names
    assert len(set(names)) == 760
    assert data.labels == CAMVID11


def test_a_rendered_street_is_the_same_whenever_it_is_read() -> None:
    split = open_dataset("streets").val
    first, again = split[0], split[0]
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.label, again.label)
    assert first.image.shape == (256, 320, 3)
    assert set(np.unique(first.label)) <= {*range(11), 255}
    assert not np.array_equal(first.label, split[1].label)


def test_a_folder_called_streets_is_opened_rather_than_the_rendered_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders(tmp_path / "streets")
    monkeypatch.chdir(tmp_path)
    assert len(open_dataset("streets").train) == 3


def test_a_misspelt_folder_suggests_its_nearest_neighbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders(tmp_path / "cityscapes_pairs")
    with pytest.raises(UserError, match=r"did you mean '.*cityscapes_pairs'"):
        open_dataset(tmp_path / "cityscape_pairs")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="street: there is no such folder; did you mean 'streets'"):
        open_dataset("street")
    with pytest.raises(UserError, match="'streets' opens the embedded scenes"):
        open_dataset("nothing/like/it")


def test_a_file_instead_of_a_folder_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a file; name the folder"):
        open_dataset(save(tmp_path / "a.png", photo()))


def test_an_unknown_layout_suggests_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'pairs'"):
        open_dataset(tmp_path, "pair")


def test_a_layout_that_is_insisted_on_is_the_only_one_tried(tmp_path: Path) -> None:
    folders(tmp_path)
    assert open_dataset(tmp_path, "folders").layout == "folders"
    with pytest.raises(UserError, match=r"arrange it as one of: pairs \("):
        open_dataset(tmp_path, "pairs")


def test_a_folder_without_images_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match="holds no images"):
        open_dataset(tmp_path)


def test_what_lies_in_an_unrecognised_folder_is_counted(tmp_path: Path) -> None:
    save(tmp_path / "a.png", photo())
    save(tmp_path / "more" / "b.png", photo())
    (tmp_path / "notes.txt").touch()
    (tmp_path / "data.csv").touch()
    with pytest.raises(UserError) as caught:
        open_dataset(tmp_path)
    for part in ("2 images", "1 text files", "1 other files", "camvid (", "pairs (", "folders ("):
        assert part in str(caught.value)


def test_a_lone_folder_is_looked_into(tmp_path: Path) -> None:
    folders(tmp_path / "archive" / "dataset-v2")
    (tmp_path / "archive" / ".DS_Store").touch()
    (tmp_path / "__MACOSX").mkdir()
    data = open_dataset(tmp_path)
    assert data.name == "dataset-v2"
    assert data.source == Source(str(tmp_path))
    assert len(data.train) == 3
