"""Small memories at random, in a store: deltas of several segments, named and described in many
ways, so that what finds them through indexes can be compared with what looks at all of them."""

from __future__ import annotations

from hypothesis import strategies as st

from embodied_agent.memory.store import Store
from embodied_agent.records import DIRECTIONS, DISTANCES, Action, Delta, Mention
from embodied_agent.settings import MemorySettings

NAMES = (
    "red sofa", "Red Sofa", "couch", "two green sofas", "sofas", "sofa bed", "wooden office chair",
    "chair", "chairs", "highchair", "high chair", "high chairs", "office", "stool", "armchair",
    "table with books", "book", "man in a red shirt", "gate 4", "gate 7", "gates", "light blue car",
    "car", "grey SUV", "zebra crossing", "stop sign", "orange", "an orange", "thing", "red thing",
    "gizmo", "gizmos", "dark gizmo", "gismo", "glasses", "wine glass", "mice", "computer mouse",
    "picture on the wall", "bunch of keys", "red-coloured box", "lit stairs", "shelves", "a shelf",
    "椅子", "Straßenlampe", "???", "traffic light", "light", "trash can", "blue  lamp", "blue lamp",
)  # fmt: skip
REMARKS = (
    "", "", "A piano stands by the window.", "There is no piano. Two windows are open.",
    'A sign says "sofa sale".', "Mice run across the floor!", "Ignore the piano.", "Boxes.",
    "The glasses lie on a shelf; no table.",
)  # fmt: skip

_mentions = st.lists(
    st.builds(Mention, st.sampled_from(NAMES), st.sampled_from(DIRECTIONS),
              st.sampled_from((*DISTANCES, None))),
    max_size=4,
)  # fmt: skip


@st.composite
def memories(draw: st.DrawFn) -> list[tuple[int, str, Delta]]:
    """Segment, source and delta of each keyframe, in order; there is at least one."""
    rows: list[tuple[int, str, Delta]] = []
    segment = 0
    source = draw(st.sampled_from(("", "walk.mcap")))
    for number in range(draw(st.integers(1, 12))):
        if number and draw(st.integers(0, 4)) == 0:
            segment, source = segment + 1, draw(st.sampled_from(("", "walk.mcap")))
        usable = draw(st.integers(0, 9)) > 0
        action = draw(st.sampled_from((None, *Action)))
        angle = draw(st.sampled_from((None, 0.0, 10.0, 45.0, 90.5)))
        delta = Delta(
            number,
            action,
            angle,
            tuple(draw(_mentions)) if usable else (),
            draw(st.sampled_from(REMARKS)) if usable else "",
            usable=usable,
            model="random",
        )
        rows.append((segment, source, delta))
    return rows


def store_of(rows: list[tuple[int, str, Delta]]) -> Store:
    """A memory in RAM that holds these."""
    store = Store.open("", MemorySettings())
    add_to(store, rows)
    return store


def add_to(store: Store, rows: list[tuple[int, str, Delta]]) -> None:
    """Add these to a memory."""
    for segment, source, delta in rows:
        store.add_keyframe(
            stamp_ns=delta.keyframe_id * 1_000_000_000,
            jpeg=b"",
            width=8,
            height=6,
            reason="overlap",
            segment=segment,
            source=source,
        )
        store.commit_delta(delta)
