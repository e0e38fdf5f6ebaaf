"""Ways to ask what the camera did; written by hand."""

from __future__ import annotations

PHRASINGS: dict[str, tuple[str, ...]] = {
    "turns_side": (
        "How often did you turn {side}?",
        "How many times did you turn to the {side}?",
        "how many {side} turns were there",
        "Count your turns to the {side}.",
        "How many times have you rotated {side} so far?",
        "number of {side} turns?",
        "How often have you turned {side} since the start?",
        "Tell me how many times you went round to the {side}.",
        "On the way here, how many {side} turns did you make?",
    ),
    "turns_all": (
        "How often did you turn?",
        "How many turns did you make in all?",
        "how many times did you turn, left or right",
        "Count all your turns so far.",
        "How many times have you changed your heading?",
        "number of turns up to now?",
        "How many turns did it take to get here?",
    ),
    "ever_turned": (
        "Did you ever turn {side}?",
        "Have you turned {side} at all?",
        "did you turn to the {side} at any point",
        "Was there a turn to the {side}?",
        "Is it true that you turned {side} at least once?",
    ),
    "last_action": (
        "What did you do last?",
        "What was your last action?",
        "What have you just done?",
        "last move?",
        "How did you get to this view?",
        "what did you just do",
        "Which action was the most recent one?",
        "Did you turn or move just now? Which way?",
        "Tell me your last movement.",
        "How did you move most recently?",
        "What was the last thing you did?",
        "Which movement brought you here?",
        "what was ur last action",
        "Just now, how did you move?",
    ),
    "action_at": (
        "What did you do to get to keyframe {n}?",
        "Which action led to keyframe {n}?",
        "how did you move just before keyframe {n}",
        "What was the action at #{n}?",
        "Which movement did you make to reach keyframe {n}?",
    ),
}
