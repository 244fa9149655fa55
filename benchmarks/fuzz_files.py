"""Two thousand spoilt files through the real command line: no traceback, no hang, little memory, every bad file named.

    python benchmarks/fuzz_files.py                all; writes results/fuzz_files.json
    python benchmarks/fuzz_files.py --only voc     the datasets of one kind, and writes nothing
    python benchmarks/fuzz_files.py --keep FOLDER  keeps the datasets that failed there

Each dataset is made of 6 to 26 small rendered streets, its files spoilt by a seeded generator (tests/spoilt.py), and
given to `pixelwise check --json` and `pixelwise train --json`. A command fails that
- shows a traceback, ends by a signal or with exit code 1,
- takes more than 10 s or 2 GiB,
- opens a file outside the dataset (the kernel's inotify tells), or
- (check) does not name a file that was destroyed; (train) trains on, or names none and does not point to check.
"""

import argparse
import ctypes
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import spoilt  # noqa: E402 - of the tests
from spoilt import Spoilt  # noqa: E402

SEED = 0
MOST_SECONDS, MOST_BYTES, KILLED_AFTER = 10.0, 2**31, 20.0
SAMPLE_ROUNDS = 5  # datasets of each kind with files of samples spoilt
NAMED = 15  # files that one line names at least, where check cannot even begin
IN_OPEN, IN_ISDIR, IN_NONBLOCK = 0x20, 0x40000000, 0o4000


@dataclass
class Ran:
    """One command and how it went. failures: what is against it."""

    command: str
    code: int
    seconds: float
    bytes: int
    out: str
    err: str
    failures: list[str] = field(default_factory=list)


# Starts a command and writes what it took: in a process of its own, for a child's peak begins with its parent's.
MEASURE = """
import json, os, resource, signal, sys, time
most, limit = int(sys.argv[2]), float(sys.argv[3])
began = time.monotonic()
child = os.fork()
if not child:
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    os.execv(sys.executable, [sys.executable, "-m", "pixelwise", *sys.argv[4:]])
signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
signal.setitimer(signal.ITIMER_REAL, limit)
_, status, used = os.wait4(child, 0)
with open(sys.argv[1], "w") as file:
    json.dump([os.waitstatus_to_exitcode(status), time.monotonic() - began, used.ru_maxrss * 1024], file)
"""


def run(words: Sequence[str], folder: Path) -> Ran:
    """Runs `pixelwise WORDS` and measures it; one that hangs is killed, one that takes too much gets no more."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PIXELWISE_CACHE": str(folder / "cache")}
    figures = folder / "figures.json"
    limits = [str(figures), str(3 * MOST_BYTES), str(KILLED_AFTER)]
    ran = subprocess.run(
        [sys.executable, "-S", "-c", MEASURE, *limits, *words],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    code, seconds, peak = json.loads(figures.read_text())
    return Ran(words[0], code, seconds, peak, ran.stdout.decode(errors="replace"), ran.stderr.decode(errors="replace"))


class Watch:
    """Which files in and below a folder are opened, by inotify."""

    def __init__(self, folder: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._file = self._libc.inotify_init1(IN_NONBLOCK)
        for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            if self._file < 0 or self._libc.inotify_add_watch(self._file, os.fsencode(path), IN_OPEN) < 0:
                raise OSError(ctypes.get_errno(), "inotify")

    def opened(self) -> set[str]:
        """The names of files since it was asked last; a folder that is listed is no file."""
        names = set()
        try:
            events = os.read(self._file, 2**16)
        except BlockingIOError:
            return names
        while events:
            _, what, _, length = struct.unpack("iIII", events[:16])
            if not what & IN_ISDIR:
                names.add(os.fsdecode(events[16 : 16 + length].rstrip(b"\0")))
            events = events[16 + length :]
        return names - {""}

    def close(self) -> None:
        os.close(self._file)


def judge_conduct(ran: Ran, opened_outside: set[str]) -> None:
    """What no command may do, whatever the data."""
    if "Traceback" in ran.err or ran.code not in (0, 2, 3):
        last = (ran.err.strip().splitlines() or [""])[-1][:200]
        ran.failures.append(f"exit code {ran.code}: {last}")
    if ran.seconds > MOST_SECONDS:
        ran.failures.append(f"took {ran.seconds:.1f} s")
    if ran.bytes > MOST_BYTES:
        ran.failures.append(f"took {ran.bytes / 2**30:.1f} GiB")
    if opened_outside:
        ran.failures.append(f"opened outside the dataset: {', '.join(sorted(opened_outside))}")


def judge_check(ran: Ran, data: Spoilt) -> None:
    """Every destroyed file is named, by itself or by a file of the same sample."""
    said = ran.err
    if ran.code in (0, 3):
        problems: list[dict[str, Any]] = json.loads(ran.out)["problems"]
        said = "\n".join(file for problem in problems for file in problem["files"])
        said += "\n".join(f"{problem['what']} {problem['mend']}" for problem in problems)
    missed = [kind for kind, names in data.destroyed if not any(name in said for name in names)]
    enough = ran.code == 2 and len(data.destroyed) - len(missed) >= min(NAMED, len(data.destroyed))
    if missed and not enough:
        ran.failures.append(f"not named ({len(missed)} of {len(data.destroyed)}): {', '.join(sorted(set(missed)))}")
        ran.failures[-1] += f" [exit code {ran.code}: {ran.err.strip()[-300:]}]" if ran.code == 2 else ""


def judge_train(ran: Ran, data: Spoilt) -> None:
    """It does not train on destroyed files, and says in one line which there are or who tells."""
    if ran.code == 0 and data.stops_training:
        ran.failures.append("trained on as if nothing were")
    if ran.code == 2:
        lines = [line for line in ran.err.splitlines() if line.startswith("pixelwise: ")]
        if len(lines) != 1 or ran.err.splitlines()[-1] != lines[0]:
            ran.failures.append(f"not one line: {ran.err[:300]!r}")
        elif "pixelwise check" not in lines[0]:
            missed = [kind for kind, names in data.destroyed if not any(name in lines[0] for name in names)]
            if len(missed) == len(data.destroyed) and missed:
                ran.failures.append(f"names none and points nowhere: {lines[0][:300]}")


def attack(job: tuple[str, int, Path]) -> tuple[Spoilt, list[Ran]]:
    """Makes one spoilt dataset and gives it to both commands."""
    kind, seed, folder = job
    data = spoilt.make(kind, random.Random(f"{SEED} {kind} {seed}"), folder / "data", folder / "outside")
    watch = Watch(folder / "outside")
    train = [
        "train",
        str(data.path),
        "--epochs",
        "0.1",
        "--size",
        "32x32",
        "--batch",
        "2",
        "--run",
        str(folder / "run"),
    ]
    runs = []
    for words, judge in ((["check", str(data.path), "--json"], judge_check), ([*train, "--json"], judge_train)):
        if data.check_only and words[0] != "check":
            continue
        ran = run(words, folder)
        judge_conduct(ran, watch.opened())
        if not ran.failures:
            judge(ran, data)
        runs.append(ran)
    watch.close()
    return data, runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=SAMPLE_ROUNDS)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        names = spoilt.plan(options.rounds)
        jobs = [(kind, n, Path(folder, f"{n}")) for n, kind in enumerate(names) if options.only in kind]
        results = []
        with ThreadPoolExecutor(2) as pool:
            for job, (data, runs) in zip(jobs, pool.map(attack, jobs), strict=True):
                results.append((job[0], data, runs))
                failed = [f"    {ran.command}: {failure}" for ran in runs for failure in ran.failures]
                if failed:
                    print(
                        f"{job[1]:3} {job[0]} {dict(data.mutations) if len(data.mutations) < 4 else ''}",
                        *failed,
                        sep="\n",
                        flush=True,
                    )
                if failed and options.keep:
                    shutil.copytree(
                        job[2], options.keep / str(job[1]), symlinks=True, dirs_exist_ok=True, ignore=_special
                    )
                shutil.rmtree(job[2])
    summary = summarize(results) | {"minutes": round((time.monotonic() - began) / 60, 1)}
    if not options.only:
        from pixelwise.machine import describe, pick_device

        summary["machine"] = describe(pick_device("cpu"))
        (ROOT / "results" / "fuzz_files.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    show(summary)
    sys.exit(bool(summary["failures"]))


def _special(folder: str, names: list[str]) -> set[str]:
    """What cannot be copied: pipes, sockets, and files that are mostly holes."""
    paths = {name: Path(folder, name) for name in names}
    return {
        n
        for n, p in paths.items()
        if not p.is_symlink() and not p.is_dir() and (not p.is_file() or p.stat().st_size > 2**30)
    }


def summarize(results: list[tuple[str, Spoilt, list[Ran]]]) -> dict[str, Any]:
    """Counts, the worst figures, and all failures."""
    runs = [(kind, ran) for kind, _, both in results for ran in both]
    mutations = sum((data.mutations for _, data, _ in results), Counter[str]())
    layouts: dict[str, Counter[str]] = {}
    for kind, data, _ in results:
        layouts.setdefault(kind, Counter()).update({"datasets": 1, "files": data.mutations.total()})

    def worst(command: str) -> dict[str, Any]:
        mine = [(kind, ran) for kind, ran in runs if ran.command == command]
        if not mine:  # of large pictures only check is run
            return {"commands": 0, "exit_codes": {}, "most_seconds": 0.0, "most_gib": 0.0}
        slow, big = max(mine, key=lambda one: one[1].seconds), max(mine, key=lambda one: one[1].bytes)
        return {
            "commands": len(mine),
            "exit_codes": {str(code): n for code, n in sorted(Counter(ran.code for _, ran in mine).items())},
            "most_seconds": round(slow[1].seconds, 1),
            "slowest": slow[0],
            "most_gib": round(big[1].bytes / 2**30, 2),
            "largest": big[0],
        }

    return {
        "seed": SEED,
        "files": mutations.total(),
        "datasets": len(results),
        "check": worst("check"),
        "train": worst("train"),
        "limits": {"seconds": MOST_SECONDS, "gib": MOST_BYTES / 2**30},
        "layouts": {kind: dict(counts) for kind, counts in sorted(layouts.items())},
        "mutations": dict(sorted(mutations.items())),
        "failures": [f"{kind}: {ran.command}: {failure}" for kind, ran in runs for failure in ran.failures],
    }


def show(summary: dict[str, Any]) -> None:
    """The figures as a table."""
    print(f"\n{summary['files']} spoilt files in {summary['datasets']} datasets, {summary['minutes']} minutes")
    print("command  runs  exit codes                 most seconds   most GiB")
    for name in ("check", "train"):
        one = summary[name]
        codes = ", ".join(f"{count} x {code}" for code, count in one["exit_codes"].items())
        print(f"{name:8} {one['commands']:4}  {codes:26} {one['most_seconds']:12} {one['most_gib']:10}")
    print(f"{len(summary['failures'])} failures")


if __name__ == "__main__":
    main()
