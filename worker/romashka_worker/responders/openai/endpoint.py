"""One endpoint that serves a model: what it can do, whether it works, when to ask it again."""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, Final

from openai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncOpenAI,
    AsyncStream,
    BadRequestError,
    UnprocessableEntityError,
)
from openai.types.chat import ChatCompletionChunk
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from romashka_worker.metrics import BREAKER_OPEN, MODEL_CALLS, MODEL_RETRIES
from romashka_worker.responders.openai.analysis import SCHEMA, Refused
from romashka_worker.responders.openai.breaker import Breaker
from romashka_worker.responders.openai.prompt import Prompt

_ATTEMPTS = 3
_SHORTEST_CALL_SECONDS = 0.5
"""With less time than this a model is not asked again."""
_TRANSIENT_STATUSES = (408, 409, 425, 429)

_JSON_SCHEMA: Final[dict[str, Any]] = {
    "type": "json_schema",
    "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA},
}
_FORMS: Final[tuple[dict[str, Any], ...]] = (
    {"response_format": _JSON_SCHEMA, "stream_options": {"include_usage": True}},
    {"response_format": {"type": "json_object"}, "stream_options": {"include_usage": True}},
    {},
)
"""What a request asks of a server beside the model's words, the best first."""

_wait_when_not_told = wait_random_exponential(multiplier=0.2, max=0.5)


class Endpoint:
    """A server and a model on it. What it refused once, it is not asked again by this process."""

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
        self._client = client
        self._form = 0
        BREAKER_OPEN.labels(name).set_function(lambda: not self.breaker.lets_pass)

    async def ask(self, prompt: Prompt) -> AsyncStream[ChatCompletionChunk]:
        """Send a prompt; return the answer as it is written.

        Raises:
            OpenAIError: the server refused, or could not be reached.
        """
        refusal: Exception | None = None
        for number, form in list(enumerate(_FORMS))[self._form :]:
            messages = prompt.messages(with_format=number > 0)
            try:
                stream: AsyncStream[
                    ChatCompletionChunk
                ] = await self._client.chat.completions.create(
                    model=self.model, messages=messages, stream=True, **form
                )
            except (BadRequestError, UnprocessableEntityError) as error:
                refusal = refusal or error
                continue
            self._form = number  # it was the form that was wrong with the others
            return stream
        assert refusal is not None  # noqa: S101 -- there is always one form to try
        raise refusal

    def succeeded(self) -> None:
        """Note that an answer was one."""
        self.breaker.succeeded()
        MODEL_CALLS.labels(self.name, "ok").inc()

    def failed(self, error: Exception) -> None:
        """Note that there was none; a refusal, or a prompt that is too long, is not its fault."""
        MODEL_CALLS.labels(self.name, type(error).__name__).inc()
        if not isinstance(error, Refused | BadRequestError | UnprocessableEntityError):
            told = retry_after(error) if isinstance(error, APIStatusError) else None
            self.breaker.failed(told)

    def retrying(self, seconds: float) -> AsyncRetrying:
        """Return the attempts that there are within that time: more only for what may pass."""
        last_begins = seconds - _SHORTEST_CALL_SECONDS
        return AsyncRetrying(
            retry=retry_if_exception(_may_pass),
            wait=_wait,
            stop=stop_after_attempt(_ATTEMPTS) | stop_before_delay(last_begins),
            before_sleep=lambda _: MODEL_RETRIES.labels(self.name).inc(),
            reraise=True,
        )


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, APIStatusError):
        return error.status_code in _TRANSIENT_STATUSES or error.status_code >= 500
    return isinstance(error, APIConnectionError) and not isinstance(error, APITimeoutError)


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
