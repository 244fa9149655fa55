"""Films: what is read of them, what is written, and what happens where one is broken, cut off or stopped."""

import json
import re
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
import torch
from command_line import content, pixelwise, refused
from film_makers import Picture, read_film, spoil, write_film
from PIL import Image as Pillow
from small_data import real
from small_models import tiny_bundle

import pixelwise as pw
from pixelwise import progress
from pixelwise.data import Dataset
from pixelwise.errors import UserError
from pixelwise.prediction import video_writing
from pixelwise.prediction.films import Camera, camera_of, is_film, part_films
from pixelwise.prediction.footage import upright
from pixelwise.prediction.predict import predict
from pixelwise.prediction.smoothing import Smoothing
from pixelwise.prediction.video import Filming, label_film
from pixelwise.prediction.video_opening import open_film

RUN = "runs/2026-11-20_unet_camvid"
BUNDLE = tiny_bundle()


def busy(count: int = 12, height: int = 48, width: int = 64) -> list[Picture]:
    """Pictures of a square that moves over a coloured slope, so that no two are alike."""
    rows, columns = np.mgrid[:height, :width]
    slope = np.stack([rows * 4, columns * 3, np.full_like(rows, 90)], axis=2).astype(np.uint8)
    pictures = [slope.copy() for _ in range(count)]
    for number, picture in enumerate(pictures):
        picture[8:24, 2 * number : 2 * number + 16] = 250, 20 * (number % 12), 30
    return pictures


def labels_in(folder: Path) -> dict[str, np.ndarray]:
    return {path.stem: np.asarray(Pillow.open(path)) for path in sorted(folder.iterdir())}


# What is written


def test_the_overlay_has_the_frames_the_rate_the_times_and_the_size_of_the_film(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", busy(), rate=30)
    done = label_film(BUNDLE, film, tmp_path / "out")
    written, before = read_film(tmp_path / "out" / "film_overlay.mp4"), read_film(film)
    assert done.files == (tmp_path / "out" / "film_overlay.mp4",)
    assert (done.frames, done.labelled, done.broken, done.remarks()) == (12, 12, 0, [])
    assert (written.times, written.rate) == (before.times, Fraction(30))
    assert [picture.shape for picture in written.pictures] == [(48, 64, 3)] * 12
    assert content(tmp_path / "out") == ["film_overlay.mp4"]


def test_the_label_of_a_frame_is_what_predict_gives_for_the_decoded_frame(tmp_path: Path, small: Dataset) -> None:
    film = write_film(tmp_path / "film.mp4", [sample.image for sample in small.train])
    done = label_film(BUNDLE, film, tmp_path, Filming(("label",)))
    labels = labels_in(tmp_path / "film_label")
    pictures = read_film(film).pictures
    assert list(labels) == [f"{number:06d}" for number in range(1, 7)]
    for picture, label in zip(pictures, labels.values(), strict=True):
        assert (label == predict(BUNDLE, picture).label).all()
    counts = np.bincount(np.stack(list(labels.values())).ravel(), minlength=11)
    assert done.shares == {
        BUNDLE.labels.names[index]: counts[index] / counts.sum() for index in np.argsort(-counts) if counts[index]
    }


def test_every_kind_of_film_shows_what_the_segmentation_shows_in_its_colours(tmp_path: Path) -> None:
    flat = np.full((48, 64, 3), (150, 100, 60), np.uint8)
    film = write_film(tmp_path / "film.mp4", [flat] * 3, codec="mjpeg")
    label_film(BUNDLE, film, tmp_path, Filming(("overlay", "side_by_side", "color")))
    found = predict(BUNDLE, read_film(film).pictures[0])
    for kind, expected in (
        ("overlay", found.overlay()),
        ("side_by_side", found.side_by_side()),
        ("color", found.color()),
    ):
        shown, wanted = read_film(tmp_path / f"film_{kind}.mp4").pictures[0], np.asarray(expected)
        assert shown.shape == wanted.shape
        assert np.abs(np.median(shown, axis=(0, 1)) - np.median(wanted, axis=(0, 1))).max() < 6


def test_variable_rates_keep_the_time_of_every_frame(tmp_path: Path) -> None:
    ticks = [0, 20, 100, 120, 140, 400, 420, 600, 620, 1200, 1201, 1800]
    film = write_film(tmp_path / "film.mp4", busy(), ticks=ticks)
    label_film(BUNDLE, film, tmp_path / "out")
    assert read_film(tmp_path / "out" / "film_overlay.mp4").times == pytest.approx([tick / 600 for tick in ticks])


@pytest.mark.parametrize(("height", "width"), [(47, 63), (48, 63), (47, 64)])
def test_a_side_of_an_odd_number_of_pixels_grows_by_one(tmp_path: Path, height: int, width: int) -> None:
    film = tmp_path / "film.mkv"
    with av.open(str(film), "w") as container:
        video = container.add_stream("ffv1", rate=10)
        video.height, video.width, video.pix_fmt = height, width, "bgr0"
        for picture in busy(3, height, width):
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(video.encode())
    label_film(BUNDLE, film, tmp_path, Filming(("overlay", "label")))
    shown = read_film(tmp_path / "film_overlay.mp4").pictures
    assert {picture.shape[:2] for picture in shown} == {(48, 64)}
    assert {label.shape for label in labels_in(tmp_path / "film_label").values()} == {(height, width)}


@pytest.mark.parametrize("degrees", [90, -90, 180])
def test_a_film_that_is_to_be_turned_is_seen_upright(tmp_path: Path, degrees: int) -> None:
    plain = write_film(tmp_path / "plain.mp4", busy(3))
    turned = write_film(tmp_path / "turned.mp4", busy(3), turned=degrees)
    with open_film(plain) as first, open_film(turned) as second:
        for before, after in zip(first.frames(), second.frames(), strict=True):
            assert before.image is not None
            assert np.array_equal(after.image, np.rot90(before.image, degrees // 90))
    label_film(BUNDLE, turned, tmp_path)
    size = (48, 64) if degrees == 180 else (64, 48)
    assert read_film(tmp_path / "turned_overlay.mp4").pictures[0].shape[:2] == size


def test_a_display_matrix_that_mirrors_is_followed() -> None:
    picture = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    one = 1 << 16
    assert np.array_equal(upright(picture, [-one, 0, 0, 0, one, 0, 0, 0, 1 << 30]), picture[:, ::-1])
    assert np.array_equal(upright(picture, [0, one, 0, one, 0, 0, 0, 0, 1 << 30]), picture.swapaxes(0, 1))
    assert np.array_equal(upright(picture, None), picture)


def test_sound_is_copied_and_where_it_does_not_fit_it_is_said(tmp_path: Path) -> None:
    for name, codec, kept in (("a.mkv", "flac", True), ("b.avi", "pcm_mulaw", False)):
        film = write_film(tmp_path / name, busy(), sound=codec)
        done = label_film(BUNDLE, film, tmp_path)
        heard = read_film(done.files[0]).sounds
        assert heard == (read_film(film).sounds if kept else 0)
        assert done.remarks() == ([] if kept else ["its sound cannot be copied into mp4 and is left out"])


def test_without_x264_the_film_is_mpeg4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_writing, "ENCODERS", ("no such encoder", "mpeg4"))
    film = write_film(tmp_path / "film.mp4", busy(), rate=30)
    label_film(BUNDLE, film, tmp_path)
    written = read_film(tmp_path / "film_overlay.mp4")
    assert written.times == pytest.approx(read_film(film).times, abs=1e-4)
    monkeypatch.setattr(video_writing, "ENCODERS", ("no such encoder",))
    with pytest.raises(UserError, match="encodes no film; use --write label"):
        label_film(BUNDLE, film, tmp_path)
    label_film(BUNDLE, film, tmp_path, Filming(("label",)))


def test_every_n_th_frame_and_so_many_seconds(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", busy())
    done = label_film(BUNDLE, film, tmp_path, Filming(("overlay", "label"), every=3, seconds=0.8))
    assert list(labels_in(tmp_path / "film_label")) == ["000001", "000004", "000007"]
    assert read_film(tmp_path / "film_overlay.mp4").times == pytest.approx([0, 0.3, 0.6])
    assert (done.frames, done.labelled) == (8, 3)


# Smoothing


def flicker(labels: dict[str, np.ndarray]) -> float:
    """Share of pixels whose class changes from one frame to the next."""
    stacked = np.stack(list(labels.values()))
    return float((stacked[1:] != stacked[:-1]).mean())


def test_smoothing_reduces_flicker_on_a_noisy_film_in_which_nothing_moves(tmp_path: Path, small: Dataset) -> None:
    rng, still = np.random.default_rng(0), small.test[0].image
    noisy = [np.clip(still + rng.normal(0, 25, still.shape), 0, 255).astype(np.uint8) for _ in range(16)]
    film = write_film(tmp_path / "film.mp4", noisy, codec="mjpeg")
    found = []
    for smooth in (0.0, 0.5, 0.8):
        label_film(BUNDLE, film, tmp_path / str(smooth), Filming(("label",), smooth=smooth))
        found.append(flicker(labels_in(tmp_path / str(smooth) / "film_label")))
    assert found[0] > 0
    assert found[1] < 0.8 * found[0]
    assert found[2] < 0.6 * found[1]


def test_smoothing_begins_anew_at_a_cut(tmp_path: Path) -> None:
    before, after = busy(5), [255 - picture for picture in busy(5)]
    film = write_film(tmp_path / "film.mp4", before + after)
    label_film(BUNDLE, film, tmp_path, Filming(("label",), smooth=0.9))
    labels = labels_in(tmp_path / "film_label")
    plain = [predict(BUNDLE, picture).label for picture in read_film(film).pictures]
    agreed = [(label == other).mean() for label, other in zip(labels.values(), plain, strict=True)]
    assert agreed[4] < 0.99 < min(agreed[0], agreed[5])


def test_the_mean_is_that_of_the_definition() -> None:
    grey, smoothing, mean = np.full((8, 8, 3), 100, np.uint8), Smoothing(0.25), torch.zeros(1, 2, 3, 3)
    for step in range(5):
        answer = torch.randn(1, 2, 3, 3, generator=torch.Generator().manual_seed(step))
        mean = answer if step == 0 else 0.25 * mean + 0.75 * answer
        assert torch.allclose(smoothing.add(answer, grey), mean)


@pytest.mark.parametrize(
    "wrong", [{"smooth": 1.0}, {"smooth": -0.1}, {"every": 0}, {"seconds": 0}, {"kinds": ("svg",)}]
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError):
        Filming(**wrong)  # type: ignore[arg-type]


# Broken films


@pytest.mark.parametrize("codec", ["mjpeg", "libx264"])
def test_broken_frames_are_counted_and_the_film_keeps_its_length(tmp_path: Path, codec: str) -> None:
    film = write_film(tmp_path / "film.mov", busy(30), codec=codec)
    count = len(read_film(film).times)
    spoil(film, 0.4, film.stat().st_size // 10)
    done = label_film(BUNDLE, film, tmp_path, Filming(("overlay", "label")))
    written = read_film(tmp_path / "film_overlay.mp4")
    assert (done.frames, len(written.times)) == (count, count)
    assert 1 <= done.broken <= 6
    assert done.labelled == count - done.broken
    number, at = done.broken_at[0]
    assert at == pytest.approx((number - 1) / 10)
    assert f"{number:06d}" not in labels_in(tmp_path / "film_label")
    assert f"{done.broken} of {count} frames are broken ({number} at {at:g} s" in done.remarks()[0]


def test_a_film_whose_end_is_missing_is_labelled_as_far_as_it_goes(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mkv", busy(60), codec="mjpeg")
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    done = label_film(BUNDLE, film, tmp_path)
    assert 20 < done.labelled < 40
    assert "ends after" in done.remarks()[0]
    assert len(read_film(tmp_path / "film_overlay.mp4").times) == done.labelled


HOSTILE = {
    "empty": b"",
    "text": b"no film at all\n" * 100,
    "cut off": b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41",
    "playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfilm.ts\n#EXT-X-ENDLIST\n",
    "list of files": b"ffconcat version 1.0\nfile film.ts\n",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_film_ends_with_one_line(desk: Path, kind: str) -> None:
    write_film(desk / "film.ts", busy(3))
    (desk / "bad.mp4").write_bytes(HOSTILE[kind])
    assert "bad.mp4: cannot be read as a film" in refused("predict", RUN, "bad.mp4")
    assert not list(desk.glob("predictions/*"))


def test_a_film_without_a_frame_and_one_of_sound_alone_end_with_one_line(desk: Path) -> None:
    with av.open("sound.mp4", "w") as container:
        voice = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 48000
        container.mux([*voice.encode(frame), *voice.encode()])
    assert "it holds no video" in refused("predict", RUN, "sound.mp4")
    film = write_film(desk / "none.mov", busy(6), codec="mjpeg")
    content = film.read_bytes()
    end = content.index(b"moov")
    film.write_bytes(content[:48] + b"\0" * (end - 56) + content[end - 8 :])
    assert "none of its 6 frames can be read" in refused("predict", RUN, "none.mov")
    assert not list(desk.glob("predictions/*"))


def test_without_pyav_there_is_one_line_with_the_mend(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needing = ("pyav", "footage", "video", "video_opening", "video_output", "video_writing")
    for name in needing:
        monkeypatch.delitem(sys.modules, f"pixelwise.prediction.{name}", raising=False)  # to be imported anew
    monkeypatch.setitem(sys.modules, "av", None)
    assert "run `pip install 'pixelwise[video]'`" in refused("predict", RUN, "film.mp4")


# The command


def test_photos_and_films_are_labelled_together(desk: Path) -> None:
    write_film(desk / "drive.mov", busy(3))
    answer = pixelwise("predict", RUN, "street.jpg", "film.mp4", "dr*.mov", "--json", "--output", "out")
    told = json.loads(answer.out)
    assert (answer.code, answer.err) == (0, "")
    assert list(told["photos"]) == ["street"]
    assert list(told["films"]) == ["film", "drive"]
    film = told["films"]["film"]
    assert (film["film"], film["files"], film["frames"]) == ("film.mp4", ["out/film_overlay.mp4"], 6)
    assert (film["labelled"], film["broken"], film["broken_at"]) == (6, 0, [])
    assert film["frames_per_second"] > 0
    assert sum(film["classes"].values()) == pytest.approx(1)
    assert {"street_overlay.png", "film_overlay.mp4", "drive_overlay.mp4"} < set(content(desk / "out"))


def test_a_bad_film_among_good_inputs_is_named_and_the_others_are_labelled(desk: Path) -> None:
    (desk / "bad.mp4").write_bytes(b"nothing")
    answer = pixelwise("predict", RUN, "bad.mp4", "film.mp4", "street.jpg")
    assert answer.code == 2
    assert "bad.mp4: cannot be read" in answer.err
    assert answer.err.splitlines()[-1] == "pixelwise: 1 of 2 films could not be labelled"
    assert {"street_overlay.png", "film_overlay.mp4"} < set(content(desk / "predictions"))
    lines = pixelwise("predict", RUN, "bad.mp4", "film.mp4", "--json-lines").out.splitlines()
    assert ["failed" in json.loads(line) for line in lines] == [True, False]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("film.mp4", "--tile", "64x64"), "leave them out for films"),
        (("street.jpg", "--smooth", "0.5"), "are of films and cameras"),
        (("film.mp4", "--write", "label,svg"), "there is no kind of film 'svg'"),
        (("film.mp4", "--smooth", "1"), "from 0 to below 1"),
        (("camera:nowhere",), "camera:nowhere: no picture comes from this camera"),
        (("/dev/video77",), "/dev/video77: no picture comes from this camera"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(desk: Path, words: tuple[str, ...], said: str) -> None:
    assert said in refused("predict", RUN, *words)
    assert not (desk / "predictions").exists()


def test_labels_of_an_earlier_run_are_not_mixed_with_new_ones(desk: Path) -> None:
    assert pixelwise("predict", RUN, "film.mp4", "--write", "label").code == 0
    assert "film_label: is there already; remove it" in refused("predict", RUN, "film.mp4", "--write", "label")


def test_ctrl_c_leaves_a_film_that_can_be_played(desk: Path) -> None:
    write_film(desk / "long.mp4", busy(1200), codec="mpeg4")
    words = [sys.executable, "-m", "pixelwise", "predict", RUN, "long.mp4"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not list(desk.glob("predictions/.long_overlay.*")):
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1].splitlines()[-1]
    assert process.returncode == 130
    frames = re.search(r"stopped after (\d+) frames; what was labelled until then is in predictions/long_overlay", said)
    assert frames, said
    assert 1 <= int(frames[1]) < 1200
    assert len(read_film("predictions/long_overlay.mp4").times) == int(frames[1])
    assert content(desk / "predictions") == ["long_overlay.mp4"]


def test_progress_tells_frames_how_many_a_second_and_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [1000.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    for total in (10, None):
        for _ in progress.track_frames(range(5), "labelling film", total):
            now[0] += 10
    assert capsys.readouterr().err.splitlines() == [
        "labelling film: 2 of 10 frames, 0.1 a second, 0:01:20 left",
        "labelling film: 4 of 10 frames, 0.1 a second, 0:01:00 left",
        "labelling film: 2 frames, 0.1 a second",
        "labelling film: 4 frames, 0.1 a second",
    ]


# What is a film


def test_films_are_known_by_their_content_and_else_by_their_ending(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", busy(3))
    assert is_film(film.rename(tmp_path / "no_ending"))
    Pillow.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    assert not is_film((tmp_path / "photo.png").rename(tmp_path / "photo.mp4"))
    assert is_film(Path("not_there.MKV"))
    assert not is_film(Path("photo.jpg"))


def test_films_cameras_and_the_rest_are_told_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_film(tmp_path / name / "film.mp4", busy(2))
    Pillow.new("RGB", (8, 8)).save(tmp_path / "a" / "photo.png")
    films, others = part_films([f"{tmp_path}/*/film.mp4", f"{tmp_path}/a/*", "street.jpg", "/dev/video1"])
    paths = [film.relative_to(tmp_path).as_posix() for film in films.values() if isinstance(film, Path)]
    assert sorted(films) == ["film_1", "film_2", "film_3", "video1"]
    assert sorted(paths) == ["a/film.mp4", "a/film.mp4", "b/film.mp4"]
    assert others == [f"{tmp_path}/a/*", "street.jpg"]


def test_a_camera_is_what_its_system_calls_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for system, device in (("linux", "/dev/video0"), ("darwin", "0:none"), ("win32", "video=0")):
        monkeypatch.setattr(sys, "platform", system)
        camera = camera_of("camera:0")
        assert camera is not None
        assert camera.device == device
    monkeypatch.setattr(sys, "platform", "plan9")
    with pytest.raises(UserError, match="cameras are not known on plan9"):
        camera_of("camera:0")
    assert camera_of("street.jpg") is None


def test_a_camera_is_labelled_for_so_many_seconds(tmp_path: Path) -> None:
    camera = Camera("camera:0", "testsrc=size=64x48:rate=10", "lavfi")  # FFmpeg's source of test pictures: without end
    done = label_film(BUNDLE, camera, tmp_path, Filming(seconds=1.5))
    written = read_film(tmp_path / "camera_overlay.mp4")
    assert (done.frames, len(written.times), written.rate) == (15, 15, 10)


# Real frames


def test_a_film_of_camvids_frames_is_labelled_as_the_frames_are(tmp_path: Path) -> None:
    paths = sorted((real("camvid") / "val").glob("*.png"))[:4]
    pictures = [np.asarray(Pillow.open(path).convert("RGB")) for path in paths]
    film = write_film(tmp_path / "drive.mp4", pictures)
    bundle = pw.load("street", "cpu").bundle
    done = label_film(bundle, film, tmp_path, Filming(("overlay", "label")))
    labels = labels_in(tmp_path / "drive_label")
    assert (done.labelled, done.broken) == (4, 0)
    for picture, label in zip(pictures, labels.values(), strict=True):
        assert (predict(bundle, picture).label == label).mean() > 0.97  # of the picture before H.264
    assert (labels["000001"] == predict(bundle, read_film(film).pictures[0]).label).all()
