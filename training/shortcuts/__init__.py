"""Can the questions be answered without the memory?

    python -m training.shortcuts

`features` says what can be seen of an option without any memory, `classifier` learns from it which
option is right, `sample` makes the questions, and `__main__` measures and judges.
"""
