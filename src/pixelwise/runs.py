"""Runs from the beginning to the report: what `train`, `plan` and `resume` do, in one process or in several."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from pixelwise.bundle import OFFSETS, Bundle
from pixelwise.data import Dataset, Split, open_dataset
from pixelwise.data.sampling import even_sample
from pixelwise.data.splitting import with_validation
from pixelwise.data.store.stored import stored
from pixelwise.errors import UserError
from pixelwise.evaluation import Evaluation
from pixelwise.evaluation import evaluate as evaluate_bundle
from pixelwise.files import replacing
from pixelwise.machine import describe, pick_device
from pixelwise.model import Model, load
from pixelwise.prediction.predict import predict as predict_photo
from pixelwise.prediction.view import WHOLE, View
from pixelwise.processes import first_alone, joined, own_device, rank, restarts
from pixelwise.progress import say, track
from pixelwise.report import Example, command_line, shown_images, write_painting_report, write_report
from pixelwise.report.augmentation_page import write_augmentation_page
from pixelwise.training import (
    Plan,
    Recipe,
    Request,
    Run,
    load_recipe,
    plan,
    read_history,
    resume_run,
    save_recipe,
    start_run,
)
from pixelwise.training.adversarial import collapses
from pixelwise.training.folders import EVALUATION, RECIPE, begun_run, locked, new_run
from pixelwise.training.loop import view_of
from pixelwise.training.offsets import Offsets, offsets_of
from pixelwise.training.plan import fill
from pixelwise.training.run import BEST, HISTORY, SAMPLES
from pixelwise.training.tracking import check_tracker, told, tracker

SHOWN = 4  # images on the page of augmentation
ENVIRONMENT, REPORT = "environment.json", "report.html"


def train_request(
    data: str | Path | Dataset,
    request: Request,
    *,
    device: str = "auto",
    run: str | Path | None = None,
    track: str = "",
) -> Model:
    """As `train`, with everything a Request can hold."""
    check_tracker(track)
    with joined(pick_device(device)):
        return _trained(opened(data), request.model, partial(plan, request), device=device, run=run, track=track)


def train_recipe(
    recipe: str | Path,
    data: str | Path | Dataset | None = None,
    *,
    device: str = "auto",
    run: str | Path | None = None,
    track: str = "",
) -> Model:
    """Does what a recipe.yaml says, on the data that it names or on other data."""
    check_tracker(track)
    with joined(pick_device(device)):
        settings, source = load_recipe(Path(recipe))

        def as_asked(dataset: Dataset, where: torch.device) -> Plan:
            return Plan(settings, {}, fill(settings, dataset, where), f"From {recipe}.")

        dataset = opened(open_dataset(*source) if data is None else data)
        return _trained(dataset, settings.model, as_asked, device=device, run=run, track=track)


def plan_request(data: str | Path | Dataset, request: Request, *, device: str = "auto") -> tuple[Plan, Dataset]:
    """What `train_request` would do, and the data; nothing is trained."""
    dataset = _stored(opened(data))
    return plan(request, dataset, pick_device(device)), dataset


def save_plan(planned: Plan, dataset: Dataset, path: str | Path) -> None:
    """Writes a plan's recipe.yaml with its reasons. Raises UserError where it cannot be written."""
    save_recipe(planned.recipe, Path(path), dataset.source, planned.reasons, about=planned.about)


def show_augmentation(recipe: Recipe, dataset: Dataset, path: str | Path) -> None:
    """Writes a page of pictures of what training images look like to the network."""
    write_augmentation_page(Path(path), recipe, list(even_sample(dataset.train, SHOWN)), dataset.labels)


def resume(run: str | Path, device: str = "auto", track: str = "") -> Model:
    """Goes on with a run that was stopped, from where it was last saved; a folder with only recipe.yaml begins."""
    check_tracker(track)
    with joined(pick_device(device)):
        return _resumed(Path(run), device, track)


def _trained(
    dataset: Dataset,
    model: str,
    planned: Callable[[Dataset, torch.device], Plan],
    *,
    device: str,
    run: str | Path | None,
    track: str,
) -> Model:
    """A new run of what is planned; or, where torchrun has started it anew, the old one from where it was saved."""
    name = f"{model}_{dataset.name}"
    if restarts() and (begun := begun_run(run, name)):
        return _resumed(begun, device, track)
    with new_run(run, name) as folder:
        dataset = _stored(dataset)  # every damaged file is named now
        return _begun(planned(dataset, own_device(pick_device(device))), dataset, folder, track)


def _begun(planned: Plan, dataset: Dataset, folder: Path, track: str) -> Model:
    """Trains what was planned from its beginning."""
    run = start_run(planned.recipe, dataset, folder, planned.cache)  # weights that cannot be had leave no folder behind
    if rank() == 0:
        # The recipe first: from then on the run can be resumed, whenever it is killed.
        save_recipe(planned.recipe, folder / RECIPE, dataset.source, planned.reasons, about=planned.about)
        save_environment(folder, describe(planned.cache.device))
    return _finish(run, track)


def _resumed(folder: Path, device: str, track: str) -> Model:
    recipe, data = load_recipe(folder / RECIPE)
    where = own_device(pick_device(device))
    with locked(folder):
        dataset = _stored(ready(open_dataset(*data)))
        cache = fill(recipe, dataset, where)
        if rank() == 0:
            _same_machine(folder / ENVIRONMENT, describe(where))
        return _finish(resume_run(recipe, dataset, folder, cache), track)


def _same_machine(path: Path, here: dict[str, str]) -> None:
    """Says where a run goes on on another machine than it began: its weights then differ in their last bits."""
    if not path.exists():
        save_environment(path.parent, here)
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        changed = [f"{name} {before[name]} -> {value}" for name, value in here.items() if before[name] != value]
    except (OSError, ValueError, LookupError, TypeError):
        changed = [f"{path} cannot be read"]
    if changed:
        say(f"the run began elsewhere ({'; '.join(changed)}): it goes on, but not with the same bits")


def save_evaluation(evaluation: Evaluation, model: Model, dataset: Dataset, folder: Path) -> None:
    """Writes evaluation.json and report.html, the latter with images of the split, which are labelled again for it."""
    split = ready(dataset).split(evaluation.conditions.split)
    evaluation.save(folder / EVALUATION)
    write_report(
        folder / REPORT,
        evaluation=evaluation,
        examples=_examples(evaluation, model, split),
        **_making(model, evaluation.conditions.data),
    )


def _making(model: Model, data: str) -> dict[str, Any]:
    """What reports say of how a model was made."""
    facts = {"data": data, "network": repr(model)}  # the recipe has a "model"
    facts |= {key: str(value) for key, value in model.bundle.provenance.get("recipe", {}).items()}
    facts |= {key: str(value) for key, value in model.bundle.provenance.get("environment", {}).items()}
    history = read_history(model.run / HISTORY) if model.run else []
    return {
        "facts": facts,
        "history": history,
        "remarks": collapses(history),
        "samples": sorted((model.run / SAMPLES).glob("[!.]*.png")) if model.run else [],
        "command": command_line(),
    }


def _examples(evaluation: Evaluation, model: Model, split: Split) -> Iterator[Example]:
    """The images that the report shows, each read and labelled when its turn comes."""
    places = {name: place for place, name in enumerate(split.names)}
    for name in track(shown_images(evaluation), "drawing the report"):
        sample = split[places[name]]
        yield Example(predict_photo(model.bundle, sample.image, name), sample.label)


def opened(data: str | Path | Dataset) -> Dataset:
    return ready(data if isinstance(data, Dataset) else open_dataset(data))


def default_split(dataset: Dataset) -> str:
    """val where there is one, else test, else train."""
    return next((name for name in ("val", "test") if dataset.split(name)), "train")


def ready(dataset: Dataset) -> Dataset:
    """The dataset with a validation split. Raises UserError where files of it are known to be wrong."""
    errors = [str(problem) for problem in dataset.problems if problem.severity == "error"]
    if errors:
        raise UserError(
            f"{'; '.join(errors)}. `pixelwise check {dataset.source.path}` lists every file; with --write it leaves "
            "them out"
        )
    if not dataset.val:  # its labels decide what is held out: they are not decoded twice
        dataset = replace(dataset, train=stored(dataset.train))
    return with_validation(dataset)


def _stored(dataset: Dataset) -> Dataset:
    """The dataset with what training reads decoded once and for all."""
    with first_alone():
        return replace(dataset, train=stored(dataset.train), val=stored(dataset.val))


def _finish(run: Run, track: str) -> Model:
    """Trains to the end, then scores the best model on the validation split, if it can be, and writes the report."""
    if track and rank() == 0:
        facts = asdict(run.recipe)
        run.tracker = tracker(track, run.folder, facts=facts, run_name=run.folder.name, step=run.state.step)
    try:
        trained = run.train()
    except UserError:
        _close(run, None)
        raise
    if rank() > 0:
        return Model(trained)
    model = load(run.folder, str(run.cache.device))
    if model.bundle.paints_photos:
        name, data = model.bundle.model, run.dataset.name
        write_painting_report(run.folder / REPORT, model=name, data=data, **_making(model, data))
        return model
    if run.recipe.offsets and not model.bundle.painter:  # whose labels are not its highest logits
        fit_offsets(model.bundle, run.dataset, view_of(run.recipe))
    _close(run, score_and_save(model, run.dataset, view_of(run.recipe)).scores())
    return model


def fit_offsets(bundle: Bundle, dataset: Dataset, view: View = WHOLE) -> Offsets | None:
    """Gives a network the offsets of its classes that fit the validation images, and no others, where those help."""
    bundle.network.offsets = None  # of a run that had come this far before
    found = offsets_of(bundle.network, dataset.val, bundle.size, ignore=dataset.labels.ignore, view=view)
    if found and found.help:
        bundle.network.offsets = torch.tensor(found.values, device=bundle.network.mean.device).view(-1, 1, 1)
        bundle.provenance[OFFSETS] = {"without": found.without, "crosswise": found.crosswise}
    return found


def score_and_save(model: Model, dataset: Dataset, view: View = WHOLE) -> Evaluation:
    """Scores a model on the validation images, and writes it into its run folder with its scores and its report."""
    assert model.run is not None
    model.evaluation = evaluation = evaluate_bundle(model.bundle, dataset, "val", view=view)
    model.bundle.scores = {"conditions": asdict(evaluation.conditions)} | evaluation.scores()
    model.save(model.run / BEST)
    save_evaluation(evaluation, model, dataset, model.run)
    return evaluation


def _close(run: Run, scores: dict[str, float] | None) -> None:
    """Ends what is tracked; scores: the final ones, if the run came so far."""
    if run.tracker:
        with told(say):
            run.tracker.close(scores)


def save_environment(folder: Path, machine: dict[str, str]) -> None:
    """Writes environment.json: the machine, as `describe` has it, and what was typed."""
    with replacing(folder / ENVIRONMENT) as temporary:
        temporary.write_text(json.dumps(machine | {"command": command_line()}, indent=1), encoding="utf-8")
