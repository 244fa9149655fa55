"""The server as it is used: real requests to a real server on this machine."""

import base64
import csv
import io
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
import torch
from command_line import pixelwise, refused
from hostile_uploads import MAKERS, MULTIPART, encoded, form, hostile, noise
from PIL import Image as Pillow
from small_data import photo
from small_models import TWO, tiny_bundle

from pixelwise.bundle import Bundle
from pixelwise.labels import CAMVID11
from pixelwise.model import Model
from pixelwise.prediction.segmentation import Segmentation
from pixelwise.serving.answers import Asked, answer_of
from pixelwise.serving.batching import Worker
from pixelwise.serving.limits import Limits, Refusal
from pixelwise.serving.server import load_models, served

PNG = {"content-type": "image/png"}
PLAIN = {"verify": False, "trust_env": False}  # certificates take a while to load
WAIT = 20.0  # seconds for what takes none on an idle machine


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server of two models, without a token."""
    with served({"tiny": tiny_bundle(), "two": tiny_bundle(TWO)}) as where:
        yield where


def get(url: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.get(url, headers=headers, timeout=WAIT, **PLAIN)


def post(
    url: str, body: bytes | Iterable[bytes], headers: dict[str, str] | None = None, **asked: object
) -> httpx.Response:
    return httpx.post(
        f"{url}/predict", content=body, headers=PNG | (headers or {}), params=asked, timeout=WAIT, **PLAIN
    )


def pixels(content: bytes) -> npt.NDArray[np.uint8]:
    with Pillow.open(io.BytesIO(content)) as picture:
        return np.array(picture)


def predicted(tmp_path: Path, content: bytes, bundle: Bundle | None = None) -> Segmentation:
    (tmp_path / "photo").write_bytes(content)
    return Model(bundle or tiny_bundle()).predict(tmp_path / "photo")


def detail(answer: httpx.Response) -> str:
    """The one line of an error, which nothing else comes with."""
    said = answer.json()
    assert list(said) == ["detail"]
    assert "\n" not in said["detail"]
    return str(said["detail"])


def test_every_kind_of_answer_is_what_the_model_predicts(url: str, tmp_path: Path) -> None:
    sent = encoded("PNG")
    found = predicted(tmp_path, sent)
    expected = {
        "label": found.label,
        "color": np.asarray(found.color()),
        "overlay": np.asarray(found.overlay()),
        "confidence": np.rint(found.confidence * 255),
    }
    for kind, picture in expected.items():
        answer = post(url, sent, answer=kind)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        assert (pixels(answer.content) == picture).all()
    assert post(url, sent, answer="geojson", simplify=1).json() == found.to_geojson(1.0)
    rows = list(csv.DictReader(io.StringIO(post(url, sent, answer="csv").text)))
    assert {row["class"]: float(row["share"]) for row in rows if int(row["pixels"])} == found.shares()


def test_the_json_has_all_classes_in_their_order_and_both_pictures(url: str, tmp_path: Path) -> None:
    sent = encoded("PNG")
    found = predicted(tmp_path, sent)
    answer = post(url, sent).json()
    assert (answer["model"], answer["height"], answer["width"]) == ("tiny", *found.label.shape)
    assert [(one["index"], one["name"]) for one in answer["classes"]] == list(enumerate(found.labels.names))
    assert [tuple(one["color"]) for one in answer["classes"]] == list(found.labels.colors)
    assert [one["pixels"] for one in answer["classes"]] == np.bincount(found.label.ravel(), minlength=11).tolist()
    assert sum(one["share"] for one in answer["classes"]) == pytest.approx(1)
    assert (pixels(base64.b64decode(answer["label"])) == found.label).all()
    assert (pixels(base64.b64decode(answer["confidence"])) == np.rint(found.confidence * 255)).all()
    assert answer["milliseconds"] > 0


KINDS: dict[str, Callable[[], bytes]] = {
    "PNG": lambda: encoded("PNG"),
    "JPEG": lambda: encoded("JPEG"),
    "a JPEG on its side": lambda: encoded("JPEG", exif=sideways()),
    "WebP": lambda: encoded("WEBP"),
    "BMP": lambda: encoded("BMP"),
    "TIFF": lambda: encoded("TIFF"),
    "large": lambda: noise(800, 1200),
    "a pixel": lambda: encoded("PNG", 1, 1),
}


def sideways() -> Pillow.Exif:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    return exif


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_read_as_predict_reads_it_whatever_the_request_calls_it(url: str, tmp_path: Path, kind: str) -> None:
    sent = KINDS[kind]()
    label = predicted(tmp_path, sent).label
    for body, named in ((sent, "image/png"), (sent, "application/octet-stream"), (form("image", sent), MULTIPART)):
        answer = post(url, body, {"content-type": named}, answer="label")
        assert (pixels(answer.content) == label).all()


def test_the_outlines_of_a_geotiff_lie_where_it_lies(url: str, tmp_path: Path) -> None:
    tags = [(33550, 12, 3, (0.5, 0.5, 0.0), True), (33922, 12, 6, (0.0, 0, 0, 1000, 2000, 0), True)]
    tifffile.imwrite(tmp_path / "a.tif", photo(height=48, width=64), extratags=tags, photometric="rgb")
    answer = post(url, (tmp_path / "a.tif").read_bytes(), answer="geojson")
    assert answer.json() == Model(tiny_bundle()).predict(tmp_path / "a.tif").to_geojson()
    assert answer.json()["features"][0]["geometry"]["coordinates"][0][0][0] >= 1000


def test_a_model_is_chosen_by_name_and_the_first_is_the_default(url: str, tmp_path: Path) -> None:
    sent = encoded("PNG")
    two = predicted(tmp_path, sent, tiny_bundle(TWO)).label
    assert (pixels(post(url, sent, model="two", answer="label").content) == two).all()
    listed = get(f"{url}/models").json()
    assert [one["name"] for one in listed] == ["tiny", "two"]
    assert listed[1] == {
        "name": "two",
        "architecture": "unet",
        "classes": [{"name": "road", "color": [128, 64, 128]}, {"name": "car", "color": [0, 0, 142]}],
        "size": [32, 48],
        "description": "0.1 million weights, trained on none, mean IoU 0.100",
    }
    unknown = post(url, sent, model="twoo")
    assert (unknown.status_code, detail(unknown)) == (
        404,
        "there is no model 'twoo'; did you mean 'two'? Known: tiny, two",
    )


def test_health_and_the_page_are_there(url: str) -> None:
    health = get(f"{url}/health").json()
    assert health.pop("version")
    assert health == {"status": "ok", "models": ["tiny", "two"], "queue": 0}
    for path, kind in (("/", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript")):
        answer = get(url + path)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == f"{kind}; charset=utf-8"


def test_every_answer_has_the_security_headers_and_the_page_may_load_nothing_from_elsewhere(url: str) -> None:
    for answer in (get(url), get(f"{url}/none"), post(url, b""), post(url, encoded("PNG"))):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers


def test_questions_that_cannot_be_understood_get_one_line(url: str) -> None:
    for asked in ({"answer": "picture"}, {"anwser": "json"}, {"simplify": "nan"}, {"simplify": -1}):
        answer = post(url, encoded("PNG"), **asked)
        assert answer.status_code == 422
        assert detail(answer).startswith(next(iter(asked)))
    assert get(f"{url}/predict").status_code == 405
    assert detail(get(f"{url}/../../etc/passwd")).startswith("not found")


def test_a_token_is_asked_for_everywhere_but_at_the_page_and_health() -> None:
    with served({"tiny": tiny_bundle()}, token="secret") as url:
        for path in ("/", "/page.css", "/page.js", "/health"):
            assert get(url + path).status_code == 200
        for bears in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic secret"}, {"token": "secret"}):
            for path in ("/models", "/metrics", "/openapi.json", "/predict", "/none"):
                answer = get(url + path, headers=bears)
                assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
                assert "Authorization: Bearer" in detail(answer)
            assert post(url, encoded("PNG"), bears).status_code == 401
        right = {"authorization": "bearer secret"}
        assert get(f"{url}/models", headers=right).status_code == 200
        assert post(url, encoded("PNG"), right).status_code == 200


@pytest.mark.parametrize("name", MAKERS)
def test_hostile_uploads_get_one_line_in_no_time(url: str, name: str) -> None:
    upload = hostile(name)
    began = time.monotonic()
    answer = post(url, upload.body, {"content-type": upload.kind})
    assert answer.status_code == upload.status, answer.text
    assert time.monotonic() - began < 5
    if upload.status != 200:
        assert detail(answer)


def test_too_many_bytes_are_refused_before_they_are_there_and_while_they_come() -> None:
    with served({"tiny": tiny_bundle()}, limits=Limits(bytes=100_000)) as url:
        with talking(url, b"Content-Length: 9999999\r\nExpect: 100-continue\r\n") as server:
            assert server.recv(4096).startswith(b"HTTP/1.1 413 ")
        for body in (bytes(200_000), (bytes(50_000) for _ in range(100))):
            answer = post(url, body)
            assert (answer.status_code, detail(answer)) == (
                413,
                "the body has more than 0.0953674 MiB; send a smaller one",
            )
        within = form("image", encoded("PNG"))
        assert post(url, within, {"content-type": MULTIPART}).status_code == 200


def test_too_many_pixels_for_this_server_are_refused_from_the_header() -> None:
    with served({"tiny": tiny_bundle()}, limits=Limits(pixels=3000)) as url:
        assert post(url, encoded("PNG", 50, 60)).status_code == 200
        answer = post(url, encoded("PNG", 50, 61))
        assert (answer.status_code, "61 x 50" in detail(answer)) == (413, True)


@contextmanager
def talking(url: str, headers: bytes) -> Iterator[socket.socket]:
    """A connection on which the headers of a request are sent, and no body yet."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=WAIT) as server:
        server.sendall(b"POST /predict HTTP/1.1\r\nHost: here\r\nContent-Type: image/png\r\n" + headers + b"\r\n")
        yield server


def test_a_body_that_stops_and_one_that_drips_are_not_waited_for() -> None:
    with served({"tiny": tiny_bundle()}, limits=Limits(idle=0.3, body=0.8)) as url:
        sent = encoded("PNG")
        length = f"Content-Length: {len(sent)}\r\n".encode()
        with talking(url, length) as server:
            server.sendall(sent[:100])
            assert server.recv(4096).startswith(b"HTTP/1.1 408 ")
        with talking(url, length) as server:
            for place in range(20):
                server.sendall(sent[place : place + 1])
                time.sleep(0.1)
                if place > 8:
                    break
            assert server.recv(4096).startswith(b"HTTP/1.1 408 ")
        with talking(url, length) as server:
            server.sendall(sent[:100])
        assert waited(lambda: 'reason="broken off"} 1.0' in get(f"{url}/metrics").text)


def waited(true: Callable[[], bool]) -> bool:
    """Whether it becomes true."""
    end = time.monotonic() + WAIT
    while not (now := true()) and time.monotonic() < end:
        time.sleep(0.02)
    return now


class Gate:
    """A network that waits until it is opened. entered: how many batches came to it, and how many photos in each."""

    def __init__(self, bundle: Bundle) -> None:
        self.entered: list[int] = []
        self._open = threading.Event()
        bundle.network.register_forward_pre_hook(self._wait)

    def _wait(self, _: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self.entered.append(len(inputs[0]))
        assert self._open.wait(WAIT)

    def open(self) -> None:
        self._open.set()


def queued(url: str) -> int:
    return int(get(f"{url}/health").json()["queue"])


def test_a_full_queue_says_when_to_come_again_and_those_that_are_in_it_are_answered() -> None:
    bundle = tiny_bundle()
    gate = Gate(bundle)
    with served({"tiny": bundle}, limits=Limits(queue=3)) as url, ThreadPoolExecutor() as pool:
        taken = [pool.submit(post, url, encoded("PNG")) for _ in range(3)]
        assert waited(lambda: queued(url) == 3)
        full = post(url, encoded("PNG"))
        assert (full.status_code, detail(full)) == (429, "the queue is full; try again later")
        assert int(full.headers["retry-after"]) >= 1
        gate.open()
        assert [one.result().status_code for one in taken] == [200, 200, 200]
        assert post(url, encoded("PNG")).status_code == 200


def test_a_queue_is_full_too_when_its_photos_have_too_many_pixels_together() -> None:
    bundle = tiny_bundle()
    gate = Gate(bundle)
    with served({"tiny": bundle}, limits=Limits(pixels=3100)) as url, ThreadPoolExecutor() as pool:
        taken = [pool.submit(post, url, encoded("PNG")) for _ in range(2)]  # 48 x 64 each
        assert waited(lambda: queued(url) == 2)
        assert post(url, encoded("PNG")).status_code == 429
        gate.open()
        assert [one.result().status_code for one in taken] == [200, 200]


def test_photos_of_one_shape_that_wait_together_are_run_together_and_answered_alike() -> None:
    bundle = tiny_bundle()
    gate = Gate(bundle)
    shapes = [(48, 64), (48, 64), (64, 48), (48, 64), (48, 64)]
    photos = [photo(height=height, width=width) for height, width in shapes]
    seen: list[int] = []
    worker = Worker(bundle, 3, seen.append)
    futures = [worker.label(image) for image in photos]
    gate.open()
    found = [future.result(WAIT) for future in futures]
    worker.close()
    assert sorted(seen) in ([1, 1, 3], [1, 2, 2], [1, 1, 1, 2])  # by how many were there when the first was taken
    assert max(seen) > 1
    for image, (label, confidence) in zip(photos, found, strict=True):
        alone = Model(tiny_bundle()).predict(image)
        assert (label == alone.label).all()
        assert np.allclose(confidence, alone.confidence, atol=1e-6)


def test_a_photo_that_cannot_be_run_takes_no_other_with_it() -> None:
    def refuse_black(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if any(int(image.max()) == 0 for image in inputs[0]):
            raise RuntimeError("black")

    bundle = tiny_bundle()
    gate = Gate(bundle)
    bundle.network.register_forward_pre_hook(refuse_black)
    worker = Worker(bundle, 4)
    futures = [worker.label(image) for image in (photo(), np.zeros_like(photo()), photo())]
    gate.open()
    assert str(futures[1].exception(WAIT)) == "black"
    assert (futures[0].result(WAIT)[0] == futures[2].result(WAIT)[0]).all()
    worker.close()


def test_a_photo_that_nobody_waits_for_any_more_is_not_run() -> None:
    bundle = tiny_bundle()
    gate = Gate(bundle)
    worker = Worker(bundle, 2)
    first, second = worker.label(photo()), worker.label(photo(height=40, width=40))
    assert second.cancel()
    gate.open()
    assert worker.label(photo(height=40, width=40)).result(WAIT)[0].shape == (40, 40)
    worker.close()
    assert first.done()
    assert gate.entered == [1, 1]


def test_work_that_takes_too_long_is_not_waited_for_and_keeps_its_place_until_it_ends() -> None:
    bundle = tiny_bundle()
    gate = Gate(bundle)
    with served({"tiny": bundle}, limits=Limits(work=0.3)) as url:
        late = post(url, encoded("PNG"))
        assert (late.status_code, detail(late)) == (503, "it took more than 0.3 s; send a smaller image")
        assert queued(url) == 1
        gate.open()
        assert waited(lambda: queued(url) == 0)
        assert post(url, encoded("PNG")).status_code == 200


@pytest.mark.parametrize(
    ("error", "status"),
    [(ValueError("no"), 500), (MemoryError(), 413), (RuntimeError("DefaultCPUAllocator: can't allocate memory"), 413)],
    ids=["a bug", "memory", "memory of torch"],
)
def test_a_bug_is_one_line_too_and_the_server_goes_on(
    caplog: pytest.LogCaptureFixture, error: Exception, status: int
) -> None:
    def fail(*_: object) -> None:
        handle.remove()
        raise error

    bundle = tiny_bundle()
    handle = bundle.network.register_forward_pre_hook(fail)
    with caplog.at_level(logging.ERROR), served({"tiny": bundle}) as url:
        answer = post(url, encoded("PNG"))
        assert (answer.status_code, bool(detail(answer))) == (status, True)
        assert post(url, encoded("PNG")).status_code == 200
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [type(error)]


def test_outlines_of_noise_are_refused_before_they_are_drawn() -> None:
    label = np.random.default_rng(0).integers(0, 11, (300, 300)).astype(np.uint8)
    noisy = Segmentation(np.zeros((300, 300, 3), np.uint8), label, np.ones((300, 300), np.float32), CAMVID11, "noise")
    with pytest.raises(Refusal, match="ask for the label instead"):
        answer_of(noisy, Asked(answer="geojson"), "tiny", 1.0, Limits(corners=50_000))


def test_what_was_done_is_counted() -> None:
    with served({"tiny": tiny_bundle()}) as url:
        post(url, encoded("PNG"))
        post(url, b"")
        get(f"{url}/some/path")
        answer = get(f"{url}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    for line in (
        'pixelwise_requests_total{route="/predict",status="200"} 1.0',
        'pixelwise_requests_total{route="/predict",status="415"} 1.0',
        'pixelwise_requests_total{route="other",status="404"} 1.0',
        'pixelwise_request_seconds_count{route="/predict"} 2.0',
        'pixelwise_batch_photos_sum{model="tiny"} 1.0',
        f'pixelwise_pixels_total{{model="tiny"}} {48 * 64:.1f}',
        'pixelwise_refused_total{reason="kind"} 1.0',
        "pixelwise_queue_photos 0.0",
    ):
        assert line in answer.text.splitlines()


def test_the_description_is_valid_and_the_server_keeps_to_it() -> None:
    import schemathesis
    from hypothesis import HealthCheck, given, settings
    from schemathesis.checks import load_all_checks
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    load_all_checks()
    bears = {"Authorization": "Bearer secret"}
    with served({"tiny": tiny_bundle()}, token="secret") as url:
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json", headers=bears)
        schema.validate()
        operations = {operation.ok().path: operation.ok() for operation in schema.get_all_operations()}
        assert set(operations) == {"/health", "/models", "/metrics", "/predict"}
        positive, negative = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
        for path, mode in [*((path, positive) for path in operations), ("/predict", negative)]:

            @settings(max_examples=6, database=None, deadline=None, suppress_health_check=list(HealthCheck))
            @given(case=operations[path].as_strategy(generation_mode=mode))
            def keeps(case: schemathesis.Case) -> None:
                # Not that all bodies of bytes are taken: few bytes are an image.
                case.call_and_validate(headers=bears, excluded_checks=[positive_data_acceptance])

            keeps()


@contextmanager
def command(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`pixelwise serve` in a process of its own, and where it says it is."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    line = [sys.executable, "-m", "pixelwise", "serve", *words, "--port", "0", "--device", "cpu"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout
            said = process.stdout.readline()
            found = re.fullmatch(r"serving .* at (http://\S+) - Ctrl-C stops\n", said)
            assert found, said
            yield process, found[1]
        finally:
            process.kill()


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_the_command_ends_with_what_it_has_taken_and_takes_nothing_more(tmp_path: Path, sign: signal.Signals) -> None:
    tiny_bundle().save(tmp_path / "tiny.safetensors")
    sent = encoded("PNG")
    length = f"Content-Length: {len(sent)}\r\n".encode()
    with command(str(tmp_path / "tiny.safetensors")) as (process, url), talking(url, length) as server:
        assert get(f"{url}/models").json()[0]["name"] == "tiny"
        server.sendall(sent[:500])
        time.sleep(0.2)
        process.send_signal(sign)
        assert waited(lambda: get(f"{url}/health").json()["status"] == "stopping")
        late = post(url, sent)
        assert (late.status_code, detail(late)) == (503, "the server stops; try again later")
        assert get(f"{url}/health").status_code == 503
        server.sendall(sent[500:])
        assert server.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert process.wait(WAIT) == 0
        assert process.stderr
        assert process.stderr.read() == ""


def test_what_keeps_the_command_from_starting_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tmp_path / "tiny.safetensors"
    tiny_bundle().save(model)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} of 127.0.0.1 is in use; choose another" in refused("serve", model, "--port", port)
    assert "cannot listen at no.such.host.invalid" in refused("serve", model, "--host", "no.such.host.invalid")
    assert "two models are called tiny" in refused("serve", model, model, "--port", "0")
    assert "no such file" in refused("serve", tmp_path / "none.safetensors", "--port", "0")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert "pip install 'pixelwise[serve]'" in refused("serve", model)


def test_whoever_can_be_reached_from_elsewhere_without_a_token_is_warned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "tiny.safetensors"
    tiny_bundle().save(model)
    ready = ("serve", model, "--port", 0, "--check")
    assert "--token keeps others out" in pixelwise(*ready, "--host", "0.0.0.0").line
    assert pixelwise(*ready, "--host", "0.0.0.0", "--token", "secret").err == ""
    monkeypatch.setenv("PIXELWISE_TOKEN", "secret")
    assert pixelwise(*ready, "--host", "0.0.0.0").err == ""
    here = pixelwise(*ready)
    assert (here.err, here.out.startswith("serving tiny at http://127.0.0.1:")) == ("", True)


def test_a_run_is_called_as_its_folder_and_a_file_as_itself(tmp_path: Path) -> None:
    for name in ("mine/best", "mine/last", "other"):
        tiny_bundle().save(tmp_path / f"{name}.safetensors")
    (tmp_path / "mine" / "recipe.yaml").touch()
    named = load_models(
        [str(tmp_path / name) for name in ("mine", "mine/last.safetensors", "other.safetensors")], "cpu"
    )
    assert list(named) == ["mine", "last", "other"]


def test_json_of_the_description_names_the_limits_of_what_may_be_asked(url: str) -> None:
    asked = json.loads(get(f"{url}/openapi.json").text)["paths"]["/predict"]["post"]
    assert {one["name"] for one in asked["parameters"]} == {"model", "answer", "simplify"}
    assert set(asked["requestBody"]["content"]) >= {"multipart/form-data", "image/png", "image/jpeg"}
