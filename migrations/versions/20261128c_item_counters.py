"""how many items a project has in each state is kept beside them, so that nobody has to count them.

Revision: 0015c, after 0014q

Triggers count, whoever writes, processes of the release before among them. They are there before the items are counted
once, and writers wait for that long: on PostgreSQL about a third of a second for a million items. On SQLite a later
migration that has to copy the table `item` or `project` must make their triggers anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015c"
down_revision = "0014q"
branch_labels = None
depends_on = None

_COUNTED = ("undecided", "decided", "flagged", "disputed", "waiting")

_ONCE = """
INSERT INTO item_counter (project_id, undecided, decided, flagged, disputed, waiting)
SELECT project.id,
    COALESCE(SUM(CASE WHEN item.state = 'undecided' THEN 1 ELSE 0 END), 0),
    COALESCE(SUM(CASE WHEN item.state = 'decided' THEN 1 ELSE 0 END), 0),
    COALESCE(SUM(CASE WHEN item.state = 'flagged' THEN 1 ELSE 0 END), 0),
    COALESCE(SUM(CASE WHEN item.state = 'disputed' THEN 1 ELSE 0 END), 0),
    COALESCE(SUM(CASE WHEN item.id IS NOT NULL AND item.encoder_id IS NULL THEN 1 ELSE 0 END), 0)
FROM project LEFT JOIN item ON item.project_id = project.id
GROUP BY project.id
"""

# PostgreSQL: once for each statement. Whoever writes takes a counter that nobody holds, or a new one: two that write at
# once do not wait for each other, and nobody can come to wait for a counter of one who waits for something of theirs.
_FUNCTION = """
CREATE OR REPLACE FUNCTION called() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    change record;
    mine bigint;
BEGIN
    FOR change IN
        SELECT project_id,
            SUM(sign) FILTER (WHERE state = 'undecided') AS undecided,
            SUM(sign) FILTER (WHERE state = 'decided') AS decided,
            SUM(sign) FILTER (WHERE state = 'flagged') AS flagged,
            SUM(sign) FILTER (WHERE state = 'disputed') AS disputed,
            SUM(sign) FILTER (WHERE encoder_id IS NULL) AS waiting
        FROM (changes) AS counted GROUP BY project_id
    LOOP
        CONTINUE WHEN COALESCE(change.undecided, 0) = 0 AND COALESCE(change.decided, 0) = 0
            AND COALESCE(change.flagged, 0) = 0 AND COALESCE(change.disputed, 0) = 0
            AND COALESCE(change.waiting, 0) = 0;
        SELECT id INTO mine FROM item_counter WHERE project_id = change.project_id
            ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            INSERT INTO item_counter (project_id, undecided, decided, flagged, disputed, waiting)
                SELECT id, 0, 0, 0, 0, 0 FROM project WHERE id = change.project_id  -- gone where its items go with it
                RETURNING id INTO mine;
        END IF;
        UPDATE item_counter SET
            undecided = undecided + COALESCE(change.undecided, 0),
            decided = decided + COALESCE(change.decided, 0),
            flagged = flagged + COALESCE(change.flagged, 0),
            disputed = disputed + COALESCE(change.disputed, 0),
            waiting = waiting + COALESCE(change.waiting, 0)
        WHERE id = mine;
    END LOOP;
    RETURN NULL;
END $$
"""
_FRESH = "SELECT project_id, state, encoder_id, 1 AS sign FROM fresh"
_GONE = "SELECT project_id, state, encoder_id, -1 AS sign FROM gone"
_POSTGRESQL = {
    "item_counted_added": ("INSERT", "NEW TABLE AS fresh", _FRESH),
    "item_counted_deleted": ("DELETE", "OLD TABLE AS gone", _GONE),
    "item_counted_changed": (
        "UPDATE",
        "OLD TABLE AS gone NEW TABLE AS fresh",
        f"{_FRESH} UNION ALL {_GONE}",
    ),
}

# SQLite, where one writes at a time: a counter for each project.
_SQLITE = {
    "item_counter_made": """AFTER INSERT ON project BEGIN
        INSERT INTO item_counter (project_id, undecided, decided, flagged, disputed, waiting)
            VALUES (new.id, 0, 0, 0, 0, 0);
    END""",
    "item_counted_added": """AFTER INSERT ON item BEGIN
        UPDATE item_counter SET
            undecided = undecided + (new.state = 'undecided'),
            decided = decided + (new.state = 'decided'),
            flagged = flagged + (new.state = 'flagged'),
            disputed = disputed + (new.state = 'disputed'),
            waiting = waiting + (new.encoder_id IS NULL)
        WHERE project_id = new.project_id;
    END""",
    "item_counted_deleted": """AFTER DELETE ON item BEGIN
        UPDATE item_counter SET
            undecided = undecided - (old.state = 'undecided'),
            decided = decided - (old.state = 'decided'),
            flagged = flagged - (old.state = 'flagged'),
            disputed = disputed - (old.state = 'disputed'),
            waiting = waiting - (old.encoder_id IS NULL)
        WHERE project_id = old.project_id;
    END""",
    "item_counted_changed": """AFTER UPDATE OF state, encoder_id ON item BEGIN
        UPDATE item_counter SET
            undecided = undecided + (new.state = 'undecided') - (old.state = 'undecided'),
            decided = decided + (new.state = 'decided') - (old.state = 'decided'),
            flagged = flagged + (new.state = 'flagged') - (old.state = 'flagged'),
            disputed = disputed + (new.state = 'disputed') - (old.state = 'disputed'),
            waiting = waiting + (new.encoder_id IS NULL) - (old.encoder_id IS NULL)
        WHERE project_id = new.project_id;
    END""",
}


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "item_counter",
        sa.Column("id", big, nullable=False),
        sa.Column("project_id", big, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _COUNTED),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_item_counter_project_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_item_counter"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_item_counter_project_id_id", "item_counter", ["project_id", "id"])
    if op.get_bind().dialect.name == "postgresql":
        for name, (event, tables, changes) in _POSTGRESQL.items():
            op.execute(_FUNCTION.replace("called()", f"{name}()").replace("(changes)", f"({changes})"))
            op.execute(
                f"CREATE TRIGGER {name} AFTER {event} ON item REFERENCING {tables} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
            )
    else:
        for name, rule in _SQLITE.items():
            op.execute(f"CREATE TRIGGER {name} {rule}")
    op.execute(_ONCE)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name in _POSTGRESQL:
            op.execute(f"DROP TRIGGER {name} ON item")
            op.execute(f"DROP FUNCTION {name}()")
    else:
        for name in _SQLITE:
            op.execute(f"DROP TRIGGER {name}")
    op.drop_table("item_counter")
