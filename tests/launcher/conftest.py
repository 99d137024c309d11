"""A folder for each test of the launcher."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that PostgreSQL's system user can reach (pytest's tmp_path is private)."""
    path = Path(os.environ["HUB_DATA_DIR"]) / f"launcher-{uuid4().hex[:8]}"
    path.mkdir()
    yield path
    shutil.rmtree(path)
