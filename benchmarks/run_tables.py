"""The tables of the runs of record: every run, beside published figures, the models that ship, the ablation."""

import statistics
from dataclasses import asdict
from typing import Any

from record import ABLATION
from recorded import RESULTS, SHIPPED_RUNS, chain, crosswise, load, made, pix2pix_averages, table

from pixelwise.training import Recipe

# How runs are grouped, by the beginning of their names; the first that fits.
GROUPS = {
    "demo_": "The demo",
    "shipped_": "The models that ship",
    "marks_": "Beside published figures",
    "gpu_": "On a GPU",
    "cityscapes_": "Cityscapes pairs",
    "few_": "A tenth of the Cityscapes pairs",
    "models_": "Every model under one recipe",
    "ablation_": "The ablation",
    "pix2pix_": "Pix2Pix",
}
LEFT_OUT = ("model", "size", "steps", "seed", "validations", "weights")  # of what differs: they have a column, or none

# (what, pretrained or not, scored on, mean IoU, pixel accuracy, source)
PUBLISHED = (
    ("SegNet, 367 images", "from scratch", "test", 0.464, None, "Badrinarayanan et al. 2017"),
    ("SegNet, nine times the data", "VGG-16", "test", 0.601, 0.904, "Badrinarayanan et al. 2017"),
    ("FC-DenseNet103", "from scratch", "test", 0.669, 0.915, "Jégou et al. 2017"),
    ("FC-HarDNet84", "from scratch", "test", 0.677, 0.911, "Chao et al. 2019"),
    ("U-Net over ResNet-34", "ImageNet", "its own validation set", None, 0.9417, "fastai"),
)
# Our rows of the same table: the first of these runs that is made.
OURS = {
    "U-Net": ("gpu_camvid_unet", "marks_unet", "models_unet"),
    "SegNet": ("gpu_camvid_segnet", "marks_segnet", "models_segnet"),
    "`street`": ("gpu_camvid_street", "models_street"),
    "`encoder_street` over SqueezeNet": ("gpu_camvid_encoder_street", "shipped_street_large"),
    "the same, and 1,500 Cityscapes pairs": (
        "shipped_street_large_averages",
        "shipped_street_large_longer",
        "shipped_street_large_both",
    ),
    "`encoder_street` over EfficientNet-Lite2": ("gpu_camvid_lite2",),
    "DeepLabv3+ over SqueezeNet": ("marks_deeplabv3plus", "models_deeplabv3plus"),
}
PAIRS = {
    "U-Net": ("gpu_pairs_unet",),
    "`encoder_street`, from what `street` had learnt of CamVid": ("cityscapes_pairs_from_street",),
    "`street`, in 8 minutes": ("cityscapes_pairs_street_8m_cpu",),
    "Pix2Pix's generator, half as wide, as a classifier": ("pix2pix_softmax",),
    "Pix2Pix, L1 and the game": ("gpu_pix2pix_l1_gan", "pix2pix_l1_gan"),
    "Pix2Pix, L1 alone": ("gpu_pix2pix_l1", "pix2pix_l1"),
}
PAPER = {"L1 and the game": (0.83, 0.36, 0.29), "L1 alone": (0.86, 0.42, 0.35)}  # of Pix2Pix, at 256x256

FEW = {
    "nothing": "few_from_scratch",
    "ImageNet's weights in the encoder": "few_from_imagenet",
    "all that `street` had learnt of CamVid": "few_from_street",
}

CHANGED = {
    "base": "as planned",
    "twice_as_long": "24 passes for 12, and the stronger augmentation that is planned for them",
    "width_24": "width 24 for 16",
    "resolution": "360x480 for 240x320, crops as much larger",
    "pretrained": "`encoder_street` over SqueezeNet with ImageNet weights",
    "pretrained_lite": "`encoder_street` over EfficientNet-Lite0 with ImageNet weights",
    "pretrained_unet": "`encoder_unet` over EfficientNet-Lite0 with ImageNet weights",
    "zoom_none": "no zoom",
    "zoom_wide": "zoom 0.5 to 2 for 0.92 to 1.18",
    "color_none": "no colour changes",
    "color_strong": "colour changes of 0.6 and hue of 20 degrees for 0.09 and 3",
    "classmix": "ClassMix, half of the images",
    "balance_none": "all classes weigh alike",
    "ema_none": "no averaged weights",
    "one_depth": "no deep supervision",
    "smoothing": "label smoothing 0.1",
    "lovasz": "cross-entropy + 0.5 Lovász",
    "ohem": "OHEM",
    "flip": "flip at test",
}


def runs_table() -> str:
    """Every run of record that results/ holds, in groups."""
    heads = ("run", "differs from the defaults", "seed", "passes", "time", "on", "mean IoU", "pixel accuracy")
    names = sorted(path.stem for path in RESULTS.glob("*.json"))
    parts = []
    for begins, title in GROUPS.items():
        rows = [
            run_row(name, result) for name in names if name.startswith(begins) and "history" in (result := load(name))
        ]
        if rows:
            parts.append(f"### {title}\n\n{table(heads, rows)}")
    return "\n\n".join(parts)


def run_row(name: str, result: dict[str, Any]) -> tuple[str, ...]:
    recipe, environment, history = result["recipe"], result["environment"], result["history"]
    scores = result.get("scores") or {}  # a run that paints photos has none
    threads = environment.get("threads")
    return (
        f"[`{name}`](../results/{name}.json)",
        differences(recipe) + average_in_words(result),
        str(recipe.get("seed", "")),
        passes(name),
        f"{history[-1]['seconds'] / 60:.0f} min" if history else "",
        environment["device"] + (f", {threads} thread{'s' * (threads != '1')}" if threads else ""),
        f"**{crosswise(result):.3f}**" if scores else "",
        f"{scores['pixel accuracy']:.3f}" if scores else "",
    )


def differences(recipe: dict[str, Any]) -> str:
    """The network, its size and every setting that is not the default."""
    usual = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(Recipe()).items()}
    changed = [
        f"{name}={value}"
        for name, value in recipe.items()
        if name in usual and name not in (*LEFT_OUT, "options") and value != usual[name]
    ]
    options = [f"{name}={value}" for name, value in recipe.get("options", {}).items()]
    start = ["pretrained"] if recipe.get("weights") else []
    return f"`{recipe['model']}` " + ", ".join([*options, "x".join(map(str, recipe["size"])), *start, *changed])


def average_in_words(result: dict[str, Any]) -> str:
    """Of which runs an average is; nothing of a run that was trained."""
    parts = (f"`{part}`" for part in result.get("averaged", ()))
    return f": the average of {' and '.join(parts)}" if "averaged" in result else ""


def first_made(names: tuple[str, ...]) -> str | None:
    return next((name for name in names if made(name)), None)


def passes(name: str) -> str:
    """Over the training images; those of the runs that it goes on from come first."""
    return " + ".join(f"{load(one)['history'][-1]['epoch']:.0f}" for one in chain(name))


def learning(name: str) -> str:
    """Passes, sizes and minutes of a run, or of those that it is the average of, and of all that led there."""
    runs = [load(one) for one in chain(name)]
    sizes = dict.fromkeys("x".join(map(str, one["recipe"]["size"])) for one in runs)
    minutes = " + ".join(f"{one['history'][-1]['seconds'] / 60:.0f}" for one in runs)
    return f"{passes(name)} passes at {', then '.join(sizes)}, {minutes} min"


def marks_table() -> str:
    """CamVid: published figures and ours."""
    heads = ("network", "encoder", "scored on", "mean IoU", "pixel accuracy", "learnt", "source")
    rows = [
        (f"*{what}*", start, split, *(f"*{value:.3f}*" if value else "" for value in (iou, accuracy)), "", source)
        for what, start, split, iou, accuracy, source in PUBLISHED
    ]
    for what, names in OURS.items():
        if name := first_made(names):
            result = load(name)
            recipe, scores = result["recipe"], result["scores"]
            width = recipe.get("options", {}).get("width")
            rows.append(
                (
                    f"**{what}**" + (f", width {width}" if width else ""),
                    "ImageNet" if load(chain(name)[0])["recipe"].get("weights") else "from scratch",
                    "validation",
                    f"**{crosswise(result):.3f}**",
                    f"**{scores['pixel accuracy']:.3f}**",
                    f"{learning(name)}, {result['environment']['device']}",
                    f"[`{name}`](results/{name}.json)",
                )
            )
    return table(heads, rows)


def pairs_marks_table() -> str:
    """Cityscapes pairs: photo to label, by the averages of Pix2Pix's paper, ours and the paper's."""
    heads = ("network", "learnt from", "pixel accuracy", "class accuracy", "class IoU", "source")
    rows = []
    for what, names in PAIRS.items():
        if name := first_made(names):
            result = load(name)
            figures = (f"{figure:.3f}" for figure in pix2pix_averages(result))
            learnt = f"1,500 images, {result['history'][-1]['epoch']:.0f} passes"
            rows.append((what, learnt, *figures, f"[`{name}`](results/{name}.json)"))
    for what, figures in PAPER.items():
        name = f"*Pix2Pix, {what}: the paper's own*"
        rows.append((name, "*2,975 images*", *(f"*{figure:.2f}*" for figure in figures), "Isola et al. 2017"))
    return table(heads, rows)


def shipped_table() -> str:
    """The models that ship, from benchmarks/ship.py."""
    heads = (
        "model",
        "network",
        "file",
        "mean IoU, crosswise",
        "on all",
        "the same as stored",
        "pixel accuracy",
        "photos a second",
    )
    rows = []
    for name in SHIPPED_RUNS:
        if made(f"ship_{name}"):
            one, run = load(f"ship_{name}"), load(SHIPPED_RUNS[name])
            card = one["file"].replace(".safetensors", ".md")
            rows.append(
                (
                    f"[`{name}`]({card})",
                    f"`{run['recipe']['model']}`, {one['parameters'] / 1e6:.1f} million weights",
                    f"{one['bytes'] / 1e6:.1f} MB",
                    f"**{crosswise(run):.4f}**",
                    f"{one['as trained']['mean IoU']:.4f}",
                    f"{one['scores']['mean IoU']:.4f}",
                    f"{one['scores']['pixel accuracy']:.4f}",
                    f"{one['photo file to mask file']['images/s']:.1f}",
                )
            )
    return table(heads, rows)


def cities_table() -> str:
    """How the models that ship do in other cities, before and after they learnt more than one."""
    result = load("cities")
    heads = ("run", "learnt from", "CamVid: mean IoU", "Cityscapes: mean IoU", "its pixels", "CARLA: its pixels")
    rows = []
    for run, places in result["figures"].items():
        ships = run in SHIPPED_RUNS.values()
        camvid, cityscapes, carla = (places[name]["scores"] for name in ("camvid", "cityscapes", "carla"))
        figures = (camvid["mean IoU"], cityscapes["mean IoU"], cityscapes["pixel accuracy"], carla["pixel accuracy"])
        learnt = "CamVid and Cityscapes" if any(one.endswith("_cities") for one in chain(run)) else "CamVid"
        rows.append((f"`{run}`", learnt, *(f"**{figure:.3f}**" if ships else f"{figure:.3f}" for figure in figures)))
    counts = ", ".join(f"{count} of {name}" for name, count in result["images"].items())
    return f"{table(heads, rows)}\n\nImages: {counts}."


def few_table() -> str:
    """Few images: what a run begins with, by what it reaches."""
    heads = ("begins with", "network", "mean IoU", "pixel accuracy", "passes")
    rows = []
    for begins, name in FEW.items():
        if made(name):
            result = load(name)
            rows.append(
                (
                    begins,
                    f"`{result['recipe']['model']}`",
                    f"**{crosswise(result):.3f}**",
                    f"{result['scores']['pixel accuracy']:.3f}",
                    f"{result['history'][-1]['epoch']:.0f}",
                )
            )
    return table(heads, rows)


def ablation_table() -> str:
    """What each ingredient brings: means and spreads over seeds, and the difference from the base."""
    heads = ("changed", "mean IoU", "difference", "without offsets", "pixel accuracy", "seeds", "time of a run")
    scores: dict[str, list[dict[str, Any]]] = {}
    for run in ABLATION:
        if made(f"ablation_{run}"):
            scores.setdefault(run.rsplit("_", 1)[0], []).append(load(f"ablation_{run}"))
    if "base" not in scores:
        return "Owed: `python benchmarks/record.py 'ablation_*'`."
    means = {name: statistics.mean(map(crosswise, runs)) for name, runs in scores.items()}
    rows = []
    for name in sorted(scores, key=lambda name: -means[name]):
        runs = scores[name]
        ious = [crosswise(one) for one in runs]
        plain = statistics.mean(one["conditions"].get("offsets", {}).get("without", crosswise(one)) for one in runs)
        spread = f" ± {statistics.stdev(ious):.3f}" if len(ious) > 1 else ""
        accuracy = statistics.mean(one["scores"]["pixel accuracy"] for one in runs)
        minutes = statistics.median(one["history"][-1]["seconds"] for one in runs) / 60
        difference = "" if name == "base" else f"{100 * (means[name] - means['base']):+.1f}"
        what = CHANGED[name] if name != "base" else f"**{CHANGED[name]}**"
        rows.append(
            (
                what,
                f"**{means[name]:.3f}**{spread}",
                difference,
                f"{plain:.3f}",
                f"{accuracy:.3f}",
                str(len(runs)),
                f"{minutes:.0f} min",
            )
        )
    return table(heads, rows)
