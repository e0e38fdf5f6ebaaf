"""Plans and starts vLLM for the perceiver and the reasoner: memory, options, and the reasons.

`shapes` (from a model's config to its parameter counts), `catalogue` (configs of public models),
`memory` (from counts to bytes on a GPU), `gpus` (the GPUs of this machine), `shares` (the part of
them that each model gets), `plan` (from settings to one command line per server), `runner`
(processes).

Nothing here imports vLLM, which runs in an environment of its own.
"""
