"""The functions as code: formatted, linted, typed; and the documented new channel, which works."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import deno
import httpx
import pytest

from tests.channels.functions import Database, serve_functions
from tests.support.stacks import CHANNEL_SECRETS, ROOT, RunningStack

FUNCTIONS = ROOT / "supabase" / "functions"
PAGE = (ROOT / "docs" / "channels.md").read_text()
SLUGS = sorted(path.parent.name for path in FUNCTIONS.glob("*/index.ts"))
SMS = {
    "id": "sms-1",
    "from": "+12025550142",
    "to": "+12025550100",
    "text": "Are you open?",
    "sent_at": "2026-01-02T15:04:05Z",
}


def run_deno(*arguments: str | Path, cwd: Path = FUNCTIONS) -> None:
    done = subprocess.run(
        [deno.find_deno_bin(), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("command", [["fmt", "--check"], ["lint"]])
def test_the_functions_are_written_as_deno_likes_them(command: list[str]) -> None:
    """`deno fmt` and `deno lint`, with the settings beside them."""
    run_deno(*command, "--config", "deno.json")


def test_the_functions_pin_what_they_import_alike() -> None:
    """They share code, so they share its versions; and what is deployed is what was tested."""
    pinned = [json.loads((FUNCTIONS / slug / "deno.json").read_text())["imports"] for slug in SLUGS]

    assert all(re.search(r"@\d+\.\d+\.\d+$", found) for each in pinned for found in each.values())
    assert len({each["@supabase/supabase-js"] for each in pinned}) == 1


@pytest.mark.parametrize("slug", SLUGS)
def test_the_functions_lock_what_they_import_with_hashes(slug: str) -> None:
    """A package that is replaced in the registry, or one that nobody looked at, is not run."""
    folder = FUNCTIONS / slug
    lock = json.loads((folder / "deno.lock").read_text())

    assert json.loads((folder / "deno.json").read_text())["lock"]["frozen"] is True
    assert all(found["integrity"].startswith("sha512-") for found in lock["npm"].values())
    # Supabase's runtime reads no later form than Deno 2.1's; one that it cannot read stops it.
    assert lock["version"] == "4"
    run_deno("cache", "index.ts", cwd=folder)


def test_an_import_that_is_not_locked_is_refused(tmp_path: Path) -> None:
    """The lock file is read, and not written."""
    folder = tmp_path / "functions" / SLUGS[0]
    shutil.copytree(FUNCTIONS, tmp_path / "functions")
    lock = json.loads((folder / "deno.lock").read_text())
    name, found = next(
        (name, found) for name, found in lock["npm"].items() if "supabase-js@" in name
    )
    lock["npm"][name] = found | {"integrity": f"sha512-{'A' * 86}=="}
    lock["specifiers"].popitem()
    before = json.dumps(lock)
    (folder / "deno.lock").write_text(before)
    with pytest.raises(AssertionError, match="lock"):
        run_deno("cache", "index.ts", cwd=folder)

    assert (folder / "deno.lock").read_text() == before


def example(language: str) -> str:
    """Return an example of the page's section on a new channel."""
    section = PAGE.split("## A new channel")[1]
    (code,) = re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return str(code)


@pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "curl", "openssl"))), reason="the page's programs are absent"
)
def test_the_documented_webhook_is_taken(stack: RunningStack) -> None:
    """Who tries the page's lines on a stack of their own sees a conversation."""
    (lines,) = re.findall(r"^message=.*?^curl [^\n]*whatsapp$", PAGE, re.MULTILINE | re.DOTALL)
    signed = lines.replace("-hmac secret ", f"-hmac {CHANNEL_SECRETS['WHATSAPP_APP_SECRET']} ")
    script = f"functions={stack.api_url}/functions/v1\n{signed}"
    done = subprocess.run(
        ["bash", "-euc", script], capture_output=True, text=True, check=True, timeout=60
    )

    assert json.loads(done.stdout)["outcomes"] == {"stored": 1}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with our functions, and the one of the page."""
    project = tmp_path_factory.mktemp("project") / "supabase"
    shutil.copytree(FUNCTIONS, project / "functions")
    sms = project / "functions" / "sms"
    sms.mkdir()
    for name in ("deno.json", "deno.lock"):
        shutil.copy(FUNCTIONS / "whatsapp" / name, sms)
    (sms / "index.ts").write_text(example("ts"))
    return project


@pytest.mark.timeout(300)  # on a cold cache it downloads what they import
def test_the_functions_type_check(project: Path) -> None:
    """What a payload may lack is checked before it runs, not by a customer."""
    functions = project / "functions"
    settings = [json.loads((FUNCTIONS / slug / "deno.json").read_text()) for slug in SLUGS]
    imports = {name: found for each in settings for name, found in each["imports"].items()}
    (functions / "all.json").write_text(json.dumps({"imports": imports, "lock": False}))
    entrypoints = [f"{slug}/index.ts" for slug in (*SLUGS, "sms")]

    run_deno("check", "--config", "all.json", *entrypoints, cwd=functions)


async def test_the_documented_channel_comes_in(project: Path, tmp_path: Path) -> None:
    """Who copies the page has a channel: refusing strangers, told to the database."""
    database = Database()
    secrets = {"SMS_WEBHOOK_TOKEN": "token-of-the-test"}
    async with serve_functions(tmp_path, database, project, **secrets) as http:
        answers = [
            await http.post("/sms", content=body, headers={"x-gateway-token": token})
            for token, body in (
                ("another", json.dumps(SMS)),
                ("token-of-the-test", "{"),
                ("token-of-the-test", "{}"),
                ("token-of-the-test", json.dumps(SMS)),
            )
        ]
    events = [event for call in database.received for event in call["events"]]

    assert [answer.status_code for answer in answers] == [401, 400, 200, 200]
    assert [event["kind"] for event in events] == ["ignored", "message"]
    assert (events[1]["content"], events[1]["account"]) == ("Are you open?", "+12025550100")


async def test_what_breaks_a_channels_code_is_kept(project: Path, tmp_path: Path) -> None:
    """Its sender would come again for a while, and then never: nobody could replay it."""
    broken = tmp_path / "supabase"
    shutil.copytree(project, broken)
    code = example("ts").replace("readSms(parseJson(body))", "JSON.parse('{').fails")
    (broken / "functions" / "sms" / "index.ts").write_text(code)
    database = Database()
    secrets = {"SMS_WEBHOOK_TOKEN": "token-of-the-test"}
    headers = {"x-gateway-token": "token-of-the-test"}
    async with serve_functions(tmp_path, database, broken, **secrets) as http:
        answer = await http.post("/sms", content=json.dumps(SMS), headers=headers)
    [received] = database.received

    assert answer.status_code == 200
    assert json.loads(received["payload"]) == SMS
    assert [event["kind"] for event in received["events"]] == ["unreadable"]


async def test_the_documented_channel_goes_out() -> None:
    """It sends what it is given, and says of each failure whether to try again."""
    from romashka_worker.channels import Channel, ChannelError, Delivery

    namespace: dict[str, Any] = {}
    exec(example("python"), namespace)  # noqa: S102 -- our own page
    answers = iter([httpx.Response(200, json={"id": "out-1"}), *map(httpx.Response, (429, 400))])
    transport = httpx.MockTransport(lambda _: next(answers))
    delivery = Delivery(
        id="1",
        attempt=1,
        kind="message",
        channel_id="2",
        channel_type="sms",
        account="+12025550100",
        conversation_id="3",
        message_id="4",
        recipient="+12025550142",
        content="Until six.",
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as http:
        channel: Channel = namespace["Sms"](http)
        (part,) = channel.split(delivery)
        sent = await channel.send(delivery, part, "secret")
        troubles = []
        for _ in range(2):
            with pytest.raises(ChannelError) as refused:
                await channel.send(delivery, part, "secret")
            troubles.append(refused.value.trouble)

    assert sent.external_id == "out-1"
    assert troubles == ["retry", "failed"]
