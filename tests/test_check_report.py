"""The page of `pixelwise check`: all that was found is on it, it needs nothing from outside, and it stays small."""

import base64
import io
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from html_page import Outline
from PIL import Image as Pillow

from pixelwise.checking import Check, Facts, check
from pixelwise.checking.stripes import Stripe
from pixelwise.data.dataset import Dataset, Format, Sample, Split
from pixelwise.data.problems import Problem
from pixelwise.errors import DataError, UserError
from pixelwise.labels import LabelMap
from pixelwise.report import write_check_report
from pixelwise.report.check_report import MOST_FILES, MOST_PROBLEMS, verdict
from pixelwise.report.thumbnails import MOST_BYTES, SIDE, overlay, thumbnails_of

LABELS = LabelMap(("road", "car", "pole"), ((128, 64, 128), (0, 0, 142), (153, 153, 153)))


@dataclass(frozen=True)
class Drawn:
    """A sample of one colour, half of it road and half of it ignored; or one that cannot be read."""

    name: str
    broken: bool = False
    channels: int = 3

    @property
    def files(self) -> tuple[Path, ...]:
        return Path(f"/data/{self.name}.jpg"), Path(f"/data/{self.name}.png")

    def read(self) -> Sample:
        if self.broken:
            raise DataError(self.files[0], "is cut off", "copy it again", "unreadable")
        label = np.zeros((30, 40), np.uint8)
        label[:, 20:] = 255
        return Sample(np.full((30, 40, self.channels), 90, np.uint8), label, self.name)


def facts_of(entry: Drawn, split: str) -> Facts:
    files = tuple(str(file) for file in entry.files)
    error = DataError(files[0], "is cut off", "copy it again", "unreadable") if entry.broken else None
    pixels = np.array([600, 0, 0])
    return Facts(split, entry.name, files, error, (30, 40), entry.channels, pixels, 600)


def make_check(
    train: Sequence[Drawn], val: Sequence[Drawn] = (), *, problems: Sequence[Problem] = (), labels: LabelMap = LABELS
) -> Check:
    dataset = Dataset(
        "mine",
        "folders",
        "images and masks lie apart",
        labels,
        Split(tuple(train)),
        Split(tuple(val)),
        root=Path("/data"),
    )
    facts = [*(facts_of(one, "train") for one in train), *(facts_of(one, "val") for one in val)]
    return Check(dataset, tuple(facts), tuple(problems))


def warning(kind: str, *files: str, what: str = "is odd") -> Problem:
    return Problem(kind, "warning", what, "look at it", files)


def written(folder: Path, found: Check, command: str = "pixelwise check mine --report check.html") -> str:
    write_check_report(folder / "check.html", found, command=command)
    return (folder / "check.html").read_text(encoding="utf-8")


def test_the_page_is_whole_html_that_loads_nothing_from_outside(tmp_path: Path) -> None:
    page = written(tmp_path, make_check([Drawn("a")], [Drawn("b", broken=True)], problems=[warning("odd", "x.png")]))
    outline = Outline(page)
    assert page.startswith("<!doctype html>")
    assert outline.open == []
    assert not re.search(r"https?://|url\(|@import", page)
    assert not {"script", "link", "iframe", "object", "base"} & set(outline.tags)
    assert all(value.startswith("data:") for name, value in outline.attributes if name in ("src", "href", "srcset"))
    assert "default-src 'none'; img-src data:" in page
    assert not any(name.startswith("on") for name, _ in outline.attributes)


def test_the_sections_come_in_the_order_of_reading(tmp_path: Path) -> None:
    found = make_check([Drawn("a")], [Drawn("b")], problems=[warning("odd", "/data/x.png")])
    page = written(tmp_path, found, "pixelwise check a&b")
    parts = [
        ">mine<", "0 errors, 1 warning.", "images and masks lie apart", "1 train, 1 val",
        "3 channels (RGB), 8 bits", "odd</bdi>", "x.png", "height × width", "30 × 40", "50.0\u00a0%", "100.00\u00a0%",
        "both</label>", "check a&amp;b",
    ]  # fmt: skip
    places = [page.index(part, page.index("<body>")) for part in parts]
    assert places == sorted(places)


def test_every_problem_is_shown_with_its_mend_and_every_file_below_the_datasets_folder(tmp_path: Path) -> None:
    many = [f"/data/masks/{index}.png" for index in range(300)]
    problems = [
        Problem("missing partner", "error", "has no mask", "add one", (*many, "/elsewhere/y.png")),
        warning("wrong extension", "/data/z.jpg", what="holds png data"),
    ]
    texts = Outline(written(tmp_path, make_check([Drawn("a")], problems=problems))).texts
    assert {"missing partner", "has no mask", "add one", "wrong extension", "holds png data", "look at it"} <= set(
        texts
    )
    assert {f"masks/{index}.png" for index in range(300)} | {"/elsewhere/y.png", "z.jpg"} <= set(texts)
    assert {"301 files", "1 file", "1 error in 301 files, 1 warning."} <= set(texts)


def test_all_that_a_real_check_finds_is_on_the_page(tmp_path: Path) -> None:
    found = check(make_check([Drawn("a"), Drawn("b", broken=True)], [Drawn("c")]).dataset)
    texts = Outline(written(tmp_path, found)).texts
    assert [problem.kind for problem in found.problems] == ["unreadable", "flat image", "absent class", "absent class"]
    assert {text for problem in found.problems for text in (problem.kind, problem.what, problem.mend)} <= set(texts)


def test_where_no_problem_was_found_the_page_says_so(tmp_path: Path) -> None:
    outline = Outline(written(tmp_path, make_check([Drawn("a")])))
    assert "Nothing found that needs mending." in outline.texts
    assert outline.tags["article"] == 0


def test_the_verdict_counts_errors_their_files_once_and_warnings() -> None:
    errors = [Problem("unreadable", "error", what, "", ("a.png", "b.png")) for what in ("is cut off", "is empty")]
    found = make_check([Drawn("a")], problems=[*errors, warning("odd"), warning("stripe")])
    assert verdict(found) == "2 errors in 2 files, 2 warnings."
    assert verdict(make_check([], problems=[Problem("no training images", "error", "", "", ())])) == (
        "1 error, 0 warnings."
    )


def test_of_more_than_a_thousand_files_the_page_says_how_many_it_leaves_out(tmp_path: Path) -> None:
    files = tuple(f"/data/{index}.png" for index in range(MOST_FILES + 234))
    texts = Outline(written(tmp_path, make_check([Drawn("a")], problems=[warning("odd", *files)]))).texts
    assert {"1,234 files", "and 234 more", "999.png"} <= set(texts)
    assert "1000.png" not in texts


def test_classes_absent_from_train_or_val_are_marked(tmp_path: Path) -> None:
    rows = {row[0]: row for row in Outline(written(tmp_path, make_check([Drawn("a")], [Drawn("b")]))).rows if row}
    assert rows["road"] == ["road", "100.00 %1 image", "100.00 %1 image"]
    assert rows["car"] == ["car", "absent", "absent"]


def test_a_sample_that_cannot_be_read_is_a_tile_with_its_error(tmp_path: Path) -> None:
    outline = Outline(written(tmp_path, make_check([Drawn("a"), Drawn("b", broken=True)])))
    assert "/data/b.jpg: is cut off; copy it again" in outline.texts
    assert outline.tags["figure"] == 2
    assert outline.tags["img"] == 2  # of the other one
    assert ["train", "21 unreadable", "30 × 40", "50.0 %"] in outline.rows


def test_of_each_split_24_samples_are_shown_and_named(tmp_path: Path) -> None:
    train, val = ([Drawn(f"{split}{index}") for index in range(100)] for split in ("t", "v"))
    outline = Outline(written(tmp_path, make_check(train, val)))
    assert outline.tags["figure"] == 48
    assert {"t0", "t99", "v0", "v99", "24 samples of 100, evenly spaced"} <= set(outline.texts)


@pytest.mark.parametrize("kind", ["suspect pair", "stripe", "unlabelled", "lossy mask", "no label"])
def test_problems_of_pictures_show_up_to_six_samples_as_photo_and_overlay(tmp_path: Path, kind: str) -> None:
    entries = [Drawn(f"s{index}") for index in range(9)]
    without = written(tmp_path, make_check(entries)).count("<img")
    problem = warning(kind, *(str(one.files[-1]) for one in entries))
    assert written(tmp_path, make_check(entries, problems=[problem])).count("<img") == without + 2 * 6


def test_other_problems_show_no_pictures(tmp_path: Path) -> None:
    problem = warning("wrong extension", "/data/a.png")
    assert written(tmp_path, make_check([Drawn("a")], problems=[problem])).count("<img") == 2


def test_a_leak_shows_both_pictures_under_the_names_of_their_splits(tmp_path: Path) -> None:
    found = make_check(
        [Drawn("a (as b)")], [Drawn("c")], problems=[warning("leakage", "/data/c.jpg (as /data/a (as b).jpg)")]
    )
    outline = Outline(written(tmp_path, found))
    assert "c.jpg (as a (as b).jpg)" in outline.texts
    assert outline.tags["img"] == 2 * 2 + 2
    assert outline.texts.count("val: ") == outline.texts.count("train: ") == 1


def test_a_file_with_the_labels_of_many_samples_stands_for_none_of_them(tmp_path: Path) -> None:
    found = make_check([Drawn("a"), Drawn("b")], problems=[warning("no label", "/data/all.json")])
    facts = tuple(replace(one, files=(one.files[0], "/data/all.json")) for one in found.facts)
    assert written(tmp_path, replace(found, facts=facts)).count("<img") == 2 * 2


def test_a_stripe_that_most_labels_have_shows_some_of_them_once(tmp_path: Path) -> None:
    found = make_check([Drawn("a"), Drawn("b")], problems=[warning("stripe"), warning("stripe", what="another")])
    striped = tuple(replace(one, stripes=(Stripe("row", 0, 1, 255, 30),)) for one in found.facts)
    assert written(tmp_path, replace(found, facts=striped)).count("<img") == 2 * 2 + 2 * 2


HOSTILE = [
    '"><script>alert(1)</script>',
    "<img src=x onerror=alert(1)>",
    "x" * 3000,
    "right\u202eto left\u2066",
    "{{ 7 * 7 }} {% raw %}",
    "lone \udcff surrogate",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text_and_nothing_else(tmp_path: Path, name: str) -> None:
    plain = make_check([Drawn("plain")], problems=[warning("suspect pair", "/data/plain.png")])
    entry, labels = Drawn(name), LabelMap((name, "car", "pole"), LABELS.colors)
    found = make_check([entry], problems=[warning("suspect pair", str(entry.files[-1]))], labels=labels)
    found = replace(found, dataset=replace(found.dataset, name=name, evidence=name))
    page = written(tmp_path, found, command=name)
    assert Outline(page).tags == Outline(written(tmp_path, plain)).tags
    assert name.replace("\udcff", "\\udcff") in Outline(page).texts


def test_a_hundred_thousand_samples_with_as_many_faults_give_a_small_page(tmp_path: Path) -> None:
    entry = Drawn("some_folder/a_photo")
    dataset = replace(make_check([]).dataset, train=Split((entry,) * 100_000))
    files = tuple(f"/data/a_folder_with_a_name/{index}.png" for index in range(100_000))
    kinds = [warning(kind, *files) for kind in ("lossy mask", "unlabelled", "alpha channel", "suspect pair")]
    single = [
        Problem("unreadable", "error", f"fault {index}", "copy it", files[index : index + 1]) for index in range(5000)
    ]
    facts = (facts_of(entry, "train"),) * 100_000
    page = written(tmp_path, Check(dataset, facts, (*kinds, *single)))
    assert len(page) < 2_000_000
    assert f"{5004 - MOST_PROBLEMS:,} more problems" in page


def test_255_classes_each_have_a_row_and_a_place_in_the_legend(tmp_path: Path) -> None:
    labels = LabelMap(tuple(f"class {index}" for index in range(255)), tuple((index, 0, 9) for index in range(255)))
    found = make_check([Drawn("a")], labels=labels)
    found = replace(found, facts=(replace(found.facts[0], pixels=np.arange(255)),))
    outline = Outline(written(tmp_path, found))
    assert all(outline.texts.count(name) == 2 for name in labels.names)
    assert ["class 254", "0.78 %1 image"] in outline.rows  # 254 of 254 * 255 / 2
    assert ["class 3", "< 0.01 %1 image"] in outline.rows


def test_a_dataset_without_samples_still_gives_a_page(tmp_path: Path) -> None:
    page = written(tmp_path, make_check([], problems=[Problem("no training images", "error", "is empty", "add", ())]))
    assert "1 error, 0 warnings." in page
    assert "nan" not in page


def test_a_page_that_cannot_be_written_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "check.html").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        written(tmp_path, make_check([Drawn("a")]))


@pytest.mark.parametrize(("channels", "words"), [(1, "1 channel (grey)"), (2, "2 channels"), (7, "7 channels")])
def test_images_of_any_number_of_channels_are_drawn(tmp_path: Path, channels: int, words: str) -> None:
    found = make_check([Drawn("a", channels=channels)])
    found = replace(found, dataset=replace(found.dataset, format=Format(channels, 12)))
    page = written(tmp_path, found)
    assert f"{words}, 12 bits, of which the upper 8 are used" in page
    assert page.count("<img") == 2


def test_a_thumbnail_has_its_longer_side_at_320_pixels_and_at_most_15_kb() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (700, 350, 3), np.uint8)
    for image, size in ((noise, (SIDE // 2, SIDE)), (noise[:10, :20], (SIDE, SIDE // 2)), (noise[:1], (SIDE, 1))):
        uri = thumbnails_of(Sample(image, np.zeros((3, 4), np.uint8), "a"), LABELS).overlay
        data = base64.b64decode(uri.split(",")[1])
        assert Pillow.open(io.BytesIO(data)).size == size
        assert len(data) <= MOST_BYTES


def test_the_overlay_mixes_colours_hatches_what_is_ignored_and_parts_classes_by_a_dark_line() -> None:
    label = np.repeat(np.array([[0] * 10 + [1] * 10 + [255] * 20], np.uint8), 30, axis=0)
    drawn = overlay(np.full((30, 40, 3), 100, np.uint8), label, LABELS)
    assert drawn[5, 5].tolist() == [114, 82, 114]  # halfway between the photo and the road's colour
    assert drawn[5, 9].tolist() == [38, 27, 38]  # a third of that
    assert {tuple(color) for color in drawn[:, 21:].reshape(-1, 3).tolist()} == {(50, 50, 50), (125, 125, 125)}


def test_importing_the_page_does_not_import_torch() -> None:
    program = "import sys, pixelwise.report.check_report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
