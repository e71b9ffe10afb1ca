"""docs/operations.md names what there is: settings, metrics and stages."""

import re
from typing import get_args

from prometheus_client import REGISTRY
from pydantic import AliasChoices
from romashka_worker import metrics
from romashka_worker.channels.settings import ChannelSettings
from romashka_worker.notifications.settings import NotificationSettings
from romashka_worker.settings import Settings
from romashka_worker.trace import Stage

from tests.support.stacks import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text()


def named_in(heading: str, column: str) -> set[str]:
    """Return what the first column of the table that begins with `column` names."""
    section = PAGE.split(f"## {heading}\n")[1]
    rows = section.split(f"\n| {column} |")[1].split("\n\n")[0].splitlines()[2:]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_the_page_names_every_setting() -> None:
    """A setting that is not there is one that nobody uses."""
    names = set()
    read_by = (Settings, ChannelSettings, NotificationSettings)
    for name, field in (item for one in read_by for item in one.model_fields.items()):
        alias = field.validation_alias
        if isinstance(alias, AliasChoices):
            alias = alias.choices[0]
        names.add(str(alias or f"ROMASHKA_{name.upper()}"))

    assert named_in("Settings", "variable") == names


def test_the_page_names_every_metric_and_every_stage() -> None:
    """Dashboards and alerts are written from it."""
    assert metrics.TURNS is not None
    ours = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in REGISTRY.collect()
        if family.name.startswith("romashka_")
    }

    assert named_in("Metrics", "name") == ours
    assert named_in("Metrics", "stage") == set(get_args(Stage))
