"""Labelling on a Ray cluster of one and of two workers against one process, on this machine; results/bench_scale.json.

    python benchmarks/bench_scale.py [--photos 1010] [--listed 1000000]     needs ../shared/data/camvid

CamVid's validation photos are written as JPEG files of quality 95, again and again until there are PHOTOS of them, in a
temporary folder. `street` labels them into the four usual files each: in this program's process with one thread, and by
Ray with one and with two workers of one thread. Each way is a process of its own. Photos a second count from the
first photo written to the last, start-up is the time until the first. Peak memory is what the system says of each
process, shared libraries included. What it costs to plan is measured with a list of LISTED names of no files.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import torch
from PIL import Image as Pillow
from recorded import RESULTS

from pixelwise.machine import describe
from pixelwise.model import file_of, load
from pixelwise.prediction.many import Many
from pixelwise.prediction.many_photos import fingerprint
from pixelwise.prediction.planning import FOLDER, plan
from pixelwise.prediction.record import RECORD, Record
from pixelwise.prediction.shards import LISTED, PLANNED
from pixelwise.prediction.writing import Wanted

PHOTOS = Path(__file__).parents[2] / "shared" / "data" / "camvid" / "val"
QUALITY = 95
WAYS = {"one process": 0, "1 worker": 1, "2 workers": 2}


def write_photos(folder: Path, count: int) -> None:
    """CamVid's photos as JPEG files, each as often as needed."""
    sources = sorted(PHOTOS.glob("*.png"))
    for number in range(count):
        path = folder / f"{number:06}.jpg"
        if number < len(sources):
            Pillow.open(sources[number]).convert("RGB").save(path, quality=QUALITY)
        else:
            path.write_bytes((folder / f"{number % len(sources):06}.jpg").read_bytes())


def many_of(folder: Path) -> Many:
    return Many(load("street", "cpu").bundle, Wanted(), folder, fingerprint(file_of("street")))


def label(photos: list[Path], folder: Path, workers: int) -> None:
    """In a process of its own: labels the photos by so many workers, or by this process where there are none."""
    torch.set_num_threads(1)
    many = many_of(folder)
    if not workers:
        for _ in many.label_all({path.stem: path for path in photos}):
            pass
        return
    from pixelwise.prediction.cluster import Workers, joined, label_on_cluster

    with joined():
        shards = plan(many, photos, workers).shards
        for _ in label_on_cluster(many, file_of("street"), shards, Workers(workers, 1, 0, "cpu")):
            pass
        shards.close()


def measured(photos: Path, folder: Path, workers: int) -> dict[str, Any]:
    """Runs `label` in a process of its own and watches it."""
    command = [sys.executable, __file__, "--label", str(photos), str(folder), str(workers)]
    began, peaks = time.time(), dict[int, tuple[bool, float]]()
    with subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}) as process:
        while process.poll() is None:
            peaks.update(peaks_below(process.pid))
            time.sleep(0.2)
    if process.returncode:
        raise SystemExit(f"labelling ended with exit code {process.returncode}")
    written = sorted(path.stat().st_mtime for path in folder.glob("*_side_by_side.png"))  # the last of each photo
    rate = (len(written) - 1) / (written[-1] - written[0])
    memory = [peak for labels, peak in peaks.values() if labels]
    found = {"photos/s": round(rate, 3), "start-up s": round(written[0] - began, 1)}
    found |= {"seconds": round(time.time() - began, 1), "leading process MiB": round(peaks[process.pid][1])}
    return found | ({"worker MiB": round(max(memory))} if workers else {})


def peaks_below(pid: int) -> Iterator[tuple[int, tuple[bool, float]]]:
    """Each process that the program has started, and itself: whether it labels, and its peak memory in MiB."""
    try:
        for one in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
            status = Path(f"/proc/{one.pid}/status").read_text(encoding="utf-8")
            peak = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")), "0")
            yield one.pid, ("Labeller" in " ".join(one.cmdline()), int(peak) / 1024)
    except (psutil.NoSuchProcess, OSError):  # which have ended meanwhile
        return


def list_names(folder: Path, count: int) -> None:
    """In a process of its own: plans so many photos and prints what that costs."""
    many, before = many_of(folder), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    shards = plan(many, (Path(f"/photos/{number // 1000:06}/{number:09}.jpg") for number in range(count)), 128).shards
    seconds = time.perf_counter() - began
    disk = sum((folder / FOLDER / file).stat().st_size for file in (LISTED, PLANNED))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    found = {"listed": count, "shards": len(shards), "seconds per million": 1e6 * seconds / count}
    print(json.dumps(found | {"bytes of memory": 1024 * peak / count, "bytes on disk": disk / count}))


def same_files(first: Path, second: Path) -> bool:
    """Whether both hold the same files with the same bytes, and records of the same photos in the same order."""
    names = [sorted(path.name for path in folder.iterdir() if path.name != RECORD) for folder in (first, second)]
    alike = all((first / name).read_bytes() == (second / name).read_bytes() for name in names[0])
    return names[0] == names[1] and alike and [*Record(first).lines()] == [*Record(second).lines()]


def sizes(photos: Path, folder: Path, count: int) -> dict[str, int]:
    """Bytes for each photo."""
    files = [path for path in folder.iterdir() if path.name != RECORD]
    label = sum(path.stat().st_size for path in files if path.name.endswith("_label.png"))
    return {
        "read": sum(path.stat().st_size for path in photos.iterdir()) // count,
        "written": sum(path.stat().st_size for path in files) // count,
        "of which the label": label // count,
        "of the record": (folder / RECORD).stat().st_size // count,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=int, default=1010)
    parser.add_argument("--listed", type=int, default=1_000_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "photos").mkdir()
        write_photos(root / "photos", asked.photos)
        figures = {}
        for way, workers in WAYS.items():
            figures[way] = measured(root / "photos", root / way, workers)
            print(f"{way}: {figures[way]}", flush=True)
        command = [sys.executable, __file__, "--list", str(root / "listed"), str(asked.listed)]
        planning = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        result = {
            "photos": asked.photos,
            "pixels": Pillow.open(root / "photos" / "000000.jpg").size,
            "quality": QUALITY,
            "figures": figures,
            "bytes per photo": sizes(root / "photos", root / "one process", asked.photos),
            "planning": planning,
            "same bytes": all(same_files(root / "one process", root / way) for way in WAYS),
            "environment": describe(torch.device("cpu")),
        }
    (RESULTS / "bench_scale.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--label"]:
        label(sorted(Path(sys.argv[2]).iterdir()), Path(sys.argv[3]), int(sys.argv[4]))
    elif sys.argv[1:2] == ["--list"]:
        list_names(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
