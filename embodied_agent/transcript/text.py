"""The text a reasoner reads: one line per delta, append-only.

An entry looks like ``#4 rotate left 45: red sofa front-left near; blue lamp front far.`` The number
is the keyframe's id, so that an answer can cite it. Entries are never rewritten. Over the token
budget, whole blocks of the oldest entries are removed at once, so that the rest of the prompt, and
with it a server's prefix cache, stays unchanged for long stretches.

Out of scope: choosing what to recall (`recall`), prompts (`embodied_agent.reasoning.prompts`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from embodied_agent.records import SUMMARY_ONLY, Delta, Mention

#: Rotations are written in steps of this many degrees; monocular egomotion is no finer than that.
ANGLE_STEP_DEG = 15
#: At least this many entries leave at once.
_LEAST_BLOCK = 8


def mention_text(mention: Mention) -> str:
    """A mention as the transcript writes it: ``red sofa front-left near``."""
    parts = (mention.name, mention.direction, mention.distance)
    return " ".join(part for part in parts if part)


def action_text(delta: Delta) -> str:
    """What the camera did, with the angle in degrees for rotations: ``rotate left 45``.

    ``moved`` is a motion that could not be measured, ``stand still`` is none.
    """
    if delta.at_rest:
        return "stand still"
    if delta.action is None:
        return "start" if delta.angle_deg is None else "moved"
    if delta.action.is_rotation and delta.angle_deg is not None:
        return f"{delta.action.value} {round_angle(delta.angle_deg)}"
    return delta.action.value


def round_angle(degrees: float) -> int:
    """``degrees`` to the nearest step of the transcript, at least one step."""
    return max(1, round(abs(degrees) / ANGLE_STEP_DEG)) * ANGLE_STEP_DEG


def entry_text(delta: Delta) -> str:
    """One transcript line, with its newline. A pure function of the delta."""
    view = "; ".join(mention_text(m) for m in delta.mentions)
    if delta.problem == SUMMARY_ONLY:
        view = SUMMARY_ONLY
    elif not delta.usable:
        view = "not perceived"
    elif not view:
        view = "nothing named"
    remark = f" {' '.join(delta.observation.split())}" if delta.observation else ""
    # All cameras of a robot move together: only the first one tells what moved.
    what = f"{delta.camera} camera" if delta.camera else action_text(delta)
    return f"#{delta.keyframe_id} {what}: {view}.{remark}\n"


class Transcript:
    """Entries within a token budget.

    Args:
        token_budget: most tokens that `text` may hold; at least one block always stays.
        count_tokens: the reasoner's tokenizer; by default four characters count as a token.
        block: how many entries leave at once when the budget is exceeded; by default a quarter of
            them, at least eight: the longer the prompt, the longer it takes to read it again.
        reserve: tokens of the budget that are kept free for a summary once entries have left.
    """

    def __init__(
        self,
        token_budget: int,
        count_tokens: Callable[[str], int] | None = None,
        *,
        block: int | None = None,
        reserve: int = 0,
    ) -> None:
        if token_budget < 1 or (block is not None and block < 1):
            raise ValueError("token_budget and block must be at least 1")
        if not 0 <= reserve < token_budget:
            raise ValueError("reserve must be less than token_budget, and not negative")
        self._budget = token_budget
        self._count = count_tokens or (lambda text: -(-len(text) // 4))
        self._block = block
        self._reserve = reserve
        self._entries: list[tuple[int, str, int]] = []  # keyframe id, line, tokens
        self._tokens = 0
        #: How many entries have left so far.
        self.dropped_entries = 0

    @classmethod
    def of(
        cls,
        deltas: Iterable[Delta],
        token_budget: int,
        count_tokens: Callable[[str], int] | None = None,
    ) -> Transcript:
        """A transcript of ``deltas``, as if each had been added in turn."""
        transcript = cls(token_budget, count_tokens)
        for delta in deltas:
            transcript.add(delta)
        return transcript

    def add(self, delta: Delta, *, heading: str = "") -> None:
        """Append the entry of ``delta``, after the line ``heading``; ids must grow.

        Raises:
            ValueError: ``delta`` is not newer than the last entry.
        """
        if self._entries and delta.keyframe_id <= self._entries[-1][0]:
            raise ValueError(
                f"delta of keyframe {delta.keyframe_id} after {self._entries[-1][0]}: "
                "entries are appended in keyframe order"
            )
        line = heading + entry_text(delta)
        tokens = self._count(line)
        self._entries.append((delta.keyframe_id, line, tokens))
        self._tokens += tokens
        while self._tokens > self._budget - (self._reserve if self.dropped_entries else 0):
            block = self._block or max(_LEAST_BLOCK, len(self._entries) // 4)
            if len(self._entries) <= block:
                break
            self._tokens -= sum(count for _, _, count in self._entries[:block])
            del self._entries[:block]
            self.dropped_entries += block

    @property
    def first_id(self) -> int | None:
        """The keyframe of the first entry that has not left; ``None`` if there is none."""
        return self._entries[0][0] if self._entries else None

    def count(self, text: str) -> int:
        """The tokens of a text, as the budget counts them."""
        return self._count(text)

    def text(self) -> str:
        """All entries, oldest first, each a line."""
        return "".join(line for _, line, _ in self._entries)
