"""A model as one file for another runtime, which is run beside the original before it is given its name."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from pixelwise.bundle import Bundle
from pixelwise.data.dataset import Image
from pixelwise.data.streets import render
from pixelwise.errors import UserError
from pixelwise.export.card import Card
from pixelwise.export.files import put_card, trace, write_onnx, write_openvino, write_torch
from pixelwise.export.graph import LabelImages
from pixelwise.export.quantizing import quantize
from pixelwise.export.quiet import quiet
from pixelwise.export.runtime import Run, open_exported
from pixelwise.files import replacing
from pixelwise.machine import mixed_precision
from pixelwise.prediction.labelling import to_working_size
from pixelwise.progress import say

ENDINGS = (".onnx", ".xml", ".pt2")
LEAST = 0.999  # share of pixels that must be of the same class in float32
ROUNDING = 0.01  # of a probability: where none is further off, classes differ in ties alone
TIMED = 5  # runs, whose median counts


@dataclass(frozen=True)
class Agreement:
    """An exported file beside the original in float32, on images of one size.

    size: height and width. equal: share of pixels of the same class. difference: the largest of a probability.
    milliseconds, original: of an image, by the file and by the original as it predicts, in bf16 where the processor
    has it; medians.
    """

    size: tuple[int, int]
    equal: float
    difference: float
    milliseconds: float
    original: float


def export(
    bundle: Bundle,
    path: str | Path,
    *,
    images: Sequence[Image] | None = None,
    half: bool = False,
    int8: Sequence[Image] | None = None,
) -> list[Agreement]:
    """Writes a model as .onnx, .xml (OpenVINO, its weights beside it in .bin) or .pt2 (torch.export), if it agrees.

    images: on which the two are compared, at their sizes and at three quarters; else rendered streets. half: the
    weights are stored as float16, of .xml alone. int8: images that set the ranges in which .onnx and .xml multiply in 8
    bits; a file that does may disagree, as what is given back tells.
    Raises UserError where a file says another class in more than 0.1 % of the pixels of a size, and is more than 0.01
    off in a probability, and leaves none; for models that cannot be exported, and where a package is missing.

    The images are raw uint8 (n, height, width, channels), as decoders give them, of any size; the answers are `label`
    (n, height, width) uint8 and `probabilities` (n, classes, height, width) float32.
    """
    path = Path(path)
    kind = path.suffix.lower()
    _check(path, kind, half=half, int8=int8)
    graph = LabelImages(_on_processor(bundle))
    say(f"{path}: following the network's graph, some seconds ...")
    card = card_of(bundle, "int8" if int8 else "float16" if half else "float32")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"model{kind}"
        if kind == ".pt2":
            write_torch(trace(graph), file, card)
        else:
            _write_for_runtime(graph, file, card, half=half, int8=int8)
        say(f"{path}: run beside the model ...")
        try:
            found = compare(bundle, opened(file), two_sizes(images or example_images(bundle)))
        except RuntimeError as error:  # OpenVINO's
            raise UserError(f"{path}: the runtime cannot run it, so it is not written: {error}") from error
        apart = [one for one in found if one.equal < LEAST and one.difference > ROUNDING]
        if apart and not int8:
            worst = min(apart, key=lambda one: one.equal)
            what = f"{worst.equal:.2%} of the pixels at {worst.size[0]}x{worst.size[1]} are labelled as by the original"
            raise UserError(f"{path}: only {what}, so it is not written; report this model")
        _move(file, path)
    return found


def _check(path: Path, kind: str, *, half: bool, int8: Sequence[Image] | None) -> None:
    if kind not in ENDINGS:
        raise UserError(f"{path}: models are exported as {', '.join(ENDINGS)}; let the name end so")
    if half and (kind != ".xml" or int8 is not None):
        raise UserError(f"{path}: only .xml files that are not int8 store weights as float16; leave --half out")
    if int8 is not None and kind == ".pt2":
        raise UserError(f"{path}: .onnx and .xml files multiply in int8; name one, or leave --int8 out")
    if int8 is not None and not len(int8):
        raise UserError("int8 needs images that set its ranges; give some of those that it will see")


def _write_for_runtime(graph: LabelImages, file: Path, card: Card, *, half: bool, int8: Sequence[Image] | None) -> None:
    """As .onnx; as .xml from that."""
    onnx_file = file.with_suffix(".onnx")
    write_onnx(trace(graph), onnx_file, card)
    if int8 is not None:
        quantize(onnx_file, onnx_file, int8)
        put_card(onnx_file, card)
    if file != onnx_file:
        write_openvino(onnx_file, file, card, half=half)


def card_of(bundle: Bundle, precision: str) -> Card:
    """What the exported file is to say of itself."""
    data = str(bundle.provenance.get("data", "unknown"))
    return Card(
        model=bundle.model,
        names=bundle.labels.names,
        colors=bundle.labels.colors,
        ignore=bundle.labels.ignore,
        size=bundle.size,
        channels=bundle.format.channels,
        bits=bundle.bits,
        data=data,
        licence=str(bundle.provenance.get("licence", f"that of its training data: {data}")),
        pixelwise=version("pixelwise"),
        precision=precision,
        offsets=bundle.offsets,
    )


def example_images(bundle: Bundle) -> list[Image]:
    """Rendered streets at the working size, with as many channels as the model takes."""
    height, width = bundle.size
    images = [render(1, index, height=height, width=width)[0] for index in range(2)]
    repeated = -(-bundle.format.channels // 3)
    return [np.tile(image, repeated)[..., : bundle.format.channels] for image in images]


def two_sizes(images: Sequence[Image]) -> list[Image]:
    """The images, and each at three quarters of its height and width."""
    return [*images, *(to_working_size(one, (one.shape[0] * 3 // 4, one.shape[1] * 3 // 4)) for one in images)]


def opened(path: Path) -> Run:
    """What runs an exported file: (n, h, w, c) uint8 -> label, probabilities."""
    if path.suffix != ".pt2":
        return open_exported(path).run
    with quiet():  # torch misses symbols that it has itself left out
        module = torch.export.load(path).module()

    def run(images: Image) -> tuple[Any, Any]:
        with torch.inference_mode():
            label, shares = module(torch.from_numpy(images))
        return label.numpy(), shares.numpy()

    return run


def compare(bundle: Bundle, run: Run, images: Sequence[Image]) -> list[Agreement]:
    """Runs both on all images, and says for each size how alike they are."""
    sizes = dict.fromkeys(image.shape[:2] for image in images)
    return [_compared(bundle, run, [image for image in images if image.shape[:2] == size]) for size in sizes]


def _compared(bundle: Bundle, run: Run, images: Sequence[Image]) -> Agreement:
    together = np.stack(images)
    labels, shares = run(together)
    true = [original(bundle, image, "fp32") for image in images]
    equal = [np.mean(label == one) for label, (one, _) in zip(labels, true, strict=True)]
    difference = max(np.abs(share - one).max() for share, (_, one) in zip(shares, true, strict=True))
    return Agreement(
        images[0].shape[:2],
        float(np.mean(equal)),
        float(difference),
        _milliseconds(lambda: run(together[:1])),
        _milliseconds(lambda: original(bundle, images[0], "auto")),
    )


def original(bundle: Bundle, image: Image, precision: str) -> tuple[Any, Any]:
    """Label and probabilities by the model itself, as `label_images` has it. precision: as of `precision_of`."""
    seen = torch.tensor(to_working_size(image, bundle.size)).permute(2, 0, 1)[None]
    with torch.inference_mode():
        with mixed_precision(seen.device, precision):
            logits = bundle.network(seen).float()
        shares = F.interpolate(logits, size=image.shape[:2], mode="bilinear").softmax(1)[0].numpy()
    return shares.argmax(0), shares


def _milliseconds(run: Callable[[], object]) -> float:
    taken = []
    for _ in range(TIMED):
        began = time.perf_counter()
        run()
        taken.append(1000 * (time.perf_counter() - began))
    return float(np.median(taken))


def _on_processor(bundle: Bundle) -> Bundle:
    tensors = chain(bundle.network.parameters(), bundle.network.buffers())
    if any(tensor.device.type != "cpu" for tensor in tensors):
        raise UserError("a model is exported on the processor; load it with device 'cpu'")
    return bundle


def _move(file: Path, path: Path) -> None:
    """To its place, whole or not at all; the weights of an .xml file first."""
    parts = [(file, path)]
    if file.suffix == ".xml":
        parts.insert(0, (file.with_suffix(".bin"), path.with_suffix(".bin")))
    for source, target in parts:
        with replacing(target) as temporary:
            temporary.write_bytes(source.read_bytes())
