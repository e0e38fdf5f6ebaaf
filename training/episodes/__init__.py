"""Create data sets of questions, with their prompts, from recordings and simulated worlds.

    python -m training.episodes clips/* --worlds house:2000 --out data/episodes

`rows` defines an episode, `splits` assigns scenes to splits, `dataset` stores episodes on disk,
`recordings` and `worlds` create them, `building` runs that in one or more processes.
"""
