"""JSON logs on stdout: fixed event names with fields, never a text, a token or a payload."""

import logging
import sys

import structlog

# Their log lines can quote what they send and receive.
_TALKATIVE = ("realtime", "httpx", "httpcore", "openai", "websockets", "hpack")


def configure_logs() -> None:
    """Set up this process' logs."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
    )
