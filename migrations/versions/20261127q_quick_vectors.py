"""the encoder of the quick vectors that a project works with until its full ones are complete.

Revision: 0014q, after 0013t
"""

import sqlalchemy as sa
from alembic import op

revision = "0014q"
down_revision = "0013t"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "project",
        sa.Column("quick_encoder_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    )


def downgrade() -> None:
    op.drop_column("project", "quick_encoder_id")
