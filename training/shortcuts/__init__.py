"""Measure whether the questions can be answered without the memory.

    python -m training.shortcuts

`sample` generates the questions, `features` describes an option without a memory, `classifier`
learns from that which option is right, `blind` asks a reasoner without memory, `measure` compares
the results with chance, and `__main__` fails if they are above it.
"""
