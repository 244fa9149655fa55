"""The tables of how photos, large images and films are labelled, and how a server bears its load."""

from typing import Any

from recorded import load, table

WAYS = {
    "street": "`street`, one photo after the other",
    "street, a folder": "`street`, a folder: as `pixelwise predict` does it",
    "peer": "segmentation-models-pytorch's Unet over resnet34, as documented: float32",
    "peer's network in pixelwise": "the same network in pixelwise, one photo after the other",
    "peer's network in pixelwise, a folder": "the same network in pixelwise, a folder",
}


def inference_table() -> str:
    """From the file of a photo to the file of its mask."""
    result = load("bench_inference")
    rows = [
        (
            what,
            f"{one['ms per photo']:.1f}",
            f"**{one['photos/s']:.1f}**",
            f"{one['ratio']:.2f}" if "ratio" in one else "",
        )
        for way, what in WAYS.items()
        if (one := result["figures"].get(way))
    ]
    heads = ("way", "ms per photo", "photos a second", "times as fast as the peer's way")
    return f"{table(heads, rows)}\n\n{result['what'].capitalize()}; {_machine(result)}."


def runtimes_table() -> str:
    """The shipped model in every runtime that it is exported for."""
    result = load("bench_runtimes")
    heads = (
        "runtime", "ms per photo", "times as fast", "photos a second, file to mask", "size", "pixels as in float32",
        "mean IoU", "lost",
    )  # fmt: skip
    best = result["figures"]["torch.export"]["mean IoU"]
    rows = [
        (
            "`pixelwise` itself, in bf16" if way == "pixelwise" else way,
            f"{one['ms']:.1f}",
            f"{one['ratio']:.2f}",
            f"**{one['photos/s']:.1f}**" if "photos/s" in one else "",
            f"{one['bytes'] / 1e6:.1f} MB",
            f"{100 * one['equal']:.2f} %",
            f"{one['mean IoU']:.4f}",
            f"{best - one['mean IoU']:+.4f}",
        )
        for way, one in result["figures"].items()
    ]
    said = f"{result['what']}. Lost: of the mean IoU in float32. {_machine(result)}."
    return f"{table(heads, rows)}\n\n{said}"


def views_table() -> str:
    """Models that look at a photo more than once, or larger."""
    result = load("views")
    heads = ("model", "looks", "mean IoU", "pixel accuracy", "ms per photo", "times as long")
    rows = [
        (
            f"`{name}`",
            "once" if way == "once" else f"`{way}`",
            f"**{one['mean IoU']:.4f}**",
            f"{one['pixel accuracy']:.4f}",
            f"{one['ms per photo']:.1f}",
            f"{one['times as long']:.2f}",
        )
        for name, ways in result["figures"].items()
        for way, one in ways.items()
    ]
    return f"{table(heads, rows)}\n\n{result['what']}; {_machine(result)}."


def tiles_table() -> str:
    """Tile by tile against the whole at once."""
    result = load("bench_tiles")
    rows = []
    for name, figures in result.items():
        if not isinstance(figures, dict) or " x " not in name:
            continue
        size, _, what = name.partition(", ")
        ways = {what: figures} if "seconds" in figures else figures
        rows += [(size, way, *_costs(one)) for way, one in ways.items()]
    heads = ("pixels", "way", "seconds", "million pixels a second", "peak memory")
    again, once = result["throughput of tiles / at once, memory reused"], result["throughput of tiles / at once"]
    equal, meet = (f"{100 * result[name]:.2f} %" for name in ("equal", "equal where tiles meet"))
    said = (
        f"Equal: {equal} of the pixels, where tiles meet {meet}. Throughput of the largest, tile by tile: {once:.2f} "
        f"of that at once, {again:.2f} where that reuses memory too. On {_machine(result)}."
    )
    return f"{table(heads, rows)}\n\n{said}"


def smoothing_table() -> str:
    """Flicker and scores by the weight of the frames before."""
    result = load("smoothing")
    rows = [
        (weight, f"{100 * one['flicker']:.1f} %", f"{one['mean IoU']:.3f}", f"{one['pixel accuracy']:.3f}")
        for weight, one in result["weights"].items()
    ]
    rows.append(("the truth", f"{100 * result['flicker of the truth']:.1f} %", "", ""))
    return table(("`--smooth`", "pixels that change from frame to frame", "mean IoU", "pixel accuracy"), rows)


def load_table() -> str:
    """What a server answered while many asked at once."""
    result = load("load_server")
    photos, memory = result["photos"], result["memory in MB"]
    rows = [
        ("clients, for seconds", f"{result['clients']}, {result['seconds']:.0f}"),
        ("photos labelled, a second", f"{photos['answers']['200']:,}, {photos['labelled per second']:.1f}"),
        ("answer in the median, 99 % within", f"{photos['p50 seconds']:.1f} s, {photos['p99 seconds']:.1f} s"),
        ("photos told to come again (429)", f"{photos['answers']['429']:,}"),
        ("other answers to hostile uploads", _statuses(result["hostile"]["answers"])),
        ("answers with 5xx, wrong labels", f"{_bugs(result)}, {sum(result['wrong'].values())}"),
        ("memory before, warm, after", " MB, ".join(str(memory[when]) for when in ("before", "warm", "after")) + " MB"),
    ]
    return table(("", f"{result['machine']['cores']} cores of {result['machine']['processor']}"), rows)


def _statuses(answers: dict[str, int]) -> str:
    return ", ".join(f"{count} x {status}" for status, count in answers.items() if status != "429")


def _bugs(result: dict[str, Any]) -> int:
    both = [*result["photos"]["answers"].items(), *result["hostile"]["answers"].items()]
    return sum(count for status, count in both if status.startswith("5"))


def _costs(one: dict[str, Any]) -> tuple[str, str, str]:
    return f"{one['seconds']:.1f}", f"{one['Mpixel/s']:.2f}", f"{one['peak GiB']:.2f} GiB"


def _machine(result: dict[str, Any]) -> str:
    environment = result["environment"]
    return f"{environment['cores']} cores of {environment['processor']}, {environment['precision']}"
