"""Buttons and notes of an answer, kept to be shown again."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("buttons", "notes"):
        op.add_column("turns", sa.Column(name, sa.JSON(), nullable=False, server_default="[]"))
