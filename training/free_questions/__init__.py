"""Free questions: marking answers by rules, evaluating an agent, and training rows.

Out of scope: generating the questions and their truth (`sim_clips.questions.free`).
"""
