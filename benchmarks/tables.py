"""Writes the tables of measured figures in README.md and docs/ from results/*.json.

Each lies between the marks `<!-- results:NAME -->` and `<!-- /results -->`; TABLES has the names.

python benchmarks/tables.py            writes them
python benchmarks/tables.py --check    exits with 1 where a document says something else
"""

import re
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import prediction_tables
import run_tables
import scale_tables
from recorded import ROOT, load, made, pix2pix_averages, table

END = "<!-- /results -->"


def models_table() -> str:
    """Every model under one recipe, from benchmarks/record.py, and what it costs, from benchmarks/bench_models.py."""
    heads = (
        "model", "learnt from", "mean IoU", "mean Dice", "pixel accuracy", "parameters", "GFLOPs", "ms per image",
        "IoU points per ms", "memory of training",
    )  # fmt: skip
    rows = []
    results = {name: load(f"models_{name}") for name in load("models")["figures"]}
    for name, result in sorted(results.items(), key=lambda item: -item[1]["scores"]["mean IoU"]):
        cost, scores = load("models")["figures"][name], result["scores"]
        alike = (result["recipe"]["size"], round(result["history"][-1]["epoch"])) == ([256, 352], 20)
        rows.append(
            (
                f"`{name}`",
                f"{result['history'][-1]['epoch']:.0f} passes at {'x'.join(map(str, result['recipe']['size']))}",
                f"**{scores['mean IoU']:.3f}**",
                f"{scores['mean Dice']:.3f}",
                f"{scores['pixel accuracy']:.3f}",
                f"{cost['parameters']:,}",
                f"{cost['gflops']:.1f}",
                f"{cost['milliseconds']:.1f}",
                f"{100 * scores['mean IoU'] / cost['milliseconds']:.1f}" if alike else "",
                f"{cost['training_mib']:,} MiB",
            )
        )
    return table(heads, rows)


def pretrained_table() -> str:
    """The same network with and without pretrained weights, three seeds each."""
    rows = []
    for kind, name in (("pretrained", "real ImageNet weights"), ("scratch", "from scratch")):
        scores = [load(f"models_{kind}_{seed}")["scores"]["mean IoU"] for seed in range(3)]
        spread = f"{statistics.mean(scores):.3f} ± {statistics.stdev(scores):.3f}"
        rows.append((name, *(f"{score:.3f}" for score in scores), f"**{spread}**"))
    return table(("encoder", "seed 0", "seed 1", "seed 2", "mean ± standard deviation"), rows)


# What each run of benchmarks/record.py shows, and what the paper itself reports (its table of photo -> label).
PAINTED = {
    "l1_gan": "L1 and the game",
    "l1": "L1 alone",
    "softmax": "cross-entropy: `pix2pix_softmax`",
    "128_stage1": "L1 and the game: `pix2pix_128`, stage 1",
    "128_stage2": "L1 and the game: `pix2pix_128`, stage 2",
    "128_stage1_l1": "L1 alone: `pix2pix_128`, stage 1",
    "128_stage2_l1": "L1 alone: `pix2pix_128`, stage 2",
}
PAPER = {
    **{f"the paper's own: {what}": ("256x256", *figures) for what, figures in run_tables.PAPER.items()},
    "the same by Zhu et al. 2017: L1 and the game": ("128x128", 0.85, 0.40, 0.32),
}


def pix2pix_table() -> str:
    """Photo to label with every part of the loss, by the protocol of the paper, whose own figures stand below."""
    heads = ("what it learns by", "learnt from", "scored on", "pixel accuracy", "class accuracy", "class IoU")
    rows = []
    for name, what in PAINTED.items():
        if result := painted(name):
            recipe, conditions = result["recipe"], result["conditions"]
            size = "x".join(map(str, recipe["size"]))
            width = recipe["options"].get("width", 64)
            passes = f"{result['history'][-1]['epoch']:.0f} passes"
            learnt = f"{passes} at {size}, width {width}, batches of {recipe['batch']}"
            rows.append((what, learnt, f"{conditions['images']} images", *protocol_cells(result)))
    street = load("cityscapes_pairs_street_8m_cpu")  # all 19 classes occur, so that both protocols are one
    scores = [street["scores"][name] for name in ("pixel accuracy", "mean class accuracy", "mean IoU")]
    learnt = f"{street['history'][-1]['epoch']:.0f} passes at 256x256, batches of {street['recipe']['batch']}"
    rows.append(("cross-entropy: `street`, in 8 minutes", learnt, "200 images", *_cells(scores)))
    for what, (size, *figures) in PAPER.items():
        rows.append((f"*{what}*", f"2,975 images at {size}", "*others*", *(f"*{figure:.2f}*" for figure in figures)))
    return table(heads, rows)


def parts_table() -> str:
    """Each part of the loss alone, in small."""
    heads = ("what it learns by", "pixel accuracy", "class accuracy", "class IoU", "time")
    names = {
        "batch4_evaluated": "L1 and the game",
        "small_l1": "L1 alone",
        "small_gan": "the game alone",
        "small_softmax": "cross-entropy: `pix2pix_softmax`",
    }
    rows = [
        (what, *protocol_cells(result), f"{result['history'][-1]['seconds'] / 60:.0f} min")
        for name, what in names.items()
        if (result := painted(name))
    ]
    return table(heads, rows)


def batches_table() -> str:
    """Batches of 1 and of 4, generating both ways, from benchmarks/bench_generation.py."""
    heads = ("trained with batches of", "norm", "`generate`", "pixel accuracy", "class accuracy", "class IoU")
    rows = []
    for name, one in load("pix2pix_generation")["figures"].items():
        if name != "pix2pix_l1_gan":
            norm = one["options"].get("norm", "batch")
            for generate in ("as_trained", "evaluated"):
                scores = protocol_cells({"protocols": {"pix2pix": one[generate]["lossy mask"]}})
                rows.append((str(one["batch"]), norm, f"`{generate}`", *scores))
    return table(heads, rows)


def painted(name: str) -> dict[str, Any] | None:
    """A run of Pix2Pix; None until it is made."""
    return load(f"pix2pix_{name}") if made(f"pix2pix_{name}") else None


def protocol_cells(result: dict[str, Any]) -> tuple[str, ...]:
    """Pixel accuracy, class accuracy and class IoU, as the paper of Pix2Pix averages them."""
    return _cells(pix2pix_averages(result))


def _cells(scores: Sequence[float]) -> tuple[str, ...]:
    *accuracies, iou = scores
    return (*(f"{accuracy:.3f}" for accuracy in accuracies), f"**{iou:.3f}**")


def speed_table() -> str:
    """Training speed, from benchmarks/bench_training.py."""
    peaks = load("bench_training")["peak GFLOP/s"]
    heads = (
        "network", "way", "images/s", "ms per image", "ratio", "GFLOP/s",
        *(f"of the {name} peak, {peak:,.0f} GFLOP/s" for name, peak in peaks.items()),
    )  # fmt: skip
    rows = [
        (
            name,
            f"`{way}`",
            f"{one['images/s']:.1f}",
            f"{one['ms per image']:.1f}",
            f"**{one['ratio']:.2f}**",
            f"{one['GFLOP/s']:,.0f}",
            *(f"{one[f'% of {peak} peak']:.0f} %" for peak in peaks),
        )
        for name, ways in load("bench_training")["figures"].items()
        for way, one in ways.items()
    ]
    return table(heads, rows)


def decoders_table() -> str:
    """Transposed convolutions against upsampling, from benchmarks/decoders.py."""
    heads = (
        "network", "decoder", "mean IoU", "right within 3 px of a boundary", "right elsewhere",
        "checkerboards of 2, 4, 8 px", "share of the variance", "before training",
    )  # fmt: skip
    periods = ("2", "4", "8")
    rows = []
    for name, pair in load("decoders")["pairs"].items():
        for kind in ("transposed", "upsampled"):
            one = pair[kind]
            fresh = [statistics.mean(one["untrained"]["dB"][period]) for period in periods]
            trained = [one["checkerboards"][period]["dB"] for period in periods]
            rows.append(
                (
                    f"`{name}`, {Path(pair['data']).name} {pair['split']}",
                    kind,
                    f"**{one['scores']['mean IoU']:.3f}**",
                    f"{one['accuracy near']:.1%}",
                    f"{one['accuracy away']:.1%}",
                    f"{', '.join(f'{level:+.1f}' for level in trained)} dB",
                    f"{max(0.0, sum(one['checkerboards'][period]['share'] for period in periods)):.2%}",
                    f"{', '.join(f'{level:+.1f}' for level in fresh)} dB",
                )
            )
    return table(heads, rows)


def masks_table() -> str:
    """Decoding of lossy masks where the truth is known, from benchmarks/bench_masks.py."""
    result = load("masks_decoding")
    heads = (
        "JPEG quality",
        "decoder",
        "right of decoded",
        "decoded",
        "classes invented per image",
        "of lacking classes",
    )
    names = {"nearest colour": "nearest colour", "decode_lossy": "**by region**"}
    rows = [
        (
            str(one["quality"]),
            names[one["decoder"]],
            f"{one['right of decoded %']:.1f} %",
            f"{one['decoded %']:.1f} %",
            f"{one['invented per image']:.2f}",
            f"{one['invented of lacking %']:.1f} %",
        )
        for one in result["camvid val"]
        if one["images"] == 101 and one["decoder"] in names and one["shrunk"].startswith("plain")
    ]
    return table(heads, rows)


def pairs_table() -> str:
    """Decoding of the real Cityscapes pairs, whose truth is not known, from the same."""
    heads = ("1,500 real pairs", "decoded", "classes per image", "images with a truck", "with a bus", "with a train")
    rows = [
        (
            one["decoder"].replace("decode_lossy", "**by region**"),
            f"{one['decoded %']:.1f} %",
            f"{one['classes per image']:.1f}",
            *(f"{one[f'images with {name}']:,}" for name in ("truck", "bus", "train")),
        )
        for one in load("masks_decoding")["cityscapes pairs"]
        if one["images"] == 1500
    ]
    return table(heads, rows)


def samples_table() -> str:
    """What check says of every sample, from benchmarks/check_samples.py."""
    heads = ("folder", "layout", "images", "classes", "problems", "seconds")
    rows = [
        (
            f"`{one['folder']}`",
            f"`{one['layout']}`",
            ", ".join(f"{count:,} {split}" for split, count in one["images"].items()),
            str(one["classes"]),
            "; ".join(f"{kind} ({files})" if files else kind for kind, files in one["problems"].items()) or "none",
            f"{one['seconds']:.1f}",
        )
        for one in load("check_samples")["samples"]
    ]
    return table(heads, rows)


def fuzz_table() -> str:
    """Broken files through the command line, from benchmarks/fuzz_files.py."""
    result = load("fuzz_files")
    heads = ("command", "runs", "exit codes", "longest", "most memory")
    rows = [
        (
            f"`{name}`",
            str(one["commands"]),
            ", ".join(f"{count} x {code}" for code, count in one["exit_codes"].items()),
            f"{one['most_seconds']:.1f} s",
            f"{one['most_gib']:.2f} GiB",
        )
        for name, one in ((name, result[name]) for name in ("check", "train"))
    ]
    summary = f"{result['files']:,} broken files in {result['datasets']} datasets: {len(result['failures'])} failures."
    return f"{summary}\n\n{table(heads, rows)}"


def data_table() -> str:
    """Training input, from benchmarks/bench_data.py."""
    result = load("data_pipeline")
    heads = ("batches of 4", "cached", "read ahead", "plain DataLoader", "albumentations", "ratio", "share of a step")
    rows = []
    for name, one in result.items():
        if isinstance(one, dict) and (speed := one.get("pipeline, images/s")):
            best = (
                max(speed[f"{kind}, {workers} workers"] for workers in (0, 2)) for kind in ("plain", "albumentations")
            )
            cells = (speed["pixelwise, cached"], speed["pixelwise, read ahead from the store"], *best)
            ratio = speed["cached against the best of plain"]
            share = one["share of loading"]["share"]
            rows.append((name, *(f"{cell:,.0f}/s" for cell in cells), f"**{ratio:.1f}**", f"{share:.1%}"))
    return table(heads, rows)


TABLES = {
    "runs": run_tables.runs_table,
    "marks": run_tables.marks_table,
    "pairs_marks": run_tables.pairs_marks_table,
    "shipped": run_tables.shipped_table,
    "cities": run_tables.cities_table,
    "few": run_tables.few_table,
    "ablation": run_tables.ablation_table,
    "speed": speed_table,
    "models": models_table,
    "pretrained": pretrained_table,
    "pix2pix": pix2pix_table,
    "parts": parts_table,
    "batches": batches_table,
    "decoders": decoders_table,
    "masks": masks_table,
    "pairs": pairs_table,
    "samples": samples_table,
    "data": data_table,
    "fuzz": fuzz_table,
    "inference": prediction_tables.inference_table,
    "runtimes": prediction_tables.runtimes_table,
    "views": prediction_tables.views_table,
    "tiles": prediction_tables.tiles_table,
    "smoothing": prediction_tables.smoothing_table,
    "load": prediction_tables.load_table,
    "scale": scale_tables.measured_table,
    "cluster": scale_tables.cluster_table,
}


def page(path: Path) -> str:
    """The document with its tables as results/ has them."""

    def written(match: re.Match[str]) -> str:
        return f"{match[1]}\n{TABLES[match[2]]()}\n{END}"

    return re.sub(rf"(<!-- results:(\w+) -->)\n.*?{END}", written, path.read_text(encoding="utf-8"), flags=re.DOTALL)


def main() -> None:
    pages = {path: page(path) for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))}
    if "--check" in sys.argv:
        sys.exit(any(text != path.read_text(encoding="utf-8") for path, text in pages.items()))
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
