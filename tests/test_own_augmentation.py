"""The user's own callable: how it is found, how it is called, what it may give, and that its chance can be repeated."""

import random
import textwrap
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from small_data import Held, held, label, photo

from pixelwise.data import Sample, Split
from pixelwise.errors import UserError
from pixelwise.training import Recipe
from pixelwise.training.augmentation import Drawn, augmented
from pixelwise.training.cache import Cache, fill_cache
from pixelwise.training.own_augmentation import call_augment, find_augment

CPU = torch.device("cpu")
CROP = (40, 56)
BATCH = [Drawn(index, (0, 0, index)) for index in range(3)]
STILL = Recipe(size=CROP, batch=3, zoom=(1, 1), rotation=0, flip=0, color=0, hue=0)
Numbers = npt.NDArray[np.uint8]


def written(folder: Path, code: str) -> str:
    """A file with a callable named `own`, as a recipe names it."""
    file = folder / "mine.py"
    head = "import random\nimport numpy as np\nimport torch\n"
    file.write_text(head + textwrap.dedent(code), encoding="utf-8")
    return f"{file}:own"


def cache_of(shapes: tuple[tuple[int, int], ...], channels: int = 3) -> Cache:
    samples = [
        Sample(photo(i, *shape)[..., [0, 1, 2, 0][:channels]], label(i, *shape), "") for i, shape in enumerate(shapes)
    ]
    return fill_cache(Split(tuple(Held(sample) for sample in samples)), CROP, CPU)


def called(folder: Path, code: str, channels: int = 3) -> tuple[Numbers, Numbers]:
    """What the callable makes of a photo and its label."""
    image = photo(0)[..., :channels].copy()
    return call_augment(written(folder, code), image, label(0), 7)


def test_a_callable_is_found_in_a_file_and_in_a_module(tmp_path: Path) -> None:
    found = find_augment(written(tmp_path, "def own(image, mask): return image, mask"))
    assert found(1, 2) == (1, 2)
    assert find_augment("small_data:photo") is photo


def test_a_file_that_is_edited_changes_nothing_until_it_is_found_again(tmp_path: Path) -> None:
    name = written(tmp_path, "def own(image, mask): return image + np.uint8(1), mask")
    before = call_augment(name, photo(0), label(0), 7).image
    written(tmp_path, "def own(image, mask): return image + np.uint8(100), mask")
    assert np.array_equal(call_augment(name, photo(0), label(0), 7).image, before)
    find_augment(name)
    assert np.array_equal(call_augment(name, photo(0), label(0), 7).image, before + np.uint8(99))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("own", "augment 'own' names no callable; write FILE.py:NAME or MODULE:NAME"),
        (":own", "names no callable"),
        ("small_data:", "names no callable"),
        ("nowhere/mine.py:own", "nowhere/mine.py cannot be loaded (FileNotFoundError: there is no such file"),
        ("no_such_module:own", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("small_data:phto", "there is no name in small_data 'phto'; did you mean 'photo'?"),
        ("small_data:SHARED", "is of type PosixPath; name a callable(image, mask)"),
    ],
)
def test_a_name_that_names_no_callable_is_refused_in_one_line(name: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        find_augment(name)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("code", "said"), [("def own(:", "SyntaxError"), ("1 / 0", "ZeroDivisionError: division by")])
def test_a_file_that_cannot_be_run_is_refused_in_one_line(tmp_path: Path, code: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        find_augment(written(tmp_path, code))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "code",
    [
        "def own(image, mask): return image[::2], mask[::2]",
        "def own(photo, classes, strength=2): return [photo[::strength], classes[::strength]]",
        "def own(*, image, mask): return {'image': image[::2], 'mask': mask[::2], 'more': 1}",
        "def own(*order, **named): return {name: named[name][::2] for name in ('image', 'mask')}",
        "own = type('Own', (), {'__call__': lambda self, image, mask: (image[::2], mask[::2])})()",
    ],
)
def test_it_is_called_in_order_or_by_name_and_gives_a_pair_or_a_dict(tmp_path: Path, code: str) -> None:
    image, mask = called(tmp_path, code)
    assert np.array_equal(image, photo(0)[::2])
    assert np.array_equal(mask, label(0)[::2])


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def own(image, mask): pass", "gave something of type NoneType; let it return image and mask"),
        ("def own(image, mask): return image", "gave something of uint8; let it return image and mask"),
        ("def own(image, mask): return {'image': image}", "gave a mask of type NoneType; give an array of uint8"),
        ("def own(image, mask): return image / 255, mask", "gave an image of float64; give an array of uint8"),
        ("def own(image, mask): return image, mask.astype(int)", "gave a mask of int64; give an array of uint8"),
        (
            "def own(image, mask): return image[::2], mask",
            "gave a mask of shape (24, 32) to an image of shape (12, 32, 3); change both alike",
        ),
        (
            "def own(image, mask): return image[..., 0], mask",
            "gave an image of shape (24, 32); give (height, width",
        ),
        ("def own(image, mask): return image[:0], mask[:0]", "gave an image of shape (0, 32, 3)"),
        ("def own(image, mask): return torch.tensor(image), mask", "gave an image of type Tensor"),
        (
            "def own(image, mask): raise ValueError('too dark\\nby far')",
            "failed (ValueError: too dark, mine.py line 4)",
        ),
        ("def own(image): return image", "failed (TypeError: own() takes 1 positional argument but 2 were given"),
    ],
)
def test_a_wrong_answer_is_refused_in_one_line_that_names_the_callable(tmp_path: Path, code: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        called(tmp_path, code)
    assert said in str(caught.value)
    assert "mine.py:own' " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_image_of_one_channel_keeps_its_axis(tmp_path: Path) -> None:
    image, _ = called(tmp_path, "def own(image, mask): return 255 - image, mask", channels=1)
    assert np.array_equal(image, 255 - photo(0)[..., :1])


NOISY = """
def own(image, mask):
    change = random.randrange(9) + np.random.randint(9) + int(torch.randint(9, ()))
    return image // 2 + np.uint8(change), mask
"""


def seed_all(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def draws() -> list[float]:
    return [random.random(), np.random.random(), float(torch.rand(()))]


def test_its_chance_follows_from_the_drawn_numbers_alone(tmp_path: Path) -> None:
    recipe = replace(STILL, augment=written(tmp_path, NOISY))
    cache = fill_cache(held(*"abc"), CROP, CPU)
    seed_all(1)
    first, _ = augmented(recipe, BATCH, cache, 255)
    seed_all(2)
    again, _ = augmented(recipe, BATCH, cache, 255)
    assert torch.equal(first, again)
    later, _ = augmented(recipe, [Drawn(0, (0, epoch, 0)) for epoch in range(6)], cache, 255)
    assert len({float(image.mean()) for image in later}) > 2


@pytest.mark.parametrize("code", [NOISY, NOISY + "    1 / 0"])
def test_the_global_generators_go_on_as_if_it_had_not_been_called(tmp_path: Path, code: str) -> None:
    seed_all(5)
    expected = draws()
    seed_all(5)
    with suppress(UserError):
        called(tmp_path, code)
    assert draws() == expected


def test_it_sees_each_image_at_its_own_size_before_all_else_and_may_change_it(tmp_path: Path) -> None:
    code = """
    def own(image, mask):
        assert image.flags["C_CONTIGUOUS"] and image.flags["WRITEABLE"] and image.shape[:2] == mask.shape
        image[:] = 255 - image
        return (image[:20, :30], mask[:20, :30]) if len(image) < 50 else (image, mask)
    """
    shapes = ((48, 64), (64, 48), (30, 30))
    cache = cache_of(shapes)
    kept = cache.images.clone()
    images, labels = augmented(replace(STILL, augment=written(tmp_path, code)), BATCH, cache, 255)
    assert torch.equal(cache.images, kept)
    for index, (width, height) in enumerate([(30, 20), (cache.extents[1].int().tolist()), (30, 20)]):
        alone = Cache(
            255 - kept[[index], :, :height, :width],
            cache.labels[[index], :height, :width],
            torch.tensor([[float(width), float(height)]]),
        )
        expected, wanted = augmented(STILL, [Drawn(0, BATCH[index].chance)], alone, 255)
        assert torch.equal(images[index], expected[0])
        assert torch.equal(labels[index], wanted[0])


RAIN = """
import albumentations as A
own = A.Compose([
    A.HorizontalFlip(p=0.5),
    A.RandomCrop(20, 24, p=1),
    A.Affine(rotate=(-20, 20), fill_mask=255, p=1),
    A.RandomBrightnessContrast(p=1),
])
"""


def test_a_pipeline_of_albumentations_works_and_repeats_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_ALBUMENTATIONS_UPDATE", "1")
    name = written(tmp_path, RAIN)
    image, mask = call_augment(name, photo(0), label(0), 7)
    assert (image.shape, mask.shape) == ((20, 24, 3), (20, 24))
    again, other = call_augment(name, photo(0), label(0), 7), call_augment(name, photo(0), label(0), 8)
    assert np.array_equal(image, again.image)
    assert np.array_equal(mask, again.label)
    assert not np.array_equal(image, other.image)
    images, labels = augmented(Recipe(size=CROP, augment=name), BATCH, fill_cache(held(*"abc"), CROP, CPU), 255)
    assert images.shape == (3, 3, *CROP)
    assert set(labels.unique().tolist()) <= {*range(11), 255}
