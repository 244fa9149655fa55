"""Files as Keras 2 and 3 write them, with h5py alone: the layers of the three networks, and every format.

The layouts are those of files that benchmarks/parity/ had TensorFlow write.
"""

import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]
TIMES = (1, 2, 4, 8, 8, 8)


@dataclass
class Layer:
    """As Keras describes it: class, name, what it is built with, the names of the layers before it, and its weights."""

    kind: str
    name: str
    settings: dict[str, Any]
    inputs: list[str]
    arrays: Arrays = field(default_factory=dict)


class Sketch:
    """Layers one after another; numbers in names begin at 7, as in a notebook that built others before."""

    def __init__(self, height: int, width: int) -> None:
        self.chance, self.counted = np.random.default_rng(3), Counter[str]()
        self.layers = [Layer("InputLayer", "input_7", {"batch_shape": [None, height, width, 3]}, [])]

    def add(self, kind: str, arrays: Arrays | None = None, inputs: list[str] | None = None, **settings: object) -> str:
        name = f"{snake(kind)}_{7 + self.counted[kind]}"
        self.counted[kind] += 1
        self.layers.append(Layer(kind, name, settings, inputs or [self.last], arrays or {}))
        return name

    @property
    def last(self) -> str:
        return self.layers[-1].name

    def convolve(self, before: int, after: int, side: int, **settings: object) -> None:
        self._weigh("Conv2D", (side, side, before, after), after, settings)

    def transpose(self, before: int, after: int, side: int, **settings: object) -> None:
        self._weigh("Conv2DTranspose", (side, side, after, before), after, {"strides": [2, 2]} | settings)

    def normalise(self, channels: int) -> None:
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        arrays = {name: self.chance.random(channels, np.float32) for name in names}
        self.add("BatchNormalization", arrays, epsilon=0.001)

    def _weigh(self, kind: str, shape: tuple[int, ...], outputs: int, settings: dict[str, object]) -> None:
        kernel = self.chance.normal(0, 0.3, shape).astype(np.float32)
        bias = self.chance.normal(0, 0.3, outputs).astype(np.float32)
        about = {"strides": [1, 1], "padding": "same", "activation": "linear"} | settings
        self.add(kind, {"kernel": kernel, "bias": bias}, **about)


def unet_layers(width: int = 2, classes: int = 23, skips_first: bool = False) -> list[Layer]:
    """The CARLA U-Net."""
    sketch, before, skips = Sketch(96, 128), 3, []
    for level in range(5):
        for _ in range(2):
            sketch.convolve(before, width * 2**level, 3, activation="relu")
            before = width * 2**level
        if level < 4:
            skips.append(sketch.last)
            sketch.add("MaxPooling2D", pool_size=[2, 2])
    for level in reversed(range(4)):
        after = width * 2**level
        sketch.transpose(2 * after, after, 3)
        joined = [skips[level], sketch.last] if skips_first else [sketch.last, skips[level]]
        sketch.add("Concatenate", inputs=joined)
        sketch.convolve(2 * after, after, 3, activation="relu")
        sketch.convolve(after, after, 3, activation="relu")
    sketch.convolve(width, width, 3, activation="relu")
    sketch.convolve(width, classes, 1)
    return sketch.layers


def generator_layers(stage: int, width: int = 1) -> list[Layer]:
    """The 128x128 generator of either notebook."""
    sketch, before, skips = Sketch(128, 128), 3, []
    for level, times in enumerate(TIMES):
        sketch.convolve(before, before := width * times, 4, strides=[2, 2])
        if level:
            sketch.normalise(before)
        skips.append(sketch.add("ReLU"))
    sketch.convolve(before, before, 4, strides=[2, 2], activation="relu")
    for level, times in enumerate(reversed(TIMES)):
        _grow(sketch, before, width * times, stage)
        sketch.normalise(width * times)
        if level < 2:
            sketch.add("Dropout", rate=0.3)
        sketch.add("Concatenate", inputs=[sketch.last, skips[-1 - level]])
        sketch.add("ReLU")
        before = 2 * width * times
    _grow(sketch, before, 3 if stage == 1 else width, stage)
    if stage == 2:
        sketch.convolve(width, 3, 3, activation="tanh")
    return sketch.layers


def _grow(sketch: Sketch, before: int, after: int, stage: int) -> None:
    if stage == 1:
        sketch.transpose(before, after, 4)
    else:
        sketch.add("UpSampling2D", interpolation="nearest")
        sketch.convolve(before, after, 1)


def snake(kind: str) -> str:
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind)).lower()


# Formats --------------------------------------------------------------------------------------------------------------


def describe(layers: list[Layer], keras: int) -> str:
    """config.json, or the attribute model_config."""

    def inbound(layer: Layer) -> list[Any]:
        if keras == 2:
            return [[[name, 0, 0, {}] for name in layer.inputs]]
        tensors = [
            {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}} for name in layer.inputs
        ]
        return [{"args": [tensors], "kwargs": {}}]

    described = [
        {"class_name": layer.kind, "config": {"name": layer.name} | layer.settings, "inbound_nodes": inbound(layer)}
        for layer in layers
    ]
    return json.dumps({"class_name": "Functional", "config": {"name": "model", "layers": described}})


def write_legacy_weights(path: Path, layers: list[Layer], group: str = "/", end: str = ":0") -> None:
    """save_weights("x.h5") of Keras 2."""
    with h5py.File(path, "a") as file:
        root = file.require_group(group)
        root.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        for layer in layers:
            names = [f"{layer.name}/{array}{end}" for array in layer.arrays]
            root.create_group(layer.name).attrs["weight_names"] = [name.encode() for name in names]
            for name, array in zip(names, layer.arrays.values(), strict=True):
                root[layer.name][name] = array


def write_model_h5(path: Path, layers: list[Layer], keras: int = 2) -> None:
    """model.save("x.h5")."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = describe(layers, keras)
        file.create_group("optimizer_weights")["iteration"] = np.int64(3)
    write_legacy_weights(path, layers, "model_weights", ":0" if keras == 2 else "")


def write_weights_h5(path: Path | io.BytesIO, layers: list[Layer]) -> None:
    """save_weights("x.weights.h5") of Keras 3."""
    counted = Counter[str]()
    with h5py.File(path, "w") as file:
        for layer in layers:
            kind = snake(layer.kind)
            group = file.create_group(f"layers/{kind}" + (f"_{counted[kind]}" if counted[kind] else "") + "/vars")
            counted[kind] += 1
            for place, array in enumerate(layer.arrays.values()):
                group[str(place)] = array
        file["layers/dropout_x/seed_generator/vars/0"] = np.zeros(2, np.uint32)
        file["optimizer/vars/0"] = np.int64(3)


def write_keras(path: Path, layers: list[Layer], keras: int = 3) -> None:
    """model.save("x.keras")."""
    weights = io.BytesIO()
    write_weights_h5(weights, layers)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", describe(layers, keras))
        archive.writestr("model.weights.h5", weights.getvalue())


FORMATS: dict[str, Callable[[Path, list[Layer]], None]] = {
    "2.h5": write_model_h5,
    "3.h5": lambda path, layers: write_model_h5(path, layers, 3),
    "legacy_weights.h5": write_legacy_weights,
    ".weights.h5": write_weights_h5,
    "2.keras": lambda path, layers: write_keras(path, layers, 2),
    "3.keras": write_keras,
}
