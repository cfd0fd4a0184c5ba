"""a version that answers beside the serving one without being heard.

Revision: 0006h, after 0005t
"""

import sqlalchemy as sa
from alembic import op

revision = "0006h"
down_revision = "0005t"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("project", schema=None) as batch_op:
        batch_op.add_column(sa.Column("shadow_number", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("shadow_since", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("prediction", schema=None) as batch_op:
        batch_op.add_column(sa.Column("shadow_number", sa.Integer(), nullable=True))
        batch_op.add_column(
            sa.Column("shadow_category_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.add_column(sa.Column("shadow_confidence", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("shadow_agrees", sa.Boolean(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("prediction", schema=None) as batch_op:
        batch_op.drop_column("shadow_agrees")
        batch_op.drop_column("shadow_confidence")
        batch_op.drop_column("shadow_category_id")
        batch_op.drop_column("shadow_number")
    with op.batch_alter_table("project", schema=None) as batch_op:
        batch_op.drop_column("shadow_since")
        batch_op.drop_column("shadow_number")
