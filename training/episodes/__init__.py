"""From recordings and simulated worlds to datasets of questions with the prompt they were asked in.

    python -m training.episodes clips/* --worlds house:2000 --out data/episodes

`rows` says what an episode is, `splits` which split its scene belongs to, `dataset` how episodes
lie on the disk, `recordings` and `worlds` where they come from, `making` who makes which.
"""
