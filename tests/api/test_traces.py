"""A request and the jobs that go back to it are one trace; without an endpoint there is nothing of it."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from models import spans
from tests.api.conftest import Winnow
from tests.unit.winnow_client.conftest import Answer, LoopbackServer

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def kept() -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    spans.use(provider)
    yield exporter
    spans.use(None)
    provider.shutdown()


def named(kept: InMemorySpanExporter, name: str) -> ReadableSpan:
    """The last one of a name: a job that lets others in has several attempts."""
    return [one for one in kept.get_finished_spans() if one.name == name][-1]


def test_a_request_and_the_jobs_that_go_back_to_it_share_a_trace(
    winnow: Winnow, project: str, kept: InMemorySpanExporter
) -> None:
    body = {"items": [{"text": "I was charged twice"}, {"text": "I cannot sign in"}]}
    answer = winnow.post(f"/v1/projects/{project}/items", json=body, headers={"traceparent": CALLER})
    assert answer.status_code == 201
    winnow.work()

    request = named(kept, "POST /v1/projects/{slug}/items")
    assert request.kind is SpanKind.SERVER
    assert f"{request.context.trace_id:032x}" == CALLER.split("-")[1]
    assert f"{request.parent.span_id:016x}" == CALLER.split("-")[2]
    assert request.attributes["http.response.status_code"] == 201
    assert request.attributes["winnow.request_id"] == answer.headers["X-Request-ID"]
    # One job leaves the next: embedding, scoring, filling the queue.
    embed, score = named(kept, "job embed"), named(kept, "job score")
    assert {one.context.trace_id for one in (request, embed, score)} == {request.context.trace_id}
    assert embed.parent.span_id == request.context.span_id
    assert score.parent.span_id in {one.context.span_id for one in kept.get_finished_spans() if one.name == "job embed"}
    assert embed.attributes["winnow.outcome"] == "succeeded"
    assert embed.attributes["winnow.request_id"] == answer.headers["X-Request-ID"]
    told = repr([dict(one.attributes) for one in kept.get_finished_spans()])
    assert "charged" not in told
    assert project not in told


def test_another_request_is_another_trace(winnow: Winnow, kept: InMemorySpanExporter) -> None:
    for header in (None, "nonsense"):
        winnow.get("/v1/me", headers={} if header is None else {"traceparent": header})
    winnow.get("/v1/nothing-here")
    found = [one.context.trace_id for one in kept.get_finished_spans()]
    assert len(set(found)) == len(found) == 3
    assert [one.parent for one in kept.get_finished_spans()] == [None] * 3


def run(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=plain | variables, capture_output=True, text=True, timeout=240, check=False)


def test_without_an_endpoint_nothing_of_it_is_imported() -> None:
    code = """
import sys
import api.__main__, worker.__main__
from models import spans
spans.begin("winnow-api")
with spans.span("job", "CONSUMER", None, {}) as span:
    assert span is None and spans.traceparent() is None
print(*sorted(name for name in sys.modules if name.startswith("opentelemetry.sdk.trace") or ".otlp" in name))
"""  # Redis' client looks at the part about metrics by itself, where that is installed
    done = run(code)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_with_an_endpoint_spans_arrive_there() -> None:
    server = LoopbackServer()
    server.behaviour = lambda _asked: Answer(status=200)
    code = """
from models import spans
spans.begin("winnow-worker")
with spans.span("job embed", "CONSUMER", None, {"winnow.attempt": 1}):
    pass
"""
    done = run(code, OTEL_EXPORTER_OTLP_ENDPOINT=server.url)
    server.close()
    assert done.returncode == 0, done.stderr
    [asked] = server.asked
    assert asked.path == "/v1/traces"
    [told] = ExportTraceServiceRequest.FromString(asked.body).resource_spans
    names = {one.key: one.value.string_value for one in told.resource.attributes}
    assert names["service.name"] == "winnow-worker"
    assert [one.name for one in told.scope_spans[0].spans] == ["job embed"]
