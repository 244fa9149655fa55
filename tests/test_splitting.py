"""The validation split of data that has none."""

from pathlib import Path

import numpy as np
import pytest

from pixelwise.data import open_dataset
from pixelwise.data.splitting import hold_out, sequence_of, with_validation

CAMVID = Path(__file__).parents[2] / "shared" / "data" / "camvid"


def names(**sequences: int) -> list[str]:
    return [f"{sequence}_{index:05d}" for sequence, count in sequences.items() for index in range(count)]


def nothing(samples: list[str]) -> np.ndarray:
    return np.zeros((len(samples), 0), bool)


def test_frames_of_one_sequence_never_straddle() -> None:
    frames = names(a=40, b=7, c=30, d=12, e=11)
    held = hold_out(frames, nothing(frames))
    both = {sequence_of(frames[i]) for i in held} & {sequence_of(f) for i, f in enumerate(frames) if i not in held}
    assert held
    assert not both


def test_of_two_sequences_the_smaller_is_held_out_whole() -> None:
    frames = names(long=60, short=45)
    assert {frames[index][:5] for index in hold_out(frames, nothing(frames))} == {"short"}


def test_one_long_sequence_gives_neighbouring_frames() -> None:
    frames = names(a=100)
    held = hold_out(frames, nothing(frames))
    assert len(held) == 10
    assert held == list(range(held[0], held[0] + 10))


def test_every_class_is_in_training_and_in_validation_where_two_sequences_hold_it() -> None:
    frames = [f"photo{chr(97 + index // 10)}{chr(97 + index % 10)}" for index in range(50)]
    present = np.zeros((50, 4), bool)
    present[:, 0] = True
    present[[3, 30], 1] = True
    present[[3, 31], 2] = True
    present[44, 3] = True
    held = hold_out(frames, present)
    kept = [index for index in range(50) if index not in held]
    assert present[held].any(axis=0).tolist() == [True, True, True, False]
    assert present[kept].any(axis=0).all()


@pytest.mark.parametrize("seed", range(200))
def test_some_are_held_out_never_all_and_training_keeps_every_class(seed: int) -> None:
    random = np.random.default_rng(seed)
    n, sequences, k = (int(random.integers(low, high)) for low, high in ((2, 60), (1, 9), (0, 6)))
    frames = [f"s{chr(97 + int(random.integers(sequences)))}_{index:04d}" for index in range(n)]
    present = random.random((n, k)) < 0.2
    held = hold_out(frames, present)
    kept = [index for index in range(n) if index not in held]
    assert held
    assert kept
    assert held == hold_out(frames, present)
    whole = bool((present[kept].any(axis=0) == present.any(axis=0)).all())
    alone = len({sequence_of(frames[index]) for index in held}) == 1  # where none can be spared, the smallest goes
    assert whole or alone


def test_the_order_in_which_files_are_listed_does_not_matter() -> None:
    frames = names(a=10, b=11, c=12, d=13)
    turned = frames[::-1]
    forth = {frames[i] for i in hold_out(frames, nothing(frames))}
    assert forth == {turned[i] for i in hold_out(turned, nothing(turned))}


@pytest.mark.skipif(not CAMVID.is_dir(), reason="the real data is not beside the repository")
def test_camvids_training_frames_split_by_their_video_with_all_classes_on_both_sides() -> None:
    dataset = open_dataset(CAMVID)
    split = with_validation(dataset.with_splits({"train": dataset.train.entries}))
    videos = [{sequence_of(name) for name in part.names} for part in (split.train, split.val)]
    assert not videos[0] & videos[1]
    for part in (split.train, split.val):
        assert {int(v) for sample in part for v in np.unique(sample.label)} >= set(range(11))
