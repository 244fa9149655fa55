"""Sums of losses as a recipe writes them, and what is no such sum."""

import pytest
import torch

from pixelwise.errors import UserError
from pixelwise.losses import LOSSES, Term, combine, cross_entropy, deeply_supervised, dice_loss, focal_loss, settings_of


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(0)
    return torch.randn(2, 3, 4, 5, generator=source), torch.randint(0, 3, (2, 4, 5), generator=source)


@pytest.mark.parametrize(
    ("expression", "terms"),
    [
        ("ce", [Term(1.0, "ce")]),
        ("ce + 0.5 dice", [Term(1.0, "ce"), Term(0.5, "dice")]),
        ("ce+.5*dice", [Term(1.0, "ce"), Term(0.5, "dice")]),
        ("  1e-2 boundary\n+ lovasz ", [Term(0.01, "boundary"), Term(1.0, "lovasz")]),
        (
            "0.5 ce(smoothing=0.1) + focal( gamma = 3 )",
            [Term(0.5, "ce", {"smoothing": 0.1}), Term(1.0, "focal", {"gamma": 3})],
        ),
        ("tversky(beta=1, alpha=0.5)", [Term(1.0, "tversky", {"beta": 1, "alpha": 0.5})]),
        ("2 dice()", [Term(2.0, "dice")]),
    ],
)
def test_a_sum_is_read_as_it_is_written(expression: str, terms: list[Term]) -> None:
    assert combine(expression).terms == tuple(terms)


def test_a_sum_costs_what_its_terms_cost() -> None:
    logits, label = batch()
    weights, ignore = torch.tensor([1.0, 2.0, 3.0]), 2
    loss = combine("0.5 ce(smoothing=0.1) + focal(gamma=3) + 2 dice")(logits, label, ignore=ignore, weights=weights)
    expected = (
        0.5 * cross_entropy(logits, label, ignore=ignore, weights=weights, smoothing=0.1)
        + focal_loss(logits, label, ignore=ignore, weights=weights, gamma=3)
        + 2 * dice_loss(logits, label, ignore=ignore, weights=weights)
    )
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    assert loss.dtype == torch.float32
    assert combine("ce")(logits, label).item() == cross_entropy(logits, label).item()


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_and_every_default_can_be_written(name: str) -> None:
    settings = {key: one.default for key, one in settings_of(name).items()}
    written = f"{name}({', '.join(f'{key}={value}' for key, value in settings.items())})"
    logits, label = batch()
    assert combine(written).terms[0].settings == settings
    assert combine(written)(logits, label).item() == combine(name)(logits, label).item()


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "a loss is missing; write a sum such as"),
        ("ce +", "a loss is missing"),
        ("+ ce", "cannot read '\\+ ce'"),
        ("ce ++ dice", "cannot read '\\+ dice'"),
        ("ce dice", "cannot read 'dice'"),
        ("ce - dice", "cannot read '- dice'"),
        ("0.5", "cannot read '0.5'"),
        ("ce(smoothing=0.1", "cannot read"),
        ("__import__('os')", "cannot read"),
        ("-1 ce", "the weight of ce is -1; give one above 0, or leave ce out"),
        ("0 ce + dice", "the weight of ce is 0"),
        ("1e999 ce", "the weight of ce is 1e999"),
        ("nan ce", "there is no loss 'nan'"),
        ("ce + dise", "there is no loss 'dise'; did you mean 'dice'\\?"),
        ("focal(gama=1)", "there is no setting of focal 'gama'; did you mean 'gamma'\\?"),
        ("focal(3)", "there is no setting of focal '3'; Known: gamma"),
        ("dice(smooth=1)", "dice has no settings; write dice alone"),
        ("focal(gamma=1, gamma=2)", "gamma is given twice"),
        ("ce(smoothing=1)", "smoothing of ce is '1'; input should be less than 1"),
        ("ce(smoothing=nan)", "smoothing of ce is 'nan'; input should be greater than or equal to 0"),
        ("ce(smoothing=little)", "smoothing of ce is 'little'; input should be a valid number"),
        ("ohem(share=0)", "input should be greater than 0"),
        ("ohem(share=1.5)", "input should be less than or equal to 1"),
        ("focal(gamma=inf)", "input should be less than inf"),
        ("tversky(beta=0)", "input should be greater than 0"),
        ("unet(background=1.5)", "input should be a valid integer"),
        ("unet(sigma=-1)", "input should be greater than 0"),
    ],
)
def test_what_is_no_such_sum_is_refused_in_one_line(expression: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        combine(expression)
    assert "\n" not in str(caught.value)


def test_a_message_has_one_line_whatever_the_sum_has() -> None:
    with pytest.raises(UserError) as caught:
        combine("ce\n!\n+ dice(\n)")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("weight", [0.0, 0.4, 2.0])
def test_auxiliary_heads_count_as_much_as_is_asked(weight: float) -> None:
    outputs = [torch.full((1, 2, 1, 1), value) for value in (1.0, 10.0, 100.0)]
    assert deeply_supervised(torch.Tensor.mean, outputs, weight).item() == pytest.approx(1 + weight * 110)
