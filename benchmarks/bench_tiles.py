"""Labelling tile by tile against the whole at once: memory, speed, equal labels; results/bench_tiles.json.

    python benchmarks/bench_tiles.py [--size 20000] [--whole 4000] [--picture seams.png]   needs ../shared/data/camvid

An image of SIZE x SIZE is laid out of CamVid's validation photos, each at its own scale, as a tiled, deflated TIFF file
in a temporary folder. `street` labels it tile by tile, from file to file; and its left upper WHOLE x WHOLE pixels at
once, and tile by tile. Each in a process of its own, by turns, whose peak memory is what the system says of it. "at
once" is `label_images` as the command uses it for photos; "at once, memory reused" keeps freed memory in the process,
as labelling by tiles does. PICTURE shows the labels of the two ways and where they differ.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch
from PIL import Image as Pillow
from recorded import RESULTS

import pixelwise as pw
from pixelwise.data.files.windows import open_rows, rows_of
from pixelwise.machine import describe, reuse_memory
from pixelwise.prediction.label_files import label_file
from pixelwise.prediction.labelling import label_images
from pixelwise.prediction.tiles import Tiles, cut

PHOTOS = Path(__file__).parents[2] / "shared" / "data" / "camvid" / "val"
HIGH, WIDE = 360, 480  # of a photo
SIDE = 256  # of a tile of the file
WAYS = ("at once", "at once, memory reused", "tile by tile")


def mosaic_rows(size: int) -> Iterator[np.ndarray]:
    """Rows of photos, one after the other, from left to right and top to bottom."""
    photos = [np.asarray(Pillow.open(path).convert("RGB")) for path in sorted(PHOTOS.glob("*.png"))]
    across = -(-size // WIDE)
    for row in range(-(-size // HIGH)):
        chosen = [photos[(row * across + column) % len(photos)] for column in range(across)]
        yield np.hstack(chosen)[: size - row * HIGH, :size]


def squares(size: int) -> Iterator[np.ndarray]:
    """The mosaic as the tiles of a file."""
    rest = np.zeros((0, size, 3), np.uint8)
    for rows in mosaic_rows(size):
        rest = np.concatenate([rest, rows])
        while len(rest) >= SIDE:
            yield from np.split(rest[:SIDE], range(SIDE, size, SIDE), axis=1)
            rest = rest[SIDE:]
    if len(rest):
        yield from np.split(rest, range(SIDE, size, SIDE), axis=1)


def write_mosaic(path: Path, size: int) -> None:
    padded = (np.pad(one, ((0, SIDE - one.shape[0]), (0, SIDE - one.shape[1]), (0, 0))) for one in squares(size))
    form: dict[str, Any] = {"photometric": "rgb", "tile": (SIDE, SIDE), "compression": "zlib", "maxworkers": 1}
    tifffile.imwrite(path, padded, shape=(size, size, 3), dtype=np.uint8, **form)


def label(way: str, photo: Path, path: Path, whole: int) -> None:
    """In a process of its own: labels the file, or its left upper corner if ``whole`` is no zero, and prints a line."""
    trained = pw.load("street", "cpu").bundle
    image = open_rows(photo).read(0, whole)[:, :whole] if whole else None
    began, began_busy = time.perf_counter(), time.process_time()
    if way == "tile by tile":
        label_file(trained, photo if image is None else rows_of(image), path, Tiles())
    else:
        if way.endswith("reused"):
            reuse_memory()
        [(found, _)] = label_images(trained.network, [image], (whole, whole))
        tifffile.imwrite(path, found, compression="zlib")
    seconds, busy = time.perf_counter() - began, time.process_time() - began_busy
    print(json.dumps([seconds, busy, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20]))


def measured(way: str, photo: Path, path: Path, whole: int, size: int) -> dict[str, Any]:
    """Runs `label` in a process of its own."""
    command = [sys.executable, __file__, "--label", way, str(photo), str(path), str(whole)]
    seconds, busy, memory = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    millions = (whole or size) ** 2 / 1e6
    found = {"seconds": round(seconds, 1), "Mpixel/s": round(millions / seconds, 3), "peak GiB": round(memory, 3)}
    found["Mpixel/s of a busy core"] = round(millions / busy, 3)  # which other programs disturb less
    print(f"{whole or size} x {whole or size} {way}: {found}", flush=True)
    return found


def equality(folder: Path, whole: int, picture: Path | None) -> dict[str, Any]:
    """How alike the two labels are, everywhere and where tiles meet."""
    labels = pw.load("street").labels
    once, tiled = (tifffile.imread(folder / f"{way}.tif") for way in (WAYS[0], WAYS[2]))
    same = once == tiled
    meet = np.zeros(whole, np.bool_)
    for part in cut(whole, Tiles().size[0], Tiles().overlap, 16):
        meet[part.start : part.start + part.rise] = True
    if picture:
        shown = [labels.colorize(once), labels.colorize(tiled), np.repeat(np.where(same, 255, 0)[..., None], 3, axis=2)]
        Pillow.fromarray(np.hstack(shown).astype(np.uint8)).save(picture)
    both = meet[:, None] | meet
    return {"equal": round(float(same.mean()), 6), "equal where tiles meet": round(float(same[both].mean()), 6)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=20000)
    parser.add_argument("--whole", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--picture", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo = folder / "mosaic.tif"
        write_mosaic(photo, asked.size)
        parts: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
        for way in WAYS * asked.rounds:  # by turns, for the machine may be slower at times
            parts[way].append(measured(way, photo, folder / f"{way}.tif", asked.whole, asked.size))
        best = {way: max(found, key=lambda one: float(one["Mpixel/s"])) for way, found in parts.items()}
        huge = measured("tile by tile", photo, folder / "huge.tif", 0, asked.size)
        same = equality(folder, asked.whole, asked.picture)
    found = {
        "tiles": {"seen": Tiles().size, "overlap": Tiles().overlap},
        f"{asked.size} x {asked.size}, tile by tile": huge,
        f"{asked.whole} x {asked.whole}, best of {asked.rounds}": best,
        "throughput of tiles / at once": round(huge["Mpixel/s"] / best[WAYS[0]]["Mpixel/s"], 3),
        "throughput of tiles / at once, memory reused": round(huge["Mpixel/s"] / best[WAYS[1]]["Mpixel/s"], 3),
        **same,
        "environment": describe(torch.device("cpu")),
    }
    (RESULTS / "bench_tiles.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--label"]:
        label(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]), int(sys.argv[5]))
    else:
        main()
