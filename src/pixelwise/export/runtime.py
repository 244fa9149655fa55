"""Exported models at work: NumPy and the runtime alone, without torch."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pixelwise.data.dataset import Format, Image
from pixelwise.data.files.geotiff import read_georeference
from pixelwise.data.files.images import as_image
from pixelwise.errors import UserError
from pixelwise.export.card import KEY, Card, read_card
from pixelwise.labels import LabelMap
from pixelwise.prediction.segmentation import Segmentation

Run = Callable[[Image], tuple[Any, Any]]  # (n, h, w, c) uint8 -> label, probabilities; from many threads at once
INSTALL = "pip install 'pixelwise[export]'"


class Exported:
    """An .onnx or .xml file that labels photos as the model that it was made of.

    run: images of one size -> their labels and probabilities. card: what the file says of itself. `open_exported` opens
    one.
    """

    def __init__(self, path: Path, run: Run, card: Card) -> None:
        self.path, self.run, self.card = path, run, card

    @property
    def labels(self) -> LabelMap:
        """What its classes are."""
        return self.card.labels

    def predict(
        self, photo: str | Path | Image, *, name: str | None = None, probabilities: bool = False
    ) -> Segmentation:
        """Labels a photo, a file or (h, w, c) uint8, at its own size, as `Model.predict` does.

        name: of the photo; else that of the file. probabilities: whether those of all classes are kept.
        Raises UserError where the file cannot be read, or the array is no such image.
        """
        seen = np.ascontiguousarray(as_image(photo, Format(self.card.channels, self.card.bits)))
        label, shares = self.run(seen[None])
        everyone = np.asarray(shares[0], np.float32)
        file = Path(photo) if isinstance(photo, str | Path) else None
        return Segmentation(
            seen,
            np.asarray(label[0], np.uint8),
            everyone.max(0),
            self.labels,
            name or (file.stem if file else "image"),
            everyone if probabilities else None,
            read_georeference(file) if file else None,
        )

    def __repr__(self) -> str:
        return f"Exported({self.path}, {self.card.model}, {len(self.labels)} classes, {self.card.precision})"


class Threads(NamedTuple):
    """all: of the processor, that the runtime may use. at_once: images that it runs beside each other."""

    all: int
    at_once: int = 1


def open_exported(path: str | Path, *, threads: int | None = None, at_once: int = 1) -> Exported:
    """The exported model in a file.

    threads: of the processor, that it may use; None: as many as there are. at_once: images that are given to it from
    as many threads at once; each runs in its share. One alone, as here, is fastest done in all.
    Raises UserError for a file that is missing, damaged, or not made by pixelwise, and where its runtime is missing.
    """
    file = Path(path)
    if not file.is_file():
        raise UserError(f"{file}: there is no such file")
    if not is_exported(file):
        raise UserError(f"{file}: runtimes open {' and '.join(OPENERS)}; export one")
    run, text = OPENERS[file.suffix.lower()](file, Threads(threads or processor_threads(), at_once))
    return Exported(file, run, read_card(file, text))


def is_exported(path: str | Path) -> bool:
    """Whether a name is that of a file that `open_exported` takes.

    >>> is_exported("street.onnx"), is_exported("street.safetensors")
    (True, False)
    """
    return Path(path).suffix.lower() in OPENERS


def processor_threads() -> int:
    """As many as OMP_NUM_THREADS says, as with torch; else one for each core that this process may use."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(asked) if asked.isdigit() and int(asked) else cores


def _open_onnx(path: Path, threads: Threads) -> tuple[Run, str | None]:
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError(f"{path}: needs onnxruntime; run `{INSTALL}`") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = max(1, threads.all // threads.at_once)
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own exceptions have no common class
        raise UserError(f"{path}: is damaged or no ONNX file; copy or export it again") from error

    def run(images: Image) -> tuple[Any, Any]:
        label, shares = session.run(["label", "probabilities"], {"image": images})
        return label, shares

    return run, session.get_modelmeta().custom_metadata_map.get(KEY)


def _open_openvino(path: Path, threads: Threads) -> tuple[Run, str | None]:
    try:
        import openvino
    except ImportError as error:
        raise UserError(f"{path}: needs openvino; run `{INSTALL}`") from error
    settings: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": "f32",  # else bf16 where the processor has it, of grey levels too
        "INFERENCE_NUM_THREADS": threads.all,
        "NUM_STREAMS": threads.at_once,
    }
    try:
        core = openvino.Core()
        model = core.read_model(path)
        text = model.get_rt_info(KEY).astype(str) if model.has_rt_info(KEY) else None
        compiled = core.compile_model(model, "CPU", settings)
    except RuntimeError as error:
        raise UserError(f"{path}: is damaged, or its .bin is not beside it; copy or export both again") from error
    own = threading.local()

    def run(images: Image) -> tuple[Any, Any]:
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        found = own.request.infer([images])
        return found[0], found[1]

    return run, text


OPENERS: dict[str, Callable[[Path, Threads], tuple[Run, str | None]]] = {".onnx": _open_onnx, ".xml": _open_openvino}
