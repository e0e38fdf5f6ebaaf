"""Can the questions be answered without the memory?

    python -m training.shortcuts

`sample` makes the questions, `features` says what can be seen of an option without any memory,
`classifier` learns from it which option is right, `blind` asks a reasoner that has no memory,
`measure` compares with chance, and `__main__` judges.
"""
