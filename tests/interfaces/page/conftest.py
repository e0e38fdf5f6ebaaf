"""A browser for the tests of the page, one per file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.page import Look, browser, looking


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as running:
        yield running


@pytest.fixture
def look(chromium: Any) -> Iterator[Look]:
    with looking(chromium) as opener:
        yield opener
