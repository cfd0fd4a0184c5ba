"""tasks are found by their item: an item is erased and a question handed out without reading all tasks.

Revision: 0013t, after 0012b
"""

from alembic import op

revision = "0013t"
down_revision = "0012b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_task_item_id", "task", ["item_id"])


def downgrade() -> None:
    op.drop_index("ix_task_item_id", "task")
