"""Who is signed in to the moderators' console; escalated reviews; reasons with a verdict."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sign_ins",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=120), nullable=False),
        sa.Column("visitor", sa.JSON(), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_ins")),
    )
    op.create_table(
        "visits",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=120), nullable=False),
        sa.Column("visitor", sa.JSON(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_visits")),
    )
    for name in ("escalated_by", "escalator"):
        op.add_column("reviews", sa.Column(name, sa.String(length=120), nullable=False, server_default=""))
    op.create_index("ix_reviews_state_opened", "reviews", ["state", "opened"])
    op.add_column("verdicts", sa.Column("reasons", sa.JSON(), nullable=False, server_default="[]"))
