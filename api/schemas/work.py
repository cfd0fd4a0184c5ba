"""Jobs and imports."""

from typing import Any, Self

from pydantic import Field

from api.schemas.base import Moment, Output, OutputId
from models.readers import Preview, RowError
from models.store.tables import ImportRow, JobRow
from models.vocabulary import Job, JobStatus

_INTERNAL = "path"


class ProgressOut(Output):
    """How far a job is; `total` is null while nobody knows."""

    done: int
    total: int | None


class JobOut(Output):
    """Long work behind a request."""

    id: str
    kind: Job
    status: JobStatus
    progress: ProgressOut
    error: str | None
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    result: dict[str, Any] | None

    @classmethod
    def of(cls, row: JobRow) -> Self:
        """From its row."""
        return cls(
            id=row.id,
            kind=row.kind,
            status=row.status,
            progress=ProgressOut(done=row.progress_done, total=row.progress_total),
            error=row.error,
            created_at=row.created_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
            result=None if row.result is None else {k: v for k, v in row.result.items() if k != _INTERNAL},
        )


class ImportStarted(Output):
    """An import that waits for its turn."""

    id: OutputId
    job_id: str


class ImportOut(Output):
    """An import; `rows_read` is always the sum of the other three, `note` what was particular about the file."""

    id: OutputId
    filename: str
    status: JobStatus
    rows_read: int
    rows_added: int
    rows_duplicate: int
    rows_rejected: int
    job_id: str
    error: str | None
    note: str | None = None
    created_at: Moment

    @classmethod
    def of(cls, row: ImportRow) -> Self:
        """From its row."""
        return cls(
            id=str(row.id),
            filename=row.filename,
            status=row.status,
            rows_read=row.rows_read,
            rows_added=row.rows_added,
            rows_duplicate=row.rows_duplicate,
            rows_rejected=row.rows_rejected,
            job_id=row.job_id,
            error=row.error,
            note=row.note,
            created_at=row.created_at,
        )


class RowErrorOut(Output):
    """A row that would be set aside."""

    line: int
    column: int | None
    code: str
    message: str

    @classmethod
    def of(cls, error: RowError) -> Self:
        """From the reader's error."""
        return cls(line=error.line, column=error.column, code=error.code, message=error.message)


class SuggestedOut(Output):
    """Columns that look right for each role."""

    text_fields: list[str]
    id_field: str | None
    label_field: str | None


class PreviewOut(Output):
    """What the first rows of a file look like."""

    format: str
    encoding: str
    delimiter: str | None
    compressed: bool
    columns: list[str]
    suggested: SuggestedOut
    rows: list[dict[str, Any]]
    errors: list[RowErrorOut] = Field(default_factory=list)
    note: str | None = None

    @classmethod
    def of(cls, seen: Preview) -> Self:
        """From the reader's preview."""
        return cls(
            format=str(seen.format),
            encoding=seen.encoding,
            delimiter=seen.delimiter,
            compressed=seen.compressed,
            columns=seen.columns,
            suggested=SuggestedOut(
                text_fields=list(seen.suggested.text_fields),
                id_field=seen.suggested.id_field,
                label_field=seen.suggested.label_field,
            ),
            rows=seen.rows,
            errors=[RowErrorOut.of(error) for error in seen.errors],
            note=seen.note,
        )
