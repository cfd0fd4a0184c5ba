"""items are found by their words: `tsvector` with GIN on PostgreSQL, FTS5 on SQLite.

Revision: 0009w, after 0008i

On SQLite triggers keep the index in step. A later migration that has to copy the table `item` must make them anew.
"""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009w"
down_revision = "0008i"
branch_labels = None
depends_on = None

_BLOCK = 5_000
_LONGEST, _MOST = 64, 50_000
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile("([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+)")

_TRIGGERS = {
    "item_words_added": """AFTER INSERT ON item WHEN new.words IS NOT NULL BEGIN
        INSERT INTO item_words (rowid, words) VALUES (new.id, new.words);
    END""",
    "item_words_deleted": """AFTER DELETE ON item WHEN old.words IS NOT NULL BEGIN
        INSERT INTO item_words (item_words, rowid, words) VALUES ('delete', old.id, old.words);
    END""",
    "item_words_changed": """AFTER UPDATE OF words ON item BEGIN
        INSERT INTO item_words (item_words, rowid, words)
            SELECT 'delete', old.id, old.words WHERE old.words IS NOT NULL;
        INSERT INTO item_words (rowid, words) SELECT new.id, new.words WHERE new.words IS NOT NULL;
    END""",
}


def upgrade() -> None:
    kind = sa.Text().with_variant(postgresql.TSVECTOR(), "postgresql")
    op.add_column("item", sa.Column("words", kind, nullable=True))
    connection = op.get_bind()
    _fill(connection)
    missing = sa.text("words IS NULL")
    op.create_index("ix_item_wordless", "item", ["id"], sqlite_where=missing, postgresql_where=missing)
    if connection.dialect.name == "postgresql":
        op.create_index("ix_item_words", "item", ["words"], postgresql_using="gin")
        return
    op.execute(
        "CREATE VIRTUAL TABLE item_words USING fts5"
        """(words, content='item', content_rowid='id', detail='none', columnsize=0, tokenize="ascii tokenchars '_'")"""
    )
    op.execute("INSERT INTO item_words (item_words) VALUES ('rebuild')")
    for name, rule in _TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} {rule}")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("ix_item_words", "item")
    else:
        for name in _TRIGGERS:
            op.execute(f"DROP TRIGGER {name}")
        op.execute("DROP TABLE item_words")
    op.drop_index("ix_item_wordless", "item")
    op.drop_column("item", "words")


def _fill(connection: sa.Connection) -> None:
    """Give every item its words, block by block."""
    last = 0
    query = sa.text("SELECT id, project_id, text FROM item WHERE id > :last ORDER BY id LIMIT :block")
    while rows := connection.execute(query, {"last": last, "block": _BLOCK}).all():
        last = rows[-1].id
        found = [(row.id, " ".join([f"_{row.project_id}", *_words(row.text)])) for row in rows]
        if connection.dialect.name == "postgresql":
            connection.execute(
                sa.text(
                    "UPDATE item SET words = CAST(fresh.words AS tsvector) FROM unnest(CAST(:ids AS bigint[]), "
                    "CAST(:words AS text[])) AS fresh (id, words) WHERE item.id = fresh.id"
                ),
                {"ids": [one for one, _ in found], "words": [words for _, words in found]},
            )
        else:
            connection.execute(
                sa.text("UPDATE item SET words = :words WHERE id = :id"),
                [{"id": one, "words": words} for one, words in found],
            )


def _words(text: str) -> list[str]:
    """The words of a text as this revision has them."""
    folded = unicodedata.normalize("NFD", text).casefold()
    folded = unicodedata.normalize("NFKC", folded).casefold()
    found: dict[str, None] = {}
    for word in _WORD.findall(unicodedata.normalize("NFKC", folded)):
        for part in _UNSPACED.split(word):
            if _UNSPACED.match(part):
                pairs = [part[place : place + 2] for place in range(len(part) - 1)]
                found.update(dict.fromkeys([*pairs, part[-1]]))
            elif part:
                found[part[:_LONGEST]] = None
        if len(found) >= _MOST:
            break
    return list(found)[:_MOST]
