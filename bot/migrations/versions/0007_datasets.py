"""The golden set, what is held out from training, and questions that a reviewer has put in other words."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "golden",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("scenario", sa.String(length=32), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("prompt", sa.JSON(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("critical", sa.Boolean(), nullable=False),
        sa.Column("user", sa.String(length=120), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_golden")),
    )
    op.create_index("ix_golden_scenario", "golden", ["scenario"])
    op.create_table(
        "splits",
        sa.Column("scenario", sa.String(length=32), nullable=False),
        sa.Column("turn_id", sa.String(length=32), nullable=False),
        sa.Column("split", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("scenario", "turn_id", name=op.f("pk_splits")),
    )
    op.create_index("ix_splits_turn_id", "splits", ["turn_id"])
    op.add_column("reviews", sa.Column("question", sa.Text(), nullable=False, server_default=""))
