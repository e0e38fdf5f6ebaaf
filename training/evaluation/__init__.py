"""Marking a model's answers to episodes, and comparing them with baselines.

    python -m training.evaluate --model builtin --episodes data/episodes --baselines

`batched` answers many prompts at once with a model in this process, `answering` opens the model,
`marking` marks its replies, `baselines` scores what needs no model, `tables` formats the figures.
"""
