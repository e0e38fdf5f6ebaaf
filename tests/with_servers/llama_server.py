"""llama.cpp's own server for one GGUF file, from the package xllamacpp.

It runs in an environment of its own, without this project.

    .venv-servers/bin/python tests/with_servers/llama_server.py MODEL.gguf PORT

Prints ``llama.cpp is ready`` when it listens, and serves until it is ended.
"""

from __future__ import annotations

import signal
import sys

import xllamacpp

if __name__ == "__main__":
    params = xllamacpp.CommonParams()
    params.model.path, params.port = sys.argv[1], int(sys.argv[2])
    # More threads than free cores wait for each other: hundreds of times slower.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    # As in process; by default they have 16 bits.
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    params.endpoint_metrics = True
    server = xllamacpp.Server(params)
    print("llama.cpp is ready", flush=True)
    signal.pause()
