"""Weights trained in Keras: every number finds its place, and every other file is one sentence."""

import io
import json
import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from keras_files import (
    FORMATS,
    Arrays,
    Layer,
    generator_layers,
    unet_layers,
    write_keras,
    write_model_h5,
    write_weights_h5,
)
from torch import Tensor, nn

from pixelwise.errors import UserError
from pixelwise.models.keras_weights import load_keras

NETWORKS = {
    "unet": lambda: unet_layers(width=1),
    "stage 1": lambda: generator_layers(1),
    "stage 2": lambda: generator_layers(2),
}


def weighted(layers: list[Layer]) -> list[Layer]:
    return [layer for layer in layers if layer.arrays]


def in_order(body: nn.Module) -> list[nn.Module]:
    """The modules with weights as they are called for an image."""
    called: list[nn.Module] = []
    for module in body.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d):
            module.register_forward_hook(lambda module, *_: called.append(module))
    body.eval()(torch.zeros(1, 3, 128, 128))
    return called


def assert_same(module: nn.Module, arrays: Arrays, halves_change: bool) -> None:
    """Number by number, as both sides document their layouts."""
    if isinstance(module, nn.BatchNorm2d):
        ours = (module.weight, module.bias, module.running_mean, module.running_var)
        for mine, theirs in zip(ours, arrays.values(), strict=True):
            assert mine.tolist() == theirs.tolist()
        return
    kernel = arrays["kernel"]
    assert module.bias.tolist() == arrays["bias"].tolist()
    for row, column, third, fourth in np.ndindex(*kernel.shape):
        value = kernel[row, column, third, fourth].item()
        if isinstance(module, nn.Conv2d):
            half = kernel.shape[2] // 2 if halves_change else 0
            assert module.weight[fourth, (third + half) % kernel.shape[2], row, column].item() == value
        else:
            assert module.weight[fourth, third, row, column].item() == value


# What fits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", NETWORKS)
def test_every_number_is_in_its_place(network: str, tmp_path: Path) -> None:
    layers = NETWORKS[network]()
    write_keras(tmp_path / "x.keras", layers)
    found = load_keras(tmp_path / "x.keras")
    assert found.model == ("unet_carla" if network == "unet" else "pix2pix_128")
    assert found.options == ({"width": 1} if network == "unet" else {"stage": int(network[-1]), "width": 1})
    modules, theirs = in_order(found.network.body), weighted(layers)
    assert len(modules) == len(theirs)
    assert found.arrays == sum(len(layer.arrays) for layer in theirs)
    before = ["", *(layer.name for layer in theirs)]
    for module, layer, previous in zip(modules, theirs, before, strict=False):
        assert_same(module, layer.arrays, halves_change=network == "unet" and "transpose" in previous)


@pytest.mark.parametrize("end", FORMATS)
@pytest.mark.parametrize("network", NETWORKS)
def test_every_format_gives_the_same_network(network: str, end: str, tmp_path: Path) -> None:
    FORMATS[end](tmp_path / f"x{end}", NETWORKS[network]())
    write_keras(tmp_path / "one.keras", NETWORKS[network]())
    found, one = (load_keras(tmp_path / name) for name in (f"x{end}", "one.keras"))
    assert (found.options, found.size) == (one.options, one.size)
    theirs = one.network.state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in found.network.state_dict().items())


def keras_transposed(image: Tensor, arrays: Arrays, cut: int) -> Tensor:
    """Every pixel of (c, h, w) paints its kernel at twice its place; ``cut`` rows and columns fall off before."""
    kernel, (_, height, width) = arrays["kernel"], image.shape
    side, outputs = kernel.shape[0], kernel.shape[2]
    painted = np.zeros((outputs, 2 * height + side, 2 * width + side))
    for row, column in np.ndindex(height, width):
        painted[:, 2 * row : 2 * row + side, 2 * column : 2 * column + side] += np.einsum(
            "i,hwoi->ohw", image[:, row, column].numpy(), kernel
        )
    whole = painted[:, cut : cut + 2 * height, cut : cut + 2 * width] + arrays["bias"][:, None, None]
    return torch.from_numpy(whole).float()


def test_a_transposed_convolution_paints_its_kernel_unflipped_as_keras_does(tmp_path: Path) -> None:
    layers = weighted(generator_layers(1))
    write_keras(tmp_path / "x.keras", generator_layers(1))
    module = load_keras(tmp_path / "x.keras").network.body.paint[-1]
    image = torch.randn(2, 3, 4)
    torch.testing.assert_close(module(image[None])[0], keras_transposed(image, layers[-1].arrays, cut=1))


def test_one_pixel_through_a_3x3_transposed_convolution_is_the_upper_left_of_its_kernel(tmp_path: Path) -> None:
    layers = unet_layers(width=1)
    grow = [layer for layer in layers if layer.kind == "Conv2DTranspose"][-1]
    grow.arrays["kernel"] = np.arange(18, dtype=np.float32).reshape(3, 3, 1, 2)  # 0 2 4 / 6 8 10 / ... of channel 0
    grow.arrays["bias"] = np.zeros(1, np.float32)
    write_keras(tmp_path / "x.keras", layers)
    module = load_keras(tmp_path / "x.keras").network.body.grow[0]
    painted = module(torch.tensor([1.0, 0]).view(1, 2, 1, 1))[0, 0, :2, :2]
    assert painted.tolist() == [[0, 2], [6, 8]]


@pytest.mark.parametrize("write", [write_keras, write_model_h5])
def test_a_network_that_concatenates_the_skip_first_is_recognised_by_its_description(
    write: Callable[[Path, list[Layer]], None], tmp_path: Path
) -> None:
    layers = unet_layers(width=1, skips_first=True)
    write(tmp_path / "x", layers)
    for module, layer in zip(in_order(load_keras(tmp_path / "x").network.body), weighted(layers), strict=True):
        assert_same(module, layer.arrays, halves_change=False)


def test_the_unet_takes_images_over_255_and_the_generators_in_minus_one_to_one(tmp_path: Path) -> None:
    write_keras(tmp_path / "unet", unet_layers())
    write_keras(tmp_path / "generator", generator_layers(2))
    unet, generator = (load_keras(tmp_path / name).network for name in ("unet", "generator"))
    assert (unet.mean.unique().tolist(), unet.std.unique().tolist()) == ([0], [255])
    assert (generator.mean.unique().tolist(), generator.std.unique().tolist()) == ([127.5], [127.5])
    assert not unet.training


def test_blocks_that_are_models_of_their_own_are_read_in_the_order_of_the_description(tmp_path: Path) -> None:
    layers = generator_layers(1)
    write_keras(tmp_path / "flat.keras", layers)
    config = json.loads(zipfile.ZipFile(tmp_path / "flat.keras").read("config.json"))
    first, inner, rest = (config["config"]["layers"][part] for part in (slice(1), slice(1, 3), slice(3, None)))
    block = {"class_name": "Sequential", "config": {"name": "block", "layers": inner}}
    rest = json.loads(json.dumps(rest).replace(f'"{layers[2].name}"', '"block"'))
    config["config"]["layers"] = [*first, block, *rest]
    weights = io.BytesIO()
    write_weights_h5(weights, layers)
    with h5py.File(weights, "a") as file:
        file.move("layers/conv2d", "layers/sequential/layers/conv2d")
        for number in range(1, 7):
            file.move(f"layers/conv2d_{number}", "layers/conv2d" + (f"_{number - 1}" if number > 1 else ""))
    with zipfile.ZipFile(tmp_path / "nested.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights.getvalue())
    flat, nested = (load_keras(tmp_path / f"{name}.keras").network.state_dict() for name in ("flat", "nested"))
    assert all(torch.equal(flat[name], nested[name]) for name in flat)


# What does not fit ----------------------------------------------------------------------------------------------------


def refused(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_keras(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value).replace(str(path), "FILE")


def changed(layers: list[Layer], at: int, **arrays: object) -> list[Layer]:
    weighted(layers)[at].arrays |= arrays  # type: ignore[arg-type]
    return layers


@pytest.mark.parametrize("end", FORMATS)
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda layers: layers.remove(weighted(layers)[-1]), "lacks a layer that WHOLE has, with kernel (1, 1, 2, 2)"),
        (
            lambda layers: layers.append(Layer("Conv2D", "conv2d_99", {}, [], weighted(layers)[-1].arrays)),
            "WHOLE has not",
        ),
        (
            lambda layers: changed(layers, 3, kernel=np.zeros((3, 3, 4, 5), np.float32)),
            "has kernel (3, 3, 4, 5), bias (4,), but WHOLE has kernel (3, 3, 4, 4), bias (4,) there",
        ),
        (lambda layers: weighted(layers)[3].arrays.pop("bias"), "has kernel (3, 3, 4, 4), but WHOLE has kernel"),
        (lambda layers: changed(layers, 3, bias=np.full(4, np.nan, np.float32)), "are no numbers (NaN or infinite)"),
        (lambda layers: changed(layers, 3, bias=np.zeros(4, np.int32)), "is not stored as Keras stores it"),
        (lambda layers: changed(layers, 0, kernel=np.zeros((7, 7, 3, 2), np.float32)), "is 7x7, not 3x3 or 4x4"),
        (lambda layers: changed(layers, 0, kernel=np.zeros((3, 3, 3, 0), np.float32)), "has 0 channels"),
        (lambda layers: [layer.arrays.clear() for layer in layers], "has no convolutions"),
    ],
    ids=["one less", "one more", "shape", "no bias", "NaN", "integers", "7x7", "no channels", "none"],
)
def test_a_layer_that_does_not_fit_is_named(
    spoil: Callable[[list[Layer]], object], said: str, end: str, tmp_path: Path
) -> None:
    layers = unet_layers()
    spoil(layers)
    FORMATS[end](tmp_path / f"x{end}", layers)
    assert said.replace("WHOLE", "unet_carla of width 2") in refused(tmp_path / f"x{end}")


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        ("Lambda", {"function": "__import__('os').abort()"}, "is a Lambda, which unet_carla has not"),
        ("LeakyReLU", {}, "is a LeakyReLU"),
        ("ReLU", {"negative_slope": 0.2}, "has negative_slope 0.2, not 0"),
        ("Activation", {"activation": "elu"}, "has activation elu"),
        ("Conv2D", {"strides": [2, 2]}, "has strides [2, 2], not [1, 1]"),
        ("Conv2D", {"padding": "valid"}, "has padding valid, not same"),
        ("UpSampling2D", {"interpolation": "bilinear"}, "has interpolation bilinear, not nearest"),
        ("BatchNormalization", {"epsilon": 1e-5}, "has epsilon 1e-05, not 0.001"),
    ],
)
def test_a_description_of_another_network_with_the_same_weights_is_refused(
    kind: str, settings: dict[str, Any], said: str, tmp_path: Path
) -> None:
    layers = unet_layers()
    if kind == "Conv2D":
        weighted(layers)[4].settings |= settings
    else:
        layers.insert(3, Layer(kind, "odd", settings, []))
    write_keras(tmp_path / "x.keras", layers)
    assert said in refused(tmp_path / "x.keras")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is neither an HDF5 file nor a .keras archive"),
        (b"<!DOCTYPE html><html>", "is neither an HDF5 file nor a .keras archive"),
        (pickle.dumps({"kernel": [1.0]}), "is neither an HDF5 file nor a .keras archive"),
        (b"PK\x03\x04 and no more", "is not a whole file of Keras's"),
        (b"\x89HDF\r\n\x1a\n and no more", "is not a whole file of Keras's"),
    ],
    ids=["empty", "HTML", "pickle", "half an archive", "half a file"],
)
def test_a_foreign_file_is_one_sentence(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "x.h5").write_bytes(content)
    assert said in refused(tmp_path / "x.h5")


def test_a_file_that_is_not_there_and_a_folder_are_one_sentence(tmp_path: Path) -> None:
    assert "there is no such file" in refused(tmp_path / "nowhere.h5")
    assert "is a folder; save the network with" in refused(tmp_path)


@pytest.mark.parametrize("end", FORMATS)
def test_a_file_that_is_cut_off_anywhere_is_one_sentence(end: str, tmp_path: Path) -> None:
    FORMATS[end](tmp_path / f"x{end}", unet_layers(width=1))
    whole = (tmp_path / f"x{end}").read_bytes()
    for part in (0.1, 0.5, 0.99):
        (tmp_path / f"x{end}").write_bytes(whole[: int(part * len(whole))])
        refused(tmp_path / f"x{end}")


def spoilt(path: Path, spoil: Callable[[h5py.File], object]) -> str:
    """A good file whose layer conv2d_3 is spoilt."""
    write_weights_h5(path, unet_layers())
    with h5py.File(path, "a") as file:
        del file["layers/conv2d_3/vars/0"]
        spoil(file)
    return refused(path)


def test_links_objects_and_arrays_that_lie_elsewhere_are_refused(tmp_path: Path) -> None:
    name, shape = "layers/conv2d_3/vars/0", (3, 3, 4, 4)
    (tmp_path / "secret").write_bytes(bytes(576))
    outside = h5py.ExternalLink(str(tmp_path / "other.h5"), "/x")
    layout = h5py.VirtualLayout(shape, np.float32)
    text = h5py.string_dtype()
    cases: dict[str, Callable[[h5py.File], object]] = {
        "is a link": lambda file: file.__setitem__(name, outside),
        "3/vars/0 is a link": lambda file: file.__setitem__(name, h5py.SoftLink("/layers/conv2d_5/vars/0")),
        "not stored as": lambda file: file.create_dataset(name, shape, "f4", external=str(tmp_path / "secret")),
        "kernel of layer 'conv2d_3' is not stored": lambda file: file.create_virtual_dataset(name, layout),
        "is not stored as Keras": lambda file: file.create_dataset(name, shape, text),
        "stored as Keras stores": lambda file: file.create_dataset(name, shape, "f4", compression="gzip"),
        "is not all there": lambda file: file.create_dataset(name, shape, "f4"),
    }
    for place, (said, spoil) in enumerate(cases.items()):
        assert said in spoilt(tmp_path / f"{place}.h5", spoil)


def test_a_group_that_holds_itself_is_refused(tmp_path: Path) -> None:
    assert "too many groups" in spoilt(tmp_path / "x.h5", lambda file: file.__setitem__("layers/again", file["layers"]))


def test_declared_sizes_take_no_memory(tmp_path: Path) -> None:
    layers = unet_layers(width=1)
    write_weights_h5(tmp_path / "x.h5", layers)
    with h5py.File(tmp_path / "x.h5", "a") as file:
        del file["layers/conv2d/vars/0"]
        file.create_dataset("layers/conv2d/vars/0", (3, 3, 3, 1000), "f4")
        del file["layers/conv2d/vars/1"]
        file.create_dataset("layers/conv2d/vars/1", (1000,), "f4")
    assert "layer 'conv2d' is not all there" in refused(tmp_path / "x.h5")
    with h5py.File(tmp_path / "x.h5", "a") as file:
        del file["layers/conv2d/vars/0"]
        file.create_dataset("layers/conv2d/vars/0", (3, 3, 3, 2**40), "f4")
    assert f"has {2**40} channels" in refused(tmp_path / "x.h5")


def archive(path: Path, members: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", kind) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def test_archives_that_are_bombs_or_foreign_are_refused_and_nothing_is_unpacked(tmp_path: Path) -> None:
    bomb = {"config.json": b"{}", "model.weights.h5": bytes(2**26)}
    assert "would be 67108864 bytes" in refused(archive(tmp_path / "bomb.keras", bomb))
    assert "would be" in refused(archive(tmp_path / "long.keras", bomb | {"config.json": bytes(2**25)}))
    assert "would be" in refused(archive(tmp_path / "lzma.keras", {**bomb, "model.weights.h5": b"x"}, zipfile.ZIP_LZMA))
    assert "is an archive without" in refused(archive(tmp_path / "torch.pt", {"archive/data.pkl": b""}))
    nested = b"[" * 10**5 + b"]" * 10**5
    write_keras(tmp_path / "good.keras", unet_layers(width=1))
    good = {name: zipfile.ZipFile(tmp_path / "good.keras").read(name) for name in ("config.json", "model.weights.h5")}
    assert "is not a whole file" in refused(archive(tmp_path / "deep.keras", good | {"config.json": nested}))
    assert "is not a whole file" in refused(archive(tmp_path / "list.keras", good | {"config.json": b"[1]"}))
    load_keras(archive(tmp_path / "out.keras", good | {"../evil": b"x", "/tmp/evil_keras": b"x"}))
    assert not (tmp_path.parent / "evil").exists()
    assert not Path("/tmp/evil_keras").exists()


def test_bytes_that_are_wrong_anywhere_are_a_sentence_or_a_network(tmp_path: Path) -> None:
    write_model_h5(tmp_path / "x.h5", unet_layers(width=1))
    whole, chance = (tmp_path / "x.h5").read_bytes(), np.random.default_rng(0)
    for _ in range(30):
        damaged = bytearray(whole)
        for place in chance.integers(0, len(whole), 20):
            damaged[place] = chance.integers(256)
        (tmp_path / "x.h5").write_bytes(damaged)
        try:
            load_keras(tmp_path / "x.h5")
        except UserError as error:
            assert "\n" not in str(error)  # noqa: PT017


def test_a_heap_of_texts_in_which_the_library_would_go_round_for_ever_is_refused(tmp_path: Path) -> None:
    write_model_h5(tmp_path / "x.h5", unet_layers(width=1))
    with h5py.File(tmp_path / "x.h5", "a") as file:
        file.attrs["note"] = ["a", "b"]  # texts of any length lie in a heap
    content = bytearray((tmp_path / "x.h5").read_bytes())
    heap = content.rindex(b"GCOL")
    content[heap + 16 : heap + 32] = bytes(16)
    (tmp_path / "x.h5").write_bytes(content)
    assert "a heap is damaged" in refused(tmp_path / "x.h5")


def test_without_h5py_the_error_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert "run `pip install 'pixelwise[keras]'`" in refused(tmp_path / "x.h5")
