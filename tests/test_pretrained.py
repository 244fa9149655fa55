"""Pretrained weights: every one finds its place, and images are normalised as the weights want it."""

import json
import sys
from pathlib import Path

import declared_torchvision  # noqa: F401
import numpy as np
import pytest
import timm
import torch
from PIL import Image as Pillow
from safetensors.torch import load_file, save_file
from small_data import held, real
from small_models import tiny_network
from torch import Tensor
from torch.nn import functional as F
from torchvision.models import squeezenet1_0

import pixelwise as pw
from pixelwise.data import Dataset
from pixelwise.errors import UserError
from pixelwise.labels import CAMVID11
from pixelwise.models import build_network
from pixelwise.models.deeplabv3plus import DeepLabV3Plus
from pixelwise.models.encoder_unet import EncoderUNet
from pixelwise.models.network import Network
from pixelwise.models.pretrained import load_pretrained
from pixelwise.training import Recipe, network_asked
from pixelwise.training.cache import fill_cache
from pixelwise.training.loop import train_step
from pixelwise.training.state import fresh_state

STREET_LARGE = Path(__file__).parents[1] / "weights" / "street_large.safetensors"
# ImageNet's classes of vehicles, their parts, and signs: ambulance, ..., street sign, traffic light.
STREET = {407, 436, 444, 468, 475, 479, 511, 555, 569, 609, 627, 654, 656, 661, 665, 670, 671, 675, 704, 705}
STREET |= {717, 734, 751, 757, 779, 817, 829, 864, 867, 874, 919, 920}
TORCH_MEAN, TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FIRES = dict(zip(range(2, 10), (3, 4, 5, 7, 8, 9, 10, 12), strict=True))  # where torchvision has them


def network(encoder: str = "squeezenet", channels: int = 3) -> Network:
    torch.manual_seed(0)
    return Network(EncoderUNet(channels, 4, encoder=encoder, width=4), in_channels=channels).eval()


def with_weights(weights: Path | str, encoder: str = "squeezenet", channels: int = 3) -> Network:
    loaded = network(encoder, channels)
    load_pretrained(loaded, str(weights))
    return loaded


def real_weights() -> Path:
    return real("weights") / "squeezenet1_0_imagenet.safetensors"


def real_photos(count: int) -> Tensor:
    """Of CamVid's validation split, from its whole length: (n, 3, 352, 480), RGB in [0, 255]."""
    files = sorted((real("camvid") / "val").glob("*.png"))
    files = files[:: len(files) // count][:count]
    photos = np.stack([np.asarray(Pillow.open(file).convert("RGB")) for file in files])
    return torch.from_numpy(photos).permute(0, 3, 1, 2)[..., :352, :].float()


def caffe_weights() -> dict[str, Tensor]:
    """Random ones by the names and in the shapes of the real file."""
    generator = torch.Generator().manual_seed(7)
    named = {f"features.{key}": tensor for key, tensor in squeezenet1_0().features.state_dict().items()}
    named |= {"classifier.1.weight": torch.zeros(1000, 512, 1, 1), "classifier.1.bias": torch.zeros(1000)}
    return {_caffe(key): torch.randn(tensor.shape, generator=generator) * 0.05 for key, tensor in named.items()}


def _caffe(key: str) -> str:
    """torchvision's name of a tensor -> Caffe's."""
    kind, number, *rest = key.split(".")
    if kind == "classifier":
        return f"conv10.{rest[-1]}"
    if number == "0":
        return f"conv1.{rest[-1]}"
    fire = next(fire for fire, at in FIRES.items() if at == int(number))
    return f"fire{fire}/{rest[0].replace('squeeze', 'squeeze1x1')}.{rest[1]}"


def torchvision_squeezenet(weights: dict[str, Tensor]) -> torch.nn.Module:
    """torchvision's own network with Caffe's weights: it wants BGR minus the mean. Padded as ours is."""
    theirs = squeezenet1_0()
    theirs.load_state_dict({key: weights[_caffe(key)] for key in theirs.state_dict()})
    theirs.features[0].padding = (3, 3)
    return theirs.eval()


def as_caffe_feeds(photos: Tensor) -> Tensor:
    return photos.flip(1) - torch.tensor([104.0, 117.0, 123.0]).view(3, 1, 1)


def normalised(loaded: Network, photos: Tensor) -> Tensor:
    return (photos - loaded.mean) / loaded.std


@pytest.fixture
def caffe(tmp_path: Path) -> Path:
    save_file(caffe_weights(), tmp_path / "caffe.safetensors")
    return tmp_path / "caffe.safetensors"


# SqueezeNet, the real file --------------------------------------------------------------------------------------------


def test_every_number_of_the_real_file_but_those_of_its_classifier_is_in_the_encoder() -> None:
    tensors = load_file(real_weights())
    state = with_weights(real_weights()).body.encoder.state_dict()
    rest = {key.replace("/", "."): tensor for key, tensor in tensors.items() if not key.startswith("conv10")}
    assert set(rest) == set(state)
    assert len(rest) == len(tensors) - 2
    rest["conv1.weight"] = rest["conv1.weight"].flip(1)
    assert all(torch.equal(state[key], tensor) for key, tensor in rest.items())


def test_the_real_weights_give_on_real_photos_what_torchvisions_squeezenet_fed_as_caffe_does_gives() -> None:
    tensors, photos = load_file(real_weights()), real_photos(2)
    loaded, theirs = with_weights(real_weights()), torchvision_squeezenet(tensors)
    with torch.no_grad():
        deepest = loaded.body.encoder(normalised(loaded, photos))[-1]
        torch.testing.assert_close(deepest, theirs.features(as_caffe_feeds(photos)), rtol=1e-4, atol=1e-2)
        answers = F.relu(F.conv2d(deepest, tensors["conv10.weight"], tensors["conv10.bias"])).mean(dim=(2, 3))
        torch.testing.assert_close(answers, theirs(as_caffe_feeds(photos)), rtol=1e-4, atol=1e-3)


def test_only_with_their_own_preprocessing_do_the_real_weights_see_streets_in_photos_of_streets() -> None:
    tensors, photos = load_file(real_weights()), real_photos(6)
    loaded = with_weights(real_weights())
    mean, std = (255 * torch.tensor(values).view(3, 1, 1) for values in (TORCH_MEAN, TORCH_STD))

    def street_things_of_five(image: Tensor) -> float:
        with torch.no_grad():
            deepest = loaded.body.encoder(image)[-1]
        answers = F.relu(F.conv2d(deepest, tensors["conv10.weight"], tensors["conv10.bias"])).mean(dim=(2, 3))
        return np.mean([len(STREET & set(five)) for five in answers.topk(5).indices.tolist()]).item()

    photos = F.interpolate(photos, size=(224, 304), mode="bilinear", antialias=True)
    assert street_things_of_five(normalised(loaded, photos)) > 3
    assert street_things_of_five((photos - mean) / std) < 1


# SqueezeNet, any file -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [EncoderUNet, DeepLabV3Plus])
def test_a_photo_is_normalised_as_caffes_weights_want_it(caffe: Path, body: type[EncoderUNet]) -> None:
    loaded = Network(body(3, 4, width=4)).eval()
    load_pretrained(loaded, str(caffe))
    assert loaded.mean.flatten().tolist() == [123, 117, 104]
    assert loaded.std.flatten().tolist() == [1, 1, 1]
    photos = torch.randint(0, 256, (1, 3, 32, 48)).float()
    theirs = torchvision_squeezenet(caffe_weights()).features(as_caffe_feeds(photos))
    torch.testing.assert_close(loaded.body.encoder(normalised(loaded, photos))[-1], theirs)


def test_torchvisions_weights_are_taken_as_they_are_and_with_torchvisions_preprocessing(tmp_path: Path) -> None:
    theirs = squeezenet1_0().eval()
    save_file(theirs.state_dict(), tmp_path / "torchvision.safetensors")
    theirs.features[0].padding = (3, 3)
    loaded = with_weights(tmp_path / "torchvision.safetensors")
    photos = torch.randint(0, 256, (1, 3, 32, 48)).float()
    usual = (photos / 255 - torch.tensor(TORCH_MEAN).view(3, 1, 1)) / torch.tensor(TORCH_STD).view(3, 1, 1)
    torch.testing.assert_close(loaded.body.encoder(normalised(loaded, photos))[-1], theirs.features(usual))


def test_every_feature_is_torchvisions_where_it_lies_in_its_network(tmp_path: Path) -> None:
    theirs = squeezenet1_0().eval()
    save_file(theirs.state_dict(), tmp_path / "torchvision.safetensors")
    theirs.features[0].padding = (3, 3)
    image = torch.randn(1, 3, 32, 48)
    features = with_weights(tmp_path / "torchvision.safetensors").body.encoder(image)
    for feature, end in zip(features, (2, 6, 11, 13), strict=True):  # after conv1, fire4, fire8, fire9
        torch.testing.assert_close(feature, theirs.features[:end](image))


def test_the_decoder_stays_as_it_was(caffe: Path) -> None:
    before, after = network().body.up.state_dict(), with_weights(caffe).body.up.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


@pytest.mark.parametrize("channels", [1, 5])
def test_of_an_image_with_other_channels_than_rgb_the_first_convolution_sees_as_much_as_of_grey_rgb(
    caffe: Path, channels: int
) -> None:
    loaded, rgb = with_weights(caffe, channels=channels), with_weights(caffe)
    assert loaded.mean.flatten().tolist() == pytest.approx([(123 + 117 + 104) / 3] * channels)
    assert loaded.std.flatten().tolist() == [1] * channels
    grey = torch.randn(1, 1, 32, 32)
    seen = loaded.body.encoder(grey.expand(-1, channels, -1, -1))
    torch.testing.assert_close(seen, rgb.body.encoder(grey.expand(-1, 3, -1, -1)))


def test_half_precision_weights_become_those_of_the_network(tmp_path: Path, caffe: Path) -> None:
    save_file({key: tensor.half() for key, tensor in caffe_weights().items()}, tmp_path / "half.safetensors")
    first = with_weights(tmp_path / "half.safetensors").body.encoder.conv1.weight
    assert first.dtype == torch.float32
    torch.testing.assert_close(first, with_weights(caffe).body.encoder.conv1.weight, rtol=1e-3, atol=1e-3)


# What does not fit ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fire2/expand1x1.weight": None}, r"1 missing \(fire2.expand1x1.weight\)"),
        ({"conv10.bias": None}, r"1 missing \(conv10.bias\)"),
        ({"fire10/new.weight": torch.zeros(1)}, r"1 unexpected \(fire10.new.weight\)"),
        ({"conv1.bias": torch.zeros(64)}, r"1 of another shape \(conv1.bias \[64\] instead of \[96\]\)"),
    ],
)
def test_weights_that_do_not_fit_are_one_error_that_names_them_and_change_nothing(
    tmp_path: Path, change: dict[str, Tensor | None], said: str
) -> None:
    tensors = {key: tensor for key, tensor in (caffe_weights() | change).items() if tensor is not None}
    save_file(tensors, tmp_path / "wrong.safetensors")
    whole, untouched = network(), network()
    with pytest.raises(UserError, match=r"wrong.safetensors: its weights do not fit the encoder: " + said) as caught:
        load_pretrained(whole, str(tmp_path / "wrong.safetensors"))
    assert "\n" not in str(caught.value)
    assert all(
        torch.equal(one, other)
        for one, other in zip(whole.state_dict().values(), untouched.state_dict().values(), strict=True)
    )


def test_a_file_that_is_no_safetensors_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").write_bytes(b"PK\x03\x04 a pickle")
    with pytest.raises(UserError, match=r"weights.safetensors: is not a whole safetensors file"):
        with_weights(tmp_path / "weights.safetensors")
    with pytest.raises(UserError, match="there is no such file"):
        with_weights(tmp_path)


@pytest.mark.parametrize("weights", ["nowhere.safetensors", "some/nowhere.safetensors", "a/b/c", "", "hf:nowhere"])
def test_a_file_that_is_not_there_is_a_clear_error(
    weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"there is no such file; give a \.safetensors file or hf:OWNER/NAME"):
        with_weights(weights)


def test_a_network_without_an_encoder_says_which_have_one(caffe: Path) -> None:
    with pytest.raises(
        UserError, match="unet has no pretrained encoder; use encoder_street, encoder_unet or deeplabv3plus"
    ):
        load_pretrained(tiny_network("unet"), str(caffe))


# Models of pixelwise --------------------------------------------------------------------------------------------------


def test_a_model_of_the_same_kind_gives_all_that_has_the_same_shape() -> None:
    same, wider, fewer = (
        build_network("encoder_street", classes, width=width) for classes, width in ((11, 24), (11, 32), (5, 24))
    )
    learnt = pw.load("street").bundle.network.state_dict()
    assert load_pretrained(same, "street") == 0
    assert all(torch.equal(same.state_dict()[name], learnt[name]) for name in same.state_dict())
    assert load_pretrained(fewer, "street") == 6  # filters and biases of three heads
    assert load_pretrained(wider, "street") > 6
    for network in (wider, fewer):
        assert torch.equal(network.encoder.conv1.weight, same.encoder.conv1.weight)  # type: ignore[arg-type]
        assert torch.equal(network.mean, same.mean)


def test_a_network_without_an_encoder_starts_from_a_model_of_its_kind(tmp_path: Path, small: Dataset) -> None:
    options = {"width": 2}
    first = pw.train(small, "street", size=(32, 64), steps=2, options=options, run=tmp_path / "first")
    again = pw.train(
        small,
        "street",
        size=(32, 64),
        steps=1,
        options=options,
        weights=str(tmp_path / "first" / "best.safetensors"),
        run=tmp_path / "again",
        learning_rate=1e-9,
        ema=0.0,
        offsets=False,
    )
    learnt = dict(first.bundle.network.named_parameters())
    for name, weights in again.bundle.network.named_parameters():
        assert torch.allclose(weights, learnt[name], atol=1e-6)


def test_where_no_model_is_named_the_network_is_that_of_the_weights_with_its_options() -> None:
    assert network_asked(None, {}, "street") == ("encoder_street", {})
    assert network_asked(None, {}, str(STREET_LARGE)) == ("encoder_street", {"finest": 2})
    assert network_asked(None, {"finest": 4}, str(STREET_LARGE)) == ("encoder_street", {"finest": 4})


def test_a_model_that_is_named_is_taken_whatever_the_weights_are_of() -> None:
    assert network_asked("unet", {"width": 8}, "street") == ("unet", {"width": 8})


def test_weights_of_an_encoder_alone_say_nothing_of_the_model() -> None:
    assert network_asked(None, {}, "hf:timm/resnet34.a1_in1k") == ("street", {})
    assert network_asked(None, {"width": 8}, "") == ("street", {"width": 8})


def test_a_run_goes_on_from_weights_alone(tmp_path: Path, small: Dataset) -> None:
    sizes = {"size": (32, 64), "offsets": False}
    first = pw.train(small, "segnet_basic", steps=2, options={"width": 4}, run=tmp_path / "first", **sizes)
    weights = str(first.run / "best.safetensors")
    again = pw.train(small, weights=weights, steps=1, run=tmp_path / "again", **sizes)
    assert (again.bundle.model, again.bundle.options) == ("segnet_basic", {"width": 4})
    assert again.bundle.provenance["recipe"]["weights"] == weights


def test_nothing_is_taken_from_a_model_of_another_kind() -> None:
    with pytest.raises(UserError, match="is a model of another kind, nothing fits; leave --model out"):
        load_pretrained(build_network("segnet_basic", 11, width=4), "street")


# timm -----------------------------------------------------------------------------------------------------------------


def timm_file(path: Path, name: str, **options: object) -> torch.nn.Module:
    """A whole timm network with fresh weights, and these as a file."""
    torch.manual_seed(3)
    whole = timm.create_model(name, pretrained=False, **options).eval()
    with torch.no_grad():
        for tensor in whole.state_dict().values():  # also what starts as 0 or 1
            tensor.add_(torch.rand_like(tensor.float()).mul(0.1).to(tensor.dtype))
    save_file({key: tensor.contiguous() for key, tensor in whole.state_dict().items()}, path)
    return whole


def test_the_batch_norm_of_a_frozen_encoder_stays_as_it_was_loaded(tmp_path: Path) -> None:
    timm_file(tmp_path / "timm.safetensors", "resnet18")
    options = {"encoder": "timm:resnet18", "width": 4}
    recipe = Recipe("encoder_unet", options, str(tmp_path / "timm.safetensors"), freeze=True, size=(64, 64), batch=2)
    state = fresh_state(recipe, CAMVID11, torch.device("cpu"))
    before = {name: tensor.clone() for name, tensor in state.network.encoder.state_dict().items()}
    train_step(state, recipe, fill_cache(held("a", "b"), (64, 64), torch.device("cpu")), torch.ones(11), 255)
    assert any("running_mean" in name for name in before)
    assert all(torch.equal(before[name], tensor) for name, tensor in state.network.encoder.state_dict().items())


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv3_small_050", "convnext_atto"])
def test_a_timm_encoder_with_weights_from_a_file_gives_what_the_whole_network_gives(name: str, tmp_path: Path) -> None:
    whole = timm_file(tmp_path / "timm.safetensors", name)
    loaded = with_weights(tmp_path / "timm.safetensors", f"timm:{name}")
    photos = torch.randint(0, 256, (1, 3, 64, 96)).float()
    usual = (photos / 255 - torch.tensor(TORCH_MEAN).view(3, 1, 1)) / torch.tensor(TORCH_STD).view(3, 1, 1)
    with torch.no_grad():
        features = loaded.body.encoder(normalised(loaded, photos))
        theirs = whole.forward_intermediates(usual, intermediates_only=True)
    for feature, other in zip(features, theirs, strict=True):
        torch.testing.assert_close(feature, other, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("classes", [0, 7])
def test_timm_weights_may_be_of_any_number_of_classes(classes: int, tmp_path: Path) -> None:
    whole = timm_file(tmp_path / "timm.safetensors", "resnet18", num_classes=classes)
    encoder = with_weights(tmp_path / "timm.safetensors", "timm:resnet18").body.encoder
    assert torch.equal(encoder.features.layer4[1].conv2.weight, whole.layer4[1].conv2.weight)


def test_timm_weights_are_normalised_as_their_tag_says(tmp_path: Path) -> None:
    timm_file(tmp_path / "timm.safetensors", "mobilenetv3_large_100")
    loaded = with_weights(tmp_path / "timm.safetensors", "timm:mobilenetv3_large_100.miil_in21k")
    assert (loaded.mean.flatten().tolist(), loaded.std.flatten().tolist()) == ([0, 0, 0], [255, 255, 255])


def test_timm_weights_for_rgb_work_with_one_channel(tmp_path: Path) -> None:
    whole = timm_file(tmp_path / "timm.safetensors", "resnet18")
    loaded = with_weights(tmp_path / "timm.safetensors", "timm:resnet18", channels=1)
    torch.testing.assert_close(loaded.body.encoder.features.conv1.weight, whole.conv1.weight.sum(1, keepdim=True))
    assert loaded.mean.flatten().tolist() == pytest.approx([255 * sum(TORCH_MEAN) / 3])


def test_a_smaller_output_stride_has_the_same_timm_weights(tmp_path: Path) -> None:
    whole = timm_file(tmp_path / "timm.safetensors", "resnet18")
    loaded = Network(DeepLabV3Plus(3, 4, encoder="timm:resnet18", width=4))
    load_pretrained(loaded, str(tmp_path / "timm.safetensors"))
    assert torch.equal(loaded.body.encoder.features.layer4[1].conv2.weight, whole.layer4[1].conv2.weight)


@pytest.mark.parametrize(("name", "said"), [("resnet34", "Unexpected key"), ("convnext_atto", "Missing key")])
def test_timm_weights_of_another_network_are_one_error_that_names_some(name: str, said: str, tmp_path: Path) -> None:
    timm_file(tmp_path / "other.safetensors", name)
    with pytest.raises(UserError, match=f"other.safetensors: its weights do not fit the encoder: .*{said}") as caught:
        with_weights(tmp_path / "other.safetensors", "timm:resnet18")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def config(architecture: str) -> bytes:
    """As timm writes it, with preprocessing that is not the usual one."""
    preprocessing = {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6], "tag": "ours", "num_classes": 1000}
    return json.dumps({"architecture": architecture, "num_classes": 1000, "pretrained_cfg": preprocessing}).encode()


def test_a_config_beside_timm_weights_says_how_they_are_normalised(tmp_path: Path) -> None:
    timm_file(tmp_path / "model.safetensors", "resnet18")
    (tmp_path / "config.json").write_bytes(config("resnet18"))
    loaded = with_weights(tmp_path / "model.safetensors", "timm:resnet18")
    assert loaded.mean.flatten().tolist() == pytest.approx([25.5, 51, 76.5])
    assert loaded.std.flatten().tolist() == pytest.approx([102, 127.5, 153])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (config("resnet34"), "config.json says that they are of resnet34, not resnet18"),
        (b"[]", "config.json: does not describe weights of timm's"),
        (b'{"architecture": "resnet18", "pretrained_cfg": {"mean": [1], "std": [0, 0, 0]}}', "does not describe"),
    ],
)
def test_a_config_beside_timm_weights_that_does_not_fit_is_a_clear_error(
    content: bytes, said: str, tmp_path: Path
) -> None:
    timm_file(tmp_path / "model.safetensors", "resnet18")
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(UserError, match=said):
        with_weights(tmp_path / "model.safetensors", "timm:resnet18")


def test_a_hub_that_cannot_be_reached_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match=r"^some/squeezenet: nothing could be reached at ") as caught:
        with_weights("hf:some/squeezenet")
    assert "\n" not in str(caught.value)


def test_a_missing_huggingface_hub_is_one_line_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UserError, match=r"some/name: .*pip install 'pixelwise\[hub\]'"):
        with_weights("some/name")
