"""The learning rate, the momentum and what is frozen, step by step, by hand."""

import math

import pytest
import torch

from pixelwise.training import Recipe
from pixelwise.training.schedule import frozen, learning_rate, momentum, set_rates


def rates(**settings: object) -> list[float]:
    recipe = Recipe(steps=10, learning_rate=1.0, warm_up=0.2, **settings)
    return [learning_rate(recipe, step) for step in range(10)]


def test_every_schedule_rises_in_a_line_over_the_warm_up() -> None:
    for schedule in ("cosine", "one_cycle", "poly", "constant"):
        assert rates(schedule=schedule)[:2] == [0.5, 1.0]


def test_a_cosine_falls_from_one_to_nearly_nothing() -> None:
    assert rates(schedule="cosine")[2:] == pytest.approx([(1 + math.cos(math.pi * left / 8)) / 2 for left in range(8)])


def test_poly_falls_by_the_power_of_point_nine_of_what_is_left() -> None:
    assert rates(schedule="poly")[2:] == pytest.approx([(left / 8) ** 0.9 for left in range(8, 0, -1)])


def test_a_constant_rate_stays() -> None:
    assert rates(schedule="constant")[2:] == [1.0] * 8


def test_in_one_cycle_the_momentum_is_lowest_where_the_rate_is_highest() -> None:
    recipe = Recipe(steps=10, schedule="one_cycle", warm_up=0.3, beta1=0.95)
    found = [momentum(recipe, step) for step in range(10)]
    assert min(found) == pytest.approx(0.85) == pytest.approx(found[2])
    assert found[0] == pytest.approx(0.95 - 0.1 / 3)
    assert found[-1] > 0.94
    assert momentum(Recipe(schedule="cosine", beta1=0.95), 0) == 0.95


@pytest.mark.parametrize(("kind", "key"), [(torch.optim.AdamW, "betas"), (torch.optim.SGD, "momentum")])
def test_rates_and_momentum_reach_the_optimiser(kind: type[torch.optim.Optimizer], key: str) -> None:
    weights = torch.zeros(1, requires_grad=True)
    optimizer = kind([{"params": [weights], "rate": 0.1}], lr=1.0)
    recipe = Recipe(steps=10, learning_rate=2.0, warm_up=0.1, schedule="one_cycle", beta1=0.9)
    set_rates(optimizer, recipe, 0)
    [group] = optimizer.param_groups
    assert group["lr"] == pytest.approx(0.2)
    assert group[key] == pytest.approx((0.8, 0.999) if key == "betas" else 0.8)


def test_an_encoder_thaws_after_its_share_of_the_steps() -> None:
    recipe = Recipe(weights="a.safetensors", freeze=0.3, steps=10)
    assert [frozen(recipe, step) for step in range(5)] == [True, True, True, False, False]
    assert not frozen(Recipe(steps=10), 0)
