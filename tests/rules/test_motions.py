"""What arrays tell of a way is what going through its deltas one by one tells."""

from __future__ import annotations

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.records import Action, Delta
from embodied_agent.rules.motions import Motions, Run

_deltas = st.lists(
    st.builds(
        Delta,
        st.just(0),
        st.sampled_from((None, *Action)),
        st.sampled_from((None, 0.0, 15.5, 90.0)),
        usable=st.booleans(),
    ),
    max_size=30,
)


def plain_runs(deltas: list[Delta]) -> list[Run]:
    """Repetitions, one delta after the other."""
    runs = []
    for action, group in groupby(deltas, key=lambda delta: delta.action):
        same = list(group)
        angles = [d.angle_deg if action is not None and action.is_rotation else 0.0 for d in same]
        known = [angle for angle in angles if angle is not None]
        runs.append(Run(action, len(same), sum(known) if len(known) == len(angles) else None))
    return runs


@given(_deltas, st.data())
def test_arrays_tell_what_the_deltas_tell(deltas: list[Delta], data: st.DataObject) -> None:
    motions = Motions(deltas)
    start = data.draw(st.integers(0, len(deltas)))
    later = deltas[start:]
    runs = plain_runs(later)
    assert motions.runs(start, len(runs)) == runs
    assert not runs or motions.runs(start, len(runs) - 1) is None
    left, right = (
        sum(run.action is action for run in runs)
        for action in (Action.ROTATE_LEFT, Action.ROTATE_RIGHT)
    )
    moves = [d for d in later if d.action is not None and not d.action.is_rotation]
    assert motions.summary(start) == (left, right, len(moves))
    assert motions.only_rotations(start) == (not moves)
    measured = [i for i, d in enumerate(deltas) if d.action is not None]
    assert motions.first_measured() == (measured[0] if measured else None)
    since = [i for i in measured if i >= start]
    assert motions.last_measured(start) == (since[-1] if since else None)
    assert motions.unusable == sum(not d.usable for d in deltas)
    assert [motions.angle_deg(i) for i in range(len(deltas))] == [d.angle_deg for d in deltas]
    assert len(motions.part(start, len(deltas))) == len(later)


@given(_deltas, st.data())
def test_repetitions_are_counted_once_and_apart_at_breaks(
    deltas: list[Delta], data: st.DataObject
) -> None:
    breaks = sorted(data.draw(st.sets(st.integers(1, max(1, len(deltas) - 1)), max_size=3)))
    breaks = [at for at in breaks if at < len(deltas)]
    wanted = data.draw(st.lists(st.sampled_from(list(Action)), max_size=3))
    motions = Motions(deltas)
    expected = 0
    for begin, end in zip([0, *breaks], [*breaks, len(deltas)], strict=True):
        known = [d for d in deltas[begin:end] if d.action is not None]
        expected += sum(run.action in wanted for run in plain_runs(known))
    assert motions.times(wanted, breaks) == expected
    assert motions.where(wanted) == tuple(
        i for i, d in enumerate(deltas) if d.action is not None and d.action in wanted
    )
