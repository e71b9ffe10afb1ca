"""A pytest plugin: gives the constants of a suite that it has not written other values.

The suites name their servers in module constants. Once everything is collected, each module under
test that has one of the names in ROMASHKA_OVERRIDES (a JSON object) gets the value given there.
"""

import json
import os
import sys

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems() -> None:
    overrides = json.loads(os.environ["ROMASHKA_OVERRIDES"])
    for module in [module for name, module in sys.modules.items() if name.startswith("tests")]:
        for name, value in overrides.items():
            if hasattr(module, name):
                setattr(module, name, value)
