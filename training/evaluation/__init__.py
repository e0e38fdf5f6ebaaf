"""Marking a model's answers to episodes: who answers, how it is marked, with what it is compared.

    python -m training.evaluate --model builtin --episodes data/episodes --baselines

`batched` answers many prompts at once with a model in process, `answering` chooses who answers,
`marking` says what was right, `baselines` what would be had without the model, `tables` prints.
"""
