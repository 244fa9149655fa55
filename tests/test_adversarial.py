"""The game of Pix2Pix: each step by hand, what resuming needs, and how it is told when one player gives up."""

import copy
import html
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import pixelwise, refused
from PIL import Image as Pillow
from small_models import streets
from torch.nn import functional as F

import pixelwise as pw
from pixelwise import api
from pixelwise.data import Dataset
from pixelwise.data.dataset import Format, Source
from pixelwise.errors import UserError
from pixelwise.labels import CAMVID11
from pixelwise.losses import least_squares_gan, mean_difference, vanilla_gan
from pixelwise.machine import mixed_precision
from pixelwise.metrics import class_accuracy_over_all, class_iou_over_all
from pixelwise.tensors import load_tensors
from pixelwise.training import Recipe, Request, plan, read_history, save_recipe
from pixelwise.training.adversarial import GAMES, Watch, adversarial_step, collapses, pictures
from pixelwise.training.batches import chance
from pixelwise.training.state import State, fresh_state

CPU = torch.device("cpu")
OPTIONS = {"width": 4, "depth": 4, "dropout": 0.0}
RECIPE = Recipe("pix2pix", OPTIONS, size=(32, 64), steps=10, **GAMES["pix2pix"] | {"batch": 2})
TINY = ("--model", "pix2pix", "--option", "width=4", "--option", "depth=4", "--size", "32x64", "--batch", 2)


def step(state: State, recipe: Recipe) -> dict[str, float]:
    images, labels = streets(2, 32, 64)
    labels[labels == 255] = 0
    losses = adversarial_step(state, recipe, images.float(), labels, weights=torch.ones(11), ignore=255)
    state.step += 1
    return {name: loss.item() for name, loss in losses.items()}


def numbers(network: torch.nn.Module) -> dict[str, bytes]:
    return {name: tensor.contiguous().numpy().tobytes() for name, tensor in network.state_dict().items()}


# One step


@pytest.mark.parametrize("gan", ["vanilla", "least_squares"])
def test_a_step_is_the_paper_s_discriminator_first_with_half_its_loss_then_100_times_l1_and_the_painter(
    gan: str,
) -> None:
    recipe = replace(RECIPE, gan=gan)
    state = fresh_state(recipe, CAMVID11, CPU)
    painter, rival = copy.deepcopy(state.network).train(), copy.deepcopy(state.rival.network)
    losses = step(state, recipe)

    def verdict(photo: torch.Tensor, picture: torch.Tensor, target: float) -> torch.Tensor:
        with mixed_precision(CPU):
            found = rival(photo, picture).float()
        if gan == "vanilla":
            return F.binary_cross_entropy_with_logits(found, torch.full_like(found, max(0.0, target)))
        return F.mse_loss(found, torch.full_like(found, target))

    images, labels = streets(2, 32, 64)
    labels[labels == 255] = 0
    photo, truth = (
        images / 127.5 - 1,
        torch.from_numpy(CAMVID11.colorize(labels.numpy())).permute(0, 3, 1, 2) / 127.5 - 1,
    )
    rate = recipe.learning_rate  # a tenth of ten steps is one: the rate is at its peak at once
    of_painter, of_rival = (torch.optim.Adam(one.parameters(), rate, betas=(0.5, 0.999)) for one in (painter, rival))
    with mixed_precision(CPU), chance(0, 0, CPU):
        painted = painter.paint(images)
    judged = (verdict(photo, truth, 1.0) + verdict(photo, painted.detach(), -1.0)) / 2
    judged.backward()
    of_rival.step()
    fooled = verdict(photo, painted, 1.0)
    (100 * F.l1_loss(painted, truth) + fooled).backward()
    of_painter.step()

    assert losses["discriminator_loss"] == pytest.approx(judged.item(), rel=1e-4)
    assert losses["gan_loss"] == pytest.approx(fooled.item(), rel=1e-4)
    assert losses["loss"] == pytest.approx(100 * losses["l1_loss"] + losses["gan_loss"], rel=1e-5)
    for ours, by_hand in ((state.network, painter), (state.rival.network, rival)):
        for (name, found), wanted in zip(ours.named_parameters(), by_hand.parameters(), strict=True):
            assert torch.allclose(found, wanted, atol=rate / 10), name


def test_losses_are_those_of_torch() -> None:
    verdict = torch.randn(2, 1, 3, 4, generator=torch.Generator().manual_seed(0)) * 3
    for real in (True, False):
        target = torch.full_like(verdict, float(real))
        assert torch.allclose(vanilla_gan(verdict, real), F.binary_cross_entropy_with_logits(verdict, target))
        assert torch.allclose(least_squares_gan(verdict, real), F.mse_loss(verdict, 2 * target - 1))
    one, other = torch.rand(2, 3, 4, 5), torch.rand(2, 3, 4, 5)
    assert torch.allclose(mean_difference(one, other, torch.ones(2, 1, 4, 5)), F.l1_loss(one, other))


@pytest.mark.parametrize(
    ("gan", "l1", "named"),
    [
        ("none", 100.0, {"loss", "l1_loss"}),
        ("vanilla", 0.0, {"loss", "l1_loss", "gan_loss", "discriminator_loss"}),
        ("least_squares", 100.0, {"loss", "l1_loss", "gan_loss", "discriminator_loss"}),
    ],
)
def test_l1_alone_the_game_alone_and_both(gan: str, l1: float, named: set[str]) -> None:
    recipe = replace(RECIPE, gan=gan, l1=l1)
    state = fresh_state(recipe, CAMVID11, CPU)
    assert (state.rival is None) == (gan == "none")
    losses = step(state, recipe)
    assert set(losses) == named
    assert losses["loss"] == pytest.approx(l1 * losses["l1_loss"] + losses.get("gan_loss", 0.0), rel=1e-5)


def test_a_painter_learns_a_street_by_heart() -> None:
    recipe = replace(RECIPE, options=OPTIONS | {"width": 16}, learning_rate=5e-3, steps=60)
    state = fresh_state(recipe, CAMVID11, CPU)
    differences = [step(state, recipe)["l1_loss"] for _ in range(60)]
    assert differences[-1] < 0.25 * differences[0], differences


def test_where_nobody_knows_the_truth_both_players_see_the_same_and_nothing_is_learnt() -> None:
    state = fresh_state(RECIPE, CAMVID11, CPU)
    images, labels = streets(2, 32, 64)
    labels[:] = 255
    before = {name: weights.clone() for name, weights in state.network.named_parameters()}
    losses = adversarial_step(state, RECIPE, images.float(), labels, weights=torch.ones(11), ignore=255)
    assert losses["l1_loss"] == 0
    assert all(torch.equal(weights, before[name]) for name, weights in state.network.named_parameters())


def test_ignored_pixels_of_a_coloured_label_are_black() -> None:
    painter = fresh_state(RECIPE, CAMVID11, CPU).network
    images, labels = streets(1, 32, 64)
    labels[:], labels[:, 5] = 3, 255
    source, truth, known = pictures(painter, images.float(), labels, 255)
    assert torch.equal(source, images.float())
    assert np.array_equal(
        (127.5 * (truth[0] + 1)).round().byte().permute(1, 2, 0), CAMVID11.colorize(labels[0].numpy())
    )
    assert known[0, 0].all(1).tolist() == [row != 5 for row in range(32)]


def test_the_other_direction_paints_the_photo_from_the_coloured_label() -> None:
    painter = fresh_state(replace(RECIPE, options=OPTIONS | {"paints": "photo"}), CAMVID11, CPU).network
    images, labels = streets(1, 32, 64)
    source, truth, known = pictures(painter, images.float(), labels, 255)
    assert np.array_equal(source[0].byte().permute(1, 2, 0), CAMVID11.colorize(labels[0].numpy()))
    assert torch.allclose(truth, images / 127.5 - 1)
    assert known.all()


# Going on


@pytest.mark.parametrize("model", ["pix2pix", "pix2pix_128"])
def test_a_game_that_was_saved_and_loaded_goes_on_byte_for_byte(model: str, tmp_path: Path) -> None:
    options = OPTIONS | {"dropout": 0.3} if model == "pix2pix" else {"width": 4}
    recipe = replace(RECIPE, model=model, options=options, **GAMES[model])
    one = fresh_state(recipe, CAMVID11, CPU)
    for _ in range(2):
        step(one, recipe)
    one.save(tmp_path / "state.safetensors", 3)
    other = fresh_state(replace(recipe, seed=9), CAMVID11, CPU)
    other.load(tmp_path / "state.safetensors", 3)
    assert step(one, recipe) == step(other, recipe)
    for network in ("network", "averaged"):
        assert numbers(getattr(one, network)) == numbers(getattr(other, network))
    assert numbers(one.rival.network) == numbers(other.rival.network)


def test_a_state_without_the_rival_is_refused(tmp_path: Path) -> None:
    fresh_state(replace(RECIPE, gan="none"), CAMVID11, CPU).save(tmp_path / "state.safetensors", 3)
    with pytest.raises(UserError, match="is not the state of a run with this recipe"):
        fresh_state(RECIPE, CAMVID11, CPU).load(tmp_path / "state.safetensors", 3)


# Collapse


@pytest.mark.parametrize(
    ("silent", "told"), [("discriminator_loss", "tells every picture"), ("gan_loss", "takes whatever is painted")]
)
def test_a_player_whose_loss_is_at_zero_for_an_epoch_is_told_once(silent: str, told: str) -> None:
    watch = Watch(steps_per_epoch=20.0)
    losses = {"loss": 1.0, "gan_loss": 0.7, "discriminator_loss": 0.7}
    said = [watch.look(at, losses | {silent: 0.001}) for at in range(0, 60, 10)]
    assert [bool(text) for text in said] == [False, False, True, False, False, False]
    assert told in said[2]


def test_a_loss_that_comes_back_before_the_epoch_is_over_is_no_collapse() -> None:
    watch = Watch(steps_per_epoch=20.0)
    for at in range(0, 200, 10):
        assert not watch.look(at, {"gan_loss": 0.7, "discriminator_loss": 0.5 if at % 20 else 0.0})


def test_one_lively_reading_among_many_silent_ones_hides_no_collapse() -> None:
    watch = Watch(steps_per_epoch=200.0)
    said = [
        watch.look(at, {"gan_loss": 4.0, "discriminator_loss": 0.3 if at == 100 else 0.0}) for at in range(0, 400, 10)
    ]
    assert [place for place, text in enumerate(said) if text] == [20]


def test_supervised_training_has_no_players_to_watch() -> None:
    assert not any(Watch(steps_per_epoch=1.0).look(at, {"loss": 0.0}) for at in range(5))


def test_the_report_says_where_a_player_gave_up() -> None:
    rows = [{"epoch": epoch / 2, "gan_loss": 5.0, "discriminator_loss": 0.002} for epoch in range(1, 6)]
    [said] = collapses(rows)
    assert said.startswith("the discriminator loss has been at zero for an epoch")
    assert collapses([row | {"discriminator_loss": 0.4} for row in rows]) == []


def test_a_collapse_is_told_while_it_trains_and_in_the_report(
    tmp_path: Path, small_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixelwise.training.adversarial.SILENT", 100.0)  # as if every loss were zero
    answer = pixelwise("train", small_folder, *TINY, "--epochs", 8, "--run", tmp_path / "run")
    assert answer.code == 0, answer
    assert "the discriminator loss has been at zero for an epoch" in " ".join(answer.err.split())
    assert "Look here:" in (tmp_path / "run" / "report.html").read_text()


def test_grey_images_are_painted_in_colour_and_judged_with_them() -> None:
    state = fresh_state(RECIPE, CAMVID11, CPU, in_channels=1)
    images, labels = streets(2, 32, 64)
    losses = adversarial_step(state, RECIPE, images[:, :1].float(), labels, weights=torch.ones(11), ignore=255)
    assert all(loss.isfinite() for loss in losses.values())


def test_a_game_that_diverges_stops_with_the_loss_that_is_none(tmp_path: Path, small_folder: Path) -> None:
    recipe = replace(RECIPE, learning_rate=1e30, steps=6, validations=3)
    save_recipe(recipe, tmp_path / "run" / api.RECIPE, Source(str(small_folder)))
    with pytest.raises(UserError, match=r"loss is (nan|inf) at step \d+, whose images were .*: training diverged"):
        api.resume(tmp_path / "run", "cpu")


# As users meet it


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory, small_folder: Path) -> Path:
    """A finished run."""
    run = tmp_path_factory.mktemp("painted") / "run"
    answer = pixelwise("train", small_folder, *TINY, "--epochs", 2, "--run", run)
    assert answer.code == 0, answer
    return run


def test_a_run_shows_both_players_and_what_was_painted(painted: Path) -> None:
    rows = read_history(painted / "history.csv")
    assert all(math.isfinite(row[name]) for row in rows for name in ("gan_loss", "discriminator_loss", "l1_loss"))
    samples = sorted((painted / "samples").glob("*.png"))
    assert [int(path.stem) for path in samples] == [row["step"] for row in rows]
    with Pillow.open(samples[0]) as picture:
        assert picture.size == (4 * 80, 2 * 64)  # photo, truth, painted, classes; of two images
    report = (painted / "report.html").read_text()
    for title in ("Discriminator's loss", "Painter's loss against the discriminator", "What it painted"):
        assert title in html.unescape(report)


def test_only_the_generator_travels_in_the_bundle(painted: Path) -> None:
    weights, _ = load_tensors(painted / "best.safetensors")
    assert set(weights) == set(pw.load(painted, "cpu").bundle.network.state_dict())
    assert np.array_equal(weights["colors"], CAMVID11.colors)
    assert any(name.startswith("rival.") for name in load_tensors(painted / "state.safetensors")[0])


def test_it_is_scored_like_any_model_and_by_the_paper_s_protocol_besides(painted: Path, small_folder: Path) -> None:
    answer = pixelwise("evaluate", painted, small_folder)
    assert answer.code == 0, answer
    assert "as Pix2Pix's paper, %" in answer.out
    assert "read as lossy masks" in " ".join(answer.out.split())
    scored = json.loads(pixelwise("evaluate", painted, small_folder, "--json").out)
    counts = np.array(scored["counts"])
    assert scored["protocols"]["pix2pix"]["class IoU"] == class_iou_over_all(counts)


def test_the_paper_s_protocol_is_that_of_its_code() -> None:
    counts = np.random.default_rng(0).integers(0, 1000, (19, 19))
    counts[7], counts[:, 7], counts[9] = 0, 0, 0  # a class in neither, and one that is only predicted
    accuracy = np.diag(counts) / (counts.sum(1) + 1e-12)
    iou = np.diag(counts) / (counts.sum(1) + counts.sum(0) - np.diag(counts) + 1e-12)
    assert class_accuracy_over_all(counts) == pytest.approx(accuracy.mean())
    assert class_iou_over_all(counts) == pytest.approx(iou.mean())


def test_a_photo_is_labelled_and_its_painting_can_be_had(painted: Path, small: Dataset, tmp_path: Path) -> None:
    model = pw.load(painted, "cpu")
    photo = small.test[0].image
    assert model.predict(photo).label.shape == photo.shape[:2]
    assert model.paint(photo).size == (80, 64)
    Pillow.fromarray(photo).save(tmp_path / "street.png")
    assert pixelwise("predict", painted, tmp_path / "street.png", "--output", tmp_path / "out").code == 0
    assert len(list((tmp_path / "out").glob("*.png"))) == 4


def test_the_other_direction_is_trained_shown_and_not_scored(
    tmp_path: Path, small: Dataset, small_folder: Path
) -> None:
    run = tmp_path / "photos"
    answer = pixelwise("train", small_folder, *TINY, "--option", "paints=photo", "--epochs", 1, "--run", run)
    assert answer.code == 0, answer
    assert 0 < read_history(run / "history.csv")[-1]["validation_likeness"] < 1
    assert "What it painted" in (run / "report.html").read_text()
    assert not (run / "evaluation.json").exists()
    assert "paints photos, which have no classes to score" in refused("evaluate", run, small_folder)
    assert pixelwise("predict", run, small_folder, "--output", tmp_path / "out").code == 0
    names = {path.name.rsplit("_", 1)[-1] for path in (tmp_path / "out").glob("*.png")}
    assert names == {"photo.png", "side.png"}
    Pillow.fromarray(CAMVID11.colorize(small.test[0].label)).save(tmp_path / "drawn.png")
    assert "1 photos painted" in pixelwise("predict", run, tmp_path / "drawn.png", "--output", tmp_path / "one").out
    assert [path.name for path in (tmp_path / "one").glob("*.png")] == ["drawn_photo.png"]
    with pytest.raises(UserError, match="labels none; use its `paint`"):
        pw.load(run, "cpu").predict(np.zeros((8, 8, 3), np.uint8))


def test_photos_of_other_than_three_channels_are_not_painted(small: Dataset) -> None:
    request = Request("pix2pix", epochs=1, options=OPTIONS | {"paints": "photo"})
    with pytest.raises(UserError, match="has images of 1 channels; only RGB photos are painted"):
        plan(request, replace(small, format=Format(1)), CPU)


def test_a_model_that_does_not_paint_says_so(small_run: Path) -> None:
    with pytest.raises(UserError, match="unet does not paint"):
        pw.load(small_run, "cpu").paint(np.zeros((8, 8, 3), np.uint8))


@pytest.mark.parametrize(
    ("model", "asked", "told"),
    [
        ("unet", {"gan": "vanilla"}, "unet does not paint, so it plays no game"),
        ("pix2pix", {"gan": "wasserstein"}, "there is no gan 'wasserstein'"),
        ("pix2pix", {"gan": "none", "l1": 0.0}, "an l1 of 0 teaches nothing"),
        ("pix2pix", {"l1": -1.0}, "l1 is -1.0"),
    ],
)
def test_a_game_without_sense_is_refused_before_any_data_is_read(
    model: str, asked: dict[str, object], told: str
) -> None:
    with pytest.raises(UserError, match=told):
        Request(model, settings=asked)


def test_a_crop_of_which_the_discriminator_would_see_one_pixel_is_refused(small_folder: Path) -> None:
    said = refused(
        "train", small_folder, "--model", "pix2pix_128", "--option", "width=2", "--size", "32x32", "--epochs", 1
    )
    assert "a crop of 32x32 leaves the discriminator one pixel; give at least 32x64" in said


@pytest.mark.parametrize(
    ("model", "gan", "rate"), [("pix2pix", "vanilla", 2e-4), ("pix2pix_128", "least_squares", 4e-4)]
)
def test_each_generator_is_trained_as_its_authors_do_unless_something_else_is_asked(
    model: str, gan: str, rate: float
) -> None:
    recipe = Request(model).recipe()
    assert (recipe.gan, recipe.l1, recipe.learning_rate, recipe.beta1) == (gan, 100, rate, 0.5)
    assert (recipe.batch, Request(model, settings={"batch": 4}).recipe().batch, Request("unet").recipe().batch) == (
        1,
        4,
        4,
    )
    assert Request(model, settings={"gan": "none"}).recipe().gan == "none"
