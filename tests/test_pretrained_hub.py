"""Weights from a hub, for which a server on this machine stands in."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hub_server import hub
from safetensors.torch import save
from test_pretrained import caffe_weights, config, timm_file

SCRIPT = """
import declared_torchvision, json, sys, torch
from pixelwise.errors import UserError
from pixelwise.models.encoder_unet import EncoderUNet
from pixelwise.models.network import Network
from pixelwise.models.pretrained import load_pretrained
said = []
for encoder, weights in json.loads(sys.argv[1]):
    network = Network(EncoderUNet(3, 4, encoder=encoder, width=4))
    try:
        load_pretrained(network, weights)
        first = next(network.body.encoder.parameters()).sum().item()
        said.append([network.mean.flatten().tolist(), network.std.flatten().tolist(), first])
    except UserError as error:
        said.append(str(error))
print(json.dumps(said))
"""


def from_hub(endpoint: str, home: Path, *asked: tuple[str, str]) -> list[list[list[float]] | str]:
    """What `load_pretrained` sets or says, for (encoder, weights), in a process whose hub this is."""
    paths = [str(Path(__file__).parent), *sys.path]
    environment = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "HF_HUB_ETAG_TIMEOUT": "2"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(asked)],
        env=os.environ | environment | {"PYTHONPATH": os.pathsep.join(paths), "HF_HUB_DISABLE_TELEMETRY": "1"},
        capture_output=True,
        text=True,
        check=False,
        cwd=home,
    )
    assert done.returncode == 0, done.stderr
    said: list[list[list[float]] | str] = json.loads(done.stdout)
    return said


def test_weights_come_from_the_hub_with_the_preprocessing_that_is_written_there(tmp_path: Path) -> None:
    whole = timm_file(tmp_path / "timm.safetensors", "resnet18")
    files = {
        "resnet18.ours": {
            "config.json": config("resnet18"),
            "model.safetensors": (tmp_path / "timm.safetensors").read_bytes(),
        },
        "squeezenet": {"config.json": b"{}", "model.safetensors": save(caffe_weights())},
        "pickled": {"config.json": config("resnet18"), "pytorch_model.bin": b"never asked for"},
    }
    asked = [("timm:resnet18", f"hf:some/{name}") for name in ("resnet18.ours", "pickled", "none")]
    with hub() as held:
        for name, content in files.items():
            held.put(f"some/{name}", content)
        found, pickled, none, squeezenet = from_hub(held.endpoint, tmp_path, *asked, ("squeezenet", "some/squeezenet"))
    assert found[0] == pytest.approx([25.5, 51, 76.5])
    assert found[1] == pytest.approx([102, 127.5, 153])
    assert found[2] == pytest.approx(whole.conv1.weight.sum().item(), rel=1e-4)
    assert "some/pickled: holds no model.safetensors" in pickled
    assert "some/none: there is no such repository on the hub" in none
    assert squeezenet[0] == [123, 117, 104]
