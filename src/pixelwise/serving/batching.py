"""A network in a thread of its own; photos that wait at the same time are run together.

Measured with `street` on one core of a processor that multiplies bf16 (360 x 480, processor time for a photo, median
of 8): alone 82 ms, in twos 77 ms, in fours 85 ms, in eights 98 ms. So a processor gets twos; answers are the same bits.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from pixelwise.bundle import Bundle
from pixelwise.data.dataset import Image
from pixelwise.prediction.labelling import Labelled, label_images

LATELY = 0.2  # weight of the last batch in the mean time of a photo


@dataclass(eq=False)
class _Job:
    image: Image
    future: "Future[Labelled]" = field(default_factory=Future)


class Worker:
    """Labels photos, in the order in which they came, those of one shape that wait together as one batch.

    bundle: the model. most: photos in a batch. seen: told the size of every batch. seconds: for a photo, lately.

    >>> from pixelwise.model import load
    >>> import numpy as np
    >>> worker = Worker(load("street", "cpu").bundle, most=2)
    >>> label, confidence = worker.label(np.zeros((36, 48, 3), np.uint8)).result()
    >>> worker.close()
    >>> label.shape
    (36, 48)
    """

    def __init__(self, bundle: Bundle, most: int, seen: Callable[[int], None] = lambda _: None) -> None:
        self.bundle, self.seconds = bundle, 0.1
        self._most, self._seen = most, seen
        self._waiting: deque[_Job] = deque()
        self._changed, self._closed = threading.Condition(), False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def label(self, image: Image) -> "Future[Labelled]":
        """The label and the confidence to come, of an (h, w, c) uint8 image with the model's channels."""
        job = _Job(image)
        with self._changed:
            self._waiting.append(job)
            self._changed.notify()
        return job.future

    def close(self) -> None:
        """Ends the thread when all that waits is done."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while batch := self._next():
            began = time.monotonic()
            self._run([job for job in batch if job.future.set_running_or_notify_cancel()])
            self.seconds += LATELY * ((time.monotonic() - began) / len(batch) - self.seconds)
            del batch  # a large photo is not kept while nothing comes

    def _next(self) -> list[_Job]:
        """What has waited longest, with others of its shape; nothing when there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            shape = self._waiting[0].image.shape if self._waiting else ()
            batch = [job for job in self._waiting if job.image.shape == shape][: self._most]
            for job in batch:
                self._waiting.remove(job)
            return batch

    def _run(self, batch: list[_Job]) -> None:
        if not batch:
            return
        try:
            found = label_images(self.bundle.network, [job.image for job in batch], self.bundle.size)
        except Exception as error:
            if len(batch) == 1:
                batch[0].future.set_exception(error)
            else:  # the one that fails takes no other with it
                for job in batch:
                    self._run([job])
            return
        self._seen(len(batch))
        for job, labelled in zip(batch, found, strict=True):
            job.future.set_result(labelled)
