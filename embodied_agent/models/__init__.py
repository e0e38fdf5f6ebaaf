"""The shipped checkpoints, each in a folder with its model card, and loading them."""
