"""Exported files: they label as the model does, are refused where they do not, and need no torch."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from command_line import content, pixelwise, refused
from PIL import Image as Pillow
from small_models import tiny_bundle, tiny_network

from pixelwise.api import evaluate, load, open_dataset
from pixelwise.bundle import Bundle
from pixelwise.data.streets import render
from pixelwise.errors import UserError
from pixelwise.export import graph
from pixelwise.export.export import compare, example_images, export, opened, two_sizes
from pixelwise.export.files import trace
from pixelwise.export.graph import LabelImages
from pixelwise.export.resizing import Sides, resize, rounds_up, shares, working_sides
from pixelwise.export.runtime import open_exported
from pixelwise.labels import CAMVID11
from pixelwise.model import Model
from pixelwise.prediction.labelling import label_images, to_working_size, working_size

MODELS = {  # each with what the others have not: mirrored margins, places of maxima, street's heads, dilation
    "unet valid": {"padding": "valid", "depth": 2},
    "segnet": {},
    "street": {},
    "deeplabv3plus": {},
}


def bundle_of(name: str) -> Bundle:
    model = name.split()[0]
    return Bundle(tiny_network(model, **MODELS[name]), model, MODELS[name], CAMVID11, (64, 96))


@pytest.fixture(scope="module")
def onnx_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "unet.onnx"
    export(tiny_bundle(), path)
    return path


@pytest.mark.parametrize("shape", [(64, 96), (128, 192), (192, 288), (256, 384), (37, 51), (401, 333), (9, 700)])
def test_the_graph_resizes_as_opencv_does(shape: tuple[int, int]) -> None:
    image, _ = render(0, 0, height=shape[0], width=shape[1])
    before = Sides(*map(torch.tensor, shape))
    after = working_sides(before, (64, 96))
    assert tuple(map(int, after)) == working_size(*shape, (64, 96))
    rows, columns = (shares(torch.arange(int(side)), whole, side) for whole, side in zip(before, after, strict=True))
    resized = resize(torch.from_numpy(image)[None], rows, columns, up=rounds_up(before, after))[0]
    difference = np.abs(resized.permute(1, 2, 0).numpy() - to_working_size(image, (64, 96)))
    assert difference.max() <= 1  # a tie that float32 sums miss
    assert (difference > 0).mean() < 0.0002


@pytest.mark.parametrize("name", MODELS)
def test_the_graph_of_a_model_labels_as_the_model_does_at_any_size_and_in_batches(name: str) -> None:
    bundle = bundle_of(name)
    module = trace(LabelImages(bundle)).module()

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with torch.inference_mode():
            label, shares = module(torch.from_numpy(images))
        return label.numpy(), shares.numpy()

    images = [render(0, index, height=97, width=131)[0] for index in range(2)]
    for found in compare(bundle, run, [*images, *example_images(bundle)]):
        assert found.equal > 0.999
        assert found.difference < 0.001


def test_an_onnx_file_predicts_what_the_model_predicts(onnx_file: Path) -> None:
    bundle, exported = tiny_bundle(), open_exported(onnx_file, threads=1)
    for image in two_sizes(example_images(bundle)):
        found = exported.predict(image, probabilities=True)
        [(label, _)] = label_images(bundle.network, [image], bundle.size)
        assert (found.label == label).mean() > 0.97  # in bf16, where there is that
        np.testing.assert_array_equal(found.confidence, found.probabilities.max(0))
        np.testing.assert_allclose(found.probabilities.sum(0), 1, atol=1e-5)
    assert min(one.equal for one in compare(bundle, exported.run, two_sizes(example_images(bundle)))) > 0.999


def test_photos_are_labelled_by_many_threads_as_by_one(onnx_file: Path) -> None:
    images = [render(0, index, height=40, width=60)[0] for index in range(8)]
    alone, beside = open_exported(onnx_file), open_exported(onnx_file, at_once=4)
    with ThreadPoolExecutor(4) as threads:
        for image, found in zip(images, threads.map(beside.predict, images), strict=True):
            np.testing.assert_array_equal(found.label, alone.predict(image).label)


def test_the_file_says_what_its_classes_are_and_whence_it_comes(onnx_file: Path) -> None:
    exported = open_exported(onnx_file)
    assert exported.labels == CAMVID11
    assert (exported.card.model, exported.card.size, exported.card.data) == ("unet", (32, 48), "none")


def test_openvino_labels_as_the_model_does(tmp_path: Path) -> None:
    assert min(one.equal for one in export(tiny_bundle(), tmp_path / "unet.xml")) > 0.999
    assert content(tmp_path) == ["unet.bin", "unet.xml"]
    assert open_exported(tmp_path / "unet.xml").labels == CAMVID11


def test_weights_stored_as_float16_move_no_probability_by_a_hundredth(tmp_path: Path) -> None:
    found = export(tiny_bundle(), tmp_path / "unet.xml", half=True)  # untrained: of some pixels two classes are even
    assert 0 < max(one.difference for one in found) < 0.01
    assert min(one.equal for one in found) > 0.99
    assert content(tmp_path) == ["unet.bin", "unet.xml"]
    exported = open_exported(tmp_path / "unet.xml")
    assert (exported.labels, exported.card.precision) == (CAMVID11, "float16")


def test_int8_files_multiply_in_whole_numbers_and_label_nearly_alike(tmp_path: Path) -> None:
    bundle = tiny_bundle()
    found = export(bundle, tmp_path / "unet.onnx", int8=example_images(bundle))
    assert min(one.equal for one in found) > 0.9
    assert {one.equal for one in found} != {1.0}
    model = onnx.load(tmp_path / "unet.onnx")
    filters = [weights.data_type for weights in model.graph.initializer if len(weights.dims) == 4]
    assert filters
    assert set(filters) == {onnx.TensorProto.INT8}
    assert open_exported(tmp_path / "unet.onnx").card.precision == "int8"


def test_a_file_that_disagrees_is_refused_and_none_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = graph.resize
    monkeypatch.setattr(graph, "resize", lambda *image, up: right(*image, up=up).flip(1))  # BGR
    with pytest.raises(UserError, match="so it is not written"):
        export(tiny_bundle(), tmp_path / "unet.pt2")
    assert content(tmp_path) == []


def test_a_damaged_onnx_file_is_one_line(tmp_path: Path, onnx_file: Path) -> None:
    (tmp_path / "cut.onnx").write_bytes(onnx_file.read_bytes()[:5000])
    Pillow.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.png")
    assert "damaged" in refused("predict", tmp_path / "cut.onnx", tmp_path / "a.png")


def test_files_of_other_programs_and_damaged_metadata_are_one_line(tmp_path: Path, onnx_file: Path) -> None:
    for card, said in (("", "was not exported by pixelwise"), ('{"names": []}', "metadata is damaged")):
        model = onnx.load(onnx_file)
        onnx.helper.set_model_props(model, {"pixelwise": card})
        onnx.save(model, tmp_path / "other.onnx")
        with pytest.raises(UserError, match=said):
            open_exported(tmp_path / "other.onnx")
    (tmp_path / "alone.xml").write_text("<net/>")
    with pytest.raises(UserError, match="is not beside it"):
        open_exported(tmp_path / "alone.xml")
    with pytest.raises(UserError, match="convert it"):
        open_exported(onnx_file).predict(np.zeros((4, 4, 3), np.float32))


def test_stacks_of_slices_are_left_to_the_model(tmp_path: Path, onnx_file: Path) -> None:
    pages = [Pillow.fromarray(render(0, index, height=40, width=60)[0]) for index in range(2)]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    assert "is a stack of slices" in pixelwise("predict", onnx_file, tmp_path / "stack.tif").err


def test_predict_with_an_onnx_file_does_not_import_torch(tmp_path: Path, onnx_file: Path) -> None:
    Pillow.fromarray(render(0, 0, height=40, width=60)[0]).save(tmp_path / "a.png")
    words = ["pixelwise", "predict", str(onnx_file), str(tmp_path / "a.png"), "--output", str(tmp_path / "out")]
    code = f"import sys; sys.argv = {words!r}; from pixelwise.cli import main\ntry: main()\nexcept SystemExit: pass\n"
    code += "assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert "a_label.png" in content(tmp_path / "out")


def test_predict_with_an_onnx_file_goes_on_where_it_was_stopped(tmp_path: Path, onnx_file: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for index in range(3):
        Pillow.fromarray(render(0, index, height=40, width=60)[0]).save(photos / f"{index}.png")
    words = ("predict", onnx_file, photos, "--output", tmp_path / "out", "--write", "label,coco", "--json-lines")
    before = [json.loads(line)["before"] for line in pixelwise(*words).out.splitlines()]
    (tmp_path / "out" / "1_label.png").unlink()
    again = {line["name"]: line["before"] for line in map(json.loads, pixelwise(*words).out.splitlines())}
    assert (before, again) == ([False] * 3, {"0": True, "1": False, "2": True})
    assert len(json.loads((tmp_path / "out" / "coco.json").read_text())["images"]) == 3


@pytest.mark.parametrize("words", [("--flip",), ("--tile", "64x64"), ("--smooth", "0.5"), ("--device", "cuda")])
def test_what_exported_models_cannot_do_is_one_line(words: tuple[str, ...], onnx_file: Path) -> None:
    assert "exported models label photos" in refused("predict", onnx_file, "a.png", *words)


def test_an_exported_model_is_scored_as_the_model_is(onnx_file: Path) -> None:
    streets = replace(open_dataset("streets"), val=open_dataset("streets").val[:2])
    exported, model = evaluate(open_exported(onnx_file), streets), evaluate(Model(tiny_bundle()), streets)
    assert abs(exported.mean_iou - model.mean_iou) < 0.005  # the model in bf16, where there is that
    assert str(exported.conditions).startswith("unet as .onnx in float32 on streets, val split, 2 images")


def test_load_says_how_exported_models_are_opened(onnx_file: Path) -> None:
    with pytest.raises(UserError, match="open_exported"):
        load(onnx_file)


def test_the_command_writes_a_torch_program_and_says_how_alike_it_is(tmp_path: Path) -> None:
    tiny_bundle().save(tmp_path / "unet.safetensors")
    answer = pixelwise("export", tmp_path / "unet.safetensors", tmp_path / "unet.pt2", "--json")
    assert answer.code == 0, answer
    assert {one["equal"] for one in json.loads(answer.out)["agreement"]} == {1.0}
    label, _ = opened(tmp_path / "unet.pt2")(np.zeros((3, 20, 30, 3), np.uint8))
    assert label.shape == (3, 20, 30)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a.tflite",), "let the name end so"),
        (("a.onnx", "--int8"), "add --data"),
        (("a.onnx", "--half"), "leave --half out"),
        (("a.pt2", "--int8", "--data", "streets"), "leave --int8 out"),
    ],
)
def test_what_cannot_be_exported_is_one_line(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    tiny_bundle().save(tmp_path / "unet.safetensors")
    assert said in refused("export", tmp_path / "unet.safetensors", *words)
    assert content(tmp_path) == ["unet.safetensors"]


def test_a_network_that_paints_cannot_be_exported(tmp_path: Path) -> None:
    network = tiny_network("pix2pix_128")
    with pytest.raises(UserError, match="paints"):
        export(Bundle(network, "pix2pix_128", {}, CAMVID11, (128, 128)), tmp_path / "x.onnx")


def test_the_axes_of_the_file_have_names(onnx_file: Path) -> None:
    axes = onnx.load(onnx_file).graph.input[0].type.tensor_type.shape.dim
    assert [axis.dim_param or axis.dim_value for axis in axes] == ["n", "height", "width", 3]
