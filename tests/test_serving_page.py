"""The page of the server in a browser, before the real server: photo to overlay, by mouse, keyboard and touch."""

import base64
import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from chromium import launched, needs_chromium
from PIL import Image as Pillow
from torch import Tensor, nn

from pixelwise.bundle import Bundle
from pixelwise.labels import LabelMap
from pixelwise.models import Network
from pixelwise.prediction.predict import predict

for package in ("fastapi", "uvicorn", "prometheus_client", "python_multipart"):
    pytest.importorskip(package, reason=f"{package} is not installed")
from pixelwise.serving.server import served  # noqa: E402 - needs what is looked for above

pytestmark = needs_chromium

HOSTILE = '"><img src=x onerror=alert(1)>, a class with quite a long name'
COLORS = ((200, 30, 30), (30, 160, 30), (30, 30, 200), (250, 250, 0))
LABELS = LabelMap(("Roof", "Grass", "Water", HOSTILE), COLORS)
OTHERS = LabelMap(("Lake", "Roof", "Grass", "Snow"), COLORS)  # another order, and other colours for the same names
TOKEN = "kept-by-few"
LIGHT, DARK = "rgb(245, 246, 248)", "rgb(15, 19, 24)"


class Brightest(nn.Module):
    """A body that takes a pixel for class 0, 1 or 2 where red, green or blue is the brightest; never for class 3."""

    stride = 1

    def __init__(self, order: tuple[int, int, int]) -> None:
        super().__init__()
        self.order = list(order)

    def forward(self, image: Tensor) -> Tensor:
        """(n, 3, h, w) -> (n, 4, h, w)."""
        return torch.cat([image[:, self.order], torch.full_like(image[:, :1], -9)], 1)


def bundle(labels: LabelMap, order: tuple[int, int, int]) -> Bundle:
    return Bundle(Network(Brightest(order)).eval(), "brightest", {}, labels, (60, 80))


MODELS = {"colours": bundle(LABELS, (0, 1, 2)), "others": bundle(OTHERS, (2, 0, 1))}


def stripes() -> np.ndarray:
    """A roof of 20 columns, grass of 20, water of 40 on 60 rows; the water of the last 10 rows is hardly bluer."""
    photo = np.full((60, 80, 3), 60, np.uint8)
    photo[:, :20, 0] = photo[:, 20:40, 1] = photo[:50, 40:, 2] = 250
    photo[50:, 40:, 2] = 70
    return photo


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "my stripes.png"
    Pillow.fromarray(stripes()).save(path)
    return path


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(MODELS) as url:
        yield url


@pytest.fixture(scope="module")
def guarded_url() -> Iterator[str]:
    """Of a server with one model and a token."""
    with served({"colours": MODELS["colours"]}, token=TOKEN) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    camera = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with launched(*camera) as browser:
        yield browser


@dataclass
class Opened:
    """An open page, and what it complained of; answers that are errors are told in the console by the browser."""

    page: Any
    complaints: list[str] = field(default_factory=list)

    def label(self, photo: Path) -> None:
        """Gives it a photo and waits for its classes."""
        self.page.set_input_files("#file", photo)
        self.page.wait_for_selector("#files:visible")

    def color(self, column: int, row: int, canvas: str = "first") -> tuple[int, ...]:
        """The colour of a pixel of a drawing, RGBA."""
        script = """([id, x, y]) => {
            const context = new OffscreenCanvas(1, 1).getContext("2d"); // for the page's own is not made to be read
            context.drawImage(document.getElementById(id), -x, -y);
            return [...context.getImageData(0, 0, 1, 1).data];
        }"""
        return tuple(self.page.evaluate(script, [canvas, column, row]))

    def point(self, column: int, row: int) -> None:
        """Moves the mouse over a pixel of the photo, of 80 x 60."""
        box = self.page.locator("#stage").bounding_box()
        place = (column + 0.5) / 80, (row + 0.5) / 60
        self.page.mouse.move(box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"])

    def download(self, name: str) -> tuple[str, bytes]:
        """The file behind a button: its name, its content."""
        with self.page.expect_download() as started:
            self.page.get_by_role("button", name=name).click()
        return started.value.suggested_filename, Path(started.value.path()).read_bytes()


def open_page(browser: Any, url: str, settings: dict[str, Any]) -> Opened:  # noqa: ANN401
    context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, "color_scheme": "light"} | settings)
    context.set_default_timeout(5000)
    opened = Opened(context.new_page())
    opened.page.on("console", lambda message: opened.complaints.append(message.text))
    opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.page.on("dialog", lambda dialog: opened.complaints.append(dialog.message))
    own = (f"{url}/", f"blob:{url}/", "data:")
    opened.page.on("request", lambda asked: opened.complaints.extend([] if asked.url.startswith(own) else [asked.url]))
    opened.page.goto(url)
    return opened


@pytest.fixture
def opened(browser: Any, url: str, request: pytest.FixtureRequest) -> Iterator[Opened]:  # noqa: ANN401
    """The page before two models; a test's parameter is how its browser is set up. No page may complain of anything."""
    opened = open_page(browser, url, getattr(request, "param", {}))
    opened.page.locator("#classes li").first.wait_for()
    yield opened
    opened.page.context.close()
    assert opened.complaints == []


@pytest.fixture
def guarded(browser: Any, guarded_url: str) -> Iterator[Opened]:  # noqa: ANN401
    opened = open_page(browser, guarded_url, {})
    yield opened
    opened.page.context.close()
    assert all("401" in complaint for complaint in opened.complaints), opened.complaints


def rows(page: Any) -> list[list[str]]:  # noqa: ANN401
    """Name and shares of each class, in the page's order."""
    return [
        [item.locator(".name").inner_text(), *item.locator(".share").all_inner_texts()]
        for item in page.locator("#classes li").all()
    ]


def test_before_a_photo_the_classes_of_the_model_are_told(opened: Opened) -> None:
    assert rows(opened.page) == [[name] for name in LABELS.names]
    about = opened.page.locator("#about").inner_text()
    assert about.startswith("4 classes, told apart at 80 × 60 pixels. Network: brightest, ")
    assert not opened.page.locator("#stage, #files, #opacity, #classes input").filter(visible=True).count()


def test_a_photo_gets_the_colours_of_its_classes_and_their_shares_the_largest_first(
    opened: Opened, photo: Path
) -> None:
    opened.label(photo)
    assert [opened.color(column, 30) for column in (0, 19, 20, 39, 40, 79)] == [
        (*COLORS[index], 255) for index in (0, 0, 1, 1, 2, 2)
    ]
    shares = [["Water", "50.0 %"], ["Roof", "25.0 %"], ["Grass", "25.0 %"], [HOSTILE, "–"]]
    assert rows(opened.page) == shares
    widths = "all => all.map(one => one.getBoundingClientRect().width / one.parentElement.clientWidth)"
    assert opened.page.locator(".bar i").evaluate_all(widths) == pytest.approx([0.5, 0.25, 0.25, 0], abs=0.01)
    said = opened.page.locator("#status").inner_text()
    assert said == "my stripes.png is labelled by colours. Most of it: Water 50.0 %, Roof 25.0 %, Grass 25.0 %."


def test_labels_are_read_exactly_however_their_png_was_filtered(opened: Opened) -> None:
    pixels = np.add.outer(np.arange(37) ** 2, 3 * np.arange(53)).astype(np.uint8)
    pixels ^= np.random.default_rng(0).integers(0, 64, pixels.shape, np.uint8)
    script = """async (base64) => {
        const { bytesOf, greyOf } = await import("/page.png.js");
        return [...await greyOf(bytesOf(base64))];
    }"""
    for kind in ("NONE", "SUB", "UP", "AVG", "PAETH"):
        png = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_FILTER, getattr(cv2, f"IMWRITE_PNG_FILTER_{kind}")])[1]
        read = opened.page.evaluate(script, base64.b64encode(png.tobytes()).decode())
        assert read == pixels.ravel().tolist(), kind


def test_the_opacity_is_that_of_the_drawing(opened: Opened, photo: Path) -> None:
    opened.label(photo)
    slider = opened.page.get_by_label("Opacity")
    drawn = "getComputedStyle(first).opacity"
    assert opened.page.evaluate(drawn) == "0.5"
    slider.press("Home")
    assert opened.page.evaluate(drawn) == "0"
    slider.fill("80")
    assert opened.page.evaluate(drawn) == "0.8"
    assert opened.page.locator("output").inner_text() == "80 %"


def test_classes_are_switched_off_and_on_one_by_one_and_together(opened: Opened, photo: Path) -> None:
    opened.label(photo)
    opened.page.get_by_label("Grass").uncheck()
    assert (opened.color(30, 30), opened.color(10, 30)) == ((0, 0, 0, 0), (*COLORS[0], 255))
    opened.page.get_by_role("button", name="None").click()
    assert opened.page.locator("#classes input:checked").count() == 0
    assert opened.color(10, 30) == (0, 0, 0, 0)
    opened.page.get_by_role("button", name="All").click()
    assert opened.page.locator("#classes input:checked").count() == 4
    assert opened.color(30, 30) == (*COLORS[1], 255)


def test_the_class_under_the_mouse_is_named_with_its_confidence(opened: Opened, photo: Path) -> None:
    opened.label(photo)
    found = predict(MODELS["colours"], stripes())
    for (column, row), name in {(10, 5): "Roof", (39, 30): "Grass", (60, 55): "Water", (79, 0): "Water"}.items():
        opened.point(column, row)
        sure = f"{round(100 * float(found.confidence[row, column]))} % sure"
        assert opened.page.locator("#readout").inner_text() == f"x {column}, y {row}: {name}, {sure}"
        assert opened.page.locator("#tip").inner_text().split("\n") == [name, sure]
        assert opened.page.locator("#classes .here .name").all_inner_texts() == [name]
        tip, stage = opened.page.locator("#tip").bounding_box(), opened.page.locator("#stage").bounding_box()
        for start, size in (("x", "width"), ("y", "height")):
            assert stage[start] <= tip[start] <= stage[start] + stage[size] - tip[size]
    opened.page.mouse.move(5, 5)
    assert not opened.page.locator("#tip").is_visible()


def test_two_models_are_compared_along_a_line_that_follows_mouse_and_keys(opened: Opened, photo: Path) -> None:
    page = opened.page
    opened.label(photo)
    page.get_by_label("Compare with").select_option("others")
    line = page.get_by_role("slider", name="Where the line between the two models is")
    line.wait_for()
    assert page.evaluate("getComputedStyle(second).clipPath") == "inset(0px 0px 0px 50%)"
    assert opened.color(60, 30, "second") == (*COLORS[0], 255)  # Lake, as only the second model knows it
    assert opened.color(10, 30, "second") == (*COLORS[0], 255)  # Roof, in the first model's colour
    assert rows(page)[:2] == [["Water", "50.0 %", "–"], ["Roof", "25.0 %", "25.0 %"]]
    assert ["Lake", "–", "50.0 %"] in rows(page)
    assert "They agree on 50.0 % of the pixels." in page.locator("#about").inner_text()
    opened.point(60, 20)
    page.mouse.down()
    assert float(line.input_value()) == pytest.approx(75, abs=2)
    page.mouse.up()
    sure = f"{round(100 * float(predict(MODELS['colours'], stripes()).confidence[20, 60]))} % sure"
    assert page.locator("#readout").inner_text() == f"x 60, y 20: colours: Water, {sure}; others: Lake, {sure}"
    before = float(line.input_value())
    line.press("ArrowLeft")
    assert float(line.input_value()) == pytest.approx(before - 2)
    page.get_by_label("Compare with").select_option("no other")
    assert not line.is_visible()
    assert not page.locator("#second").is_visible()


def test_the_other_model_can_be_the_only_one(opened: Opened, photo: Path) -> None:
    opened.label(photo)
    opened.page.get_by_label("Model", exact=True).select_option("others")
    opened.page.locator("#classes li", has_text="Lake").locator(".share").wait_for()
    assert rows(opened.page)[0] == ["Lake", "50.0 %"]
    options = opened.page.get_by_label("Compare with").locator("option").all_inner_texts()
    assert options == ["no other", "colours"]


def picture(content: bytes) -> Any:  # noqa: ANN401
    return Pillow.open(io.BytesIO(content))


def test_each_download_holds_what_python_says(opened: Opened, photo: Path) -> None:
    opened.label(photo)
    found = predict(MODELS["colours"], photo)
    name, content = opened.download("Class indices")
    assert name == "my stripes_label.png"
    assert picture(content).mode == "P"
    np.testing.assert_array_equal(np.asarray(picture(content)), found.label)
    np.testing.assert_array_equal(np.asarray(picture(content).convert("RGB")), np.asarray(found.color()))
    name, content = opened.download("Colours PNG")
    assert name == "my stripes_color.png"
    np.testing.assert_array_equal(np.asarray(picture(content)), np.asarray(found.color()))
    name, content = opened.download("Outlines")
    assert (name, json.loads(content)) == ("my stripes.geojson", json.loads(json.dumps(found.to_geojson())))
    name, content = opened.download("Shares")
    table = {row["class"]: row for row in csv.DictReader(io.StringIO(content.decode()))}
    assert name == "my stripes.csv"
    assert [int(table[one]["pixels"]) for one in LABELS.names] == np.bincount(found.label.ravel(), minlength=4).tolist()


def test_the_overlay_is_saved_as_it_is_seen(opened: Opened, photo: Path) -> None:
    opened.label(photo)
    name, content = opened.download("Overlay")
    expected = np.asarray(predict(MODELS["colours"], photo).overlay(0.5))
    assert name == "my stripes_overlay.png"
    np.testing.assert_allclose(np.asarray(picture(content).convert("RGB")), expected, atol=2)
    opened.page.get_by_label("Grass").uncheck()
    opened.page.get_by_label("Compare with").select_option("others")
    opened.page.locator("#divider").wait_for()
    saved = np.asarray(picture(opened.download("Overlay")[1]).convert("RGB"))
    np.testing.assert_array_equal(saved[:, 20:40], stripes()[:, 20:40])  # the grass, which is switched off
    np.testing.assert_allclose(saved[:, 40:], 0.5 * stripes()[:, 40:] + 0.5 * np.array(COLORS[0]), atol=2)  # Lake


def test_of_a_photo_that_the_browser_cannot_show_the_classes_are_seen(opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    Pillow.fromarray(stripes()).save(path)
    opened.label(path)
    opened.page.get_by_text("This browser cannot show files of this kind").wait_for()
    assert opened.page.evaluate("getComputedStyle(first).opacity") == "1"
    expected = np.asarray(predict(MODELS["colours"], path).overlay())
    np.testing.assert_array_equal(np.asarray(picture(opened.download("Overlay")[1])), expected)


def test_a_photo_lying_on_its_side_is_shown_and_labelled_upright(opened: Opened, tmp_path: Path) -> None:
    path, exif = tmp_path / "phone.jpg", Pillow.Exif()
    exif[0x0112] = 6  # to be turned to the right
    upright = Pillow.fromarray(stripes()[:, ::-1].repeat(8, 0).repeat(8, 1)).rotate(90, expand=True)
    Pillow.fromarray(np.asarray(upright)).rotate(90, expand=True).save(path, exif=exif, quality=95)
    opened.label(path)
    assert "480 × 640 pixels" in opened.page.locator("#about").inner_text()
    assert opened.page.evaluate("[photo.naturalWidth, photo.naturalHeight]") == [480, 640]
    labelled = predict(MODELS["colours"], path).label
    for row in (100, 400, 600):
        assert opened.color(240, row) == (*COLORS[labelled[row, 240]], 255)
    width, height = (opened.page.locator("#stage").bounding_box()[side] for side in ("width", "height"))
    assert width / height == pytest.approx(0.75, abs=0.01)


def test_all_can_be_done_with_the_keyboard(opened: Opened, photo: Path) -> None:
    page, pressed = opened.page, opened.page.keyboard.press
    focused = "document.activeElement.id || document.activeElement.textContent.trim()"

    def go_to(name: str) -> None:
        for _ in range(40):
            if page.evaluate(focused) == name:
                return
            pressed("Tab")
        raise AssertionError(f"{name} is not reached with Tab; at {page.evaluate(focused)}")

    page.on("filechooser", lambda asked: asked.set_files(photo))
    go_to("Choose a photo")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    pressed("Enter")
    page.wait_for_selector("#files:visible")
    assert page.evaluate(focused) == "probe"  # goes on where what had the focus has gone
    pressed("ArrowRight")
    pressed("ArrowRight")
    pressed("Shift+ArrowDown")
    assert page.locator("#readout").inner_text().startswith("x 42, y 31: Water")
    assert page.locator("#spoken").inner_text().startswith("Water, ")
    assert page.locator("#cross").is_visible()
    pressed("Escape")
    assert not page.locator("#cross").is_visible()
    pressed("Tab")
    assert page.evaluate(focused) != "probe"
    page.get_by_label("Roof").focus()
    pressed("Space")
    assert opened.color(10, 30) == (0, 0, 0, 0)
    with page.expect_download() as started:
        page.get_by_role("button", name="Shares").press("Enter")
    assert started.value.suggested_filename == "my stripes.csv"


@pytest.mark.parametrize("opened", [{"has_touch": True, "is_mobile": True}], indirect=True)
def test_a_tap_names_the_class_and_the_answer_stays(opened: Opened, photo: Path) -> None:
    opened.label(photo)
    opened.page.locator("#stage").scroll_into_view_if_needed()
    box = opened.page.locator("#stage").bounding_box()
    opened.page.touchscreen.tap(box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"])
    assert opened.page.locator("#tip b").inner_text() == "Grass"


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_a_photo_can_be_dropped_and_pasted(opened: Opened, photo: Path, how: str) -> None:
    script = """([how, bytes]) => {
        const given = new DataTransfer();
        given.items.add(new File([new Uint8Array(bytes)], "given.png", { type: "image/png" }));
        const event = how === "drop" ? new DragEvent("drop", { dataTransfer: given, bubbles: true, cancelable: true })
            : new ClipboardEvent("paste", { clipboardData: given, bubbles: true });
        document.body.dispatchEvent(event);
    }"""
    opened.page.evaluate(script, [how, list(photo.read_bytes())])
    opened.page.wait_for_selector("#files:visible")
    assert opened.page.get_by_alt_text("The photo given.png").is_visible()


def test_a_photo_can_be_taken_with_the_camera(opened: Opened) -> None:
    camera = opened.page.get_by_role("button", name="Take a photo")
    camera.press("Enter")
    opened.page.get_by_role("button", name="Close the camera").press("Enter")
    assert camera.evaluate("element => element === document.activeElement")
    camera.press("Enter")
    opened.page.get_by_role("button", name="Take it").press("Enter")
    opened.page.wait_for_selector("#files:visible")
    assert opened.page.evaluate("document.getElementById('video').srcObject") is None
    assert opened.page.get_by_alt_text("The photo camera.jpg").is_visible()


def test_the_line_of_the_server_is_shown_for_what_is_no_image(opened: Opened, photo: Path) -> None:
    opened.page.set_input_files("#file", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no image"})
    line = opened.page.get_by_role("alert").filter(visible=True)
    assert "; send " in line.inner_text()
    assert opened.page.get_by_text("Drop a photo here").is_visible()
    assert len(opened.complaints) == 1
    assert "415" in opened.complaints.pop()
    opened.label(photo)
    assert not line.is_visible()


def test_a_server_that_is_away_is_told_and_the_photo_tried_again(opened: Opened, photo: Path) -> None:
    opened.page.context.set_offline(True)
    opened.page.set_input_files("#file", photo)
    opened.page.get_by_text("no answer from the server").wait_for()
    assert "INTERNET_DISCONNECTED" in opened.complaints.pop()
    opened.page.context.set_offline(False)
    opened.page.get_by_role("button", name="Try again").click()
    opened.page.wait_for_selector("#files:visible")
    assert not opened.page.get_by_text("no answer from the server").is_visible()


def test_while_the_server_works_the_time_is_shown_and_it_can_be_stopped(opened: Opened, photo: Path) -> None:
    waiting = []
    opened.page.route("**/predict*", lambda asked: waiting.append(asked))
    opened.page.set_input_files("#file", photo)
    opened.page.get_by_text(re.compile(r"Labelling… (0\.[2-9]|[1-9])")).wait_for()
    opened.page.get_by_role("button", name="Stop").press("Enter")
    opened.page.get_by_text("Stopped before there was an answer.").wait_for()
    assert opened.page.evaluate("document.activeElement.id") == "again"
    opened.page.unroute_all()
    opened.page.get_by_role("button", name="Try again").press("Enter")
    opened.page.wait_for_selector("#files:visible")


def test_a_token_is_asked_for_and_kept_while_the_tab_is_open(guarded: Opened, photo: Path) -> None:
    page = guarded.page
    token = page.get_by_label("This server asks for a token")
    token.fill("wrong")
    token.press("Enter")
    page.get_by_text("this needs the server's token").wait_for()
    token.fill(TOKEN)
    page.get_by_role("button", name="Go on").click()
    page.locator("#classes li").first.wait_for()
    assert not token.is_visible()
    assert not page.get_by_label("Compare with").is_visible()  # there is one model
    page.reload()
    guarded.label(photo)
    assert not token.is_visible()


def background(page: Any) -> str:  # noqa: ANN401
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_the_theme_is_the_readers_and_can_be_switched(opened: Opened) -> None:
    page, button = opened.page, opened.page.get_by_role("button", name="in dark colours")
    assert background(page) == LIGHT
    page.emulate_media(color_scheme="dark")
    assert background(page) == DARK
    page.emulate_media(color_scheme="light")
    button.press("Enter")
    assert background(page) == DARK
    page.reload()
    assert background(page) == DARK
    page.get_by_role("button", name="in light colours").click()
    assert background(page) == LIGHT


def test_nothing_is_wider_than_the_window(opened: Opened, photo: Path) -> None:
    too_wide = """() => [...document.querySelectorAll("main *")].filter((one) => {
        if (one.closest("#stage, .unseen") && one.id !== "stage") return false;
        const { left, right } = one.getBoundingClientRect();
        return left < 0 || right > innerWidth;
    }).map((one) => `${innerWidth} ${one.tagName} ${one.id} ${one.className}`)"""

    def check() -> None:
        for width in (320, 390, 760, 1200):
            opened.page.set_viewport_size({"width": width, "height": 800})
            assert opened.page.evaluate(too_wide) == []
            assert opened.page.evaluate("document.documentElement.scrollWidth") <= width

    check()
    opened.label(photo)
    check()
    opened.page.get_by_label("Compare with").select_option("others")
    opened.page.locator("#divider").wait_for()
    check()


def test_everything_that_can_be_used_has_a_name(opened: Opened, photo: Path) -> None:
    opened.label(photo)
    nameless = """() => [...document.querySelectorAll("button, select, input, [tabindex]")].filter((one) =>
        !(one.ariaLabel || one.labels?.[0]?.textContent || one.textContent).trim()).map((one) => one.outerHTML)"""
    assert opened.page.evaluate(nameless) == []
    assert opened.page.locator("#classes img").count() == 0  # the hostile name is text
