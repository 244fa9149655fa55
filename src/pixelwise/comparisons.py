"""Models compared: which is better on the same images, and whether that can be told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from pixelwise.data import Dataset
from pixelwise.errors import UserError
from pixelwise.evaluation.comparing import candidate_of, candidate_of_folder
from pixelwise.evaluation.comparing import compare as compare_candidates
from pixelwise.evaluation.comparison import Comparison as Found
from pixelwise.evaluation.evaluate import samples_of
from pixelwise.hub import HUB, is_hub
from pixelwise.model import Model, file_of, load
from pixelwise.report import command_line, write_comparison
from pixelwise.runs import default_split, opened
from pixelwise.training.run import BEST
from pixelwise.weights import shipped


@dataclass(frozen=True)
class Comparison(Found):
    """Models scored on the same images, which of them are better, and what each takes; prints as a few lines."""

    def save(self, path: str | Path) -> None:
        """Writes it as one HTML page that needs nothing else. Raises UserError where that cannot be written."""
        write_comparison(Path(path), self, command=command_line())


def compare(
    models: Sequence[Model | str | Path] | Mapping[str, Model | str | Path],
    data: str | Path | Dataset,
    split: str | None = None,
    *,
    predictions: Mapping[str, str | Path] | None = None,
    blocks: int = 1,
    speed: bool = True,
    device: str = "auto",
) -> Comparison:
    """Scores models on the same images and says which is better, and whether that can be told.

    models: as `load` takes them; in a mapping, by the names they get. split: as of `evaluate`. predictions: name ->
    folder of the labels that another program predicted. blocks: how many images that follow each other are resampled
    together; take more than a scene has, where they are frames of films. speed: whether time and memory are measured.
    Raises UserError for fewer than two, and for models of other classes than the data has.

    >>> import tempfile
    >>> from dataclasses import replace
    >>> from PIL import Image
    >>> from pixelwise.data import open_dataset
    >>> streets = open_dataset("streets")
    >>> streets = replace(streets, test=streets.test[:2])
    >>> folder = Path(tempfile.mkdtemp())
    >>> for sample in streets.test:
    ...     Image.fromarray(sample.label).save(folder / f"{sample.name}.png")
    >>> print(compare([], streets, "test", predictions={"one": folder, "other": folder}).verdict)
    By mean IoU, no difference can be told: one less other is 0.0 points [0.0, 0.0], p = 1.000.
    """
    folders = predictions or {}
    named = list(models.items()) if isinstance(models, Mapping) else [(name_of(model), model) for model in models]
    if len(named) + len(folders) < 2:
        raise UserError("a comparison needs two or more; give another model, or --predictions with a folder")
    loaded = [model if isinstance(model, Model) else load(model, device) for _, model in named]
    dataset = opened(data)
    part = split or default_split(dataset)
    samples_of(dataset, part)  # refuses a split without images before anything is read
    names = iter(made_unique([*(name for name, _ in named), *folders]))
    candidates = [
        candidate_of(next(names), model.bundle, dataset, part, file=None if isinstance(given, Model) else model.file)
        for model, (_, given) in zip(loaded, named, strict=True)
    ]
    candidates += [candidate_of_folder(next(names), Path(folder), dataset, part) for folder in folders.values()]
    return Comparison(**vars(compare_candidates(candidates, dataset, part, blocks=blocks, speed=speed)))


def name_of(model: Model | str | Path) -> str:
    """What a model is called where nothing else is said: that of its run or file, or as it ships or lies on the hub."""
    if isinstance(model, Model):
        return model.run.name if model.run else model.bundle.model
    if str(model) in shipped() or is_hub(str(model)):
        return str(model).removeprefix(HUB)
    file = file_of(model).resolve()
    return file.parent.name if file.name == BEST else file.stem


def made_unique(names: Sequence[str]) -> list[str]:
    """The names, those that were there before with a number.

    >>> made_unique(["street", "mine", "street"])
    ['street', 'mine', 'street (2)']
    """
    unique: list[str] = []
    for name in names:
        numbered = (f"{name} ({number})" for number in count(2))
        unique.append(next(one for one in chain([name], numbered) if one not in unique))
    return unique
