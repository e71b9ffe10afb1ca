"""The TypeScript SDK: it compiles, strictly, and its own tests pass in Node, React and Chromium."""

import asyncio
import gzip
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.support.chromium import chromium_environment
from tests.support.customers import service_of
from tests.support.javascript import BIN, NPM, WORKSPACE, find_node, install_packages
from tests.support.scripted import CONVERSATION, SCENARIOS, playing, read_scenarios
from tests.support.stacks import RunningStack

ROOT = Path(__file__).parents[2]
SDK = ROOT / "sdk" / "typescript"
PAGES = [ROOT / "docs" / name for name in ("sdk-typescript.md", "stores.md", "identity.md")]

OPTIONS = ["--test-reporter=spec", "--input-type=module"]

pytestmark = pytest.mark.timeout(300)  # the tests' own waits end long before


@pytest.fixture(scope="module")
def sdk() -> Path:
    """The package, built and type-checked with its tests and the examples of its page."""
    find_node()
    install_packages(WORKSPACE)
    write_examples(SDK / "tests" / "docs")
    for project in ("tsconfig.build.json", "tsconfig.test.json"):
        compiled = subprocess.run(
            [BIN / "tsc", "-p", project],
            cwd=SDK,
            capture_output=True,
            text=True,
            check=False,
        )
        assert compiled.returncode == 0, compiled.stdout
    return SDK


def write_examples(folder: Path) -> None:
    """Make a module of each example: example_1.ts is the first."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join(page.read_text() for page in PAGES)
    examples = re.findall(r"^```(tsx?)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    for number, (suffix, code) in enumerate(examples, start=1):
        (folder / f"example_{number}.{suffix}").write_text(code)


def run_tests(
    build: Path, names: Iterable[str], stack: RunningStack, browser: Mapping[str, str] | None = None
) -> None:
    """Run files of tests against the stack, all in one process: most of their time they wait."""
    keys = {
        "API_URL": stack.api_url,
        "ANON_KEY": stack.anon_key,
        "SERVICE_ROLE_KEY": stack.service_role_key,
        "JWT_SECRET": stack.jwt_secret,
        "SCENARIOS": str(SCENARIOS),
        "SCENARIOS_CONVERSATION": CONVERSATION,
    }
    imports = "".join(f'import "{(build / f"{name}.test.js").as_uri()}";' for name in names)
    with playing(read_scenarios()) as url:
        done = subprocess.run(
            [find_node(), "--test-force-exit", *OPTIONS, "--eval", imports],
            env=os.environ | keys | (browser or {}) | {"SCENARIOS_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass 0" not in done.stdout


def install_with_package(sdk: Path, project: Path) -> None:
    """Install what a project names, and the package beside it."""
    install_packages(project)
    installed = project / "node_modules" / "romashka"
    shutil.copytree(sdk / "dist", installed / "dist", dirs_exist_ok=True)
    shutil.copy(sdk / "package.json", installed)


def named(pattern: str) -> set[str]:
    """Return the names of the files of tests that the pattern finds."""
    return {path.name.split(".")[0] for path in SDK.glob(f"tests/{pattern}")}


def test_the_package_does_what_it_says(sdk: Path, stack: RunningStack) -> None:
    """Its users are browsers and Node; this is Node."""
    run_tests(sdk / "build", sorted(named("*.test.ts") - {"browser"}), stack)


def test_the_package_works_in_chromium(sdk: Path, stack: RunningStack) -> None:
    """Pages are frozen, and go offline; and the page's inbox is one that can be looked at."""
    examples = [path.read_text() for path in (sdk / "build" / "docs").glob("example_*.js")]
    [example] = (code for code in examples if "useInboxView({ limit: 20 })" in code)
    bundle = sdk / "build" / "inbox.js"
    bundle.write_bytes(bundled(sdk, example))
    environment = chromium_environment() | {"INBOX_EXAMPLE": str(bundle)}
    run_tests(sdk / "build", ["browser"], stack, environment)


def bundled(sdk: Path, code: str) -> bytes:
    """Return a module with all that it imports, as a page loads it."""
    project = sdk / "tests" / "size"
    install_packages(project)
    esbuild = [project / "node_modules/.bin/esbuild", "--bundle", "--minify", "--format=esm"]
    return subprocess.run(
        [*esbuild, "--target=es2022", '--define:process.env.NODE_ENV="production"'],
        cwd=sdk, input=code.encode(), capture_output=True, check=True,
    ).stdout  # fmt: skip


def test_the_hooks_work_with_react(sdk: Path, stack: RunningStack) -> None:
    """An inbox and a window, mounted."""
    run_tests(sdk / "build", sorted(named("*.test.tsx")), stack)


@pytest.mark.parametrize(
    ("framework", "names"), [("react18", ["chat", "hooks", "react"]), ("preact", ["hooks"])]
)
def test_the_hooks_work_with_other_frameworks(
    sdk: Path, stack: RunningStack, framework: str, names: list[str]
) -> None:
    """Many inboxes still have React 18, and a widget has no room for more than Preact."""
    project = sdk / "tests" / framework
    install_with_package(sdk, project)
    shutil.copytree(sdk / "build", project / "build", dirs_exist_ok=True)

    run_tests(project / "build", names, stack)


def test_jest_takes_the_package_with_the_configuration_of_the_page(sdk: Path) -> None:
    """It knows CommonJS alone, and what it is told to transform."""
    project = sdk / "tests" / "jest"
    install_with_package(sdk, project)
    configuration = json.loads((project / "package.json").read_text())["jest"]
    page = (ROOT / "docs" / "sdk-typescript.md").read_text()
    jest = [find_node(), project / "node_modules/.bin/jest", "--coverage=false"]
    done = subprocess.run(jest, cwd=project, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert (
        f"transformIgnorePatterns: {json.dumps(configuration['transformIgnorePatterns'])}" in page
    )


def test_a_server_component_takes_the_core(sdk: Path) -> None:
    """Next.js loads what it imports under this condition: React has no hooks there."""
    code = 'import "romashka"; import "romashka/parts"'
    done = subprocess.run(
        [find_node(), "--conditions=react-server", "--input-type=module", "--eval", code],
        cwd=sdk, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr


SIZES = {
    "Core, Threads": 30_500,
    "Core, Threads, Views": 32 * 1024,
    "Core, Conversations": 34_000,
    "Client": 40 * 1024,
}
"""In bytes, on the parts; what an application adds to its page."""


def test_the_package_is_no_larger_than_its_page_says(sdk: Path) -> None:
    """A widget has no room; what is larger was wanted, or a mistake."""
    sizes = {}
    for names in SIZES:
        code = (
            f'import {{ {names} }} from "romashka";'
            'import { connectParts } from "romashka/parts";'
            f"globalThis.all = [{names}, connectParts];"
        )
        sizes[names] = len(gzip.compress(bundled(sdk, code)))

    assert {names: size for names, size in sizes.items() if size > SIZES[names]} == {}


async def test_the_chat_of_the_page_works(sdk: Path, stack: RunningStack) -> None:
    """It is what people try first."""
    chat = await asyncio.create_subprocess_exec(
        find_node(), "--import", sdk / "build" / "websocket.js", sdk / "build/docs/example_1.js",
        env=os.environ | {"SUPABASE_URL": stack.api_url, "SUPABASE_ANON_KEY": stack.anon_key},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said = asyncio.create_task(chat.communicate(b"What is Romashka?\n\n"))
    try:
        await answer_until(said, stack)
    finally:
        if chat.returncode is None:
            chat.kill()

    assert b"> An inbox." in (await said)[0]
    assert chat.returncode == 0


async def answer_until(over: asyncio.Future[tuple[bytes, bytes]], stack: RunningStack) -> None:
    """Be the worker, whoever asks."""
    async with service_of(stack) as service:
        while not over.done():
            for job in await service.call("get_next_ai_response_job", max_jobs=1, wait_seconds=1):
                answer = {"job_id": job["job_id"], "attempt": job["attempt"], "action": "reply"}
                results = [answer | {"ai_response": "An inbox."}]
                await service.call("complete_ai_response_jobs", results=results)


def test_the_package_has_what_its_users_need(sdk: Path) -> None:
    """What is missing in it, they cannot add; and a relative link leads nowhere there."""
    packed = subprocess.run(
        [*NPM, "pack", "--dry-run", "--json", "--ignore-scripts"],
        cwd=sdk,
        capture_output=True,
        text=True,
        check=True,
    )
    files = {file["path"] for file in json.loads(packed.stdout)[0]["files"]}
    exports = json.loads((sdk / "package.json").read_text())["exports"]
    named = {path.removeprefix("./") for path in exports.values()}

    assert {"LICENSE", "README.md", "dist/index.js.map", "dist/index.d.ts"} | named <= files
    assert not re.findall(r"\]\((?!https?:)", (sdk / "README.md").read_text())
    for hooks in ("react", "compat/react"):
        assert (sdk / "dist" / hooks / "index.js").read_text().startswith('"use client"')


def test_the_code_is_formatted(sdk: Path) -> None:
    """`npm run format` does it."""
    prettier = [BIN / "prettier", "--check", "."]
    checked = subprocess.run(prettier, cwd=sdk, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr
