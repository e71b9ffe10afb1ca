"""What `make build` makes, used as its users do: in an environment that has nothing else."""

import asyncio
import email
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from email.message import Message
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from tests.packaging.builds import (
    REPOSITORY,
    build,
    build_wheel,
    copy_checkout,
    install,
    members,
    tracked,
)
from tests.support.chromium import chromium_environment
from tests.support.folders import make_folder
from tests.support.javascript import BIN, NODE, NPM, WORKSPACE, install_packages
from tests.support.stacks import ROOT

pytestmark = pytest.mark.timeout(300)

HERE = Path(__file__).parent
_CLEAN = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("PYTHON", "ROMASHKA", "SUPABASE", "OPENAI", "VIRTUAL_ENV"))
}

_IMPORT_ALL = """
const found = {};
for (const name of process.argv.slice(1)) {
  const json = name.endsWith(".json");
  const entry = await (json ? import(name, { with: { type: "json" } }) : import(name));
  found[name] = Object.keys(entry).length;
}
console.log(JSON.stringify(found));
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    install_packages(WORKSPACE)
    return copy_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def dist(checkout: Path) -> Path:
    """What one `make build` made."""
    return build(checkout)


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    [built] = dist.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path) -> Iterator[Path]:
    """A folder with an environment of the wheel's in `env`; Postgres' account may enter it."""
    folder = make_folder()
    folder.chmod(0o755)
    try:
        install(wheel, folder / "env", "local,worker")
        yield folder
    finally:
        shutil.rmtree(folder)


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return email.message_from_bytes(archive.read(name))


def links(text: str) -> list[str]:
    return re.findall(r"\]\(([^)]+)\)", text)


def test_the_wheel_carries_what_runs_without_the_checkout(wheel: Path) -> None:
    """Migrations, functions, inbox and widget are files, and licences ask to come along."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    sql = {
        f"romashka/{name}"
        for name in tracked()
        if name.startswith("supabase/") and name.endswith((".sql", ".ts"))
    }

    assert sql <= names
    assert {"romashka/inbox/index.html", "romashka/inbox/.vite/license.md"} <= names
    assert {"romashka/widget/romashka-widget.js", "romashka/widget/license.md"} <= names
    assert any(re.fullmatch(r"romashka-.*\.dist-info/licenses/LICENSE", name) for name in names)
    assert not [name for name in names if ".env" in name or "node_modules" in name]


def test_the_readme_is_whole_and_its_links_lead_somewhere(wheel: Path, checkout: Path) -> None:
    """PyPI shows it away from the repository, where a relative link leads nowhere."""
    said = metadata(wheel)
    readme = (ROOT / "README.md").read_text("utf-8")
    shown = str(said.get_payload(decode=True), "utf-8")  # type: ignore[arg-type]  # it is bytes
    pages = links(readme)

    assert said["Description-Content-Type"] == "text/markdown"
    assert said["License-Expression"] == "MIT"
    assert said["Metadata-Version"] == "2.4"
    assert said.get_all("Project-URL") == [f"Repository, {REPOSITORY}"]
    assert shown.splitlines()[0] == readme.splitlines()[0]
    assert len(shown.splitlines()) == len(readme.splitlines())
    assert links(shown) == [f"{REPOSITORY}/blob/v{said['Version']}/{page}" for page in pages]


def test_where_no_repository_is_named_the_readme_has_plain_words(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link to nowhere is worse than none. It is also the image's build: from what it copies."""
    monkeypatch.delenv("REPOSITORY_URL", raising=False)
    context = tmp_path / "context"
    context.mkdir()
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text().replace("\\\n", " ")
    for line in re.findall(r"^COPY (?!--from)(.*)$", dockerfile, re.MULTILINE):
        *sources, _ = line.split()
        for source in sources:
            whole = checkout / source
            take = shutil.copytree if whole.is_dir() else shutil.copy
            (context / source).parent.mkdir(parents=True, exist_ok=True)
            take(whole, context / source)
    built = build_wheel(context, tmp_path)
    said = metadata(built)
    with zipfile.ZipFile(built) as archive:
        names = archive.namelist()

    assert said.get_all("Project-URL") is None
    assert links(str(said.get_payload(decode=True), "utf-8")) == []  # type: ignore[arg-type]
    assert "romashka/supabase/config.toml" in names
    assert "romashka_worker/__main__.py" in names


def test_the_sdist_is_the_repository(dist: Path) -> None:
    """Distributors build and test from it; a folder that is forgotten here is missed there."""
    [sdist] = dist.glob("romashka-*.tar.gz")
    with tarfile.open(sdist) as archive:
        inside = {str(name) for name in members(archive.getnames())}
    made = {name for name in inside if name.startswith(("inbox/dist/", "widget/dist/"))}

    assert inside - made == tracked() - {".ci/run"} | {"PKG-INFO"}
    assert {"inbox/dist/index.html", "widget/dist/romashka-widget.js"} <= made


def test_a_second_build_is_the_same(dist: Path, tmp_path: Path) -> None:
    """Whoever doubts what was published can build it again, anywhere and at any time."""
    again = build(copy_checkout(tmp_path))

    assert digests(again) == digests(dist)
    assert len(digests(dist)) == 4


def digests(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(
        [folder / "env" / "bin" / "romashka", *command],
        cwd=folder,
        env=_CLEAN,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_an_installed_stack_and_worker_answer_a_customer(environment: Path) -> None:
    """The first hour of who installs it, with nothing but what the wheel brings and names."""
    async with running(environment, "start", "--json", "--port", "0", "--db-port", "0") as stack:
        assert stack.stdout is not None
        said = await stack.stdout.readline()
        inbox = await asyncio.to_thread(httpx.get, f"{json.loads(said)['API_URL']}/inbox/")
        async with running(environment, "worker") as worker:
            assert worker.stdout is not None
            async for line in worker.stdout:
                if b"worker.started" in line:
                    break
            sent = ["send", "What is Romashka?", "--customer", "one", "--wait", "30", "--json"]
            answer = await asyncio.to_thread(run, environment, *sent)

    assert json.loads(answer)["message"]["sender_type"] == "ai"
    assert (inbox.status_code, "<script" in inbox.text) == (200, True)


def test_the_installed_command_says_its_version(environment: Path, wheel: Path) -> None:
    """It is the first question of any report."""
    assert metadata(wheel)["Version"] in run(environment, "--version")


@asynccontextmanager
async def running(folder: Path, *command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a command of the environment until the block is left, as Ctrl-C ends it."""
    process = await asyncio.create_subprocess_exec(
        folder / "env" / "bin" / "romashka", *command,
        cwd=folder, env=_CLEAN, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        try:
            await asyncio.wait_for(process.communicate(), 20)
        finally:
            if process.returncode is None:
                process.kill()


@pytest.fixture(scope="module")
def project(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of somebody's, with the npm package and what it asks for beside it."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(HERE / "project", folder, dirs_exist_ok=True)
    [package] = dist.glob("romashka-[0-9]*.tgz")
    install = [*NPM, "install", "--offline", "--legacy-peer-deps", "--silent", "--no-audit"]
    subprocess.run([*install, str(package)], cwd=folder, check=True)
    for name in ("@supabase", "@types", "react", "csstype"):
        (folder / "node_modules" / name).symlink_to(WORKSPACE / "node_modules" / name)
    return folder


def test_the_installed_package_has_types_for_all_that_it_exports(project: Path) -> None:
    """A strict project of its users, which reads the declarations, too; Supabase's are not ours."""
    checked = subprocess.run(
        [BIN / "tsc", "-p", "."], cwd=project, capture_output=True, text=True, check=False
    )
    ours = re.findall(r"^(?:main\.ts|node_modules/romashka/).*", checked.stdout, re.MULTILINE)

    assert ours == []


def test_node_imports_each_entry_of_the_installed_package(project: Path) -> None:
    """A file that `exports` names and the package lacks is found by its users only."""
    package = json.loads((project / "node_modules" / "romashka" / "package.json").read_text())
    entries = [entry.replace(".", "romashka", 1) for entry in package["exports"]]
    code = (HERE / "project" / "main.ts").read_text()
    done = subprocess.run(
        [NODE, "--input-type=module", "--eval", _IMPORT_ALL, *entries],
        cwd=project, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) == set(entries)
    assert all(f'"{entry}"' in code for entry in entries if not entry.endswith(".json"))


def test_a_browser_runs_the_installed_package(project: Path) -> None:
    """A bundler must find nothing of Node's in it, and a browser what the page asks of it."""
    done = subprocess.run(
        [NODE, project / "browser.mjs", WORKSPACE],
        cwd=project, env=os.environ | chromium_environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "Romashka RomashkaError"


def test_the_package_has_its_licence_and_readme(project: Path) -> None:
    """npm's page shows the one, and whoever ships the other's code needs it."""
    package = project / "node_modules" / "romashka"

    assert (package / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert (package / "README.md").read_text().startswith("# romashka\n")


def test_what_the_command_tells_to_install_is_found_without_a_registry(environment: Path) -> None:
    """`pip install 'romashka[worker]'` asks for the extras of what is installed already."""
    python = str(environment / "env" / "bin" / "python")
    wanted = ["install", "--no-index", "--dry-run", "romashka[local,worker]"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, *wanted],
        env=_CLEAN, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
