"""indexes that keep a page of a large pool as cheap as one of a small pool.

Revision: 0008i, after 0007p
"""

from alembic import op

revision = "0008i"
down_revision = "0007p"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_item_project_id_id", "item", ["project_id", "id"])
    op.create_index("ix_decision_project_id_action_created_at", "decision", ["project_id", "action", "created_at"])


def downgrade() -> None:
    op.drop_index("ix_decision_project_id_action_created_at", "decision")
    op.drop_index("ix_item_project_id_id", "item")
