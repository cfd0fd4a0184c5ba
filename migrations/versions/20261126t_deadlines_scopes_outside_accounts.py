"""deadlines of questions, scopes of API keys, accounts of an outside identity provider.

Revision: 0005t, after 0004s
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005t"
down_revision = "0004s"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("task", sa.Column("deadline", sa.DateTime(timezone=True), nullable=True))
    scopes = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
    op.add_column("api_key", sa.Column("scopes", scopes, nullable=True))
    op.add_column("user", sa.Column("outside", sa.String(length=64), nullable=True))
    op.create_index("uq_user_outside", "user", ["outside"], unique=True)


def downgrade() -> None:
    op.drop_index("uq_user_outside", "user")
    op.drop_column("user", "outside")
    op.drop_column("api_key", "scopes")
    op.drop_column("task", "deadline")
