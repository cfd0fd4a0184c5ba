"""Tables of what a chart shows, to be read and taken along."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from ui import sentences


def behind(rows: Sequence[Mapping[str, Any]], file_name: str) -> None:
    """The figures of a chart as a table that folds out, and as a CSV file.

    Args:
        rows: all with the same columns, at least one.
        file_name: of the CSV file; it also tells two tables of a page apart.
    """
    with st.expander("The figures behind it"):
        st.dataframe([dict(row) for row in rows], hide_index=True)
        st.download_button(
            "CSV", as_csv(rows), file_name, "text/csv", key=file_name, icon=":material/download:", on_click="ignore"
        )


def record(fields: Mapping[str, Any]) -> None:
    """The fields of a record, letter by letter."""
    st.table(
        {sentences.plain(name): sentences.plain(str(value)) for name, value in fields.items()}, border="horizontal"
    )


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV with a heading; None is an empty cell."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
