"""Fixtures of all tests. The servers themselves are started by the plugin tests/servers.py."""

import inspect
import os
from collections.abc import Generator, Iterator

import pytest

from tests import database

pytest_plugins = ["tests.browser", "tests.simulator.fixtures"]


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest,
    django_test_environment: None,
    django_db_blocker: pytest.FixtureRequest,
) -> Iterator[None]:
    """Clone the migrated template instead of pytest-django's migrating a database per run."""
    from django.db import connections

    database.create(rebuild=request.config.getoption("create_db"))
    database.use_fast_flush()
    yield
    for connection in connections.all(initialized_only=True):
        connection.close()
        if hasattr(connection, "close_pool"):
            connection.close_pool()
    database.destroy()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse async tests whose rows would really be committed, and leak into later tests.

    Django's test transaction belongs to one thread; an async test's queries run on another. Use
    `transaction=True`, or a sync test with `async_to_sync`, which stays on the connection.
    """
    function = getattr(item, "function", None)
    if not inspect.iscoroutinefunction(function):
        return
    names = set(getattr(item, "fixturenames", ()))
    marker = item.get_closest_marker("django_db")
    transactional = "transactional_db" in names or bool(marker and marker.kwargs.get("transaction"))
    if (marker or "db" in names) and not transactional:
        pytest.fail("An async test needs django_db(transaction=True).", pytrace=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was skipped, since a skip is easily taken for a pass."""
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped and not os.environ.get("CI"):
        terminalreporter.write_line(f"{len(skipped)} skipped here would fail in CI.", yellow=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where CI is set, turn a skipped test into a failure: CI installs whatever a test needs."""
    report = yield
    if not hasattr(report, "wasxfail"):
        _forbid_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a file that skips itself as a whole."""
    report = yield
    _forbid_skip(report)
    return report


def _forbid_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
