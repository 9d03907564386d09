"""Brokers for the tests in this folder: two that all share, and one of a test's own to kill."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.integration.broker_lab import Lab, OpenBroker, make_lab


async def _running(lab: Lab) -> AsyncIterator[Lab]:
    await lab.broker.start()
    yield lab
    await lab.broker.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    """The broker as we configure it, shared by all tests: do not kill it."""
    async for running in _running(make_lab(tmp_path_factory.mktemp("isolated"))):
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _open_lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    """The positive control."""
    async for running in _running(make_lab(tmp_path_factory.mktemp("open"), OpenBroker)):
        yield running


@pytest_asyncio.fixture
async def own_lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """A broker of the test's own, to kill at will."""
    async for running in _running(make_lab(tmp_path)):
        yield running
        await running.close_clients()


@pytest_asyncio.fixture
async def lab(_lab: Lab) -> AsyncIterator[Lab]:
    """The broker as we configure it; what a test left connected is closed."""
    yield _lab
    await _lab.close_clients()


@pytest_asyncio.fixture
async def open_lab(_open_lab: Lab) -> AsyncIterator[Lab]:
    """The wide open broker: the positive control."""
    yield _open_lab
    await _open_lab.close_clients()
