"""Do networks trained in Keras give the same here? Writes results/keras_parity.json.

    python benchmarks/parity/parity.py PYTHON        PYTHON: that of the environment of README.md, which has TensorFlow

The largest absolute difference between what Keras answers and what pixelwise answers with the imported weights: in
inference with batch norm's moving statistics, and as generators are used, each image by its own statistics.
"""

import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from pixelwise.machine import describe
from pixelwise.models import Painter
from pixelwise.models.keras_file import NORM, open_keras
from pixelwise.models.keras_weights import load_keras
from pixelwise.models.pix2pix import BatchNorm, Dropout, PatchGAN128, set_generation

HERE = Path(__file__).parent
RESULT = HERE.parents[1] / "results" / "keras_parity.json"
LARGEST = 1e-4  # difference that passes
KERAS_TOTALS = {"unet_carla": 8_640_471, "generator_2": 17_023_363, "discriminator": 6_968_257}


def answers(file: Path, pixels: npt.NDArray[np.uint8]) -> dict[str, Tensor]:
    """Per mode what the network in a Keras file gives here, (n, h, w, c)."""
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    if file.name.startswith("discriminator"):
        network: nn.Module = discriminator(file)
        run = lambda: network(*(images / 127.5 - 1).split(3, dim=1))  # noqa: E731
    else:
        network = load_keras(file).network
        run = lambda: network.paint(images) if isinstance(network, Painter) else network(images)  # noqa: E731
    found = {}
    for module in network.modules():
        if isinstance(module, Dropout):
            module.p = 0.0
    with torch.inference_mode():
        found["training"] = run()
        set_generation(network, "evaluated")
        found["inference"] = run()
    return {mode: answer.permute(0, 2, 3, 1) for mode, answer in found.items()}


def discriminator(file: Path) -> nn.Module:
    """With the weights of a Keras file; pixelwise itself has no use for them."""
    network = PatchGAN128(6).eval()
    modules = {kind: [part for part in network.modules() if isinstance(part, kind)] for kind in (nn.Conv2d, BatchNorm)}
    with open_keras(file) as keras, torch.no_grad():
        for layer in keras.layers:
            arrays = {name: torch.from_numpy(array[()]) for name, array in layer.arrays.items()}
            if "kernel" in arrays:
                convolution = modules[nn.Conv2d].pop(0)
                convolution.weight.copy_(arrays["kernel"].permute(3, 2, 0, 1))
                convolution.bias.copy_(arrays["bias"])
            else:
                norm: Any = modules[BatchNorm].pop(0)
                ours = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
                for mine, theirs in zip(ours, NORM, strict=True):
                    mine.copy_(arrays[theirs])
    return network


def compare(folder: Path) -> dict[str, Any]:
    """Per network and format the largest difference in both modes; and the parameters that Keras counts."""
    written = json.loads((folder / "keras.json").read_text(encoding="utf-8"))
    compared: dict[str, Any] = {}
    for name, about in written["networks"].items():
        arrays = np.load(folder / f"{name}.npz")
        files = [folder / f"{name}{end}" for end in (".keras", ".h5", ".weights.h5", "_legacy_weights.h5")]
        compared[name] = about | {"output_std": float(arrays["inference"].std()), "largest_difference": {}}
        for file in filter(can_be_read, files):
            found = answers(file, arrays["pixels"])
            largest = {mode: float(np.abs(answer.numpy() - arrays[mode]).max()) for mode, answer in found.items()}
            compared[name]["largest_difference"][file.name.removeprefix(name)] = largest
            print(f"{file.name:40} {largest}", flush=True)
    return {"versions": written["versions"], "networks": compared}


def can_be_read(file: Path) -> bool:
    """Weights alone do not say that skips come first, nor in Keras 3's format in which order nested models come."""
    unknown = file.match("*skips_first*weights.h5") or file.match("*nested.weights.h5")
    return file.exists() and not unknown


def main(python: str) -> None:
    torch.set_num_threads(1)
    kerases = {}
    for keras, environment in (("keras 3", {}), ("keras 2", {"TF_USE_LEGACY_KERAS": "1"})):
        with tempfile.TemporaryDirectory() as folder:
            quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
            command = [python, str(HERE / "write_files.py"), folder]
            subprocess.run(command, check=True, env=os.environ | quiet | environment)
            kerases[keras] = compare(Path(folder))
    versions = {name: version(name) for name in ("torch", "numpy", "h5py")}
    here = {"versions": versions, "machine": describe(torch.device("cpu"))}
    largest = max(
        difference
        for keras in kerases.values()
        for network in keras["networks"].values()
        for modes in network["largest_difference"].values()
        for difference in modes.values()
    )
    result = {"largest_difference": largest, "passes": largest <= LARGEST, "pixelwise": here} | kerases
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    assert largest <= LARGEST, largest
    counts = kerases["keras 3"]["networks"]
    assert {name: counts[name]["parameters"] for name in KERAS_TOTALS} == KERAS_TOTALS


if __name__ == "__main__":
    main(sys.argv[1])
