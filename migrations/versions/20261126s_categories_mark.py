"""a mark on the project that changes with its categories.

Revision: 0004s, after 0003p
"""

import sqlalchemy as sa
from alembic import op

revision = "0004s"
down_revision = "0003p"
branch_labels = None
depends_on = None


def upgrade() -> None:
    mark = sa.Column("categories_mark", sa.String(length=16), nullable=False, server_default="")
    op.add_column("project", mark)


def downgrade() -> None:
    op.drop_column("project", "categories_mark")
