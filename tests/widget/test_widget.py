"""The widget in Chromium, as it is built, on anybody's pages: each file of `browser` is a part."""

import gzip
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from romashka_worker.guard import asks_for_human

from tests.support.chromium import chromium_environment
from tests.support.javascript import BIN, NODE, WORKSPACE, install_packages
from tests.support.stacks import RunningStack, undisturbed

WIDGET = WORKSPACE / "widget"
PARTS = Path(__file__).parent / "browser"
STRINGS = WIDGET / "src" / "strings"

pytestmark = pytest.mark.timeout(300)  # the parts' own waits end long before


@pytest.fixture(scope="module")
def stack(patient_stack: RunningStack) -> Iterator[RunningStack]:
    """A stack on which nothing happens by itself."""
    with undisturbed(patient_stack):
        yield patient_stack


@pytest.fixture(scope="module")
def widget(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built widget."""
    install_packages(WORKSPACE)
    folder = tmp_path_factory.mktemp("widget")
    build = [NODE, "build.mjs", "--outDir", folder]
    built = subprocess.run(build, cwd=WIDGET, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.mark.parametrize(
    "name", sorted(path.name.split(".")[0] for path in PARTS.glob("*.test.mjs"))
)
def test_the_widget_does_what_it_says(widget: Path, stack: RunningStack, name: str) -> None:
    """Customers meet Romashka here."""
    environment = {
        "API_URL": stack.api_url,
        "ANON_KEY": stack.anon_key,
        "SERVICE_ROLE_KEY": stack.service_role_key,
        "WIDGET": str(widget),
    }
    done = subprocess.run(
        [NODE, "--test", "--test-reporter=spec", PARTS / f"{name}.test.mjs"],
        env=os.environ | chromium_environment() | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_no_larger_than_promised(widget: Path) -> None:
    """The button is on every page; all of it, with one language, is what a customer waits for."""

    def size(file: Path) -> int:
        return len(gzip.compress(file.read_bytes()))

    launcher = size(widget / "romashka-widget.js")
    (window,) = widget.glob("romashka-window-*.js")
    languages = list((widget / "locales").glob("*.js"))
    assert len(languages) == 12
    assert launcher <= 6_000
    assert launcher + size(window) + max(map(size, languages)) <= 60_000


@pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("openssl")), reason="the command needs them"
)
def test_the_documented_command_prints_the_hash_of_a_script(widget: Path) -> None:
    """Who serves a build reads there what the tag takes."""
    docs = (WORKSPACE / "docs" / "widget.md").read_text(encoding="utf-8")
    [command] = re.findall(r"^echo .*openssl.*$", docs, re.MULTILINE)
    here = re.sub(
        r"https://\S+/romashka-widget\.js", (widget / "romashka-widget.js").as_uri(), command
    )
    printed = subprocess.run(["sh", "-c", here], capture_output=True, text=True, check=True).stdout
    assert printed == (widget / "integrity.txt").read_text()


def _texts(language: str) -> dict[str, str]:
    code = (STRINGS / f"{language}.ts").read_text(encoding="utf-8")
    return dict(re.findall(r'^  (\w+):\s+"(.*)",$', code, re.MULTILINE))


@pytest.mark.parametrize("language", "ar de en es fr it ja nl pl pt tr uk".split())
def test_each_language_says_everything(language: str) -> None:
    """A text that is missing, or is English still, is found before a customer finds it."""
    english, told = _texts("en"), _texts(language)
    holes = {name: sorted(re.findall(r"{\w+}", text)) for name, text in english.items()}
    assert {name: sorted(re.findall(r"{\w+}", text)) for name, text in told.items()} == holes
    same = {name for name, text in told.items() if text == english[name]}
    assert language == "en" or same <= {"says", "ai", "file"}
    assert asks_for_human(told["humanRequest"])


def test_the_code_is_sound_and_formatted(tmp_path: Path) -> None:
    """`npm run check` says what is wrong, `npm run format` mends the rest."""
    install_packages(WORKSPACE)
    types = [BIN / "tsc", "-p", "tsconfig.types.json", "--outDir", tmp_path]
    for command in ([BIN / "tsc"], types, [BIN / "prettier", "--check", "."]):
        checked = subprocess.run(command, cwd=WIDGET, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "createWidget" in (tmp_path / "package.d.ts").read_text()
