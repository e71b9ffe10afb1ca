"""What Prometheus reads from a worker; docs/operations.md says what each figure is for."""

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no annotations
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 5.5, 6, 10)

STAGE_SECONDS = Histogram(
    "romashka_stage_seconds", "How long the stages of turns took.", ["stage"], buckets=_SECONDS
)
TURNS = Counter(
    "romashka_turns",
    "Turns that ended here. Outcomes beside the job's: lost, dropped, unsettled.",
    ["outcome", "reason"],
)
CLAIMS = Counter("romashka_claims", "Claims, by result: some, none or failed.", ["queue", "result"])
CRASHES = Counter("romashka_crashes", "Errors that nobody thought of, by where.", ["part"])
RESCUED = Counter("romashka_rescued_jobs", "Claimed jobs that an earlier attempt did not end.")
HELD = Gauge("romashka_held_jobs", "Jobs that are being answered.")
SLOTS = Gauge("romashka_slots", "Jobs that can be answered at a time.")
REALTIME = Gauge("romashka_realtime_live", "1 while Realtime wakes the worker.")
MODEL_CALLS = Counter(
    "romashka_model_calls", "Calls of models, by result: ok, or the error.", ["endpoint", "result"]
)
MODEL_RETRIES = Counter("romashka_model_retries", "Calls that were tried again.", ["endpoint"])
BREAKER_OPEN = Gauge("romashka_breaker_open", "1 while an endpoint is left alone.", ["endpoint"])
TOKENS = Counter("romashka_tokens", "Tokens that models counted.")
EMBEDDINGS = Counter(
    "romashka_embeddings", "Embeddings of messages, by result: ok, late or failed.", ["result"]
)
SEARCHES = Counter(
    "romashka_searches",
    "Searches of the knowledge base for turns, by result: ok, late or failed.",
    ["result"],
)
UNGROUNDED = Counter(
    "romashka_ungrounded",
    "What models stated in replies and nothing supports, by kind: price, date, name, promise ...",
    ["kind"],
)
TRACES_LOST = Counter("romashka_traces_lost", "Traces that could not be stored.")
DELIVERIES = Counter(
    "romashka_deliveries", "Attempts to deliver, by what they came to.", ["channel_type", "outcome"]
)
DELIVERY_SECONDS = Histogram(
    "romashka_delivery_seconds", "How long channels took.", ["channel_type"], buckets=_SECONDS
)
NOTIFICATIONS = Counter(
    "romashka_notifications", "Attempts to notify, by what they came to.", ["kind", "outcome"]
)
