"""What the README shows works as it stands there."""

import re
import runpy
from pathlib import Path

import pytest

from tests.support.stacks import ROOT, RunningStack


async def test_the_example_gets_an_answer(
    stack: RunningStack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first thing that a newcomer copies; here no worker runs, so a human is promised."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    script = tmp_path / "example.py"
    script.write_text(code, encoding="utf-8")

    await runpy.run_path(str(script))["main"](stack.api_url, stack.anon_key)

    assert "human" in capsys.readouterr().out
