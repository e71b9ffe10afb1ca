"""Tests of what is answered, not of how soon."""

import pytest

from tests.support.stacks import RunningStack


@pytest.fixture(scope="session")
def stack(patient_stack: RunningStack) -> RunningStack:
    """A stack with a deadline that no slow machine misses."""
    return patient_stack
