"""Checkpoints for the stories."""

from __future__ import annotations

from tests.models.conftest import tiny_checkpoint

__all__ = ["tiny_checkpoint"]
