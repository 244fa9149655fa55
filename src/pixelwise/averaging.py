"""Models averaged: the mean of their weights as one network, which takes no longer than any of them.

Where models went on from one another, or from the same one, their mean is often better than each of them, on other
images too (Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", UAI 2018; Wortsman et
al., "Model soups", ICML 2022). The mean of models that began apart knows nothing.
"""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import torch

from pixelwise.bundle import Bundle
from pixelwise.comparisons import made_unique, name_of
from pixelwise.data import Dataset
from pixelwise.errors import UserError
from pixelwise.evaluation.evaluate import check_classes, samples_of
from pixelwise.machine import describe
from pixelwise.model import Model, load
from pixelwise.models import options_of
from pixelwise.progress import say
from pixelwise.runs import fit_offsets, opened, save_environment, score_and_save
from pixelwise.training.folders import new_run


def average(
    models: Sequence[Model | str | Path],
    data: str | Path | Dataset,
    *,
    run: str | Path | None = None,
    device: str = "auto",
) -> Model:
    """Averages the weights of models, and scores the average and each of them alone.

    models: two or more, as `load` takes them, of one network and the same classes; what is given twice counts twice.
    data: on whose validation images all are scored, with offsets of the classes that are fitted there, each half of the
    images with those of the other half. run: the run folder for the model and its report, by default below runs/.
    What each reaches, and where it comes from, is in ``bundle.provenance["averaged"]``; where one is better than their
    average, that is said.
    Raises UserError where the models differ in more than their weights.

    >>> average(["street"], "streets")
    Traceback (most recent call last):
        ...
    pixelwise.errors.UserError: an average needs two or more models; give another one
    """
    if len(models) < 2:
        raise UserError("an average needs two or more models; give another one")
    loaded = [model if isinstance(model, Model) else load(model, device) for model in models]
    names = made_unique([name_of(model) for model in models])
    bundles = {name: model.bundle for name, model in zip(names, loaded, strict=True)}
    _check_alike(bundles)
    dataset, first = opened(data), loaded[0].bundle
    check_classes(first.labels, dataset.labels)
    samples_of(dataset, "val")  # refuses a dataset without
    with new_run(run, f"average_{dataset.name}") as folder:
        alone = {name: _reached(deepcopy(bundle), dataset) for name, bundle in bundles.items()}
        environment = describe(first.network.mean.device)
        provenance = {
            "data": _learnt_from(bundles.values()),
            "averaged": {
                name: {"mean IoU": alone[name], "provenance": bundle.provenance} for name, bundle in bundles.items()
            },
            "environment": environment,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        mean = replace(_mean(list(bundles.values())), provenance=provenance, scores={})
        reached, best = _reached(mean, dataset), max(alone, key=alone.__getitem__)
        model = Model(mean, folder)
        score_and_save(model, dataset)
        save_environment(folder, environment)
    if reached < alone[best]:
        say(
            f"the average's mean IoU is {reached:.3f}, that of {best} alone {alone[best]:.3f}: use that one; better "
            "together are only models that went on from the same one"
        )
    return model


def _check_alike(bundles: dict[str, Bundle]) -> None:
    """Raises UserError that says which two differ, and in what."""
    (first, bundle), *others = bundles.items()
    for name, other in others:
        facts = ((what, _facts(bundle)[what], found) for what, found in _facts(other).items())
        if unlike := next((fact for fact in facts if fact[1] != fact[2]), None):
            what, one, two = unlike
            raise UserError(
                f"{first} and {name} differ in their {what} ({one}; {two}); average models of one network, trained on "
                "the same classes at the same size"
            )
    if bundle.painter:
        raise UserError(f"{first} paints, and what painters would make together cannot be scored; use one of them")


def _facts(bundle: Bundle) -> dict[str, object]:
    """In what models that are averaged must not differ."""
    return {
        "network": bundle.model,
        "options": options_of(bundle.model) | bundle.options,
        "classes": ", ".join(bundle.labels.names),
        "images": bundle.format,
        "size": bundle.size,
    }


def _learnt_from(bundles: Iterable[Bundle]) -> str:
    """The names of the data of all, each once."""
    names = (name for bundle in bundles for name in str(bundle.provenance.get("data", "unknown")).split(", "))
    return ", ".join(dict.fromkeys(names))


def _mean(bundles: Sequence[Bundle]) -> Bundle:
    """The first one with the mean of the weights of all; what is counted in whole numbers stays as it is."""
    network = deepcopy(bundles[0].network)
    states = [dict(bundle.network.state_dict()) for bundle in bundles]
    network.load_state_dict(
        {
            name: torch.stack([state[name].double() for state in states]).mean(0).to(tensor)
            for name, tensor in network.state_dict().items()
            if tensor.is_floating_point() and name != "offsets"
        },
        strict=False,
    )
    return replace(bundles[0], network=network)


def _reached(bundle: Bundle, dataset: Dataset) -> float:
    """Gives a model its classes' offsets, where they help; its mean IoU with them, crosswise, or without."""
    found = fit_offsets(bundle, dataset)
    if found is None:
        raise UserError(f"{dataset.name}: has one validation image, and whether an average is better takes two")
    return found.reached
