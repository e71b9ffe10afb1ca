"""What of the tests was not tried is said, and where nothing may lack, it fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.stacks import ROOT

_TESTS = """
import pytest

@pytest.mark.parametrize("number", [1, 2])
def test_wants(number): pytest.skip("no unicorn here")

@pytest.mark.skipif(True, reason="no unicorn here")
def test_wants_too(): raise AssertionError

@pytest.mark.xfail(reason="known", strict=True)
def test_is_known_to_fail(): raise AssertionError

@pytest.mark.applies_if(False)
def test_is_for_others(): raise AssertionError

@pytest.mark.not_for("two")
@pytest.mark.parametrize("name", ["one", "two"])
def test_is_for_one(name): assert name == "one"

@pytest.mark.from_postgres(99)
def test_is_for_newer_servers(): raise AssertionError
"""


def run_pytest(folder: Path, *options: str, **environment: str) -> str:
    """Run tests of `folder` with the settings and the conftest.py of this project's."""
    (folder / "test_some.py").write_text(_TESTS)
    (folder / "conftest.py").write_text(
        "from tests.conftest import pytest_addoption, pytest_configure\n"
    )
    clean = {name: value for name, value in os.environ.items() if name != "CI"}
    ini = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *ini, "-p", "no:cacheprovider", *options, str(folder)],
        env=clean | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_what_lacks_is_named_once_at_the_end(tmp_path: Path) -> None:
    """A run that tried half must not read like one that tried everything."""
    said = run_pytest(tmp_path, "--numprocesses", "2")

    assert "1 passed, 3 skipped" in said
    assert "1 xfailed" in said
    assert said.count("no unicorn here") == 1
    assert "no unicorn here\n  test_some.py::test_wants\n  test_some.py::test_wants_too\n" in said
    assert "is_for_others" not in said


@pytest.mark.parametrize(("options", "ci"), [(["--no-skips"], ""), ([], "true")])
def test_what_lacks_fails_where_nothing_may(tmp_path: Path, options: list[str], ci: str) -> None:
    """Continuous integration that quietly tries less and less stays green for ever."""
    said = run_pytest(tmp_path, *options, CI=ci)

    assert "2 failed, 1 passed" in said
    assert "1 error" in said  # it was skipped before it began
    assert "1 xfailed" in said
    assert "not tested: no unicorn here" in said
