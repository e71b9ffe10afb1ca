"""The TypeScript SDK: it compiles, strictly, and its own tests pass in Node, React and Chromium."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.javascript import find_node, install_packages
from tests.support.stacks import RunningStack

SDK = Path(__file__).parents[2] / "sdk" / "typescript"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")

pytestmark = pytest.mark.timeout(300)  # the tests' own waits end long before


@pytest.fixture(scope="module")
def sdk() -> Path:
    """The package, built and type-checked with its tests, as `npm test` does it."""
    find_node()
    install_packages(SDK)
    for project in ("tsconfig.build.json", "tsconfig.test.json"):
        compiled = subprocess.run(
            [SDK / "node_modules/.bin/tsc", "-p", project],
            cwd=SDK,
            capture_output=True,
            text=True,
            check=False,
        )
        assert compiled.returncode == 0, compiled.stdout
    return SDK


def run_tests(file: Path, stack: RunningStack, react: int = 19) -> None:
    """Run one file of tests against the stack."""
    keys = {
        "API_URL": stack.api_url,
        "ANON_KEY": stack.anon_key,
        "SERVICE_ROLE_KEY": stack.service_role_key,
        "JWT_SECRET": stack.jwt_secret,
        "REACT": str(react),
    }
    done = subprocess.run(
        [find_node(), "--test", "--test-reporter=spec", file],
        env=os.environ | keys,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "name", sorted(path.name.split(".")[0] for path in SDK.glob("tests/*.test.ts*"))
)
def test_the_package_does_what_it_says(sdk: Path, stack: RunningStack, name: str) -> None:
    """Its users are browsers and Node: what it promises is tested there."""
    if name == "browser" and not Path(CHROMIUM).exists():
        pytest.skip(f"there is no Chromium at {CHROMIUM}; name one with CHROMIUM=<path>")
    run_tests(sdk / "build" / f"{name}.test.js", stack)


def test_the_hooks_work_with_react_18(sdk: Path, stack: RunningStack) -> None:
    """Many inboxes still have it."""
    project = sdk / "tests" / "react18"
    install_packages(project)
    installed = project / "node_modules" / "romashka"
    shutil.copytree(sdk / "dist", installed / "dist", dirs_exist_ok=True)
    shutil.copy(sdk / "package.json", installed)
    shutil.copytree(sdk / "build", project / "build", dirs_exist_ok=True)

    run_tests(project / "build" / "react.test.js", stack, react=18)


def test_the_code_is_formatted(sdk: Path) -> None:
    """`npm run format` does it."""
    prettier = [sdk / "node_modules/.bin/prettier", "--check", "."]
    checked = subprocess.run(prettier, cwd=sdk, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr
