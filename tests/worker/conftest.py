"""Tests of what is answered, not of how soon."""

import psycopg
import pytest

from tests.support.stacks import RunningStack


@pytest.fixture(scope="module")
def stack(patient_stack: RunningStack) -> RunningStack:
    """A stack with a deadline that no slow machine misses, where no turn of other tests waits.

    A worker would answer it too, with what the model was told to say to somebody else.
    """
    with psycopg.connect(patient_stack.admin_url()) as database:
        database.execute(
            "delete from public.ai_response_queue where status in ('pending', 'processing')"
        )
    return patient_stack
