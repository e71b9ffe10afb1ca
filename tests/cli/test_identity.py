"""`romashka identity`, as operators type it; and what docs/identity.md has servers sign with."""

import json
import os
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from romashka import Romashka

from tests.cli.test_channels import settings
from tests.support.commands import Command
from tests.support.javascript import NODE
from tests.support.stacks import ROOT, RunningStack

_PAGE = (ROOT / "docs" / "identity.md").read_text()
_PROGRAMS = {"python": sys.executable, "js": NODE, "php": "php", "ruby": "ruby"}
_SUFFIXES = {"python": "py", "js": "mjs"}
# Python and Node are everywhere.
_HERE = [name for name, program in _PROGRAMS.items() if name in _SUFFIXES or shutil.which(program)]


@pytest.fixture
def romashka(stack: RunningStack, romashka: Command) -> Command:
    return partial(romashka, **settings(stack))


def test_a_secret_is_made_shown_once_and_taken_away(romashka: Command) -> None:
    """Whoever reads the page types these three."""
    made = romashka("identity", "rotate", "--overlap-hours", "1")
    secret = made.output.strip()
    listed = romashka("identity", "list")
    as_json = json.loads(romashka("identity", "list", "--json").output.splitlines()[0])
    gone = romashka("identity", "revoke", as_json["id"][:8])
    again = romashka("identity", "revoke", as_json["id"])

    assert re.fullmatch("idsec_[0-9a-f]{64}", secret)
    assert (as_json["is_good"], as_json["sessions"]) == (True, 0)
    assert as_json["id"][:8] in listed.output
    assert secret not in listed.output + str(as_json)
    assert gone.output == f"Secret {as_json['id']} is gone, and 0 sessions with it.\n"
    assert again.exit_code == 1
    assert "no secret begins" in again.errors
    assert romashka("identity", "rotate", "--overlap-hours", "721").exit_code == 2


@pytest.mark.parametrize("language", _HERE)
def test_each_server_of_the_page_signs(
    stack: RunningStack, romashka: Command, tmp_path: Path, language: str
) -> None:
    """A page that signs otherwise leaves its customers without their conversations."""
    secret = romashka("identity", "rotate").output.strip()
    [code] = re.findall(rf"^```{language}\n(.*?)^```", _PAGE, re.MULTILINE | re.DOTALL)
    file = tmp_path / f"sign.{_SUFFIXES.get(language, language)}"
    file.write_text(code)
    user_id = f"Zo\u00eb-{uuid4()}"
    done = subprocess.run(
        [_PROGRAMS[language], file],
        env=os.environ | {"ROMASHKA_IDENTITY_SECRET": secret, "USER_ID": user_id},
        capture_output=True,
        text=True,
        check=True,
    )
    signed = json.loads(done.stdout)
    with Romashka.connect(stack.api_url, stack.anon_key) as customer:
        customer.sign_in_anonymously()
        assert customer.identity.identify(signed["id"], signed["hmac"], signed["expiresAt"])
    assert signed["id"] == user_id
