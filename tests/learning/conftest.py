"""The core's fixtures, for what it learns from."""

from __future__ import annotations

from tests.core.conftest import core, make_core
from tests.models.conftest import tiny_checkpoint

__all__ = ["core", "make_core", "tiny_checkpoint"]
