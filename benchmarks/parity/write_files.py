"""Keras's side: writes networks with random weights in every format, images, and what Keras makes of these.

python benchmarks/parity/write_files.py FOLDER        (in the environment of README.md; parity.py calls it)
"""

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from keras_networks import carla_unet, discriminator, generator

KERAS2 = os.environ.get("TF_USE_LEGACY_KERAS") == "1"
NETWORKS: dict[str, Any] = {
    "unet_carla": lambda: carla_unet(dropout=0.0),
    "generator_1": lambda: generator(1, dropout=0.0),
    "generator_2": lambda: generator(2, dropout=0.0),
    "discriminator": discriminator,
    "unet_carla_skips_first": lambda: carla_unet(classes=5, width=4, dropout=0.0, skips_first=True),
    "generator_1_nested": lambda: generator(1, width=4, dropout=0.0, nested=True),
    "generator_2_nested": lambda: generator(2, width=4, dropout=0.0, nested=True),
}


def randomise(network: Any, chance: np.random.Generator) -> None:  # noqa: ANN401 - Keras has no types
    """Weights that keep the spread of what passes, and statistics of batch norm that are far from 0 and 1."""
    for weights in network.weights:
        shape, name = tuple(weights.shape), getattr(weights, "path", weights.name)
        if len(shape) == 4:
            inputs = shape[3] * 4 if "transpose" in name else shape[2] * shape[0] * shape[1]
            values = chance.normal(0, np.sqrt(1.5 / inputs), shape)
        elif "gamma" in name or "variance" in name:
            values = chance.uniform(0.5, 2.0, shape)
        else:
            values = chance.normal(0, 0.2, shape)
        weights.assign(values.astype(np.float32))


def write(name: str, folder: Path, chance: np.random.Generator) -> dict[str, Any]:
    tf.keras.backend.clear_session()
    network = NETWORKS[name]()
    randomise(network, chance)
    network.save(folder / f"{name}.keras")
    network.save(folder / f"{name}.h5")
    network.save_weights(folder / f"{name}.weights.h5")
    if KERAS2:
        network.save_weights(folder / f"{name}_legacy_weights.h5")
    pixels = chance.integers(0, 256, (2, *network.input_shape[1:])).astype(np.uint8)
    images = pixels / 255 if name.startswith("unet") else pixels / 127.5 - 1
    images = images.astype(np.float32)
    arrays = {"pixels": pixels, "inference": network(images, training=False).numpy()}
    arrays["training"] = np.concatenate([network(images[at : at + 1], training=True).numpy() for at in (0, 1)])
    np.savez(folder / f"{name}.npz", **arrays)
    return {"parameters": network.count_params()}


def main(folder: Path) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    chance = np.random.default_rng(5)
    networks = {name: write(name, folder, chance) for name in NETWORKS}
    versions = {
        "tensorflow": tf.__version__,
        "keras": version("tf_keras" if KERAS2 else "keras"),
        "numpy": np.__version__,
    }
    (folder / "keras.json").write_text(json.dumps({"versions": versions, "networks": networks}), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
