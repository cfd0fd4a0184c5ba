"""What Prometheus reads of an API process: its own numbers, and those of the database (`api.gauges`)."""

import os
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from api.errors import TooManyRequests
from api.gauges import Kept, label_of
from models.errors import BundleBroken
from models.runtime import Runtime
from models.steps.measured import Accuracies, Drifts
from models.steps.serve import Answers
from models.store.tables import ProjectRow
from models.telemetry import Disk, Later, Shared, build_info

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_CONFIDENCES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
_MOST_SERIES = 2000
_OTHER = "other"
_FEW = 10  # what is counted later is counted in the event loop, which must not be kept


class Metrics:
    """The numbers of one API process; summed over all of them where `PROMETHEUS_MULTIPROC_DIR` is set."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._later = Later()
        self.shared = Shared(self.registry, self._later.put)
        self._accuracies = Accuracies()
        self._drifts = Drifts()
        self._predicted: dict[tuple[str, ...], tuple[Counter, Histogram]] = {}
        self._observed: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._count_requests()
        self._predictions = Counter(
            "winnow_predictions_total",
            "Items answered by POST /predict.",
            ["project", "version", "category", "decision"],
            registry=self.registry,
        )
        self.repeated = Counter(
            "winnow_encoder_repeated_texts_total",
            "Texts whose vector was still at hand.",
            registry=self.registry,
        )
        self._confidence = Histogram(
            "winnow_prediction_confidence_ratio",
            "Calibrated confidence of the items answered by POST /predict.",
            ["project"],
            buckets=_CONFIDENCES,
            registry=self.registry,
        )
        self._problems = Counter(
            "winnow_problems_total", "Requests answered with an error, by its code.", ["code"], registry=self.registry
        )
        self._problems.labels(BundleBroken.code)  # it has an alert, which would not see a number that begins with 1
        self._refused = Counter(
            "winnow_rate_limit_refused_total",
            "Requests refused because the caller's share of the minute was used up.",
            ["route"],
            registry=self.registry,
        )
        self.uncounted = Counter(
            "winnow_rate_limit_uncounted_total",
            "Counts kept by this process alone while Redis was away.",
            registry=self.registry,
        )

    def _count_requests(self) -> None:
        self._requests = Counter(
            "winnow_http_requests_total", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "winnow_http_request_seconds",
            "From a request's arrival to the end of its answer.",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "winnow_http_requests_in_flight",
            "Requests being answered now.",
            multiprocess_mode="livesum",
            registry=self.registry,
        )

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered, with the next `catch_up`."""
        self._later.put(partial(self._observe, route, method, status, seconds))

    def catch_up(self) -> None:
        """Count what was put off; many at once, for what counts them is in the processor's caches then."""
        self._later.catch_up()

    def _observe(self, route: str, method: str, status: int, seconds: float) -> None:
        method = method if method in _METHODS else _OTHER
        kept = self._observed.get((method, route, status))
        if kept is None:
            kept = self._requests.labels(method, route, str(status)), self._seconds.labels(method, route)
            self._observed[method, route, status] = kept
        kept[0].inc()
        kept[1].observe(seconds)

    def predicted(self, project: ProjectRow, answers: Answers) -> None:
        """Count answered items; a few of them once the answer has been sent, so that nobody waits for it."""
        if len(answers.answers) > _FEW:
            self._count(project, answers)
        else:
            self._later.put(partial(self._count, project, answers))

    def _count(self, project: ProjectRow, answers: Answers) -> None:
        """A category of a project for members alone is named by its id."""
        name = label_of(project)
        for one in answers.answers:
            category = one.prediction.category
            told = category.name if name == project.slug else str(category.id)
            counted, confidence = self._series((name, str(answers.number), told, one.verdict.value))
            counted.inc()
            confidence.observe(one.prediction.confidence)

    def problem(self, code: str, route: str) -> None:
        """Count an error that was answered, and whether it was a refusal for asking too often."""
        self._problems.labels(code).inc()
        if code == TooManyRequests.code:
            self._refused.labels(route).inc()

    def exposition(self, runtime: Runtime) -> bytes:
        """Everything in Prometheus' text format, the database's part asked now."""
        self._later.catch_up()
        process = self.registry
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            process = CollectorRegistry()
            MultiProcessCollector(process)  # type: ignore[no-untyped-call]
        asked = CollectorRegistry()
        build_info(asked)
        ProcessCollector(registry=asked)
        asked.register(Disk(runtime.settings.data_dir))
        asked.register(Kept(runtime, self._accuracies, self._drifts))
        return generate_latest(process) + generate_latest(asked)

    def _series(self, labels: tuple[str, str, str, str]) -> tuple[Counter, Histogram]:
        """What counts answers of these labels, or of `other` once there are more of them than monitoring bears."""
        kept = self._predicted.get(labels)
        if kept is None:
            if len(self._predicted) >= _MOST_SERIES:
                labels = _OTHER, _OTHER, _OTHER, labels[3]
            kept = self._predictions.labels(*labels), self._confidence.labels(labels[0])
            self._predicted[labels] = kept
        return kept
