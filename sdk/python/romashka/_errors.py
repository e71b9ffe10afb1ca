"""What can go wrong, as classes, and how the errors of the wrapped clients become them.

RomashkaError
├── Unreachable            the project did not answer; worth another try
├── NoAnswer               nothing automatic came within the time that `ask` was given
│   ├── NoAnswerNeeded     nor will it: "thanks!" is a message that ends here
│   └── HumanHasIt         nor will it: a human has the conversation, and answers there
└── ServerError            the project refused; `name` is the error's stable name
    ├── InvalidRequest
    ├── NotSignedIn        no session, a wrong password or a wrong key
    ├── PermissionDenied
    ├── NotFound
    ├── Conflict
    ├── TooLarge
    ├── RateLimited        worth another try, later
    └── Busy               somebody else had it at that instant; worth another try
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx
from postgrest import APIError
from storage3.exceptions import StorageApiError
from supabase_auth.errors import AuthApiError, AuthError, AuthRetryableError


class RomashkaError(Exception):
    """Anything that this package raises on purpose."""

    retryable = False


class Unreachable(RomashkaError):
    """The project did not answer: wrong URL, no network, or it is down."""

    retryable = True


class NoAnswer(RomashkaError):
    """Nobody answered in time."""


class NoAnswerNeeded(NoAnswer):
    """What was written needs no answer, and nobody is asked to give one."""


class HumanHasIt(NoAnswer):
    """A human has the conversation: whatever they answer comes as a message of theirs."""


class ServerError(RomashkaError):
    """The project refused a request."""

    def __init__(self, message: str, *, name: str = "", hint: str | None = None) -> None:
        super().__init__(f"{message} ({hint})" if hint else message)
        self.name = name
        self.hint = hint
        if name in ("40001", "40P01"):  # Postgres broke a tie between transactions
            self.retryable = True


class InvalidRequest(ServerError):
    """The request makes no sense to the server."""


class NotSignedIn(ServerError):
    """There is no valid session or key behind the request."""


class PermissionDenied(ServerError):
    """This caller may not do or see that."""


class NotFound(ServerError):
    """There is no such thing, or it is not the caller's."""


class Conflict(ServerError):
    """It contradicts what is there: somebody else changed it first, say."""


class TooLarge(ServerError):
    """The request is larger than allowed."""


class RateLimited(ServerError):
    """Too many requests."""

    retryable = True


class Busy(ServerError):
    """Somebody else has the conversation at this instant; the same request may be sent again."""

    retryable = True


_BY_NAME: Mapping[str, type[ServerError]] = {
    "account_exists": Conflict,
    "admin_only": PermissionDenied,
    "ai_message_refused": PermissionDenied,
    "answer_not_found": NotFound,
    "bad_agent": InvalidRequest,
    "bad_channel": InvalidRequest,
    "bad_claim": InvalidRequest,
    "bad_draft": InvalidRequest,
    "bad_email": InvalidRequest,
    "bad_filters": InvalidRequest,
    "bad_hours": InvalidRequest,
    "bad_id": InvalidRequest,
    "bad_identifier": InvalidRequest,
    "bad_limit": InvalidRequest,
    "bad_overlap": InvalidRequest,
    "bad_range": InvalidRequest,
    "bad_rating": InvalidRequest,
    "bad_results": InvalidRequest,
    "bad_role": InvalidRequest,
    "bad_search": InvalidRequest,
    "bad_secret": InvalidRequest,
    "bad_signature": PermissionDenied,
    "bad_tags": InvalidRequest,
    "bad_traces": InvalidRequest,
    "bad_views": InvalidRequest,
    "bad_webhook": InvalidRequest,
    "bad_window": InvalidRequest,
    "channel_not_found": NotFound,
    "conversation_busy": Busy,
    "conversation_not_found": NotFound,
    "customer_not_found": NotFound,
    "customer_referred_to": Conflict,
    "draft_changed": Conflict,
    "draft_too_long": TooLarge,
    "last_admin": Conflict,
    "message_empty": InvalidRequest,
    "message_too_long": TooLarge,
    "profile_too_long": TooLarge,
    "no_room_for_files": TooLarge,
    "offer_not_found": NotFound,
    "own_role": PermissionDenied,
    "rule_not_found": NotFound,
    "secret_not_found": NotFound,
    "session_has_account": Conflict,
    "session_not_new": Conflict,
    "session_not_signed_in": PermissionDenied,
    "session_of_another": Conflict,
    "session_required": NotSignedIn,
    "staff_only": PermissionDenied,
    "too_many_addresses": RateLimited,
    "too_many_conversations": RateLimited,
    "too_many_files": RateLimited,
    "too_many_messages": RateLimited,
    "too_many_ratings": RateLimited,
    "user_not_found": NotFound,
    "webhook_not_found": NotFound,
}
"""The stable names that our database functions put into an error's `detail`."""

_BAD_TOKEN = ("PGRST301", "PGRST302", "PGRST303")

_BY_CODE: Mapping[str, type[ServerError]] = {
    **dict.fromkeys(("PT400", "400", "22P02", "23502", "23514"), InvalidRequest),
    **dict.fromkeys(("PT401", "401", *_BAD_TOKEN), NotSignedIn),
    **dict.fromkeys(("PT403", "403", "42501"), PermissionDenied),
    **dict.fromkeys(("PT404", "404", "PGRST116", "PGRST202", "PGRST205", "23503"), NotFound),
    **dict.fromkeys(("PT409", "409", "23505"), Conflict),
    **dict.fromkeys(("PT413", "413"), TooLarge),
    **dict.fromkeys(("PT429", "429"), RateLimited),
    "PT503": Busy,
}
"""PostgREST's codes and Postgres' SQLSTATEs, for errors that have no stable name."""

_UNREACHABLE = ("50", "52", "PGRST00", "08", "53", "57P")
"""How codes begin that say: not now. Of gateways, of PostgREST, of Postgres."""

_SIGN_IN_TRIES = 3
_HTTP_STATUS = 3
"""So many characters a code has that no server of ours gave; theirs have five, or a name."""


def may_pass(error: Exception, failures: int) -> bool:
    """Is the same reading worth another try? A gateway's word is; and a token may be new soon."""
    if isinstance(error, NotSignedIn) and failures < _SIGN_IN_TRIES:
        return True
    if isinstance(error, ServerError) and len(error.name) <= _HTTP_STATUS:
        return True  # no server of ours said so
    return isinstance(error, TimeoutError) or (isinstance(error, RomashkaError) and error.retryable)


def error_from(name: str, message: str, *, code: str = "", hint: str | None = None) -> ServerError:
    """Turn an error's stable name, or else its code, into the most specific exception we have."""
    kind = _BY_NAME.get(name) or _BY_CODE.get(code, ServerError)
    return kind(message, name=name or code, hint=hint)


def _from_api_error(error: APIError) -> RomashkaError:
    code = str(error.code or "")
    message = error.message or "the server gave no reason"
    if code.startswith(_UNREACHABLE):
        return Unreachable(f"the project's database does not answer; {message}")
    if code in _BAD_TOKEN:
        message = f"the project does not take the key or the token; {message}"
    name = error.details if code.startswith("PT") and isinstance(error.details, str) else ""
    return error_from(name, message, code=code, hint=error.hint)


def _from_auth_error(error: AuthError) -> RomashkaError:
    if isinstance(error, AuthRetryableError):
        return Unreachable(f"the project's Auth server does not answer; {error.message}")
    status = error.status if isinstance(error, AuthApiError) else 401
    kind = RateLimited if status == 429 else NotSignedIn
    reason = error.message.partition("\n")[0]  # the HTTP client adds where to read about the status
    return kind(f"unable to sign in; {reason}", name=error.code or "")


def _from_storage_error(error: StorageApiError) -> RomashkaError:
    status = str(error.status)
    if status.startswith(_UNREACHABLE):
        return Unreachable(f"the project's Storage server does not answer; {error.message}")
    name, _, reason = error.message.partition("; ")  # of a policy's error it passes on no more
    if name in _BY_NAME:
        return error_from(name, f"unable to store the file; {reason}")
    return error_from("", f"unable to use Storage; {error.message}", code=status)


@contextmanager
def translated() -> Iterator[None]:
    """Raise what the wrapped clients raise as our own errors.

    Raises:
        ServerError: the project refused.
        Unreachable: it did not answer.
    """
    try:
        yield
    except APIError as error:
        raise _from_api_error(error) from error
    except AuthError as error:
        raise _from_auth_error(error) from error
    except StorageApiError as error:
        raise _from_storage_error(error) from error
    except httpx.TransportError as error:
        reason = str(error) or type(error).__name__
        raise Unreachable(f"the project does not answer; {reason}") from error
