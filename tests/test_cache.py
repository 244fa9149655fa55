"""The training images, decoded once."""

import numpy as np
import pytest
import torch
from small_data import Held, held, label, photo

from pixelwise.data import Sample, Split
from pixelwise.training import cache as cache_module
from pixelwise.training.cache import PADDING, decoded, fill_cache

CPU = torch.device("cpu")


def split(*shapes: tuple[int, int]) -> Split:
    """Samples of these heights and widths."""
    samples = [Sample(photo(seed, *shape), label(seed, *shape), str(seed)) for seed, shape in enumerate(shapes)]
    return Split(tuple(Held(sample) for sample in samples))


def test_images_at_their_working_size_are_kept_pixel_for_pixel() -> None:
    samples = held("a", "b")
    cache = fill_cache(samples, (24, 32), CPU)
    assert len(cache) == 2
    for sample, image, truth in zip(samples, cache.images, cache.labels, strict=True):
        assert np.array_equal(image.permute(1, 2, 0).numpy(), sample.image)
        assert np.array_equal(truth.numpy(), sample.label)
    assert cache.extents.tolist() == [[32, 24]] * 2


def test_shrunken_labels_hold_only_classes_of_the_label() -> None:
    cache = fill_cache(split((48, 64)), (13, 17), CPU)
    assert cache.images.shape[2:] == cache.labels.shape[1:]
    assert set(cache.labels.unique().tolist()) <= set(np.unique(label(0, 48, 64)).tolist())


def test_a_label_halved_keeps_its_blocks_in_their_places() -> None:
    cache = fill_cache(split((48, 64)), (24, 32), CPU)
    assert np.array_equal(cache.labels[0].numpy(), label(0, 48, 64)[::2, ::2])


def test_images_of_several_shapes_lie_in_the_upper_left_and_the_rest_is_grey_and_ignored() -> None:
    cache = fill_cache(split((24, 48), (48, 24)), (24, 48), CPU, ignore=77)
    assert cache.images.shape == (2, 3, 48, 48)
    assert cache.extents.tolist() == [[48, 24], [24, 48]]
    assert np.array_equal(cache.images[0, :, :24].permute(1, 2, 0).numpy(), photo(0, 24, 48))
    assert (cache.images[0, :, 24:] == PADDING).all()
    assert (cache.images[1, :, :, 24:] == PADDING).all()
    assert (cache.labels[0, 24:] == 77).all()
    assert (cache.labels[1, :, 24:] == 77).all()


def test_a_decoded_split_gives_the_same_samples_and_reads_none_again() -> None:
    samples = held("a", "b")
    kept = decoded(samples)
    before = [entry.reads for entry in samples.entries]
    assert kept.names == ("a", "b")
    assert all(np.array_equal(kept[index].image, photo(index)) for index in (0, 1, 1, 0))
    assert [entry.reads for entry in samples.entries] == before


def test_a_split_that_is_empty_or_too_large_for_memory_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    empty, samples = Split(()), held("a", "b")
    monkeypatch.setattr(cache_module, "MOST_KEPT", 2 * 24 * 32 * 4 - 1)  # bytes: one fewer than both need
    assert decoded(empty) is empty
    assert decoded(samples) is samples
