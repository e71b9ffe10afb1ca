"""One endpoint that serves a model: what it can do, whether it works, when to ask it again."""

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

from openai import APIConnectionError, APIStatusError, APITimeoutError, AsyncOpenAI, AsyncStream
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from romashka_worker.metrics import BREAKER_OPEN, MODEL_CALLS, MODEL_RETRIES
from romashka_worker.responders.openai.abilities import Abilities, Negotiation
from romashka_worker.responders.openai.analysis import SCHEMA, Refused
from romashka_worker.responders.openai.breaker import Breaker
from romashka_worker.responders.openai.errors import BrokenOff, StatusError
from romashka_worker.responders.openai.prompt import Prompt
from romashka_worker.trace import note_prompt

_ATTEMPTS = 3
_SHORTEST_CALL_SECONDS = 0.5
"""With less time than this a model is not asked again."""
_TRANSIENT_STATUSES = (408, 409, 425, 429)
_OF_THE_PROMPT = (400, 422)

_FORMS: Final[Mapping[str, Mapping[str, Any]]] = {
    "json_schema": {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA},
        }
    },
    "json_object": {"response_format": {"type": "json_object"}},
    "words": {},
}

_wait_when_not_told = wait_random_exponential(multiplier=0.2, max=0.5)


class Endpoint:
    """A server and a model on it."""

    def __init__(
        self,
        client: AsyncOpenAI,
        model: str,
        breaker: Breaker | None = None,
        name: str = "primary",
    ) -> None:
        self.model = model
        self.name = name
        self.breaker = breaker or Breaker()
        self.negotiation = Negotiation()
        self._client = client
        BREAKER_OPEN.labels(name).set_function(lambda: not self.breaker.lets_pass)

    async def ask(self, prompt: Prompt, way: Abilities) -> AsyncStream[object]:
        """Send a prompt in a way that the server may be able to answer; return what it sends.

        Only what has to be is named in a request: each further member is refused somewhere.

        Raises:
            OpenAIError: the server refused, or could not be reached.
        """
        messages = prompt.messages(
            with_format=way.form != "json_schema", has_system_role=way.has_system_role
        )
        note_prompt(messages)
        counting = {"stream_options": {"include_usage": True}}
        body = {
            "model": self.model,
            "messages": messages,
            "stream": way.streams,
            **_FORMS[way.form],
            **(counting if way.counts_tokens and way.streams else {}),
        }
        return await self._client.post(
            "/chat/completions",
            body=body,
            cast_to=object,
            stream=True,  # read as it comes, whatever it is
            stream_cls=AsyncStream[object],
        )

    def asks_again(self) -> None:
        """Note that a question is asked once more."""
        MODEL_RETRIES.labels(self.name).inc()

    def succeeded(self) -> None:
        """Note that an answer was one."""
        self.breaker.succeeded()
        MODEL_CALLS.labels(self.name, "ok").inc()

    def failed(self, error: Exception) -> None:
        """Note that there was none; a refusal, or a prompt that is too long, is not its fault."""
        MODEL_CALLS.labels(self.name, type(error).__name__).inc()
        status = error.status_code if isinstance(error, StatusError) else None
        if not isinstance(error, Refused) and status not in _OF_THE_PROMPT:
            told = retry_after(error) if isinstance(error, APIStatusError) else None
            self.breaker.failed(told)

    def retrying(self, seconds: float) -> AsyncRetrying:
        """Return the attempts that there are within that time: more only for what may pass."""
        last_begins = seconds - _SHORTEST_CALL_SECONDS
        return AsyncRetrying(
            retry=retry_if_exception(_may_pass),
            wait=_wait,
            stop=stop_after_attempt(_ATTEMPTS) | stop_before_delay(last_begins),
            before_sleep=lambda _: self.asks_again(),
            reraise=True,
        )


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, StatusError):
        return error.status_code in _TRANSIENT_STATUSES or error.status_code >= 500
    return isinstance(error, APIConnectionError | BrokenOff) and not isinstance(
        error, APITimeoutError
    )


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    told = retry_after(error) if isinstance(error, APIStatusError) else None
    return _wait_when_not_told(state) if told is None else told


def retry_after(error: APIStatusError, clock: Callable[[], float] = time.time) -> float | None:
    """Return for how many seconds the server wants to be left alone, if it says so."""
    headers = error.response.headers
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return max(0.0, float(milliseconds) / 1000)
        value = headers.get("retry-after", "")
        if value.replace(".", "", 1).isdigit():
            return float(value)
        return max(0.0, parsedate_to_datetime(value).timestamp() - clock())
    except (ValueError, OverflowError):
        return None
