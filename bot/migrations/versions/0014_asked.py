"""Which message a turn was asked with."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("turns", sa.Column("asked", sa.String(length=140), nullable=False, server_default=""))
    op.create_index("ix_turns_asked", "turns", ["asked"])
