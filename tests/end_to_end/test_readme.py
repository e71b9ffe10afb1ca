"""What the README shows works as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

from tests.support.stacks import ROMASHKA, ROOT, RunningStack, running_in


def test_the_example_gets_an_answer(stack: RunningStack, tmp_path: Path) -> None:
    """The first thing that a newcomer copies; here no worker runs, so a human is promised."""
    readme = (ROOT / "README.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    (command,) = re.findall(r"```sh\n(env .*?)\n```", readme)
    (tmp_path / "example.py").write_text(code, encoding="utf-8")
    for name, program in ((".venv/bin/romashka", ROMASHKA), (".venv/bin/python", sys.executable)):
        command = command.replace(name, str(program))
    with running_in(tmp_path, stack):
        done = subprocess.run(
            ["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    assert done.returncode == 0, done.stderr
    assert "human" in done.stdout
