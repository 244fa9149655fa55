"""A tiny network with everything around it, and scenes to try it on."""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from pixelwise.bundle import Bundle
from pixelwise.data.streets import render
from pixelwise.labels import CAMVID11, LabelMap
from pixelwise.models import Network, build_network
from pixelwise.models.squeezenet import SqueezeNet

TWO = LabelMap(("road", "car"), ((128, 64, 128), (0, 0, 142)))


def tiny_network(model: str = "unet", classes: int = 11, **options: object) -> Network:
    """Four filters wide, always the same weights, ready to label."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_network(model, classes, **({"width": 4} | options)).eval()


def tiny_bundle(labels: LabelMap = CAMVID11, size: tuple[int, int] = (32, 48)) -> Bundle:
    """An untrained model."""
    network = tiny_network(classes=len(labels))
    return Bundle(network, "unet", {"width": 4}, labels, size, {"data": "none"}, {"mean IoU": 0.1})


def streets(count: int = 2, height: int = 64, width: int = 96) -> tuple[Tensor, Tensor]:
    """Rendered street scenes as one batch: images (n, 3, h, w) uint8, labels (n, h, w) int64."""
    pairs = [render(0, index, height=height, width=width) for index in range(count)]
    images = torch.from_numpy(np.stack([image for image, _ in pairs])).permute(0, 3, 1, 2)
    return images, torch.from_numpy(np.stack([label for _, label in pairs])).long()


def write_squeezenet(path: Path) -> dict[str, Tensor]:
    """Random weights of a whole SqueezeNet under Caffe's names; those of its encoder as SqueezeNet names them."""
    layers = SqueezeNet(3).state_dict()
    named = {name.replace(".", "/", 1) if name.startswith("fire") else name: layers[name] for name in layers}
    classifier = {"conv10.weight": torch.zeros(1000, 512, 1, 1), "conv10.bias": torch.zeros(1000)}
    save_file(named | classifier, path)
    return layers
