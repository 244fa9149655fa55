"""The report in a browser: it can be read and used by mouse, keyboard and touch, in light and dark, on a phone."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import launched, needs_chromium

from pixelwise.evaluation import Conditions, Evaluation, measure
from pixelwise.evaluation.suspicious import rank, suspicious_regions
from pixelwise.labels import LabelMap
from pixelwise.prediction.segmentation import Segmentation
from pixelwise.report import Example, shown_images, write_report

pytestmark = needs_chromium

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
LABELS = LabelMap(
    ("Road", "Car", HOSTILE, "A class with quite a long name, longer than a phone is wide"),
    ((128, 64, 128), (0, 0, 142), (220, 20, 60), (0, 160, 90)),
)
IMAGES = 14  # two more than worst, median and best


def street(index: int) -> Example:
    """Road with a car, which is seen too far to the right; a third class is in every second image."""
    truth = np.zeros((90, 120), np.uint8)
    truth[:6] = LABELS.ignore
    truth[40:70, 30:60] = 1
    if index % 2:
        truth[10:30, 80:110] = 2
    seen = np.where(truth == LABELS.ignore, 0, truth)
    seen = np.roll(seen, 2 * index, axis=1).astype(np.uint8)
    seen[80:, :40] = 3
    photo = np.random.default_rng(index).integers(0, 256, (90, 120, 3), np.uint8)
    name = HOSTILE if index == 3 else f"street{index}"
    return Example(Segmentation(photo, seen, np.full(truth.shape, 0.95, np.float32), LABELS, name), truth)


def evaluated(examples: list[Example]) -> Evaluation:
    images, regions = [], []
    for one in examples:
        found = one.segmentation
        images.append(measure(found.name, one.truth, found.label, LABELS, confidence=found.confidence))
        regions += suspicious_regions(one.truth, found.label, found.confidence, name=found.name)
    evaluation = Evaluation(tuple(images), LABELS, Conditions("mine", "val", len(images), "unet", (192, 256)))
    return Evaluation(evaluation.images, LABELS, evaluation.conditions, tuple(rank(regions, evaluation.counts)))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    examples = {one.segmentation.name: one for one in map(street, range(IMAGES))}
    evaluation = evaluated(list(examples.values()))
    history = [{"step": 50.0, "loss": 2.0, "validation_mean_iou": 0.25}, {"step": 100.0, "loss": 1.0}]
    shown = [examples[name] for name in shown_images(evaluation)]
    facts = {"data": "x" * 200, HOSTILE: HOSTILE}
    write_report(path, evaluation=evaluation, history=history, examples=shown, facts=facts, command="pixelwise x")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as browser:
        yield browser


@dataclass
class Opened:
    """An open page, and what it complained of."""

    page: Any
    complaints: list[str] = field(default_factory=list)


@pytest.fixture
def opened(browser: Any, report: Path, request: pytest.FixtureRequest) -> Iterator[Opened]:  # noqa: ANN401
    """The report; a test's parameter is how its browser is set up. No page may complain of anything."""
    settings = {"viewport": {"width": 1200, "height": 900}, "color_scheme": "light"} | getattr(request, "param", {})
    context = browser.new_context(**settings)
    context.set_default_timeout(5000)
    opened = Opened(context.new_page())
    opened.page.on("console", lambda message: opened.complaints.append(message.text))
    opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.page.on("dialog", lambda dialog: opened.complaints.append(dialog.message))
    opened.page.on("request", lambda asked: opened.complaints.append(asked.url[:80]) if _outside(asked.url) else None)
    opened.page.goto(report.as_uri())
    yield opened
    context.close()
    assert opened.complaints == []


def _outside(url: str) -> bool:
    return not url.startswith(("file:", "data:"))


def visible(page: Any) -> list[str]:  # noqa: ANN401
    """What the pictures show that can be seen in the viewer."""
    return [
        image.get_attribute("alt").split(" of ")[0] for image in page.locator(".panels img").all() if image.is_visible()
    ]


def captions(page: Any) -> list[str]:  # noqa: ANN401
    return list(page.locator(".thumbs b").all_inner_texts())


def test_one_image_is_shown_with_the_prediction_over_the_right_half_of_its_photo(opened: Opened) -> None:
    assert visible(opened.page) == ["photo", "prediction"]
    assert opened.page.locator(".example.shown").count() == 1
    over = opened.page.locator(".example.shown .prediction")
    assert over.evaluate("element => getComputedStyle(element).clipPath") == "inset(0px 0px 0px 50%)"


def test_the_divider_follows_the_mouse_and_the_arrow_keys(opened: Opened) -> None:
    page, divider = opened.page, opened.page.get_by_role("slider")
    divider.scroll_into_view_if_needed()
    box = divider.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 20)
    page.mouse.up()
    assert float(divider.input_value()) == pytest.approx(25, abs=1)
    before = float(divider.input_value())
    divider.press("ArrowRight")
    assert float(divider.input_value()) == pytest.approx(before + 2)
    divider.press("Home")
    clip = page.locator(".example.shown .prediction").evaluate("element => getComputedStyle(element).clipPath")
    assert clip in ("inset(0px 0px 0px 0%)", "inset(0px)")


@pytest.mark.parametrize("opened", [{"has_touch": True, "is_mobile": True}], indirect=True)
def test_the_divider_follows_a_finger(opened: Opened) -> None:
    divider = opened.page.get_by_role("slider")
    divider.scroll_into_view_if_needed()
    box = divider.bounding_box()
    opened.page.touchscreen.tap(box["x"] + 0.8 * box["width"], box["y"] + 20)
    assert float(divider.input_value()) == pytest.approx(80, abs=1)


def test_truth_and_mistakes_can_be_laid_over_the_photo_by_keyboard(opened: Opened) -> None:
    prediction = opened.page.get_by_role("radio", name="prediction")
    prediction.focus()
    prediction.press("ArrowRight")
    assert visible(opened.page) == ["photo", "mistakes"]
    assert opened.page.get_by_text("right", exact=True).is_visible()  # the legend of the mistakes
    opened.page.get_by_role("radio", name="truth").check()
    assert visible(opened.page) == ["photo", "truth"]


def test_images_are_filtered_by_class_and_sorted_by_its_iou(opened: Opened) -> None:
    page = opened.page
    assert len(captions(page)) == 12
    assert captions(page)[0] == page.locator(".example.shown").get_attribute("data-name")
    page.get_by_label("Show", exact=True).select_option(label=f"with {HOSTILE}")
    shown = captions(page)
    assert set(shown) == {HOSTILE if index == 3 else f"street{index}" for index in range(1, IMAGES, 2)}
    scores = [float(text.split()[1]) for text in page.locator(".thumbs span").all_inner_texts()]
    assert scores == sorted(scores)
    page.get_by_label("Order").select_option("best")
    assert captions(page)[0] == "street1"
    assert page.get_by_role("status").inner_text() == "7 images"


def test_an_image_is_chosen_with_the_keyboard(opened: Opened) -> None:
    last = opened.page.locator(".thumbs button").last
    last.press("Enter")
    assert last.get_attribute("aria-pressed") == "true"
    assert opened.page.locator(".example.shown").get_attribute("data-name") == last.locator("b").inner_text()


def test_the_table_of_classes_is_sorted_by_its_headers(opened: Opened) -> None:
    def column(index: int) -> list[str]:
        rows = opened.page.locator(".classes tbody tr").all()
        return [row.locator("th, td").nth(index).inner_text().strip() for row in rows]

    iou = opened.page.get_by_role("columnheader", name="IoU", exact=True)
    iou.get_by_role("button").press("Enter")
    assert iou.get_attribute("aria-sort") == "descending"
    assert column(3) == sorted(column(3), key=float, reverse=True)
    iou.get_by_role("button").click()
    assert column(3) == sorted(column(3), key=float)
    recall = opened.page.get_by_role("columnheader", name="recall")
    for _ in range(2):
        recall.get_by_role("button").click()
        assert column(6)[-1] == "–"  # of the class that occurs nowhere, last in both orders
    opened.page.get_by_role("columnheader", name="in %").get_by_role("button").click()
    assert column(0) == sorted(column(0), key=str.lower)
    assert opened.page.locator("[aria-sort]").count() == 1


def background(page: Any) -> str:  # noqa: ANN401
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


LIGHT, DARK = "rgb(245, 246, 248)", "rgb(15, 19, 24)"


@pytest.mark.parametrize(
    ("opened", "first", "second"),
    [({"color_scheme": "light"}, LIGHT, DARK), ({"color_scheme": "dark"}, DARK, LIGHT)],
    indirect=["opened"],
)
def test_the_theme_is_the_readers_and_can_be_switched(opened: Opened, first: str, second: str) -> None:
    button = opened.page.get_by_role("button", name="colours")
    assert background(opened.page) == first
    button.press("Enter")
    assert background(opened.page) == second
    button.click()
    assert background(opened.page) == first


@pytest.mark.parametrize(
    "opened", [{"viewport": {"width": width, "height": 800}} for width in (390, 760, 1200)], indirect=True
)
def test_nothing_is_wider_than_the_window(opened: Opened) -> None:
    page = opened.page
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    too_wide = """() => [...document.querySelectorAll("main *")].filter((one) => {
        if (one.closest(".scroll, .thumbs, svg") && !one.matches(".scroll, .thumbs, svg")) return false;
        const { left, right } = one.getBoundingClientRect();
        return left < 0 || right > innerWidth;
    }).map((one) => `${one.tagName} ${one.className}`)"""
    assert page.evaluate(too_wide) == []


def test_everything_that_can_be_used_has_a_name(opened: Opened) -> None:
    nameless = """() => [...document.querySelectorAll("button, select, input, img, svg, [tabindex]")].filter((one) =>
        !one.closest(".thumbs") || one.tagName === "BUTTON").filter((one) =>
        !(one.ariaLabel || one.getAttribute("alt") || one.labels?.[0]?.textContent || one.textContent).trim())
        .map((one) => one.outerHTML.slice(0, 80))"""
    assert opened.page.evaluate(nameless) == []


@pytest.mark.parametrize("opened", [{"java_script_enabled": False}], indirect=True)
def test_without_scripts_all_pictures_are_shown_side_by_side(opened: Opened) -> None:
    page = opened.page
    assert page.locator(".example").count() == page.locator(".example:visible").count() == IMAGES
    assert page.locator(".panels img:visible").count() == 4 * IMAGES
    assert not page.get_by_role("radio").first.is_visible()
    assert not page.locator("#theme").is_visible()


def test_the_page_opens_quickly(opened: Opened) -> None:
    timing = "performance.getEntriesByType('navigation')[0].loadEventEnd"
    assert 0 < opened.page.evaluate(timing) < 2000  # milliseconds
