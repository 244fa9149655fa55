"""What the server counts, in the text that Prometheus reads."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)


class Metrics:
    """Counts of one server, and the memory of its process.

    >>> metrics = Metrics(lambda: 3)
    >>> metrics.request("/health", 200, 0.01)
    >>> 'pixelwise_requests_total{route="/health",status="200"} 1.0' in metrics.text()
    True
    """

    def __init__(self, queued: Callable[[], int]) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter("pixelwise_requests", "Requests answered.", ["route", "status"], registry=registry)
        self._seconds = Histogram(
            "pixelwise_request_seconds", "From a request to its answer.", ["route"], buckets=SECONDS, registry=registry
        )
        self._batches = Histogram(
            "pixelwise_batch_photos", "Photos run together.", ["model"], buckets=(1, 2, 4, 8), registry=registry
        )
        self._pixels = Counter("pixelwise_pixels", "Pixels labelled.", ["model"], registry=registry)
        self._refused = Counter("pixelwise_refused", "Requests refused.", ["reason"], registry=registry)
        queue = Gauge("pixelwise_queue_photos", "Photos waiting or worked on.", registry=registry)
        queue.set_function(queued)

    def request(self, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def batch(self, model: str, photos: int) -> None:
        """So many photos were run together."""
        self._batches.labels(model).observe(photos)

    def labelled(self, model: str, pixels: int) -> None:
        """A photo of so many pixels was labelled."""
        self._pixels.labels(model).inc(pixels)

    def refused(self, reason: str) -> None:
        """A request was refused, for one of a few reasons."""
        self._refused.labels(reason).inc()

    def text(self) -> str:
        """All of it."""
        return generate_latest(self._registry).decode()
