"""The arrays in a file that Keras wrote: .h5, .weights.h5 and .keras.

Nothing in the file is run, no link in it is followed, and no array is read before its size is known to be right.
"""

import io
import json
import math
import mmap
import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pydantic

from pixelwise.errors import UserError

if TYPE_CHECKING:
    import h5py

HDF5, ZIP = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"  # the first bytes of the two kinds of file
HEAP = b"GCOL\x01\0\0\0"
WEIGHTS, CONFIG = "model.weights.h5", "config.json"  # in a .keras file
LARGEST_CONFIG = 2**24  # bytes; of any other text too
MOST_ENTRIES, DEEPEST = 10_000, 32  # of groups in groups
CONVOLUTION, NORM = ("kernel", "bias"), ("gamma", "beta", "moving_mean", "moving_variance")  # as Keras 3 numbers them
NOT_WEIGHTS = ("optimizer", "optimizer_weights", "metrics", "top_level_model_weights")


@dataclass(frozen=True)
class KerasLayer:
    """A layer with weights. name: Keras's. arrays: by Keras's names, "kernel" for one. settings: its config, or {}."""

    name: str
    arrays: dict[str, "h5py.Dataset"]
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """A layer of the network as config.json describes it. path: of its weights in a file of Keras 3. inputs: places of
    the layers before it."""

    path: str
    name: str
    kind: str
    settings: dict[str, Any]
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class KerasFile:
    """layers: those with weights. in_order: whether they come as they are run, else only those of one class do.
    steps: all layers, where the file describes them."""

    path: Path
    layers: list[KerasLayer]
    in_order: bool
    steps: list[Step]

    def read(self, layer: KerasLayer, key: str, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
        """An array of a layer that must have this shape. Raises UserError where it is not whole, or not finite."""
        from h5py import h5d

        dataset, where = layer.arrays[key], f"{self.path}: {key} of layer '{layer.name}'"
        with _whole(self.path):
            stored = dataset.id.get_create_plist()
            plain = stored.get_layout() == h5d.CONTIGUOUS and not stored.get_external_count()
            if dataset.dtype.kind != "f" or not plain or dataset.shape != shape:
                raise UserError(f"{where} is not stored as Keras stores it; save the network again with Keras")
            if dataset.id.get_storage_size() != dataset.dtype.itemsize * int(np.prod(shape)):
                raise UserError(f"{where} is not all there; save the network again with Keras")
            with np.errstate(over="ignore"):
                values: npt.NDArray[np.float32] = dataset[()].astype(np.float32)
        if not np.isfinite(values).all():
            raise UserError(f"{where} has values that are no numbers (NaN or infinite); train the network again")
        return values


@contextmanager
def open_keras(path: Path) -> Iterator[KerasFile]:
    """The file for reading. Raises UserError where it is no file of Keras, or not whole."""
    try:
        import h5py
    except ImportError as error:
        raise UserError(f"{path}: Keras's files need h5py ({error}); run `pip install 'pixelwise[keras]'`") from error
    source, config = _unpacked(path)
    with _whole(path):
        file = h5py.File(source, "r")
    with file:
        with _whole(path):
            found = _found(path, file, config)
        yield found


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Has whatever a damaged file raises end in one sentence."""
    damage = (OSError, RuntimeError, ValueError, TypeError, LookupError, AttributeError, EOFError, MemoryError)
    try:
        yield
    except (*damage, struct.error, zipfile.BadZipFile, zlib.error) as error:
        what = " ".join(str(error).split())[:200]
        raise UserError(f"{path}: is not a whole file of Keras's ({what}); copy it again, or save it anew") from error


# The file -------------------------------------------------------------------------------------------------------------


def _unpacked(path: Path) -> tuple[Path | io.BytesIO, str]:
    """What h5py opens, and config.json where there is one."""
    if path.is_dir():
        raise UserError(f"{path}: is a folder; save the network with Keras's model.save('network.keras')")
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    with _whole(path), path.open("rb") as file:
        begin = file.read(len(HDF5))
    if begin == HDF5:
        with _whole(path), path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            _check_heaps(content)
        return path, ""
    if begin.startswith(ZIP):
        return _unzipped(path)
    raise UserError(
        f"{path}: is neither an HDF5 file nor a .keras archive; "
        "save the network with Keras's model.save('network.keras')"
    )


def _unzipped(path: Path) -> tuple[io.BytesIO, str]:
    """Both files of a .keras archive, in memory; nothing is written to disk."""
    with _whole(path), zipfile.ZipFile(path) as archive:
        if WEIGHTS not in archive.namelist() or CONFIG not in archive.namelist():
            raise UserError(f"{path}: is an archive without {WEIGHTS} and {CONFIG}; give one that Keras wrote")
        weights = _member(archive, WEIGHTS, 2 * path.stat().st_size + LARGEST_CONFIG)  # weights hardly shrink
        _check_heaps(weights)
        return io.BytesIO(weights), _member(archive, CONFIG, LARGEST_CONFIG).decode()


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    about = archive.getinfo(name)
    if about.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or about.file_size > most:
        raise ValueError(f"{name} would be {about.file_size} bytes")
    with archive.open(about) as file:
        return file.read(about.file_size)


def _check_heaps(content: bytes | mmap.mmap) -> None:
    """Every heap of texts must be whole: HDF5's library goes round for ever in one with an object of no size."""
    begin = content.find(HEAP)
    while begin >= 0:
        place, end = begin + 16, begin + int(struct.unpack_from("<Q", content, begin + 8)[0])
        while place + 16 <= end:
            index, size = struct.unpack_from("<H6xQ", content, place)
            step = 16 + -(-size // 8) * 8 if index else size  # object 0 is the free space, with its own head
            if step < 16 or place + step > end:
                raise ValueError("a heap is damaged")
            place += step
        begin = content.find(HEAP, end)


# Its layers -----------------------------------------------------------------------------------------------------------


def _found(path: Path, file: "h5py.File", config: str) -> KerasFile:
    groups = _groups(file)  # first, for it refuses links
    root = file.get("model_weights", file)
    described = config or (_text(file.attrs, "model_config") if "model_config" in file.attrs else ["{}"])[0]
    steps = list(_steps(_layers_of(json.loads(described))))
    by_path, by_name = {step.path: step for step in steps}, {step.name: step for step in steps}
    step_of = {group: by_path.get(group) or by_name.get(group.rpartition("/")[2]) for group in groups}
    known = [step for step in step_of.values() if step]
    if len({step.path for step in known}) == len(groups):
        order = sorted(groups, key=lambda group: steps.index(step_of[group]))  # type: ignore[arg-type]
        layers = [KerasLayer(step_of[group].name, groups[group], step_of[group].settings) for group in order]  # type: ignore[union-attr]
        return KerasFile(path, layers, True, steps)
    listed = [group for group in _listed(root) if group in groups]
    in_order = len(listed) == len(groups)
    order = listed if in_order else sorted(groups, key=_natural)
    return KerasFile(path, [KerasLayer(group.rpartition("/")[2], groups[group]) for group in order], in_order, steps)


def _groups(file: "h5py.File") -> dict[str, dict[str, "h5py.Dataset"]]:
    """Per layer with weights, "layers/conv2d_3" or "conv2d_3/conv2d_3", its arrays."""
    groups: dict[str, dict[str, h5py.Dataset]] = {}
    for count, (whole, dataset) in enumerate(_datasets(file)):
        if count > MOST_ENTRIES:
            raise ValueError("too many arrays")
        path = whole.removeprefix("model_weights/")  # where model.save("x.h5") has them
        layer, _, key = path.rpartition("/")
        if path.partition("/")[0] not in NOT_WEIGHTS and "seed_generator" not in path:
            groups.setdefault(layer.removesuffix("/vars"), {})[key.removesuffix(":0")] = dataset
    return {layer: _named(arrays) for layer, arrays in groups.items()}


def _named(arrays: dict[str, "h5py.Dataset"]) -> dict[str, "h5py.Dataset"]:
    """Numbered arrays by the names that they have elsewhere."""
    names = CONVOLUTION if "0" in arrays and len(arrays["0"].shape or ()) > 1 else NORM
    return {names[int(key)] if key in ("0", "1", "2", "3")[: len(names)] else key: arrays[key] for key in arrays}


def _datasets(group: "h5py.Group", path: str = "", depth: int = 0) -> Iterator[tuple[str, "h5py.Dataset"]]:
    """All arrays below a group with their paths."""
    import h5py

    if depth > DEEPEST or len(group) > MOST_ENTRIES:
        raise ValueError(f"too many groups at {path}")
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{path}{name} is a link")
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from _datasets(item, f"{path}{name}/", depth + 1)
        elif isinstance(item, h5py.Dataset):
            yield path + name, item


def _listed(root: "h5py.Group") -> Iterable[str]:
    """The layers of a legacy file in the order of the network; nested ones in that of their trainable weights."""
    if "layer_names" not in root.attrs:
        return ()
    names = [
        f"{layer}/{weight}".rpartition("/")[0]
        for layer in _text(root.attrs, "layer_names")
        for weight in _text(root[layer].attrs, "weight_names")
    ]
    return dict.fromkeys(names)


def _text(attributes: "h5py.AttributeManager", name: str) -> list[str]:
    about = attributes.get_id(name)
    if math.prod(about.shape) * about.dtype.itemsize > LARGEST_CONFIG:
        raise ValueError(f"{name} is too long")
    values = np.atleast_1d(attributes[name]).tolist()
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]


def _natural(path: str) -> list[tuple[str, int]]:
    """conv2d, conv2d_2, conv2d_10."""
    parts = (re.fullmatch(r"(.*?)(?:_(\d{1,9}))?", part, re.DOTALL) for part in path.split("/"))
    return [(part[1], int(part[2] or -1)) for part in parts if part]


# Its description ------------------------------------------------------------------------------------------------------


class _Written(pydantic.BaseModel):
    class_name: str
    config: dict[str, Any]
    inbound_nodes: Any = None


_LAYERS = pydantic.TypeAdapter(list[_Written])


def _layers_of(model: Any) -> list[Any]:  # noqa: ANN401 - JSON
    layers = model["config"].get("layers", []) if model else []
    return layers if isinstance(layers, list) else []


def _steps(layers: list[Any], prefix: str = "") -> Iterator[Step]:
    """The layers in the order of the network, those of a model inside it in its place."""
    written, counted = _LAYERS.validate_python(layers), Counter[str]()
    places = {str(layer.config.get("name")): place for place, layer in enumerate(written)}
    for layer in written:
        snake = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", layer.class_name)).lower()
        path = f"{prefix}layers/{snake}" + (f"_{counted[snake]}" if counted[snake] else "")
        counted[snake] += 1
        if "layers" in layer.config:
            yield from _steps(layer.config["layers"], f"{path}/")
        else:
            inputs = tuple(places[name] for name in _mentioned(layer.inbound_nodes, places))
            yield Step(path, str(layer.config.get("name")), layer.class_name, layer.config, inputs)


def _mentioned(node: Any, names: dict[str, int]) -> Iterator[str]:  # noqa: ANN401 - JSON
    """The names that occur anywhere in a piece of JSON, in its order."""
    if isinstance(node, str) and node in names:
        yield node
    elif isinstance(node, list | dict):
        for inner in node.values() if isinstance(node, dict) else node:
            yield from _mentioned(inner, names)
