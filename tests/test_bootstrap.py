"""Intervals of scores over images: against the normal interval, scipy, and what repeated drawing of data says."""

import math
import time

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from pixelwise.errors import UserError
from pixelwise.evaluation.bootstrap import Difference, Interval, bootstrap, paired_bootstrap
from pixelwise.metrics import mean_iou, pixel_accuracy

Counts = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]
NAN = float("nan")
PIXELS = 60  # of each class in an image of `images`


def single_pixels(right: int, wrong: int) -> Counts:
    """Images of one pixel, so that pixel accuracy is a proportion."""
    return np.array([[[1, 0], [0, 0]]] * right + [[[0, 1], [0, 0]]] * wrong)


def images(right: Shares, rng: np.random.Generator) -> Counts:
    """An image of three classes for each share of pixels that is found; the others are called the next class."""
    found = rng.binomial(PIXELS, right[:, None], (len(right), 3))
    here = np.arange(3)
    counts = np.zeros((len(right), 3, 3), np.int64)
    counts[:, here, here], counts[:, here, (here + 1) % 3] = found, PIXELS - found
    return counts


def plain_mean_iou(counts: Counts) -> float:
    """As metrics.mean_iou where all classes occur, but fast: its shapes are not checked."""
    hit = counts.diagonal()
    return float((hit / (counts.sum(0) + counts.sum(1) - hit)).mean())


def true_mean_iou(right: float) -> float:
    """Of endlessly many `images` that find this share of the pixels on average."""
    return right / (2 - right)


def drifting(rng: np.random.Generator, length: int, spread: float = 0.08) -> Shares:
    """The shares found in a film: each frame is nearly as hard as the one before (autoregression, 0.9)."""
    steps = rng.normal(0, spread * math.sqrt(1 - 0.9**2), length)
    steps[0] = rng.normal(0, spread)
    for index in range(1, length):
        steps[index] += 0.9 * steps[index - 1]
    return np.clip(0.7 + steps, 0, 1)


@pytest.mark.parametrize(("right", "wrong", "level"), [(320, 80, 0.95), (150, 150, 0.9), (700, 100, 0.8)])
def test_the_interval_of_single_pixels_is_the_normal_one_of_a_proportion(right: int, wrong: int, level: float) -> None:
    score, low, high = bootstrap(single_pixels(right, wrong), pixel_accuracy, level=level, resamples=4000)
    total = right + wrong
    half = stats.norm.ppf((1 + level) / 2) * math.sqrt(right * wrong / total**3)
    assert score == right / total
    assert (low, high) == pytest.approx((score - half, score + half), abs=0.1 * half)


@pytest.mark.parametrize("seed", range(3))
def test_the_interval_of_mean_iou_is_that_of_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = images(rng.beta(4, 2, 80), rng)
    expected = stats.bootstrap(
        (np.arange(80),),
        lambda drawn: plain_mean_iou(counts[drawn].sum(0)),
        method="percentile",
        n_resamples=2000,
        vectorized=False,
        rng=rng,
    )
    _, low, high = bootstrap(counts, resamples=2000)
    # The ends of 2000 resamples lie within a twentieth of a standard error of where they belong, mostly.
    close = 0.2 * expected.standard_error
    assert (low, high) == pytest.approx(tuple(expected.confidence_interval), abs=close)


@pytest.mark.parametrize("seed", range(3))
def test_the_interval_of_a_difference_is_that_of_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    right = rng.beta(4, 2, 80)
    ours, theirs = images(right, rng), images(0.97 * right, rng)
    expected = stats.bootstrap(
        (np.arange(80),),
        lambda drawn: plain_mean_iou(ours[drawn].sum(0)) - plain_mean_iou(theirs[drawn].sum(0)),
        method="percentile",
        n_resamples=2000,
        vectorized=False,
        rng=rng,
    )
    found = paired_bootstrap(ours, theirs, resamples=2000)
    close = 0.2 * expected.standard_error
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval), abs=close)


def test_nineteen_in_twenty_intervals_hold_the_true_score() -> None:
    rng = np.random.default_rng(1)
    truth, held = true_mean_iou(4 / 6), 0
    for _ in range(200):
        _, low, high = bootstrap(images(rng.beta(4, 2, 100), rng), plain_mean_iou, resamples=200)
        held += low <= truth <= high
    assert 0.91 <= held / 200 <= 0.98


def test_models_that_are_equally_good_are_told_apart_once_in_twenty_times() -> None:
    rng = np.random.default_rng(2)
    differ = 0
    for _ in range(400):
        right = rng.beta(4, 2, 100)
        found = paired_bootstrap(images(right, rng), images(right, rng), plain_mean_iou, resamples=200)
        differ += found.differ
    assert 0.02 <= differ / 400 <= 0.095  # 0.059 is expected of 100 images and 200 resamples, give or take 0.012


def test_a_difference_is_found_that_two_intervals_side_by_side_do_not_show() -> None:
    rng = np.random.default_rng(3)
    found = 0
    for _ in range(10):
        right = rng.beta(4, 2, 100)
        ours, theirs = images(np.minimum(1, right + 0.03), rng), images(right, rng)
        assert (
            bootstrap(ours, plain_mean_iou, resamples=100).low < bootstrap(theirs, plain_mean_iou, resamples=100).high
        )
        found += paired_bootstrap(ours, theirs, plain_mean_iou, resamples=200).low > 0
    assert found >= 9


def test_who_is_better_changes_sides_with_the_arguments() -> None:
    rng = np.random.default_rng(4)
    right = rng.beta(4, 2, 50)
    better, worse = images(right, rng), images(0.9 * right, rng)
    one, other = paired_bootstrap(better, worse), paired_bootstrap(worse, better)
    assert one.differ
    assert other.differ
    assert one.low > 0
    assert (other.difference, other.low, other.high) == (-one.difference, -one.high, -one.low)
    assert (other.p, other.images) == (one.p, 50)


def test_a_model_is_not_different_from_itself() -> None:
    rng = np.random.default_rng(5)
    counts = images(rng.beta(4, 2, 30), rng)
    assert paired_bootstrap(counts, counts) == Difference(0, 0, 0, 1, 30)
    assert not paired_bootstrap(counts, counts).differ


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("resamples", [199, 999, 1000])
def test_models_differ_exactly_where_p_is_below_one_less_the_level(level: float, resamples: int) -> None:
    rng = np.random.default_rng(6)
    for gain in np.linspace(-0.05, 0.05, 9):
        right = rng.beta(4, 2, 40).clip(0.05, 0.95)
        ours, theirs = images(right + gain, rng), images(right, rng)
        found = paired_bootstrap(ours, theirs, plain_mean_iou, level=level, resamples=resamples)
        assert found.differ == (found.p <= 1 - level + 1e-12)


def test_p_is_never_zero() -> None:
    found = paired_bootstrap(single_pixels(40, 0), single_pixels(0, 40), pixel_accuracy, resamples=199)
    assert found.p == 2 / 200


def test_the_same_seed_gives_the_same_answer_and_another_seed_another() -> None:
    rng = np.random.default_rng(7)
    counts = images(rng.beta(4, 2, 30), rng)
    assert bootstrap(counts, seed=1) == bootstrap(counts, seed=1)
    assert bootstrap(counts, seed=1) != bootstrap(counts, seed=2)


def test_a_higher_level_gives_a_wider_interval() -> None:
    rng = np.random.default_rng(8)
    counts = images(rng.beta(4, 2, 30), rng)
    narrow, wide = bootstrap(counts, level=0.8), bootstrap(counts, level=0.99)
    assert wide.low < narrow.low < narrow.score < narrow.high < wide.high


def test_blocks_widen_the_interval_of_a_film_to_what_other_films_say() -> None:
    rng = np.random.default_rng(9)
    films = [images(drifting(rng, 800), rng) for _ in range(40)]
    spread = np.std([plain_mean_iou(film.sum(0)) for film in films])

    def width(blocks: int) -> float:
        found = [bootstrap(film, plain_mean_iou, resamples=200, blocks=blocks) for film in films[:10]]
        return float(np.mean([high - low for _, low, high in found]))

    assert width(1) < 0.4 * (2 * 1.96 * spread)
    assert 0.7 < width(40) / (2 * 1.96 * spread) < 1.2


def test_blocks_leave_the_interval_of_independent_images_as_it_is() -> None:
    rng = np.random.default_rng(10)
    counts = images(rng.beta(4, 2, 2000), rng)
    one, ten = bootstrap(counts), bootstrap(counts, blocks=10)
    assert one.score == ten.score
    assert ten.high - ten.low == pytest.approx(one.high - one.low, rel=0.2)


def test_a_block_is_the_same_as_an_image_of_all_its_pixels() -> None:
    rng = np.random.default_rng(11)
    counts = images(rng.beta(4, 2, 23), rng)
    summed = np.array([counts[start : start + 5].sum(0) for start in range(0, 23, 5)])
    assert bootstrap(counts, blocks=5) == bootstrap(summed)
    assert paired_bootstrap(counts, counts, blocks=5).images == 23


def test_a_class_that_a_resample_lacks_is_left_out_of_its_mean() -> None:
    road, car = [[10, 0], [0, 0]], [[0, 0], [5, 5]]
    found = bootstrap(np.array([road] * 3 + [car]))
    assert found.high == 1.0  # resamples without a car: the mean over the road alone
    assert found.low < found.score < 1


def test_resamples_without_a_score_are_left_out() -> None:
    nothing, half = [[0, 0], [0, 0]], [[1, 1], [0, 0]]
    found = bootstrap(np.array([nothing] * 3 + [half]), pixel_accuracy)
    assert found == Interval(0.5, 0.5, 0.5)


@pytest.mark.parametrize(("count", "blocks"), [(1, 1), (4, 4), (4, 9)])
def test_one_image_or_block_has_a_score_but_no_interval(count: int, blocks: int) -> None:
    counts = single_pixels(count - 1, 1)
    score, low, high = bootstrap(counts, pixel_accuracy, blocks=blocks)
    assert score == (count - 1) / count
    assert math.isnan(low)
    assert math.isnan(high)
    found = paired_bootstrap(counts, counts[::-1], pixel_accuracy, blocks=blocks)
    assert found.difference == 0
    assert math.isnan(found.p)
    assert not found.differ
    assert str(found).endswith("from too few images")


def test_images_without_counted_pixels_have_neither_score_nor_interval() -> None:
    assert all(math.isnan(value) for value in bootstrap(np.zeros((5, 3, 3), np.int64)))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.uint64])
def test_counts_of_any_whole_kind_are_summed_without_overflow(kind: type[np.integer]) -> None:
    counts = np.array([[[200, 30], [40, 250]]] * 40, kind)
    share = 450 / 520
    assert bootstrap(counts, pixel_accuracy, blocks=5) == Interval(share, share, share)


def test_a_resample_draws_as_many_pixels_as_there_are_exactly() -> None:
    big = 2**40 + 1
    sums = []

    def score(counts: Counts) -> float:
        sums.append(int(counts.sum()))
        return mean_iou(counts)

    bootstrap(np.full((50, 2, 2), big), score, resamples=250)
    assert sums == [50 * 4 * big] * 251


@pytest.mark.parametrize(
    ("counts", "settings", "message"),
    [
        (np.ones((4, 3, 2), int), {}, "(4, 3, 2); give one square"),
        (np.ones((3, 3), int), {}, "(3, 3); give one square"),
        (np.ones((0, 3, 3), int), {}, "(0, 3, 3); give one square"),
        (np.ones((4, 3, 3)), {}, "not whole pixels"),
        (-np.ones((4, 3, 3), int), {}, "not whole pixels"),
        (np.ones((4, 3, 3), int), {"level": 1.0}, "the level of an interval is 1.0"),
        (np.ones((4, 3, 3), int), {"level": 95}, "the level of an interval is 95"),
        (np.ones((4, 3, 3), int), {"resamples": 38}, "take at least 39"),
        (np.ones((4, 3, 3), int), {"resamples": 100, "level": 0.99}, "take at least 199"),
        (np.ones((4, 3, 3), int), {"blocks": 0}, "blocks of 0"),
    ],
)
def test_what_cannot_be_resampled_is_said(counts: Counts, settings: dict[str, float], message: str) -> None:
    with pytest.raises(UserError) as raised:
        bootstrap(counts, **settings)  # type: ignore[arg-type]
    assert message in str(raised.value)
    with pytest.raises(UserError):
        paired_bootstrap(counts, counts, **settings)  # type: ignore[arg-type]


def test_the_least_number_of_resamples_that_an_error_names_will_do() -> None:
    counts = single_pixels(5, 5)
    for level in (0.5, 0.9, 0.95, 0.99):
        with pytest.raises(UserError) as raised:
            bootstrap(counts, level=level, resamples=0)
        least = int(str(raised.value).split()[-1])
        assert not math.isnan(bootstrap(counts, pixel_accuracy, level=level, resamples=least).low)
        with pytest.raises(UserError):
            bootstrap(counts, level=level, resamples=least - 1)


@pytest.mark.parametrize("shape", [(5, 3, 3), (4, 2, 2)])
def test_models_scored_on_other_images_or_classes_are_not_compared(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match="scored on the same images and classes"):
        paired_bootstrap(np.ones((4, 3, 3), int), np.ones(shape, int))


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (Difference(0.021, 0.008, 0.034, 0.002, 9), "new is 2.1 points better than old [0.8, 3.4], p = 0.002"),
        (Difference(-0.021, -0.034, -0.008, 0.0001, 9), "new is 2.1 points worse than old [0.8, 3.4], p < 0.001"),
        (Difference(-0.0001, -0.02, 0.02, 1, 9), "new less old is 0.0 points [-2.0, 2.0], p = 1.000"),
        (Difference(0.5, NAN, NAN, NAN, 1), "new less old is 50.0 points, from too few images"),
    ],
)
def test_a_difference_in_words(difference: Difference, words: str) -> None:
    prefix = "" if difference.differ else "no difference can be told: "
    assert difference.in_words("new", "old") == prefix + words


def test_a_thousand_resamples_of_500_images_and_19_classes_take_a_moment() -> None:
    counts = np.random.default_rng(12).integers(0, 5000, (500, 19, 19))
    start = time.process_time()
    bootstrap(counts)
    assert time.process_time() - start < 1.5
