"""What comes in place of an answer: a refusal, an error in the stream, the half of a text."""

import json
import re

from openai import APIStatusError, OpenAIError

from romashka_worker.responders.openai.analysis import MalformedAnswer

_MAX_TEXT = 4000


class StreamError(OpenAIError):
    """A server reported an error where an answer should be, with status 200."""

    def __init__(self, error: object) -> None:
        self.text = json.dumps(error)[:_MAX_TEXT]
        super().__init__("the server reported an error in the stream")
        found = error if isinstance(error, dict) else {}
        codes = (found.get(name) for name in ("status_code", "code", "status"))
        self.status_code = next(filter(None, map(_status, codes)), 500)


class BrokenOff(MalformedAnswer):
    """The answer ended in the middle: nobody said that this was its end."""


class CutShort(MalformedAnswer):
    """The server's limit of tokens ended the answer."""


class Abstained(MalformedAnswer):
    """The server sent an answer without a word in it."""


StatusError = APIStatusError | StreamError


def text_of(error: StatusError) -> str:
    """Return what a server said with its refusal."""
    return error.text if isinstance(error, StreamError) else error.response.text[:_MAX_TEXT]


def _status(code: object) -> int | None:
    return int(str(code)) if re.fullmatch("[45][0-9]{2}", str(code)) else None
