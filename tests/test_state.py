"""What resuming needs: a run that was saved, loaded and gone on with ends as one that never stopped."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from small_data import held
from small_models import write_squeezenet

from pixelwise.errors import UserError
from pixelwise.labels import CAMVID11, CITYSCAPES7
from pixelwise.tensors import load_tensors
from pixelwise.training import Recipe
from pixelwise.training.batches import class_weights
from pixelwise.training.cache import Cache, fill_cache
from pixelwise.training.loop import train_step
from pixelwise.training.state import State, fresh_state

CPU = torch.device("cpu")
RECIPE = Recipe("unet", {"width": 4}, size=(32, 32), batch=2, steps=10)


@pytest.fixture(scope="module")
def cache() -> Cache:
    return fill_cache(held("a", "b", "c"), (32, 32), CPU)


def trained(steps: int, cache: Cache, recipe: Recipe = RECIPE, state: State | None = None) -> State:
    state = state or fresh_state(recipe, CAMVID11, CPU)
    for _ in range(steps):
        train_step(state, recipe, cache, class_weights(cache, len(CAMVID11), 0.5), 255)
    return state


def numbers(state: State) -> dict[str, bytes]:
    """Every number of a state as bytes."""
    tensors = {f"network {name}": tensor for name, tensor in state.network.state_dict().items()}
    tensors |= {f"averaged {name}": tensor for name, tensor in state.averaged.state_dict().items()}
    for index, moments in state.optimizer.state_dict()["state"].items():
        tensors |= {f"{name} {index}": torch.as_tensor(moment) for name, moment in moments.items()}
    return {name: tensor.contiguous().numpy().tobytes() for name, tensor in tensors.items()}


@pytest.mark.parametrize("model", ["unet", "unet_carla", "segnet", "street"])
def test_a_run_that_was_saved_and_loaded_goes_on_byte_for_byte(model: str, cache: Cache, tmp_path: Path) -> None:
    recipe = replace(RECIPE, model=model)
    uninterrupted = trained(3, cache, recipe)
    uninterrupted.best = 1 / 3
    uninterrupted.save(tmp_path / "state.safetensors", 3)
    resumed = fresh_state(replace(recipe, seed=9), CAMVID11, CPU)
    resumed.load(tmp_path / "state.safetensors", 3)
    assert (resumed.step, resumed.best) == (3, 1 / 3)
    assert numbers(resumed) == numbers(uninterrupted)
    assert numbers(trained(2, cache, recipe, resumed)) == numbers(trained(2, cache, recipe, uninterrupted))


def with_encoder(**changes: object) -> Recipe:
    return replace(RECIPE, model="encoder_unet", weights="squeezenet.safetensors", **changes)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """Of a SqueezeNet, in the current folder as squeezenet.safetensors."""
    monkeypatch.chdir(tmp_path)
    return write_squeezenet(tmp_path / "squeezenet.safetensors")


def moved(state: State, start: dict[str, torch.Tensor]) -> float:
    """How far the encoder's second layer has gone."""
    return (state.network.encoder.fire2.squeeze1x1.weight - start["fire2.squeeze1x1.weight"]).abs().max().item()


def test_a_pretrained_encoder_starts_from_its_weights_and_its_own_normalisation(
    weights: dict[str, torch.Tensor],
) -> None:
    state = fresh_state(with_encoder(), CAMVID11, CPU)
    assert moved(state, weights) == 0
    assert state.network.mean.flatten().tolist() == [123, 117, 104]


def test_the_encoder_learns_at_its_own_rate(cache: Cache, weights: dict[str, torch.Tensor]) -> None:
    """AdamW's first step moves every weight by the learning rate, whatever the gradient is."""
    gone = [moved(trained(1, cache, with_encoder(encoder_rate=rate, weight_decay=0.0)), weights) for rate in (1.0, 0.1)]
    assert gone[1] == pytest.approx(0.1 * gone[0], rel=0.01)


def test_a_frozen_encoder_stays_as_it_was_loaded_and_the_rest_learns(
    cache: Cache, weights: dict[str, torch.Tensor]
) -> None:
    start = fresh_state(with_encoder(freeze=True), CAMVID11, CPU).network.body.classify.weight.clone()
    state = trained(3, cache, with_encoder(freeze=True))
    for name, tensor in state.network.encoder.state_dict().items():
        wanted = weights[name].flip(1) if name == "conv1.weight" else weights[name]
        assert torch.equal(tensor, wanted), name
    assert not torch.equal(state.network.body.classify.weight, start)


@pytest.mark.usefixtures("weights")
@pytest.mark.parametrize("freeze", [False, True])
def test_a_run_with_a_pretrained_encoder_goes_on_byte_for_byte_without_its_file(
    freeze: bool, cache: Cache, tmp_path: Path
) -> None:
    recipe = with_encoder(freeze=freeze, encoder_rate=0.3)
    uninterrupted = trained(2, cache, recipe)
    uninterrupted.save(tmp_path / "state.safetensors", 3)
    (tmp_path / "squeezenet.safetensors").unlink()
    resumed = fresh_state(replace(recipe, seed=9), CAMVID11, CPU, pretrained=False)
    resumed.load(tmp_path / "state.safetensors", 3)
    assert numbers(trained(2, cache, recipe, resumed)) == numbers(trained(2, cache, recipe, uninterrupted))


def test_a_state_before_its_first_step_comes_back_too(cache: Cache, tmp_path: Path) -> None:
    fresh_state(RECIPE, CAMVID11, CPU).save(tmp_path / "state.safetensors", 3)
    resumed = fresh_state(replace(RECIPE, seed=9), CAMVID11, CPU)
    resumed.load(tmp_path / "state.safetensors", 3)
    assert numbers(trained(1, cache, RECIPE, resumed)) == numbers(trained(1, cache))


def test_weights_follow_from_the_seed_and_leave_torchs_own_dice_alone() -> None:
    before = torch.random.get_rng_state()
    one, same, other = (numbers(fresh_state(replace(RECIPE, seed=seed), CAMVID11, CPU)) for seed in (0, 0, 1))
    assert one == same != other
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_averaged_network_starts_as_the_network_and_is_not_trained_itself() -> None:
    state = fresh_state(RECIPE, CAMVID11, CPU)
    for mean, value in zip(state.averaged.parameters(), state.network.parameters(), strict=True):
        assert torch.equal(mean, value)
        assert not mean.requires_grad
        assert value.requires_grad
    assert not state.averaged.training


def test_the_average_moves_by_one_minus_the_decay_and_faster_early_on() -> None:
    state = fresh_state(RECIPE, CAMVID11, CPU)
    start = copy.deepcopy(state.averaged.state_dict())
    with torch.no_grad():
        for weights in state.network.parameters():
            weights.add_(1)
    for step, decay, moved in ((10_000, 0.9, 0.1), (8, 0.9, 0.5)):  # 9 / 18 of the old is kept after 8 steps
        state.averaged.load_state_dict(start)
        state.step = step
        state.average(decay)
        for name, weights in state.averaged.named_parameters():
            assert torch.allclose(weights, start[name] + moved, atol=1e-6), name


def test_the_state_holds_nothing_but_numbers(cache: Cache, tmp_path: Path) -> None:
    trained(1, cache).save(tmp_path / "state.safetensors", 3)
    _, metadata = load_tensors(tmp_path / "state.safetensors")
    assert metadata == {"state": '{"step": 1, "best": -1.0, "images": 3}'}


@pytest.mark.parametrize(
    "other",
    [
        replace(RECIPE, options={"width": 8}),
        replace(RECIPE, model="segnet"),
        replace(RECIPE, options=RECIPE.options | {"upsample": "nearest"}),
    ],
    ids=str,
)
def test_a_state_of_another_recipe_is_refused(other: Recipe, cache: Cache, tmp_path: Path) -> None:
    trained(1, cache).save(tmp_path / "state.safetensors", 3)
    with pytest.raises(UserError, match="is not the state of a run with this recipe"):
        fresh_state(other, CAMVID11, CPU).load(tmp_path / "state.safetensors", 3)


def test_a_state_for_other_classes_is_refused(cache: Cache, tmp_path: Path) -> None:
    trained(1, cache).save(tmp_path / "state.safetensors", 3)
    with pytest.raises(UserError, match="is not the state of a run with this recipe"):
        fresh_state(RECIPE, CITYSCAPES7, CPU).load(tmp_path / "state.safetensors", 3)


@pytest.mark.parametrize("lost", ["optimizer.0.exp_avg", "network.mean", "state"])
def test_a_state_in_which_something_is_missing_is_refused(lost: str, cache: Cache, tmp_path: Path) -> None:
    trained(1, cache).save(tmp_path / "state.safetensors", 3)
    tensors, metadata = load_tensors(tmp_path / "state.safetensors")
    tensors.pop(lost, None)
    metadata.pop(lost, None)
    save_file(tensors, tmp_path / "state.safetensors", metadata)
    with pytest.raises(UserError, match="is not the state of a run with this recipe"):
        fresh_state(RECIPE, CAMVID11, CPU).load(tmp_path / "state.safetensors", 3)


def test_a_moment_of_another_shape_is_refused(cache: Cache, tmp_path: Path) -> None:
    trained(1, cache).save(tmp_path / "state.safetensors", 3)
    tensors, metadata = load_tensors(tmp_path / "state.safetensors")
    tensors["optimizer.0.exp_avg"] = torch.zeros(1)
    save_file(tensors, tmp_path / "state.safetensors", metadata)
    with pytest.raises(UserError, match="is not the state of a run with this recipe"):
        fresh_state(RECIPE, CAMVID11, CPU).load(tmp_path / "state.safetensors", 3)


def test_a_state_that_is_cut_off_is_refused(cache: Cache, tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    trained(1, cache).save(path, 3)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="is not a whole safetensors file"):
        fresh_state(RECIPE, CAMVID11, CPU).load(path, 3)


def test_an_encoder_that_thaws_learns_from_then_on_and_goes_on_byte_for_byte(
    cache: Cache, weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    recipe = with_encoder(freeze=0.2)  # two of ten steps
    assert moved(trained(2, cache, recipe), weights) == 0
    for saved_after in (1, 3):
        uninterrupted = trained(saved_after, cache, recipe)
        uninterrupted.save(tmp_path / "state.safetensors", 3)
        resumed = fresh_state(recipe, CAMVID11, CPU, pretrained=False)
        resumed.load(tmp_path / "state.safetensors", 3)
        assert numbers(trained(3, cache, recipe, resumed)) == numbers(trained(3, cache, recipe, uninterrupted))
        assert moved(resumed, weights) > 0


@pytest.mark.parametrize("settings", [{"optimizer": "sgd"}, {"precision": "fp16"}, {"schedule": "one_cycle"}], ids=str)
def test_every_optimiser_and_precision_goes_on_byte_for_byte(
    settings: dict[str, object], cache: Cache, tmp_path: Path
) -> None:
    recipe = replace(RECIPE, **settings)
    uninterrupted = trained(3, cache, recipe)
    uninterrupted.save(tmp_path / "state.safetensors", 3)
    resumed = fresh_state(recipe, CAMVID11, CPU)
    resumed.load(tmp_path / "state.safetensors", 3)
    assert numbers(trained(2, cache, recipe, resumed)) == numbers(trained(2, cache, recipe, uninterrupted))


def test_a_state_of_other_training_images_is_refused(cache: Cache, tmp_path: Path) -> None:
    trained(1, cache).save(tmp_path / "state.safetensors", 3)
    with pytest.raises(UserError, match="the run began with 3 training images and now there are 4"):
        fresh_state(RECIPE, CAMVID11, CPU).load(tmp_path / "state.safetensors", 4)


def test_a_batch_in_parts_has_the_gradient_of_the_whole() -> None:
    """Without batch norm, which goes by the images of a part; labels ignored in one image more than in another."""
    samples = held("a", "b", "c", "d")
    cache = fill_cache(samples, (32, 32), CPU)
    cache.labels[0, :20] = 255
    plain = {"width": 4, "batch_norm": False}
    recipe = replace(RECIPE, options=plain, batch=4, optimizer="sgd", beta1=0.0, precision="fp32")
    whole, parts = (trained(1, cache, replace(recipe, accumulate=accumulate)) for accumulate in (1, 3))
    for one, two in zip(whole.network.parameters(), parts.network.parameters(), strict=True):
        assert torch.allclose(one, two, rtol=1e-4, atol=1e-6)
