"""The SDK's error classes, the database's stable names and the documentation agree."""

import re
from pathlib import Path

import httpx
import pytest
from postgrest import APIError
from romashka import _errors
from supabase_auth.errors import AuthApiError

ROOT = Path(__file__).resolve().parents[2]


def names_in_the_schema() -> set[str]:
    files = (ROOT / "supabase").glob("*/*.sql")
    return {
        name for path in files for name in re.findall(r"detail = '([a-z_]+)'", path.read_text())
    }


def test_every_stable_name_of_the_database_has_a_class() -> None:
    """A name without a class would reach callers as a bare ServerError."""
    assert names_in_the_schema() == set(_errors._BY_NAME)


def test_every_stable_name_is_documented() -> None:
    """A name that the documentation lacks tells nobody what to do."""
    documented = re.findall(r"^\| `([a-z_]+)` \|", (ROOT / "docs/errors.md").read_text(), re.M)

    assert set(documented) == set(_errors._BY_NAME)


@pytest.mark.parametrize(
    ("raised", "expected", "retryable"),
    [
        (APIError({"code": "PT413", "details": "message_too_long"}), _errors.TooLarge, False),
        (APIError({"code": "PT429", "details": "some_new_name"}), _errors.RateLimited, True),
        (APIError({"code": "PT503", "details": "conversation_busy"}), _errors.Busy, True),
        (APIError({"code": "42501", "message": "no"}), _errors.PermissionDenied, False),
        (APIError({"code": "40P01", "message": "deadlock"}), _errors.ServerError, True),
        (APIError({"code": "503", "message": "down"}), _errors.Unreachable, True),
        (AuthApiError("No.\nSee the web.", 422, None), _errors.NotSignedIn, False),
        (httpx.ReadTimeout("slow"), _errors.Unreachable, True),
    ],
)
def test_errors_of_the_wrapped_clients_become_ours(
    raised: Exception, expected: type[_errors.RomashkaError], retryable: bool
) -> None:
    """Callers catch one family of errors, and `retryable` tells them what to try again."""
    with pytest.raises(expected) as caught, _errors.translated():
        raise raised

    assert type(caught.value) is expected
    assert caught.value.retryable is retryable
    assert "\n" not in str(caught.value)  # the command line says it in one
