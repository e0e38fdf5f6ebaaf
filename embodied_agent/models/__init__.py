"""The shipped checkpoints, each in a folder with its model card, and the code that loads them."""
