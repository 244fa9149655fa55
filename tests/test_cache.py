"""The training images at working size, kept or read ahead."""

import numpy as np
import pytest
import torch
from small_data import Held, held, label, photo

from pixelwise.data import Sample, Split
from pixelwise.data.store import reading
from pixelwise.data.store.reading import in_memory
from pixelwise.errors import UserError
from pixelwise.labels import CAMVID11
from pixelwise.training import Recipe
from pixelwise.training import cache as cache_module
from pixelwise.training.batches import AHEAD, batch_of_step
from pixelwise.training.cache import PADDING, Cache, Stream, fill_cache, training_images
from pixelwise.training.loop import train_step
from pixelwise.training.state import fresh_state

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


def test_a_split_in_memory_gives_the_same_samples_and_reads_none_again() -> None:
    samples = held("a", "b")
    kept = in_memory(samples)
    before = [entry.reads for entry in samples.entries]
    assert kept.names == ("a", "b")
    assert all(np.array_equal(kept[index].image, photo(index)) for index in (0, 1, 1, 0))
    assert [entry.reads for entry in samples.entries] == before
    assert in_memory(kept) is kept


def test_a_split_that_is_empty_or_too_large_for_memory_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    empty, samples = Split(()), held("a", "b")
    monkeypatch.setattr(reading, "free_memory", lambda: 3 * (2 * 24 * 32 * 4 - 1))  # a third is less than both need
    assert in_memory(empty) is empty
    assert in_memory(samples) is samples


# Images that are read ahead

MIXED = ((24, 48), (48, 24), (30, 30), (24, 48), (60, 20), (33, 57), (24, 48))
WILD = Recipe(size=(32, 32), batch=3, rotation=20, color=0.5, hue=20, seed=5)


@pytest.mark.parametrize("shapes", [((24, 32),) * 7, MIXED])
def test_batches_are_bit_for_bit_the_same_whether_images_are_kept_or_read_ahead(
    shapes: tuple[tuple[int, int], ...],
) -> None:
    kept, ahead = fill_cache(split(*shapes), (32, 36), CPU), Stream(split(*shapes), (32, 36), CPU)
    assert len(kept) == len(ahead) == 7
    for step in range(9):
        for one, other in zip(batch_of_step(WILD, step, kept, 255), batch_of_step(WILD, step, ahead, 255), strict=True):
            assert torch.equal(one, other)


def test_a_batch_is_no_larger_than_its_largest_image() -> None:
    for images in (fill_cache(split(*MIXED), (30, 30), CPU), Stream(split(*MIXED), (30, 30), CPU)):
        seen, truth, extents = images.batch([2, 0])
        assert extents.tolist() == [[30, 30], [42, 21]]
        assert seen.shape == (2, 3, 30, 42)
        assert truth.shape == (2, 30, 42)
        assert (seen[0, :, :, 30:] == PADDING).all()
        assert (truth[0, :, 30:] == 255).all()


def test_training_ends_with_the_same_weights_whether_images_are_kept_or_read_ahead() -> None:
    recipe, weights = Recipe(options={"width": 4}, size=(32, 32), batch=2, steps=4), torch.ones(11)
    ends = []
    for images in (fill_cache(split(*MIXED), (32, 36), CPU), Stream(split(*MIXED), (32, 36), CPU)):
        state = fresh_state(recipe, CAMVID11, CPU)
        for _ in range(4):
            train_step(state, recipe, images, weights, 255)
        ends.append(torch.cat([values.detach().flatten() for values in state.network.parameters()]))
    assert torch.equal(*ends)


def test_only_the_images_of_a_few_steps_are_held_and_each_is_read_once_an_epoch() -> None:
    samples, recipe = held(*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN"), Recipe(size=(24, 32), batch=2)
    images = Stream(samples, recipe.size, CPU)
    for step in range(10):
        batch_of_step(recipe, step, images, 255)
        assert len(images._coming) <= (AHEAD + 1) * recipe.batch
    images._pool.shutdown()
    reads = [entry.reads for entry in samples.entries]
    assert max(reads) == 1
    assert 20 <= sum(reads) <= 20 + AHEAD * recipe.batch


def test_images_are_read_before_they_are_asked_for() -> None:
    samples = held("a", "b", "c")
    images = Stream(samples, (24, 32), CPU)
    images.expect([2, 0])
    images._pool.shutdown()
    assert [entry.reads for entry in samples.entries] == [1, 0, 1]
    images.batch([0, 2])
    assert [entry.reads for entry in samples.entries] == [1, 0, 1]
    images.expect([0])
    assert list(images._coming) == [0]


def test_a_file_that_becomes_unreadable_is_named_when_its_turn_comes() -> None:
    def gone() -> Sample:
        raise UserError("a.png: there is no such file")

    samples = held("a", "b")
    samples.entries[1].read = gone
    images = Stream(samples, (24, 32), CPU)
    images.expect([1, 0])
    images.batch([0])
    with pytest.raises(UserError, match=r"a\.png: there is no such file"):
        images.batch([1])


def test_classes_are_counted_alike_whether_images_are_kept_or_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, ahead = fill_cache(split(*MIXED), (32, 36), CPU), Stream(split(*MIXED), (32, 36), CPU)
    counts = kept.class_counts(11)
    assert counts.sum() == sum(int((image != 255).sum()) for image in kept.labels)
    assert torch.equal(counts, ahead.class_counts(11))
    monkeypatch.setattr(cache_module, "COUNTED", 4)
    some = Stream(split(*MIXED), (32, 36), CPU).class_counts(11)
    assert torch.equal(some, torch.bincount(kept.labels[::2].flatten(), minlength=11)[:11])


def test_images_are_kept_where_they_fit_and_read_ahead_where_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for room, kind in ((4 * 24 * 32 * 4, Cache), (4 * 24 * 32 * 4 - 1, Stream)):
        monkeypatch.setattr(cache_module, "room", lambda room=room: room)
        assert type(training_images(held(*"abcd"), (24, 32), CPU)) is kind


@pytest.mark.parametrize("channels", [1, 2, 4, 6])
def test_images_of_other_than_three_channels_are_kept_and_read_ahead(channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (24, 32, channels), np.uint8)
    samples = Split((Held(Sample(image, label(), "a")),) * 3)
    recipe, size = Recipe(size=(32, 32), batch=2), (16, 24) if channels <= 4 else (24, 32)
    kept, ahead = (kind(samples, size, CPU) for kind in (fill_cache, Stream))
    one, other = (batch_of_step(recipe, 0, images, 255)[0] for images in (kept, ahead))
    assert one.shape == (2, channels, 32, 32)
    assert torch.equal(one, other)
