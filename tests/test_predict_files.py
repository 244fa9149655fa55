"""What `pixelwise predict` writes of many photos, which photos it takes, and how it goes on after it was stopped."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from command_line import files_below, pixelwise, refused
from PIL import Image as Pillow
from pycocotools.coco import COCO

import pixelwise as pw
from pixelwise.data.files.images import read_image
from pixelwise.prediction.labelling import label_images
from pixelwise.prediction.predict import predict
from pixelwise.prediction.record import RECORD

RUN = "runs/2026-11-20_unet_camvid"
ALL = "label,color,overlay,side_by_side,cutout:car,geojson,coco,labelme,svg,probabilities,confidence"


def label_of(path: str) -> np.ndarray:
    return np.asarray(Pillow.open(path))


def test_every_kind_of_file_holds_what_the_segmentation_holds(desk: Path) -> None:
    answer = pixelwise("predict", RUN, "street.jpg", "--write", ALL, "--output", "out")
    assert (answer.code, answer.err) == (0, "")
    names = [f"street_{kind}.png" for kind in ("color", "confidence", "cutout_Car", "label", "overlay", "side_by_side")]
    others = ["coco.json", "labelme/labels.txt", "labelme/street.json", "labelme/street.png", "street.geojson"]
    expected = [RECORD, *names, *others, "street.svg", "street_probabilities.npy"]
    assert sorted(files_below(desk / "out")) == sorted(expected)
    found = pw.load(RUN, "cpu").predict("street.jpg")
    assert (label_of("out/street_label.png") == found.label).all()
    assert np.abs(label_of("out/street_confidence.png") / 255 - found.confidence).max() <= 0.5 / 255 + 1e-6
    assert (label_of("out/street_cutout_Car.png") == np.asarray(found.cutout("Car"))).all()
    assert json.loads(Path("out/street.geojson").read_text()) == found.to_geojson()
    assert Path("out/street.svg").read_text() == found.to_svg()
    assert json.loads(Path("out/labelme/street.json").read_text())["imagePath"] == "street.png"


def test_probabilities_sum_to_one_and_the_largest_is_the_confidence_of_the_label(desk: Path) -> None:
    bundle = pw.load(RUN, "cpu").bundle
    photo = read_image(Path("street.jpg"))
    found = predict(bundle, photo, probabilities=True)
    assert found.probabilities is not None
    assert found.probabilities.shape == (11, *photo.shape[:2])
    assert found.probabilities.sum(0) == pytest.approx(1, abs=1e-5)
    assert (found.probabilities.argmax(0) == found.label).all()
    assert (found.probabilities.max(0) == found.confidence).all()
    [(label, confidence)] = label_images(bundle.network, [photo], bundle.size)
    assert (label == found.label).all()
    assert (confidence == found.confidence).all()
    assert predict(bundle, photo).probabilities is None


def test_written_probabilities_are_scored_as_the_model_is(desk: Path) -> None:
    assert pixelwise("predict", RUN, "camvid", "--write", "probabilities", "--output", "out").code == 0
    for path in Path("out").glob("*.npy"):
        path.rename(path.with_name(path.name.replace("_probabilities", "")))
    theirs = json.loads(pixelwise("evaluate", "camvid", "--predictions", "out", "--split", "val", "--json").out)
    ours = json.loads(pixelwise("evaluate", RUN, "camvid", "--split", "val", "--json").out)
    assert theirs["scores"] == ours["scores"]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools with numpy 2
def test_one_file_of_coco_holds_all_photos_and_pycocotools_reads_their_labels_from_it(desk: Path) -> None:
    assert (
        pixelwise("predict", RUN, "street.jpg", "holiday_photos", "--write", "coco,label", "--output", "out").code == 0
    )
    coco = COCO("out/coco.json")
    files = {image["file_name"]: image for image in coco.loadImgs(coco.getImgIds())}
    assert sorted(files) == ["holiday_photos/0.jpg", "holiday_photos/1.jpg", "street.jpg"]
    assert len(coco.anns) == len({one["id"] for one in coco.dataset["annotations"]}) > 3
    for name, image in files.items():
        label = np.full((image["height"], image["width"]), 255, np.uint8)
        for annotation in coco.loadAnns(coco.getAnnIds([image["id"]])):
            label[coco.annToMask(annotation) > 0] = annotation["category_id"] - 1
        assert (label == label_of(f"out/{Path(name).stem}_label.png")).all()


def test_simplify_leaves_fewer_points(desk: Path) -> None:
    sizes = []
    for simplify in (0, 2):
        pixelwise(
            "predict", RUN, "street.jpg", "--write", "geojson", "--simplify", simplify, "--output", f"out{simplify}"
        )
        sizes.append(Path(f"out{simplify}/street.geojson").stat().st_size)
    assert sizes[1] < 0.9 * sizes[0]


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ("labl", "there is no kind of file 'labl'; did you mean 'label'?"),
        ("label,,svg", "there is no kind of file ''"),
        ("cutout:bus", "there is no class 'bus'"),
        ("cutout:CLASS", "there is no class 'CLASS'"),
    ],
)
def test_what_cannot_be_written_is_told_before_anything_is_labelled(desk: Path, kinds: str, said: str) -> None:
    assert said in refused("predict", RUN, "street.jpg", "--write", kinds)
    assert not Path("predictions").exists()


# Which photos


def names(*words: object) -> list[str]:
    answer = pixelwise("predict", RUN, *words, "--write", "svg", "--json")
    assert answer.code == 0, answer
    return sorted(json.loads(answer.out)["photos"])


def test_patterns_that_the_shell_left_name_photos_and_folders(desk: Path) -> None:
    Path("holiday_photos/notes.txt").touch()
    assert names("holiday_photos/*") == ["0", "1"]
    assert names("holiday*") == ["0", "1"]
    assert names("holiday_photos/[1-9].jpg", "st*.jpg") == ["1", "street"]
    assert names(f"{desk}/**/1.jpg") == ["1"]
    shutil.copy("street.jpg", "[new] street.jpg")
    assert names("[new] street.jpg") == ["[new] street"]
    assert "no photo is called so" in refused("predict", RUN, "holiday_photos/*.gif")


@pytest.mark.parametrize("between", ["\n", "\0"])
def test_a_list_on_standard_input_names_photos(desk: Path, monkeypatch: pytest.MonkeyPatch, between: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(between.join(["street.jpg", "holiday_photos/0.jpg", ""])))
    assert names("-") == ["0", "street"]
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert "standard input lists no files" in refused("predict", RUN, "-")


def test_nothing_is_fetched_from_the_network(desk: Path) -> None:
    for address in ("https://example.org/street.jpg", "s3://photos/street.jpg"):
        assert f"{address}: nothing is fetched from the network; download it first" in refused("predict", RUN, address)


def test_pictures_of_an_earlier_run_are_no_photos(desk: Path) -> None:
    (desk / "film").mkdir()
    shutil.copy("street.jpg", "film")
    for _ in range(2):
        answer = pixelwise("predict", RUN, "film", "--output", "film/out", "--json")
        assert list(json.loads(answer.out)["photos"]) == ["street"]
    assert "would lie between the photos" in refused("predict", RUN, "film", "--output", "film")


# Going on


def labelled(*words: object) -> tuple[list[str], list[str], str]:
    """Names that were labelled now, names that were done before, and what was said."""
    answer = pixelwise("predict", RUN, "holiday_photos", "street.jpg", "--write", "label", "--json-lines", *words)
    assert answer.code == 0, answer
    lines = [json.loads(line) for line in answer.out.splitlines()]
    return (
        [one["name"] for one in lines if not one["before"]],
        [one["name"] for one in lines if one["before"]],
        answer.err,
    )


def test_what_is_done_is_left_as_it_is_until_photo_model_or_settings_change(desk: Path) -> None:
    assert labelled()[:2] == (["0", "1", "street"], [])
    written = {path: path.stat().st_mtime_ns for path in Path("predictions").glob("*.png")}
    assert labelled()[:2] == ([], ["0", "1", "street"])
    assert {path: path.stat().st_mtime_ns for path in written} == written
    shutil.copy("holiday_photos/1.jpg", "holiday_photos/0.jpg")
    Path("predictions/street_label.png").unlink()
    assert labelled()[:2] == (["0", "street"], ["1"])
    new, before, said = labelled("--simplify", 1)
    assert (new, before) == (["0", "1", "street"], [])
    assert "3 photos were labelled by another model or with other settings" in said
    assert labelled("--simplify", 1, "--again")[:2] == (["0", "1", "street"], [])
    model = pw.load(RUN, "cpu")
    model.bundle.network.mean += 1
    model.save(f"{RUN}/best.safetensors")
    assert "another model" in labelled("--simplify", 1)[2]
    assert len(Path("predictions", RECORD).read_text().splitlines()) == 3


def test_another_photo_of_the_same_name_is_labelled_even_where_it_is_older(desk: Path) -> None:
    (desk / "other").mkdir()
    Pillow.open("street.jpg").transpose(Pillow.Transpose.FLIP_LEFT_RIGHT).save("other/street.png")
    os.utime("other/street.png", (1, 1))
    pixelwise("predict", RUN, "street.jpg")
    answer = pixelwise("predict", RUN, "other/street.png")
    assert (answer.err, "1 photos labelled" in answer.out) == ("", True)
    assert (label_of("predictions/street_label.png") == pw.load(RUN, "cpu").predict("other/street.png").label).all()


def test_the_shares_and_the_coco_of_what_was_done_before_are_told_again(desk: Path) -> None:
    words = ("predict", RUN, "holiday_photos", "--write", "coco", "--json")
    first, coco = json.loads(pixelwise(*words).out), Path("predictions/coco.json").read_text()
    Path("predictions/coco.json").unlink()
    assert json.loads(pixelwise(*words).out) == first
    assert Path("predictions/coco.json").read_text() == coco


def test_half_a_line_in_the_record_costs_one_photo(desk: Path) -> None:
    labelled()
    record = Path("predictions", RECORD)
    record.write_bytes(record.read_bytes()[:-30])
    assert labelled()[:2] == (["street"], ["0", "1"])
    record.write_bytes(b"\xff\x00nonsense\n[]\n" + record.read_bytes())
    assert labelled()[:2] == ([], ["0", "1", "street"])


def test_a_run_that_was_killed_goes_on_where_it_was(desk: Path) -> None:
    for number in range(14):
        shutil.copy("street.jpg", f"holiday_photos/copy{number}.jpg")
    words = [sys.executable, "-m", "pixelwise", "predict", RUN, "holiday_photos", "--write", "label,coco"]
    with subprocess.Popen(words, env=os.environ | {"OMP_NUM_THREADS": "1"}) as process:
        while process.poll() is None and len(list(Path("predictions").glob("*.png"))) < 3:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    done = len(Path("predictions", RECORD).read_text().splitlines())
    answer = pixelwise(*words[3:])
    assert 2 <= done < 16
    assert f"{done} of 16 photos are done already" in " ".join(answer.err.split())
    assert f"{16 - done} photos labelled" in answer.out
    assert len(COCO("predictions/coco.json").imgs) == 16


def test_a_bad_file_is_tried_again_and_told_in_its_own_line(desk: Path) -> None:
    Path("holiday_photos/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    for before in (False, True):
        answer = pixelwise("predict", RUN, "holiday_photos", "--json-lines")
        lines = {one["name"]: one for one in map(json.loads, answer.out.splitlines())}
        assert answer.code == 2
        assert answer.err.splitlines()[-1] == "pixelwise: 1 of 3 photos could not be labelled"
        assert "broken.jpg" in lines["broken"]["failed"]
        assert lines["0"]["before"] is before
        assert all(Path(file).is_file() for file in lines["0"]["files"])


def test_a_truth_of_another_resolution_is_shown_at_the_photos_size(desk: Path) -> None:
    found = pw.load(RUN, "cpu").predict("street.jpg")
    height, width = found.label.shape
    truth = np.repeat(np.repeat(found.label, 2, axis=0), 2, axis=1)
    assert np.array_equal(np.asarray(found.side_by_side(truth)), np.asarray(found.side_by_side(found.label)))
    assert found.side_by_side(truth[:, :7]).size == (3 * width, height)
