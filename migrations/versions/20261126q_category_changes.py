"""Categories can be merged and split, and that taken back.

Revision: 0007p, after 0006h
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007p"
down_revision = "0006h"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _json() -> sa.types.TypeEngine:
    return sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "category_change",
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("category_id", _ID, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("before", _json(), nullable=False),
        sa.Column("after", _json(), nullable=False),
        sa.Column("says", _json(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("actor_name", sa.String(length=100), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(length=100), nullable=True),
        sa.Column("id", _ID, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name="fk_category_change_category_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name="fk_category_change_project_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_category_change"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_category_change_project_id_id", "category_change", ["project_id", "id"])
    op.create_index("ix_category_change_category_id", "category_change", ["category_id"])
    op.add_column("category", sa.Column("merged_into_id", _ID, nullable=True))


def downgrade() -> None:
    op.drop_column("category", "merged_into_id")
    op.drop_table("category_change")
