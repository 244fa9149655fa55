"""A model as a notebook shows it: what it is, where it was trained, how good it is, and its classes."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixelwise.labels.legend import legend

if TYPE_CHECKING:  # loads torch
    import pixelwise.bundle

TABLE = "color:inherit;border-collapse:collapse"
CELL = "text-align:left;vertical-align:top;padding:.1em .5em"


def model_html(bundle: "pixelwise.bundle.Bundle", run: Path | None = None) -> str:
    """A table of what a model's file says. run: the folder it was trained in. All text is escaped."""
    rows = {
        "network": escape(network_in_words(bundle)),
        "images": f"brought to the area of {bundle.size[0]}x{bundle.size[1]}, {bundle.format.channels} channels",
        "trained": escape(training_in_words(bundle.provenance)),
        "run": escape(str(run or "")),
        "scores": escape(_scores(bundle.scores)),
        f"{len(bundle.labels)} classes": legend(bundle.labels),
    }
    body = "".join(
        f'<tr><th style="{CELL};white-space:nowrap">{name}</th><td style="{CELL}">{said}</td></tr>'
        for name, said in rows.items()
        if said
    )
    return f'<table style="{TABLE}">{body}</table>'


def network_in_words(bundle: "pixelwise.bundle.Bundle") -> str:
    """Which one, how it was built, how large."""
    weights = sum(tensor.numel() for tensor in bundle.network.parameters())
    options = ", ".join(f"{name}={value}" for name, value in bundle.options.items())
    return f"{bundle.model}{f' ({options})' * bool(options)}, {weights / 1e6:.1f} million weights"


def training_in_words(provenance: Mapping[str, Any]) -> str:
    """What it learnt from, how long, when and on which processor, as far as that is known."""
    machine = provenance.get("environment")
    parts = {
        "on {}": provenance.get("data"),
        "{} images": provenance.get("train_images"),
        "{} steps": provenance.get("step"),
        "{}": str(provenance.get("made", ""))[:10],
        "by {}": machine.get("processor") if isinstance(machine, Mapping) else None,
    }
    return ", ".join(words.format(value) for words, value in parts.items() if value)


def _scores(scores: Mapping[str, Any]) -> str:
    """The scores, and of which images they are.

    >>> _scores({"conditions": {"data": "camvid", "split": "val", "images": 101}, "mean IoU": 0.7189})
    'mean IoU 0.719 (camvid, val split, 101 images)'
    """
    said = ", ".join(f"{name} {value:.3f}" for name, value in scores.items() if isinstance(value, float))
    found = scores.get("conditions")
    if not said or not isinstance(found, Mapping):
        return said
    return f"{said} ({found.get('data')}, {found.get('split')} split, {found.get('images')} images)"
