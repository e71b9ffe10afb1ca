"""Tests that want what this machine lacks are named at the end, and fail where nothing may lack.

A test that does not apply here (another system, an older server, one of several databases) wants
nothing: it is left out when tests are collected.
"""

import os
from collections import defaultdict
from collections.abc import Generator
from typing import Any

import pytest
from romashka_local.postgres import find_binaries


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and _must_have_all(item.config):
        report.outcome = "failed"
        report.longrepr = f"not tested: {_reason(report)}"
    return report


def _must_have_all(config: pytest.Config) -> bool:
    in_ci = os.environ.get("CI", "").lower() not in ("", "0", "false")
    return in_ci or bool(config.getoption("--no-skips"))


def _reason(report: Any) -> str:
    """Return why a test was skipped."""
    _, _, reason = report.longrepr
    return str(reason).removeprefix("Skipped: ")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    wanting: dict[str, set[str]] = defaultdict(set)
    for report in terminalreporter.stats.get("skipped", []):
        wanting[_reason(report)].add(report.nodeid.partition("[")[0])
    if wanting:
        terminalreporter.section("not tested, for want of something")
    for reason, names in sorted(wanting.items()):
        terminalreporter.line(reason)
        for name in sorted(names):
            terminalreporter.line(f"  {name}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if not _applies(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _applies(item: pytest.Item) -> bool:
    """Tell whether a test's marks let it be here."""
    parameters = getattr(item, "callspec", None)
    values = parameters.params.values() if parameters else ()
    return (
        all(mark.args[0] for mark in item.iter_markers("applies_if"))
        and not any(set(mark.args) & set(map(str, values)) for mark in item.iter_markers("not_for"))
        and all(mark.args[0] <= _server(item.config) for mark in item.iter_markers("from_postgres"))
    )


def _server(config: pytest.Config) -> int:
    """Return the major version of the server that the tests run on."""
    return find_binaries(config.getoption("--postgres-bin")).major_version
