"""whether a job failed because of what it was given.

Revision: 0016f, after 0015c
"""

import sqlalchemy as sa
from alembic import op

revision = "0016f"
down_revision = "0015c"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job", sa.Column("refused", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("job", "refused")
