"""Sixty-four clients and a thousand hostile uploads at once: `pixelwise serve` answers all, rightly, in steady memory.

    python benchmarks/load_server.py                       a minute; writes results/load_server.json
    python benchmarks/load_server.py --seconds 15 --output /tmp/load.json

The server is the real command in a process of its own. Clients send photos as forms and as bytes, JPEG and PNG, and
come again after a 429 when it says so. Meanwhile the hostile uploads of tests/hostile_uploads.py are sent, by others,
with bodies that stop and bodies that break off among them. It fails where
- an answer is 500 or none comes, or a hostile upload gets another status than it should,
- a label differs in a pixel from the one that `predict` gives in this process,
- the server's memory is more than a tenth and 50 MB larger after the load than after the warm-up, or
- it does not end with 0 when it is told to.
"""

import argparse
import asyncio
import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from PIL import Image as Pillow

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from hostile_uploads import MAKERS, MULTIPART, Upload, encoded, form, hostile  # noqa: E402 - of the tests

from pixelwise.data.streets import render  # noqa: E402
from pixelwise.files import replacing  # noqa: E402
from pixelwise.machine import describe, pick_device  # noqa: E402
from pixelwise.model import load  # noqa: E402

SEED, CLIENTS, HOSTILE, HOSTILE_CLIENTS = 0, 64, 1000, 8
PHOTOS, SLOW = 6, 20  # kinds of photos; hostile bodies that stop
PATIENCE = 120.0  # seconds for one answer
GROWTH, SPARE = 1.1, 50_000_000  # of the server's memory


@dataclass
class Photo:
    """A sound upload and the label that is right."""

    upload: Upload
    label: np.ndarray


@dataclass
class Tally:
    """What came back. wrong: what should not have."""

    statuses: Counter[str] = field(default_factory=Counter)
    hostile: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def photos() -> list[Photo]:
    """Rendered streets of three sizes, with what this process's model says of them."""
    model, found = load("street", "cpu"), []
    for number in range(PHOTOS):
        height, width = [(360, 480), (270, 480), (720, 960)][number % 3]
        kind = ["JPEG", "PNG"][number % 2]
        image, _ = render(SEED, number, height=height, width=width)
        file = io.BytesIO()
        Pillow.fromarray(image).save(file, kind)
        sent = file.getvalue()
        with Pillow.open(io.BytesIO(sent)) as picture:
            label = model.predict(np.asarray(picture)).label
        as_form = Upload(form("image", sent), MULTIPART, 200)
        found.append(Photo(as_form if number < PHOTOS // 2 else Upload(sent, f"image/{kind.lower()}", 200), label))
    return found


async def client(server: httpx.AsyncClient, sent: list[Photo], tally: Tally, end: float, rng: random.Random) -> None:
    """Sends one photo after the other until the end."""
    while time.monotonic() < end:
        photo, began = rng.choice(sent), time.monotonic()
        answer = await _posted(server, photo.upload, tally)
        if answer is None:
            continue
        tally.statuses[str(answer.status_code)] += 1
        if answer.status_code == 429:
            await asyncio.sleep(min(float(answer.headers["retry-after"]), max(0.0, end - time.monotonic())))
        elif answer.status_code != 200:
            tally.wrong.append(f"a photo: {answer.status_code} {answer.text[:200]}")
        else:
            tally.seconds.append(time.monotonic() - began)
            with Pillow.open(io.BytesIO(answer.content)) as picture:
                if not (np.asarray(picture) == photo.label).all():
                    tally.wrong.append("a label is another than predict's")


async def _posted(server: httpx.AsyncClient, upload: Upload, tally: Tally) -> httpx.Response | None:
    try:
        return await server.post("/predict?answer=label", content=upload.body, headers={"content-type": upload.kind})
    except httpx.HTTPError as error:
        tally.wrong.append(f"no answer: {error!r}")
        return None


async def hostile_client(server: httpx.AsyncClient, names: list[str], tally: Tally) -> None:
    """Sends what is left of the names."""
    while names:
        name = names.pop()
        upload = hostile(name)
        answer = await _posted(server, upload, tally)
        while answer is not None and answer.status_code == 429:  # it wants to be refused for what it is
            tally.hostile["429"] += 1
            await asyncio.sleep(0.2)
            answer = await _posted(server, upload, tally)
        if answer is not None:
            tally.hostile[str(answer.status_code)] += 1
            if answer.status_code != upload.status:
                tally.wrong.append(f"{name}: {answer.status_code} instead of {upload.status}")


async def slow_client(host: str, port: int, tally: Tally, *, breaks: bool) -> None:
    """Sends half a photo and waits for the answer, or goes away."""
    sent = encoded("PNG")
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {len(sent)}\r\n\r\n"
    while True:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(head.encode() + sent[:500])
        await writer.drain()
        if breaks:
            writer.close()
            tally.hostile["went away"] += 1
            return
        line = await asyncio.wait_for(reader.readline(), PATIENCE)
        status = line.split()[1].decode() if line else "none"
        writer.close()
        tally.hostile[status] += 1
        if status != "429":
            break
        await asyncio.sleep(0.2)
    if status != "408":
        tally.wrong.append(f"a body that stops: {status} instead of 408")


async def loaded(url: str, sent: list[Photo], seconds: float, clients: int, count: int) -> Tally:
    """All clients at once."""
    rng, tally = random.Random(SEED), Tally()
    names = [list(MAKERS)[number % len(MAKERS)] for number in range(count - 2 * SLOW)] if count else []
    rng.shuffle(names)
    host, port = url.removeprefix("http://").split(":")
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=clients)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, limits=limits, trust_env=False) as server:
        end = time.monotonic() + seconds
        work: list[Awaitable[None]] = [
            client(server, sent, tally, end, random.Random(number)) for number in range(clients)
        ]
        work += [hostile_client(server, names, tally) for _ in range(HOSTILE_CLIENTS)]
        work += [
            slow_client(host, int(port), tally, breaks=number % 2 == 0) for number in range(2 * SLOW * bool(count))
        ]
        await asyncio.gather(*work)
    return tally


def started() -> tuple[subprocess.Popen[str], str]:
    """The command, and where it listens."""
    line = [sys.executable, "-m", "pixelwise", "serve", "street", "--port", "0", "--device", "cpu"]
    process = subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | THREADS
    )
    found = re.search(r"http://\S+", process.stdout.readline() if process.stdout else "")
    if not found:
        raise SystemExit("the server did not start")
    return process, found[0]


THREADS = {"OMP_NUM_THREADS": "1"}


def memory_of(process: subprocess.Popen[str]) -> int:
    """Bytes that are in memory, when it has had a moment of rest."""
    time.sleep(1)
    return int(psutil.Process(process.pid).memory_info().rss)


def measured(seconds: float, clients: int, count: int) -> dict[str, Any]:
    """The load, and all figures."""
    sent = photos()
    process, url = started()
    try:
        first = memory_of(process)
        asyncio.run(loaded(url, sent, min(10.0, seconds), clients, 2 * len(MAKERS) + 2 * SLOW))
        warm = memory_of(process)
        began = time.monotonic()
        tally = asyncio.run(loaded(url, sent, seconds, clients, count))
        took = time.monotonic() - began
        after = memory_of(process)
        metrics = httpx.get(f"{url}/metrics", trust_env=False).text
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    if after > GROWTH * warm + SPARE:
        tally.wrong.append(f"memory grew from {warm:,} to {after:,} bytes")
    if process.returncode or said:
        tally.wrong.append(f"it ended with {process.returncode} and said {said[-500:]!r}")
    return _figures(tally, took, (first, warm, after), metrics) | {"clients": clients, "asked seconds": seconds}


def _figures(tally: Tally, took: float, memory: tuple[int, int, int], metrics: str) -> dict[str, Any]:
    photos_run, batches = (
        float(re.findall(rf'^pixelwise_batch_photos_{what}{{model="street"}} (\S+)', metrics, re.MULTILINE)[0])
        for what in ("sum", "count")
    )
    seconds = np.array(tally.seconds or [np.nan])
    return {
        "seconds": round(took, 1),
        "photos": {
            "answers": dict(sorted(tally.statuses.items())),
            "labelled per second": round(len(tally.seconds) / took, 2),
            "p50 seconds": round(float(np.percentile(seconds, 50)), 3),
            "p99 seconds": round(float(np.percentile(seconds, 99)), 3),
            "photos per batch": round(photos_run / batches, 2),
        },
        "hostile": {"uploads": len(MAKERS), "answers": dict(sorted(tally.hostile.items()))},
        "memory in MB": {
            when: round(size / 1e6) for when, size in zip(("before", "warm", "after"), memory, strict=True)
        },
        "wrong": dict(Counter(tally.wrong)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--hostile", type=int, default=HOSTILE)
    parser.add_argument("--output", type=Path, default=ROOT / "results" / "load_server.json")
    asked = parser.parse_args()
    found = measured(asked.seconds, asked.clients, asked.hostile)
    found["machine"] = describe(pick_device("cpu"))
    with replacing(asked.output) as temporary:
        temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))
    if found["wrong"]:
        raise SystemExit(f"{sum(found['wrong'].values())} answers are wrong")


if __name__ == "__main__":
    main()
