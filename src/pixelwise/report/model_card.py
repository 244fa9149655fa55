"""The card of a model as the Hugging Face hub shows it, Markdown below YAML; all of it from the model's file."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydantic
import yaml
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined

from pixelwise.evaluation import Conditions
from pixelwise.hub import HUB
from pixelwise.report.model_html import network_in_words, training_in_words

if TYPE_CHECKING:  # loads torch
    from pixelwise.bundle import Bundle

METRICS = {"mean IoU": "mean_iou", "pixel accuracy": "accuracy"}  # those that the hub knows, by its names
WEAKEST = 3  # classes that are named
PAINTINGS = {"photo": "photos from coloured labels", "label": "coloured labels from photos"}


def model_card(
    bundle: "Bundle",
    repository: str,
    *,
    license: str = "unknown",
    per_class: Mapping[str, Mapping[str, float | None]] | None = None,
) -> str:
    """The README.md of a repository on the hub.

    repository: "user/name". license: of the weights, by the hub's name, "cc-by-4.0" for one. per_class: class name ->
    its scores by name, measured as the bundle's scores were; of them IoU is shown, in [0, 1], None where the class
    never occurs. What the model's file lacks is left out.
    """
    conditions, scores, ious = _conditions(bundle), _scores(bundle), _ious(per_class or {})
    worst = sorted(ious, key=lambda name: ious[name])[:WEAKEST] if len(ious) > WEAKEST else []
    values = {
        "front": _yaml(_front(bundle, repository, license, conditions)),
        "title": repository.partition("/")[2],
        "place": HUB + repository,
        "paints": PAINTINGS[bundle.painter.paints] if bundle.painter else "",
        "photos": bundle.paints_photos,
        "facts": _facts(bundle, license),
        "scores": scores,
        "conditions": str(conditions) if conditions else "images that its file does not tell",
        "chosen": conditions is not None and conditions.split == "val",
        "crosswise": conditions.offsets.get("crosswise") if conditions else None,
        "classes": _classes(bundle, ious),
        "weakest": ", ".join(f"{name} ({ious[name]:.2f})" for name in worst),
        "recipe": _recipe(bundle),
    }
    return render_card("model_card.md.j2", values)


def render_card(template: str, values: Mapping[str, Any], folder: Path | None = None) -> str:
    """A card, ending with a line's end. template: a file beside this one, or one in ``folder`` that extends it."""
    environment = Environment(
        loader=ChoiceLoader([*([FileSystemLoader(folder)] if folder else []), PackageLoader("pixelwise.report", ".")]),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
    )
    environment.filters["cell"] = cell
    return environment.get_template(template).render(values).strip() + "\n"


def cell(text: str) -> str:
    r"""Text as Markdown shows it in one line, also in a cell of a table, whatever is in it.

    >>> print(cell("a|b\n<c>"))
    a\|b \<c>
    """
    return re.sub(r"([\\`*\[\]<|])", r"\\\1", " ".join(text.split()))


# What its file says ---------------------------------------------------------------------------------------------------


def _conditions(bundle: "Bundle") -> Conditions | None:
    """Of its scores, if they are told in the way of this version."""
    try:
        found = pydantic.TypeAdapter(Conditions).validate_python(bundle.scores.get("conditions"))
        return found if str(found) else None
    except (pydantic.ValidationError, LookupError):
        return None


def _scores(bundle: "Bundle") -> dict[str, float]:
    return {name: value for name, value in bundle.scores.items() if isinstance(value, float) and math.isfinite(value)}


def _ious(per_class: Mapping[str, Mapping[str, float | None]]) -> dict[str, float]:
    """Of the classes that occur."""
    ious = {name: scores.get("IoU") for name, scores in per_class.items()}
    return {name: iou for name, iou in ious.items() if iou is not None and math.isfinite(iou)}


def _classes(bundle: "Bundle", ious: Mapping[str, float]) -> list[tuple[str, str, str]]:
    """Name, colour and, where any is known, IoU of each."""
    labels = bundle.labels
    return [
        (name, "#{:02x}{:02x}{:02x}".format(*color), f"{ious[name]:.3f}" if name in ious else "–" * bool(ious))
        for name, color in zip(labels.names, labels.colors, strict=True)
    ]


def _facts(bundle: "Bundle", license: str) -> dict[str, str]:
    height, width = bundle.size
    environment = bundle.provenance.get("environment")
    versions = environment if isinstance(environment, Mapping) else {}
    used = [f"{name} {versions[name]}" for name in ("pixelwise", "torch") if name in versions]
    return {
        "network": network_in_words(bundle),
        "images": f"brought to the area of {height}x{width}; {bundle.format.channels} channels",
        "trained": training_in_words(bundle.provenance),
        "with": ", ".join(used),
        "licence of the weights": license,
    }


def _recipe(bundle: "Bundle") -> str:
    """As YAML. Of a path on the trainer's disk, only the file's name."""
    recipe = bundle.provenance.get("recipe")
    if not isinstance(recipe, Mapping):
        return ""
    weights = str(recipe.get("weights", ""))
    shown = weights if weights.startswith("hf:") else Path(weights).name
    return _yaml({**recipe, "weights": shown}).replace("```", "'''")


def _yaml(values: Mapping[str, Any]) -> str:
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)


# What the hub reads ---------------------------------------------------------------------------------------------------


def _front(bundle: "Bundle", repository: str, license: str, conditions: Conditions | None) -> dict[str, Any]:
    data = str(bundle.provenance.get("data", ""))
    front: dict[str, Any] = {
        "library_name": "pixelwise",
        "pipeline_tag": "image-to-image" if bundle.paints_photos else "image-segmentation",
        "license": license,
        "tags": ["pixelwise", *([] if bundle.paints_photos else ["semantic-segmentation"]), bundle.model],
    }
    if re.fullmatch(r"[\w.-]+/[\w.-]+", data):  # of the hub; any other name would be linked to another's data
        front["datasets"] = [data]
    if conditions and (scores := _scores(bundle)):
        front["metrics"] = [METRICS[name] for name in METRICS if name in scores]
        result = _result(conditions, scores, front["pipeline_tag"])
        front["model-index"] = [{"name": repository.partition("/")[2], "results": [result]}]
    return front


def _result(conditions: Conditions, scores: Mapping[str, float], task: str) -> dict[str, Any]:
    """Scores as the hub's model-index has them; of a mean IoU with fitted offsets the one to compare comes first."""
    crosswise = conditions.offsets.get("crosswise")
    first = [] if crosswise is None else [_metric("mean IoU, offsets of classes crosswise", "mean_iou", crosswise)]
    others = [_metric(name, METRICS.get(name, _plain(name)), value) for name, value in scores.items()]
    return {
        "task": {"type": task, "name": "semantic segmentation"},
        "dataset": {
            "name": conditions.data,
            "type": _plain(conditions.data),
            "split": conditions.split,
            "args": {"images": conditions.images},
        },
        "metrics": [*first, *others],
    }


def _plain(name: str) -> str:
    """A name as an identifier.

    >>> _plain("Cohen's kappa")
    'cohens_kappa'
    """
    return re.sub(r"[^\w./-]+", "_", name.lower().replace("'", "")) or "unknown"


def _metric(name: str, kind: str, value: float) -> dict[str, Any]:
    return {"name": name, "type": kind, "value": round(value, 4)}
