"""Who was told that an adapter has learned from them."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("turn_id", sa.String(length=32), nullable=False),
        sa.Column("user", sa.String(length=120), nullable=False),
        sa.Column("adapter", sa.String(length=120), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("after", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("turn_id", "user", name=op.f("pk_notices")),
    )
    op.create_index("ix_notices_user", "notices", ["user"])
