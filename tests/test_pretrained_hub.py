"""Weights from a hub: a tiny server on this machine speaks as much of the Hugging Face hub's protocol as is needed."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from safetensors.torch import save
from test_pretrained import caffe_weights, config, timm_file


@contextmanager
def hub(files: dict[str, bytes]) -> Iterator[str]:
    """A server that knows as much of the hub's protocol as a download needs."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET(body=False)

        def do_GET(self, body: bool = True) -> None:
            owner, name, *rest = self.path.strip("/").split("/")
            content = files.get("/".join([owner, name, *rest[2:]])) if rest[:1] == ["resolve"] else None
            self.send_response(404 if content is None else 200)
            if content is None:
                known = any(file.startswith(f"{owner}/{name}/") for file in files)
                self.send_header("X-Error-Code", "EntryNotFound" if known else "RepoNotFound")
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("ETag", f'"{sha256(content or b"").hexdigest()}"')
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            if body and content:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


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
        "some/resnet18.ours/config.json": config("resnet18"),
        "some/resnet18.ours/model.safetensors": (tmp_path / "timm.safetensors").read_bytes(),
        "some/squeezenet/config.json": b"{}",
        "some/squeezenet/model.safetensors": save(caffe_weights()),
        "some/pickled/config.json": config("resnet18"),
        "some/pickled/pytorch_model.bin": b"never asked for",
    }
    asked = [("timm:resnet18", f"hf:some/{name}") for name in ("resnet18.ours", "pickled", "none")]
    with hub(files) as endpoint:
        found, pickled, none, squeezenet = from_hub(endpoint, tmp_path, *asked, ("squeezenet", "some/squeezenet"))
    assert found[0] == pytest.approx([25.5, 51, 76.5])
    assert found[1] == pytest.approx([102, 127.5, 153])
    assert found[2] == pytest.approx(whole.conv1.weight.sum().item(), rel=1e-4)
    assert "hf:some/pickled: model.safetensors and config.json cannot be had from the Hugging Face hub" in pickled
    assert "hf:some/none: model.safetensors and config.json cannot be had" in none
    assert squeezenet[0] == [123, 117, 104]
