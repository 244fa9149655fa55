"""The public face: a few functions over the rooms below, for Python and for the command line alike."""

import time
from pathlib import Path
from typing import Any

from pixelwise.averaging import average
from pixelwise.comparisons import Comparison, compare
from pixelwise.data import Dataset, open_dataset
from pixelwise.errors import UserError
from pixelwise.evaluation import Evaluation, evaluate_exported
from pixelwise.evaluation import evaluate as evaluate_bundle
from pixelwise.evaluation import evaluate_predictions as evaluate_files
from pixelwise.export.runtime import Exported, is_exported, open_exported
from pixelwise.keras import import_keras as bundle_of_keras
from pixelwise.labels import LabelMap
from pixelwise.model import Model, is_model, load
from pixelwise.prediction.view import WHOLE, View
from pixelwise.runs import (
    ENVIRONMENT,
    REPORT,
    default_split,
    opened,
    plan_request,
    resume,
    save_evaluation,
    save_plan,
    show_augmentation,
    train_recipe,
    train_request,
)
from pixelwise.training import Request, network_asked
from pixelwise.training.folders import EVALUATION, RECIPE
from pixelwise.training.parsing import parse_duration

__all__ = [
    "ENVIRONMENT",
    "EVALUATION",
    "RECIPE",
    "REPORT",
    "Comparison",
    "Model",
    "average",
    "compare",
    "default_split",
    "evaluate",
    "evaluate_predictions",
    "import_keras",
    "is_model",
    "load",
    "open_dataset",
    "plan_request",
    "resume",
    "save_evaluation",
    "save_plan",
    "show_augmentation",
    "train",
    "train_recipe",
    "train_request",
]


def train(  # noqa: PLR0913 - what people set most often
    data: str | Path | Dataset,
    model: str | None = None,
    *,
    budget: str | float | None = None,
    epochs: float | None = None,
    size: tuple[int, int] | None = None,
    options: dict[str, Any] | None = None,
    weights: str = "",
    seed: int = 0,
    device: str = "auto",
    run: str | Path | None = None,
    track: str = "",
    **settings: Any,  # noqa: ANN401 - of a Recipe, each with a type of its own
) -> Model:
    """Trains a model and gives the best one; the run folder holds it with its scores and its report.

    data: a folder, or a dataset. model: one of pixelwise.models.MODELS; if None, that of the weights, else street.
    budget: "10m", "2h" or seconds until all is done, from which resolution, width and steps follow; or epochs: passes
    over the training images; half an hour if neither is given. size: height and width that images are brought to.
    options: of the model, as `pixelwise models NAME` lists them. weights: to start from: a model of pixelwise, "street"
    for one, or those of its pretrained encoder, a .safetensors file or hf:OWNER/NAME.
    run: the run folder, by default below runs/. track: "tensorboard" or "mlflow", told how it goes. settings: of a
    Recipe, loss="ce + 0.5 dice" or gan="none" for one; `pixelwise plan` writes them all with their meanings.
    """
    seconds = parse_duration(budget) if isinstance(budget, str) else budget
    began = time.monotonic()
    network, its_options = network_asked(model, options or {}, weights)
    request = Request(
        network,
        seconds,
        began,
        epochs=epochs,
        size=size,
        options=its_options,
        weights=weights,
        seed=seed,
        settings=settings,
    )
    return train_request(data, request, device=device, run=run, track=track)


def import_keras(
    path: str | Path,
    labels: LabelMap | str | None = None,
    size: tuple[int, int] | None = None,
    *,
    divide: float | None = None,
) -> Model:
    """The network that was trained in Keras, a CARLA U-Net or a 128x128 Pix2Pix generator, as a model.

    Takes and raises what `pixelwise.keras.import_keras` does.
    """
    return Model(bundle_of_keras(path, labels, size, divide=divide))


def evaluate(
    model: Model | Exported | str | Path,
    data: str | Path | Dataset,
    split: str | None = None,
    *,
    protocol: str = "default",
    view: View = WHOLE,
    together: bool = False,
) -> Evaluation:
    """Scores a model on a split: "train", "val" or "test"; by default val where there is one, else test, else train.

    protocol: one of pixelwise.evaluation.PROTOCOLS, whose scores are shown beside ours. view: how the model looks at an
    image, View(flip=True) for one. together: each of the processes that torchrun started labels its share of the
    images. An exported model sees each image whole, in one process.
    """
    dataset = opened(data)
    part = split or default_split(dataset)
    if isinstance(model, Exported) or (not isinstance(model, Model) and is_exported(model)):
        if view != WHOLE:
            raise UserError("an exported model sees each image once and whole; leave the view out, or score the model")
        exported = model if isinstance(model, Exported) else open_exported(model)
        return evaluate_exported(exported, dataset, part, protocol=protocol)
    scored = model if isinstance(model, Model) else load(model)
    return evaluate_bundle(scored.bundle, dataset, part, view=view, protocol=protocol, together=together)


def evaluate_predictions(
    predictions: str | Path,
    data: str | Path | Dataset,
    split: str | None = None,
    *,
    protocol: str = "default",
    values: str | None = None,
) -> Evaluation:
    """Scores a folder of predicted masks, whichever program made them, as `evaluate` scores a model.

    values: what they hold: class "indices", Cityscapes' "ids", or "colors"; None = guessed. Takes and raises what
    `pixelwise.evaluation.evaluate_predictions` does.

    >>> import tempfile
    >>> from dataclasses import replace
    >>> from PIL import Image
    >>> streets = open_dataset("streets")
    >>> streets = replace(streets, test=streets.test[:1])
    >>> folder = Path(tempfile.mkdtemp())
    >>> for sample in streets.test:
    ...     Image.fromarray(sample.label).save(folder / f"{sample.name}.png")
    >>> evaluate_predictions(folder, streets, "test").mean_iou
    1.0
    """
    dataset = opened(data)
    return evaluate_files(predictions, dataset, split or default_split(dataset), protocol=protocol, values=values)
