"""a record of each backup.

Revision: 0010b, after 0009w
"""

import sqlalchemy as sa
from alembic import op

revision = "0010b"
down_revision = "0009w"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "backup",
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("restored", sa.Boolean(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backup")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_backup_taken_at"), "backup", ["taken_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_backup_taken_at"), table_name="backup")
    op.drop_table("backup")
