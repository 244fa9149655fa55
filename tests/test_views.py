"""How a network may look at an image: whole, with its mirror image, in tiles; and what training sees of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_data import held
from torch import nn

from pixelwise.errors import UserError
from pixelwise.labels import CAMVID11
from pixelwise.models import Network, build_network
from pixelwise.prediction.labelling import label_images
from pixelwise.prediction.view import View
from pixelwise.training import Recipe
from pixelwise.training.batches import batch_of_step, samples_of_step
from pixelwise.training.cache import Cache, Stream, fill_cache
from pixelwise.training.loop import view_of

CPU = torch.device("cpu")
IMAGE = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)


class PixelByPixel(nn.Module):
    """Logits that follow from a pixel's own colour, so that no view can change them."""

    stride = 1

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.classify = nn.Conv2d(3, 5, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.classify(image)
        return logits


@pytest.mark.parametrize(
    "view",
    [View(flip=True), View(tile=(16, 24)), View(flip=True, tile=(17, 23)), View(tile=(200, 10)), View(tile=(48, 64))],
    ids=str,
)
def test_no_view_changes_what_follows_from_a_pixel_alone(view: View) -> None:
    network = Network(PixelByPixel()).eval()
    [(whole, sure)] = label_images(network, [IMAGE], (48, 64))
    [(seen, confidence)] = label_images(network, [IMAGE], (48, 64), view=view)
    assert np.mean(seen == whole) > 0.999  # bf16 may break a tie
    assert np.allclose(confidence, sure, atol=0.02)


def test_the_mirror_image_gives_the_mirrored_label() -> None:
    network = build_network("unet", 4, width=4).eval()
    view = View(flip=True)
    [(label, _)] = label_images(network, [IMAGE], (48, 64), view=view)
    [(mirrored, _)] = label_images(network, [np.ascontiguousarray(IMAGE[:, ::-1])], (48, 64), view=view)
    assert np.mean(label == mirrored[:, ::-1]) > 0.99


def test_logits_of_two_views_are_averaged_by_hand() -> None:
    network = build_network("unet", 4, width=4).eval()
    image = torch.from_numpy(IMAGE).permute(2, 0, 1)[None]
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        logits = (network(image).float() + network(image.flip(3)).float().flip(3)) / 2
    [(label, confidence)] = label_images(network, [IMAGE], (48, 64), view=View(flip=True))
    assert np.mean(label == logits.argmax(1)[0].numpy()) > 0.99
    assert np.allclose(confidence, logits.softmax(1).amax(1)[0].numpy(), atol=0.03)


def test_a_recipe_says_how_its_images_are_validated() -> None:
    assert view_of(Recipe()) == View()
    assert view_of(Recipe(view="flip")) == View(flip=True)
    assert view_of(Recipe(view="tiles", size=(64, 96), crop=(32, 48))) == View(tile=(32, 48))


# What a step sees


@pytest.fixture(scope="module")
def cache() -> Cache:
    return fill_cache(held(*"abcdefgh"), (64, 96), CPU)


def test_a_step_sees_crops_of_the_size_that_was_asked(cache: Cache) -> None:
    recipe = Recipe(size=(64, 96), crop=(32, 64), batch=2)
    images, labels = batch_of_step(recipe, 0, cache, 255)
    assert (images.shape, labels.shape) == ((2, 3, 32, 64), (2, 32, 64))
    with pytest.raises(UserError, match="a crop of 64x97 is larger than the size 64x96"):
        replace(recipe, crop=(64, 97))


def one_rare_class() -> Cache:
    """Forty images of class 0, two of which hold some pixels of class 3 and one of class 7."""
    labels = torch.zeros(40, 32, 32, dtype=torch.uint8)
    labels[5, 3:5, 30] = labels[9, 20, 20] = 3
    labels[31, 0, 0] = 7
    images = torch.zeros(40, 3, 32, 32, dtype=torch.uint8).contiguous(memory_format=torch.channels_last)
    return Cache(images, labels, torch.full((40, 2), 32.0))


def test_rare_sampling_gives_its_share_of_crops_to_classes_drawn_evenly_and_lays_them_over() -> None:
    cache = one_rare_class()
    assert {label: list(found) for label, found in cache.holders.items() if label} == {3: [5, 9], 7: [31]}
    # Enlarged, for where an image shrinks the nearest pixel may be another.
    recipe = Recipe(size=(32, 32), crop=(16, 16), batch=40, rare_sampling=0.3, zoom=(1.0, 2.0), seed=3)
    drawn = [one for step in range(30) for one in samples_of_step(recipe, step, cache)]
    rare = [one for one in drawn if one.rare is not None]
    assert len(rare) / len(drawn) == pytest.approx(0.3, abs=0.04)
    for label in (0, 3, 7):
        assert sum(one.rare == label for one in rare) / len(rare) == pytest.approx(1 / 3, abs=0.06)
    assert len({one.chance for one in drawn}) == len(drawn)  # no two are augmented alike
    shown = [batch_of_step(recipe, step, cache, 255)[1] for step in range(5)]
    for step, labels in enumerate(shown):
        for one, label in zip(samples_of_step(recipe, step, cache), labels, strict=True):
            assert one.rare is None or (label == one.rare).any(), one


def test_images_that_are_read_ahead_know_their_classes_too() -> None:
    split = held(*"abcdefgh")
    stream, cache = Stream(split, (32, 32), CPU), fill_cache(split, (32, 32), CPU)
    assert {label: list(found) for label, found in stream.holders.items()} == {
        label: list(found) for label, found in cache.holders.items()
    }
    assert torch.equal(stream.class_counts(len(CAMVID11)), cache.class_counts(len(CAMVID11)))
