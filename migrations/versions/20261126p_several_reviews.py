"""Several people may be asked about one item.

Revision: 0003p, after 0002h
"""

import sqlalchemy as sa
from alembic import op

revision = "0003p"
down_revision = "0002h"
branch_labels = None
depends_on = None

_OPEN = {"sqlite_where": sa.text("open = 1"), "postgresql_where": sa.text("open")}


def upgrade() -> None:
    op.add_column("task", sa.Column("slot", sa.Integer(), server_default="0", nullable=False))
    op.add_column("task", sa.Column("reviews", sa.Integer(), server_default="1", nullable=False))
    op.add_column("decision", sa.Column("partial", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.drop_index("uq_task_item_open", table_name="task", **_OPEN)
    op.create_index("uq_task_item_slot_open", "task", ["item_id", "slot"], unique=True, **_OPEN)
    op.create_index("uq_task_item_holder_open", "task", ["item_id", "holder"], unique=True, **_OPEN)


def downgrade() -> None:
    op.drop_index("uq_task_item_holder_open", table_name="task", **_OPEN)
    op.drop_index("uq_task_item_slot_open", table_name="task", **_OPEN)
    # One open question for an item again: the others of it are asked no more.
    op.execute("UPDATE task SET open = false WHERE slot > 0")
    op.create_index("uq_task_item_open", "task", ["item_id"], unique=True, **_OPEN)
    op.drop_column("decision", "partial")
    op.drop_column("task", "reviews")
    op.drop_column("task", "slot")
