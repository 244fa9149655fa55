"""A run as other programs show it beside others: TensorBoard and MLflow. Nothing leaves this machine unless asked to.

What is tracked is in the run folder too (history.csv, samples/, evaluation.json); the two packages are imported only
when they are asked for.
"""

import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image as Pillow

from pixelwise.errors import UserError, unknown
from pixelwise.files import replacing

INSTALL = "run `pip install 'pixelwise[track]'`"
EXPERIMENT = "pixelwise"  # in MLflow, unless MLFLOW_EXPERIMENT_NAME says another
RUN_ID = "mlflow_run.txt"  # in the run folder
# Set before MLflow is imported, where the user has not.
MLFLOW_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # training does not stand still for minutes where a server is gone
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # which is for --json
}


class Tracker(Protocol):
    """Where a run is shown. All its methods raise UserError where nothing can be written or reached."""

    def row(self, step: int, row: Mapping[str, float]) -> None:
        """The figures after a step (counted from 1), by name; NaN and infinity are welcome."""

    def picture(self, step: int, path: Path) -> None:
        """A PNG after a step."""

    def close(self, scores: Mapping[str, float] | None) -> None:
        """The final scores, by name; None where the run stops before its end."""


def tracker(name: str, folder: Path, *, facts: Mapping[str, object], run_name: str, step: int) -> Tracker:
    """A tracker, by its name in TRACKERS.

    folder: of the run. facts: of the run as a whole, its recipe for one. run_name: what it is called there. step: after
    which the run goes on, 0 for a new one; what was tracked of later steps is not shown twice.
    Raises UserError for another name, a package that is missing, and where nothing can be written or reached.

    >>> tracker("tensorbord", Path("runs/mine"), facts={}, run_name="mine", step=0)
    Traceback (most recent call last):
    pixelwise.errors.UserError: there is no tracker 'tensorbord'; did you mean 'tensorboard'? Known: mlflow, tensorboard
    """
    check_tracker(name)
    return TRACKERS[name](folder, facts, run_name, step=step)


def check_tracker(name: str) -> None:
    """Raises UserError for a name that is no tracker's; "" is none at all."""
    if name and name not in TRACKERS:
        raise unknown("tracker", name, TRACKERS)


@contextmanager
def told(say: Callable[[str], None]) -> Iterator[None]:
    """Within, what cannot be tracked is said and the run goes on: history.csv has it anyway."""
    try:
        yield
    except UserError as error:
        say(str(error))


class TensorBoard:
    """Events below folder/tensorboard. What was written there of steps after ``step`` is no longer shown."""

    def __init__(self, folder: Path, facts: Mapping[str, object], run_name: str, *, step: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise _missing("tensorboard", error) from error
        self._events, self._step = folder / "tensorboard", step
        new = not self._events.exists()
        with self._writing():
            self._writer: Any = SummaryWriter(str(self._events), purge_step=step + 1)
            if new:
                self._writer.add_text("run", _table({"run": run_name, **facts}))
                self._writer.flush()

    def row(self, step: int, row: Mapping[str, float]) -> None:
        """Scalars, named as in the row."""
        self._step = step
        self._scalars({name: value for name, value in row.items() if name != "step"})

    def picture(self, step: int, path: Path) -> None:
        """An image called "samples"."""
        with self._writing(), Pillow.open(path) as picture:
            self._writer.add_image("samples", np.asarray(picture), step, dataformats="HWC")
            self._writer.flush()

    def close(self, scores: Mapping[str, float] | None) -> None:
        """Scalars below "scores/"."""
        self._scalars({f"scores/{name}": score for name, score in (scores or {}).items()})
        self._writer.close()

    def _scalars(self, values: Mapping[str, float]) -> None:
        with self._writing():
            for name, value in values.items():
                self._writer.add_scalar(name, value, self._step)
            self._writer.flush()

    def _writing(self) -> AbstractContextManager[None]:
        return _said(str(self._events), OSError)


class MLflow:
    """A run in the store that MLFLOW_TRACKING_URI names, else in mlflow/mlflow.db beside the run folder.

    Its id is kept in the run folder, so that a resumed run goes on in it; steps that it has already are left out, for
    they would be the same again. MLFLOW_EXPERIMENT_NAME is respected too.
    """

    def __init__(self, folder: Path, facts: Mapping[str, object], run_name: str, *, step: int) -> None:
        del step  # the store itself tells
        self._errors = _mlflow_errors()
        with self._reaching():
            self._client, experiment = _store(folder.resolve().parent / "mlflow")
            self._run = self._resumed(folder / RUN_ID) or self._begun(experiment, facts, run_name)
            with replacing(folder / RUN_ID) as temporary:
                temporary.write_text(self._run, encoding="utf-8")
            names = self._client.get_run(self._run).data.metrics
            histories = [self._client.get_metric_history(self._run, name) for name in names]
            self._last = max((metric.step for history in histories for metric in history), default=0)

    def row(self, step: int, row: Mapping[str, float]) -> None:
        """Metrics, named as in the row."""
        if step > self._last:
            self._metrics(step, {name: value for name, value in row.items() if name != "step"})
            self._last = step

    def picture(self, step: int, path: Path) -> None:
        """An artifact in "samples", under the name of the file; one of that name is replaced."""
        with self._reaching():
            self._client.log_artifact(self._run, str(path), "samples")

    def close(self, scores: Mapping[str, float] | None) -> None:
        """Metrics too. The run is finished, or "killed" where there are none."""
        self._metrics(self._last, scores or {})
        with self._reaching():
            self._client.set_terminated(self._run, "KILLED" if scores is None else "FINISHED")

    def _resumed(self, kept: Path) -> str | None:
        """The run whose id is kept, where the store still has it."""
        from mlflow.exceptions import MlflowException

        try:
            run = kept.read_text(encoding="utf-8").strip()
            self._client.update_run(run, status="RUNNING")
        except FileNotFoundError:
            return None
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
        return run

    def _begun(self, experiment: str, facts: Mapping[str, object], run_name: str) -> str:
        from mlflow.entities import Param

        run: str = self._client.create_run(experiment, run_name=run_name).info.run_id
        self._client.log_batch(run, params=[Param(_allowed(name), str(value)) for name, value in facts.items()])
        return run

    def _metrics(self, step: int, values: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        with self._reaching():
            self._client.log_batch(
                self._run, [Metric(_allowed(name), value, now, step) for name, value in values.items()]
            )

    def _reaching(self) -> AbstractContextManager[None]:
        return _said("MLflow", *self._errors)


TRACKERS: dict[str, Callable[..., Tracker]] = {"tensorboard": TensorBoard, "mlflow": MLflow}


def _store(beside: Path) -> tuple[Any, str]:
    """MLflow's client and the id of the experiment. beside: where the store lies unless the user names another."""
    from mlflow import MlflowClient

    if "MLFLOW_TRACKING_URI" in os.environ:
        client, artifacts = MlflowClient(), None
    else:
        beside.mkdir(parents=True, exist_ok=True)
        client = MlflowClient(f"sqlite:///{(beside / 'mlflow.db').as_posix()}")
        artifacts = (beside / "artifacts").as_uri()
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
    known = client.get_experiment_by_name(name)
    return client, known.experiment_id if known else client.create_experiment(name, artifacts)


def _mlflow_errors() -> tuple[type[Exception], ...]:
    """What MLflow raises where its store cannot be used. Imports it, quietly."""
    for name, value in MLFLOW_SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import mlflow.exceptions
        import sqlalchemy.exc
    except ImportError as error:
        raise _missing("mlflow", error) from error
    logging.getLogger("mlflow").setLevel(logging.WARNING)  # it announces every table of a new store
    return mlflow.exceptions.MlflowException, sqlalchemy.exc.SQLAlchemyError, OSError


def _allowed(name: str) -> str:
    """MLflow refuses names with other characters, a class "person (far)" for one.

    >>> _allowed("IoU of person (far)")
    'IoU of person _far_'
    """
    return re.sub(r"[^\w\-. :/]", "_", name)


def _missing(name: str, error: ImportError) -> UserError:
    return UserError(f"tracking by {name} needs a package that cannot be imported ({error}); {INSTALL}")


@contextmanager
def _said(where: str, *errors: type[Exception]) -> Iterator[None]:
    """Says in one line that something cannot be tracked."""
    try:
        yield
    except errors as error:
        what = str(error).partition("\n")[0] or type(error).__name__
        raise UserError(f"{where}: the run cannot be tracked ({what}); mend that, or train without tracking") from error


def _table(facts: Mapping[str, object]) -> str:
    """Names and values as a table of Markdown."""
    rows = [f"| {name} | {str(value).replace('|', chr(92) + '|')} |" for name, value in facts.items()]
    return "\n".join(["| | |", "| --- | --- |", *rows])
