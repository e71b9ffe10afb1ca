"""The inbox in Chromium, as it is built, on a real stack: each file of `browser` is a part."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chromium import chromium_environment
from tests.support.javascript import BIN, NODE, WORKSPACE, install_packages
from tests.support.stacks import RunningStack, undisturbed

INBOX = WORKSPACE / "inbox"
PARTS = Path(__file__).parent / "browser"

pytestmark = pytest.mark.timeout(300)  # the parts' own waits end long before


@pytest.fixture(scope="module")
def stack(patient_stack: RunningStack) -> Iterator[RunningStack]:
    """A stack on which nothing happens by itself."""
    with undisturbed(patient_stack):
        yield patient_stack


def build(folder: Path, *options: str) -> Path:
    """Build the inbox into a folder."""
    vite = [BIN / "vite", "build", "--outDir", folder, "--logLevel", "error", *options]
    built = subprocess.run(vite, cwd=INBOX, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built inbox."""
    install_packages(WORKSPACE)
    return build(tmp_path_factory.mktemp("inbox"))


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each component in each of its states, built."""
    install_packages(WORKSPACE)
    return build(tmp_path_factory.mktemp("stories"), "--mode", "stories")


def run_part(name: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [NODE, "--test", "--test-reporter=spec", PARTS / f"{name}.test.mjs"],
        env=os.environ | chromium_environment() | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "name", sorted(path.name.split(".")[0] for path in PARTS.glob("*.test.mjs"))
)
def test_the_inbox_does_what_it_says(
    inbox: Path, stories: Path, stack: RunningStack, name: str
) -> None:
    """People work in it all day."""
    project = {
        "API_URL": stack.api_url,
        "ANON_KEY": stack.anon_key,
        "SERVICE_ROLE_KEY": stack.service_role_key,
    }
    run_part(name, project | {"INBOX": str(inbox), "STORIES": str(stories)})


def test_the_code_is_sound_and_formatted() -> None:
    """`npm run check` says what is wrong, `npm run format` mends the rest."""
    install_packages(WORKSPACE)
    for command in ([BIN / "tsc"], [BIN / "prettier", "--check", "."]):
        checked = subprocess.run(command, cwd=INBOX, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr
