"""Starting vLLM for the perceiver and the reasoner: how much memory, which options, and why.

`shapes` (a model's config to its parameter counts), `catalogue` (configs of public models),
`memory` (counts to bytes on a GPU), `gpus` (those of this machine), `shares` (who gets how much of
them), `plan` (settings to a command line per server), `runner` (processes).

Nothing here imports vLLM: it runs from an environment of its own.
"""
