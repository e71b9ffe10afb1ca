"""Servers of models, each as it is: what it refuses, in which words, and how its answers look.

Where each of them is known from stands above it. docs/models.md has them as a table, which
test_model_servers.py compares with what the worker learns from these.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.worker.provider import (
    MODEL,
    Asked,
    Behaviour,
    analysis,
    answers,
    ending,
    refuses,
    sends,
    streams,
    token,
)

Server = Callable[[Asked], Behaviour]

ANSWER: Final = json.dumps(analysis())
DRAFT: Final = json.dumps(analysis(reply="A thought that nobody may read.", confidence=0.1))
PROSE: Final = "Romashka? I would say that it is an inbox. Is there anything else? " * 8


def form_of(asked: Asked) -> str | None:
    """Return the form that a request asks its server for."""
    form: str | None = asked.get("response_format", {}).get("type")
    return form


def is_told(asked: Asked) -> bool:
    """Is the model told the form in words?"""
    return any('"needs_human"' in message["content"] for message in asked["messages"])


def has_system(asked: Asked) -> bool:
    return any(message["role"] == "system" for message in asked["messages"])


def says(message: str, **more: Any) -> dict[str, Any]:
    """Return an error as OpenAI's own server words it."""
    return {"error": {"message": message, "type": "invalid_request_error", **more}}


def tokens(text: str, **delta: Any) -> list[str]:
    return [token(piece, **delta) for piece in chunked(text)]


def chunked(text: str) -> list[str]:
    return [text[start : start + 7] for start in range(0, len(text), 7)]


# https://docs.vllm.ai/en/latest/features/structured_outputs.html: the schema is enforced. Without
# --reasoning-parser only </think> is in the text, since the template opened it:
# vllm-project/vllm#31045, #47027.
def vllm(asked: Asked) -> Behaviour:
    return answers(f"They ask {{what}} it is. A draft: {DRAFT} Good.\n</think>\n\n{ANSWER}")


# vllm-project/vllm#2964, huggingface/chat-ui#1386: Gemma 2's template takes no system message.
def vllm_gemma(asked: Asked) -> Behaviour:
    if has_system(asked):
        says_no = "System role not supported"
        error = {"object": "error", "message": says_no, "type": "BadRequestError", "code": 400}
        return refuses(400, error)
    return answers(ANSWER)


# sgl-project/sglang#14821: with the grammar and without thoughts, the answer is in
# reasoning_content, and content is null.
def sglang(asked: Asked) -> Behaviour:
    return streams(*(token(None, reasoning_content=text) for text in ANSWER), *ending())


# sgl-project/sglang#892, #1342: the template's error is an exception, hence a bare 500.
def sglang_gemma(asked: Asked) -> Behaviour:
    return refuses(500, "Internal Server Error") if has_system(asked) else answers(ANSWER)


# ggml-org/llama.cpp#24097, #19051: the schema is taken with 200, and nothing enforces it.
def llama_cpp(asked: Asked) -> Behaviour:
    return answers(f"```json\n{ANSWER}\n```" if is_told(asked) else PROSE)


# lidge-jun/opencodex#2135, ggml-org/llama.cpp#19051: the grammar of a schema cannot be made.
def llama_cpp_grammar(asked: Asked) -> Behaviour:
    if form_of(asked) == "json_schema":
        message = "Failed to initialize samplers: failed to parse grammar"
        return refuses(500, {"error": {"code": 500, "message": message, "type": "server_error"}})
    return answers(ANSWER)


# https://docs.ollama.com/api/openai-compatibility; thoughts are in `reasoning`:
# anomalyco/opencode#46061. The form is not enforced after them: ollama/ollama#14440.
def ollama(asked: Asked) -> Behaviour:
    thoughts = [token("", reasoning=f"They ask. {DRAFT}"), token("", reasoning="Well.")]
    return streams(*thoughts, *tokens(f"```json\n{ANSWER}\n```"), *ending())


# lmstudio-ai/lmstudio-bug-tracker#169, #189: no json_object. gpt-oss' channels are in the text
# where nothing takes them out: ml-explore/mlx-lm#1867, odysseus-dev/odysseus#2420.
def lm_studio(asked: Asked) -> Behaviour:
    if form_of(asked) == "json_object":
        message = "'response_format.type' must be 'json_schema' or 'text'"
        return refuses(400, {"error": message})
    thoughts = f"<|channel|>analysis<|message|>They ask. {DRAFT}<|end|>"
    final = f"<|start|>assistant<|channel|>final <|constrain|>json<|message|>{ANSWER}<|return|>"
    return answers(thoughts + final)


# https://docs.litellm.ai/docs/completion/drop_params, BerriAI/litellm#33738: what a model's
# provider does not take is refused, in these words.
def litellm(asked: Asked) -> Behaviour:
    if form_of(asked):
        message = (
            "litellm.UnsupportedParamsError: together_ai does not support parameters:"
            " ['response_format'], for model=some-model. To drop these, set"
            " `litellm.drop_params=True`"
        )
        return refuses(400, says(message, param=None, code="400"))
    return answers(ANSWER)


# openstory-so/openstory#1302: 404 when no upstream takes the parameters. Comments keep the
# connection: openai/openai-go#227.
def openrouter(asked: Asked) -> Behaviour:
    if form_of(asked):
        message = "No endpoints found that can handle the requested parameters."
        return refuses(404, {"error": {"message": message, "code": 404}})
    events = [f"data: {event}\n\n" for event in (*tokens(ANSWER), *ending())]
    return sends(": OPENROUTER PROCESSING\n\n" * 3 + ": OPENROUTER PROCESSING\n\n".join(events))


# openai/openai-python#2313, #1677, microsoft/autogen#6465, langchain-ai/langchain#18977: the
# asynchronous filter's notes have no choices, or a choice without a delta.
def azure(asked: Asked) -> Behaviour:
    safe = {"hate": {"filtered": False, "severity": "safe"}}
    empty = {"id": "", "object": "", "created": 0, "model": ""}
    prompt = empty | {"choices": [], "prompt_filter_results": [{"content_filter_results": safe}]}
    noted = {"index": 0, "finish_reason": None, "content_filter_results": safe}
    note = json.dumps(empty | {"choices": [noted], "usage": None})
    pieces = tokens(ANSWER)
    return streams(json.dumps(prompt), *pieces[:9], note, *pieces[9:], note, *ending())


# https://platform.claude.com/docs/en/cli-sdks-libraries/libraries/openai-sdk,
# chrisvel/tududi#1383, interviewstreet/hiring-agent#421: only a strict schema, no json_object.
def anthropic(asked: Asked) -> Behaviour:
    form = asked.get("response_format", {})
    if form.get("type") == "json_object":
        return refuses(400, says("response_format.type: Input should be 'json_schema'"))
    if form and form["json_schema"].get("strict") is not True:
        return refuses(400, says("response_format.json_schema.strict: Input should be True"))
    return answers(ANSWER)


# https://ai.google.dev/gemini-api/docs/openai; the end of the text is in the chunk that ends it,
# as envoyproxy/ai-gateway#2107 says, and members may be missing.
def gemini(asked: Asked) -> Behaviour:
    half = len(ANSWER) // 2
    texts = ((ANSWER[:half], {}), (ANSWER[half:], {"finish_reason": "stop"}))
    usage = {"prompt_tokens": 30, "completion_tokens": 12}
    chunks = [
        {"choices": [{"delta": {"content": text}, **end}], "model": MODEL, "usage": usage}
        for text, end in texts
    ]
    return streams(*map(json.dumps, chunks), "[DONE]")


# microsoft/vscode#258088, agno-agi/agno#3505: errors come in a list.
def gemini_gemma(asked: Asked) -> Behaviour:
    if has_system(asked):
        message = "Developer instruction is not enabled for models/gemma-3-27b-it"
        return refuses(400, [{"error": {"code": 400, "message": message}}])
    return gemini(asked)


# dnakov/anon-kode#53: no stream_options; usage comes by itself. BerriAI/litellm#16272: content is
# a list of parts where a model thinks.
def mistral(asked: Asked) -> Behaviour:
    if "stream_options" in asked:
        extra = {"type": "extra_forbidden", "loc": ["body", "stream_options", "include_usage"]}
        detail = [extra | {"msg": "Extra inputs are not permitted", "input": True}]
        return refuses(422, {"object": "error", "message": {"detail": detail}})
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": f"They ask. {DRAFT}"}]}
    said = [parts(thought), *(parts({"type": "text", "text": text}) for text in chunked(ANSWER))]
    return streams(*said, *ending())


def parts(*content: Mapping[str, Any]) -> str:
    """Return a chunk whose content is a list."""
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": None}
    return json.dumps({"model": MODEL, "choices": [choice]})


# https://console.groq.com/docs/structured-outputs; langchain-ai/langchain#23629,
# BerriAI/litellm#4804: a form cannot be streamed.
def groq(asked: Asked) -> Behaviour:
    if form_of(asked) and asked["stream"]:
        return refuses(400, says("response_format` does not support streaming"))
    message = {"role": "assistant", "content": ANSWER}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 30, "completion_tokens": 12, "total_tokens": 42}
    body = json.dumps({"model": MODEL, "choices": [choice], "usage": usage}, indent=2)
    return sends(body, "application/json")


SERVERS: Final[Mapping[str, Server]] = {
    "vLLM": vllm,
    "vLLM with Gemma 2": vllm_gemma,
    "SGLang": sglang,
    "SGLang with Gemma 2": sglang_gemma,
    "llama.cpp, schema ignored": llama_cpp,
    "llama.cpp, grammar fails": llama_cpp_grammar,
    "Ollama": ollama,
    "LM Studio": lm_studio,
    "LiteLLM": litellm,
    "OpenRouter": openrouter,
    "Azure": azure,
    "Anthropic": anthropic,
    "Gemini": gemini,
    "Gemini API with Gemma 3": gemini_gemma,
    "Mistral": mistral,
    "Groq": groq,
}
