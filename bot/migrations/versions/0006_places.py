"""Settings of servers and channels, flags and the review queue."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

DUE = sa.text("card_revision < revision")


def upgrade() -> None:
    op.create_table(
        "place_settings",
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("server", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("setting", sa.String(length=32), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("platform", "server", "channel", "setting", name=op.f("pk_place_settings")),
    )
    op.create_table(
        "place_changes",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("server", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=120), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("setting", sa.String(length=32), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_place_changes")),
    )
    op.create_index("ix_place_changes_platform_server_number", "place_changes", ["platform", "server", "number"])
    op.create_table(
        "flags",
        sa.Column("turn_id", sa.String(length=32), nullable=False),
        sa.Column("user", sa.String(length=120), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("correction", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("turn_id", "user", name=op.f("pk_flags")),
    )
    op.create_index("ix_flags_user", "flags", ["user"])
    op.create_table(
        "reviews",
        sa.Column("turn_id", sa.String(length=32), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("server", sa.String(length=64), nullable=False),
        sa.Column("scenario", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("opened", sa.Double(), nullable=False),
        sa.Column("suggestion", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.String(length=120), nullable=False),
        sa.Column("claimer", sa.String(length=120), nullable=False),
        sa.Column("claimed_until", sa.Double(), nullable=True),
        sa.Column("decided_by", sa.String(length=120), nullable=False),
        sa.Column("decider", sa.String(length=120), nullable=False),
        sa.Column("decided", sa.Double(), nullable=True),
        sa.Column("correction", sa.Text(), nullable=False),
        sa.Column("card", sa.JSON(), nullable=True),
        sa.Column("card_revision", sa.Integer(), nullable=False),
        sa.Column("card_after", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("turn_id", name=op.f("pk_reviews")),
    )
    op.create_index(
        "ix_reviews_platform_server_state_opened", "reviews", ["platform", "server", "state", "opened"], unique=False
    )
    op.create_index("ix_reviews_card_after", "reviews", ["card_after"], sqlite_where=DUE, postgresql_where=DUE)
    op.create_table(
        "verdicts",
        sa.Column("turn_id", sa.String(length=32), nullable=False),
        sa.Column("user", sa.String(length=120), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("correction", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("turn_id", "user", name=op.f("pk_verdicts")),
    )
    op.create_index("ix_verdicts_user", "verdicts", ["user"])
