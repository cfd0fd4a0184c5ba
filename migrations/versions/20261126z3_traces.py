"""what a job goes back to in a trace.

Revision: 0012b, after 0011b
"""

import sqlalchemy as sa
from alembic import op

revision = "0012b"
down_revision = "0011b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job", sa.Column("traceparent", sa.String(length=55), nullable=True))


def downgrade() -> None:
    op.drop_column("job", "traceparent")
