"""All that is between a request and its answer: the models, who may come in, and the work on one photo."""

import asyncio
import logging
import math
import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from typing import BinaryIO, Literal, TypeVar

from pixelwise.bundle import Bundle
from pixelwise.errors import UserError, unknown
from pixelwise.machine import give_back_memory
from pixelwise.prediction.segmentation import Segmentation
from pixelwise.serving.answers import Asked, ClassOfModel, Health, ModelFacts, answer_of
from pixelwise.serving.batching import Worker
from pixelwise.serving.images import check, decode
from pixelwise.serving.limits import Limits, Refusal
from pixelwise.serving.metrics import Metrics

LOG = logging.getLogger(__name__)
T = TypeVar("T")
LARGE = 4_000_000  # pixels of a photo after which each thread would keep much memory


class Desk:
    """The models of a server and its limits. Used from one event loop; what takes long is done in threads.

    models: name -> model; the first is the default. stopping: whether new requests are turned away. requests: that are
    not answered yet.
    """

    def __init__(self, models: Mapping[str, Bundle], limits: Limits) -> None:
        self.limits, self.stopping, self.requests = limits, False, 0
        self.metrics = Metrics(lambda: self._photos)
        self._photos = self._pixels = self._uploads = 0
        self._workers = {
            name: Worker(bundle, limits.batch[bundle.network.mean.is_cuda], partial(self.metrics.batch, name))
            for name, bundle in models.items()
        }
        self._threads = ThreadPoolExecutor(min(8, 1 + (os.cpu_count() or 1)))
        self._tasks: set[asyncio.Task[tuple[bytes, str]]] = set()

    def close(self) -> None:
        """Ends its threads."""
        for worker in self._workers.values():
            worker.close()
        self._threads.shutdown()

    def health(self) -> Health:
        """How it is."""
        status: Literal["ok", "stopping"] = "stopping" if self.stopping else "ok"
        return Health(status=status, models=list(self._workers), queue=self._photos, version=version("pixelwise"))

    def models(self) -> list[ModelFacts]:
        """What its models are."""
        return [facts(name, worker.bundle) for name, worker in self._workers.items()]

    def name_of(self, asked: str | None) -> str:
        """The model that is asked for. Raises Refusal for an unknown one."""
        name = next(iter(self._workers)) if asked is None else asked
        if name not in self._workers:
            raise Refusal(404, "model", str(unknown("model", name[:80], self._workers)))
        return name

    @contextmanager
    def upload(self, name: str) -> Iterator[None]:
        """While a body is read. Raises Refusal where there would be no place for its photo."""
        if self._photos >= self.limits.queue or self._uploads >= self.limits.uploads:
            raise self._full(name)
        self._uploads += 1
        try:
            yield
        finally:
            self._uploads -= 1

    async def answer(self, name: str, asked: Asked, file: BinaryIO) -> tuple[bytes, str]:
        """The bytes of the answer and their media type; closes the file. Raises Refusal."""
        task = asyncio.create_task(self._answer(name, asked, file))
        self._tasks.add(task)  # it keeps its place until it ends, though nobody waits any more
        task.add_done_callback(self._tasks.discard)
        done, _ = await asyncio.wait({task}, timeout=self.limits.work)
        if not done:
            task.add_done_callback(_forget)
            raise Refusal(
                503, "work", f"it took more than {self.limits.work:g} s; send a smaller image", self._wait(name)
            )
        return task.result()

    async def _answer(self, name: str, asked: Asked, file: BinaryIO) -> tuple[bytes, str]:
        worker, began = self._workers[name], time.monotonic()
        try:
            with file:
                pixels = await self._in_thread(partial(check, file, self.limits))
                with self._place(name, pixels):
                    image, place = await self._in_thread(partial(decode, file, worker.bundle.format))
                    label, confidence = await asyncio.wrap_future(worker.label(image))
                    milliseconds = 1000 * (time.monotonic() - began)
                    self.metrics.labelled(name, label.size)
                    found = Segmentation(image, label, confidence, worker.bundle.labels, "image", place=place)
                    return await self._in_thread(partial(answer_of, found, asked, name, milliseconds, self.limits))
        except UserError as error:
            raise Refusal(422, "damaged", str(error)) from error
        except (MemoryError, RuntimeError) as error:
            if not _out_of_memory(error):
                raise
            LOG.error("out of memory", exc_info=error)
            raise Refusal(413, "memory", "the image needs more memory than there is; send a smaller one") from error

    async def _in_thread(self, work: "partial[T]") -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    @contextmanager
    def _place(self, name: str, pixels: int) -> Iterator[None]:
        """Of a photo in the house. Raises Refusal where there is none."""
        crowded = self._photos and self._pixels + pixels > 2 * self.limits.pixels
        if crowded or self._photos >= self.limits.queue:
            raise self._full(name)
        self._photos += 1
        self._pixels += pixels
        try:
            yield
        finally:
            self._photos -= 1
            self._pixels -= pixels
            if pixels > LARGE or not self._photos:
                self._threads.submit(give_back_memory)

    def _full(self, name: str) -> Refusal:
        return Refusal(429, "queue", "the queue is full; try again later", self._wait(name))

    def _wait(self, name: str) -> int:
        """Seconds in which what is here now will be done, about."""
        return max(1, math.ceil(self._photos * self._workers[name].seconds))


def _out_of_memory(error: Exception) -> bool:
    """Python's own error, or what torch raises on a GPU or a processor."""
    return isinstance(error, MemoryError) or any(said in str(error) for said in ("out of memory", "can't allocate"))


def _forget(task: "asyncio.Task[tuple[bytes, str]]") -> None:
    """Nobody waits for it; that it failed is no news."""
    if not task.cancelled():
        task.exception()


def facts(name: str, bundle: Bundle) -> ModelFacts:
    """What /models says of a model."""
    weights = sum(tensor.numel() for tensor in bundle.network.parameters())
    said = [f"{weights / 1e6:.1f} million weights"]
    if data := bundle.provenance.get("data"):
        said.append(f"trained on {data}")
    if isinstance(score := bundle.scores.get("mean IoU"), float):
        conditions = bundle.scores.get("conditions")
        split = conditions.get("split") if isinstance(conditions, Mapping) else None
        said.append(f"mean IoU {score:.3f}" + f" on its {split} split" * bool(split))
    both = zip(bundle.labels.names, bundle.labels.colors, strict=True)
    classes = [ClassOfModel(name=one, color=color) for one, color in both]
    return ModelFacts(
        name=name, architecture=bundle.model, classes=classes, size=bundle.size, description=", ".join(said)
    )
