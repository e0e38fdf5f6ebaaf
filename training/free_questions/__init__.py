"""Marking answers to free questions by rules, evaluating an agent on them, and teaching them.

Out of scope: making the questions and their truth (`sim_clips.questions.free`).
"""
