"""The method's experiments at the size of the built-in models, one command each.

    python -m training.experiments.consistency --seeds 3
    python -m training.experiments.report

Each command writes docs/results/NAME.json and a plot; `report` compiles them into docs/results.md.
"""
