"""Traces by OpenTelemetry where `OTEL_EXPORTER_OTLP_ENDPOINT` names somebody who takes them; otherwise nothing at all.

A request and every job that goes back to it are spans of one trace: a job's row remembers the span that left it.
Spans bear ids, kinds and routes as declared; no text, no name of a person, no address of a caller.
"""

import importlib.util
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

_LOG = logging.getLogger("winnow.spans")
_TRACEPARENT = "traceparent"
_PACKAGE = "opentelemetry.exporter.otlp.proto.http"

Attributes = Mapping[str, str | int | bool]


class _Here:
    """Who makes this process's spans; None while nobody wants them."""

    tracer: "Tracer | None" = None


def begin(service: str) -> None:
    """Send the spans of this process where the environment says; do nothing where it says nothing.

    Args:
        service: the process's name in traces, unless `OTEL_SERVICE_NAME` gives another.
    """
    if not any(os.environ.get(name) for name in ENDPOINTS) or os.environ.get("OTEL_SDK_DISABLED", "") == "true":
        return
    if not _is_installed():
        _LOG.warning("no traces: OpenTelemetry is not installed (pip install 'winnow[tracing]')")
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    resource = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME") or service})
    provider = TracerProvider(resource=resource)  # it sends what is left when the process ends
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use(provider)


def use(provider: "TracerProvider | None") -> None:
    """Have spans made by this provider from now on; by none."""
    _Here.tracer = None if provider is None else provider.get_tracer("winnow")


def wanted() -> bool:
    """Whether anybody takes spans."""
    return _Here.tracer is not None


@contextmanager
def span(
    name: str, kind: Literal["SERVER", "CONSUMER"], parent: str | None, attributes: Attributes
) -> Iterator["Span | None"]:
    """What happens in the block, as a span; yields None where nobody takes them.

    Args:
        parent: what it goes back to, as the `traceparent` of W3C; None where it begins a trace.
    """
    tracer = _Here.tracer
    if tracer is None:
        yield None
        return
    from opentelemetry.context import Context  # noqa: PLC0415
    from opentelemetry.trace import SpanKind  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    given = {} if parent is None else {_TRACEPARENT: parent}
    context = TraceContextTextMapPropagator().extract(given, context=Context())
    with tracer.start_as_current_span(
        name, context=context, kind=SpanKind[kind], attributes=dict(attributes)
    ) as current:
        yield current


def traceparent() -> str | None:
    """The span that is under way, as others name it in what goes back to it; None where there is none."""
    if _Here.tracer is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    told: dict[str, Any] = {}
    TraceContextTextMapPropagator().inject(told)
    return told.get(_TRACEPARENT)


def _is_installed() -> bool:
    try:
        return importlib.util.find_spec(_PACKAGE) is not None
    except ModuleNotFoundError:
        return False
