"""A whole file answered: the same rows in the same order and format, with the answers added."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from models import jobs
from models.errors import Missing
from models.heads import Served, check_enough, probabilities
from models.readers import Record
from models.steps.accounts import Caller, record
from models.steps.ingest import ImportOptions, read_options
from models.steps.partial import Partial
from models.steps.predictions import as_prediction
from models.steps.serve import verdict_of
from models.steps.suspension import trusted
from models.store.queries.projects import categories_of
from models.store.tables import CategoryRow, JobRow, ProjectRow
from models.vocabulary import Job
from models.work import Work
from models.writers import augmented

_RESULTS = "results"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on disk: what its sender calls it, and where it is, relative to the artifacts."""

    filename: str
    path: str


def request_batch(
    session: Session, caller: Caller, project: ProjectRow, upload: Upload, options: ImportOptions
) -> JobRow:
    """Have a file answered by the version that serves now.

    Raises:
        TooFewCategories: nothing can answer yet.
    """
    if project.serving_number == 0:
        check_enough(categories_of(session, project.id, archived=False))
    record(session, caller, "predict.batch", project.slug, {"filename": upload.filename})
    return jobs.enqueue(
        session,
        Job.BATCH_PREDICT,
        key=f"batch:{upload.path}",
        project_id=project.id,
        payload={
            "filename": upload.filename,
            "path": upload.path,
            "number": project.serving_number,
            "options": {
                "format": options.format,
                "text_fields": list(options.text_fields),
                "id_field": options.id_field,
                "label_field": options.label_field,
                "encoding": options.encoding,
                "delimiter": options.delimiter,
            },
        },
        actor=caller.key,
    )


def result_name(job: JobRow) -> str:
    """Where the file of a finished job is, relative to the artifacts. Raises Missing before that."""
    if not job.result or "path" not in job.result:
        raise Missing(f"job {job.id} has no file")
    return str(job.result["path"])


def run_batch_predict(work: Work) -> None:
    """Read, answer and write block by block. Nothing is seen of the result before it is whole.

    An attempt after a crash goes on where the one before was, except with Parquet, whose end describes all of it.
    """
    runtime, payload = work.runtime, work.claim.payload
    with runtime.database.read() as session:
        project = session.get_one(ProjectRow, work.project_id)
        served = trusted(session, project, runtime.heads.get(session, project, payload["number"]))
        categories = categories_of(session, project.id, archived=False)
    source = runtime.artifacts.fetched(payload["path"])
    if not source.is_file():
        raise Missing(f"{payload['filename']} is not kept here any more: send it again")
    options = read_options(payload["options"], project, runtime.settings)
    result = Partial(runtime.artifacts.folder / _RESULTS, work.claim.id, work.claim.token)
    with result.writing() as file:
        answers = _Answers(served, categories, result.rows)
        for piece in augmented(source, payload["filename"], options, answers, begun=result.rows):
            result.add(file, piece)
            with work.advancing(answers.done):
                pass
            work.check()
    place, link = f"{_RESULTS}/{result.path.name}", f"/v1/jobs/{work.claim.id}/result"
    runtime.artifacts.publish(place)
    with work.completing({"path": place, "filename": payload["filename"], "url": link, "rows": answers.done}):
        pass
    result.forget_earlier()
    runtime.artifacts.remove(payload["path"])


class _Answers:
    """Answers records, and counts them."""

    def __init__(self, served: Served, categories: Sequence[CategoryRow], done: int) -> None:
        self._served = served
        self._categories = categories
        self.done = done

    def __call__(self, records: list[Record]) -> list[dict[str, Any]]:
        self.done += len(records)
        return answers_of(self._served, self._categories, records)


def answers_of(served: Served, categories: Sequence[CategoryRow], records: Sequence[Record]) -> list[dict[str, Any]]:
    """What a version says of records, as it stands in an answered file."""
    if not records:
        return []
    inputs = served.inputs(served.encoder.encode([one.text for one in records]), [one.fields for one in records])
    shares, columns = probabilities(served, inputs, categories)
    said = [as_prediction(served, row, columns) for row in shares]
    return [
        {
            "category": "|".join(category.name for category in one.categories),
            "confidence": round(one.confidence, 4),
            "decision": verdict_of(served, one).value,
            "model_version": one.number,
        }
        for one in said
    ]
