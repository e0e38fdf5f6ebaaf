"""Standing questions: reported once per event, across restarts, and only where they count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from embodied_agent import Agent
from embodied_agent.agent.listeners import Listener
from embodied_agent.errors import QuestionError
from embodied_agent.object_records import Alert, NamedPlace, StandingQuestion
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.records import Delta, Frame, Keyframe, Mention, Pose
from embodied_agent.settings import Settings, load_settings
from tests.support.views import panorama_views

#: What is seen at each keyframe: names with bearing (degrees) and range (metres).
Script = Callable[[int], list[tuple[str, float, float]]]
VIEWS = panorama_views(40, width=160)


class Scripted(GeometryPerceiver):
    def __init__(self, script: Script) -> None:
        self._script = script

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        mentions = tuple(
            Mention(
                name,
                "front",
                "near",
                bearing_deg=bearing,
                elevation_deg=0.0,
                range_m=range_m,
                confidence=0.9,
            )
            for name, bearing, range_m in self._script(current.id)
        )
        return Delta(current.id, action=None, mentions=mentions, model="scripted")


def settings(path: Path | str = "", **more: object) -> Settings:
    return load_settings(
        memory__path=str(path),
        keyframes__split_motions=False,
        perception__backend="geometry",
        **more,
    )


def look(agent: Agent, start: int, count: int, *, at: tuple[float, float] = (0.0, 0.0)) -> None:
    """So many views, from one place; each becomes a keyframe."""
    for i in range(start, start + count):
        pose = Pose((at[0], at[1], 0.0), (0.0, 0.0, 0.0, 1.0))
        agent.observe(
            Frame(i * 1_000_000_000, image=VIEWS[(3 * i) % len(VIEWS)], index=i, pose=pose)
        )
    assert agent.drain(60.0)


def hear(agent: Agent) -> list[Alert]:
    heard: list[Alert] = []
    agent.listen(Listener(on_alert=heard.append))
    return heard


@pytest.fixture
def agent() -> Iterator[Agent]:
    with Agent(settings(), perceiver=Scripted(lambda k: [("red van", 5.0, 4.0)])) as agent:
        yield agent


def test_a_thing_that_comes_into_view_is_reported_once_with_its_frame(agent: Agent) -> None:
    heard = hear(agent)
    asked = agent.tell_when("Tell me when you see a van", by="Ada")
    look(agent, 0, 8)
    (alert,) = heard
    assert (alert.question_id, alert.event, alert.name) == (asked.id, "seen", "red van")
    assert alert.text == "I see the red van."
    assert alert.keyframe_id == 0
    assert alert.object_id is not None
    assert alert.pose is not None
    assert agent.store.alerts.alerts() == [alert]


def test_nothing_that_was_seen_before_the_question_is_reported(agent: Agent) -> None:
    heard = hear(agent)
    look(agent, 0, 5)
    agent.tell_when("tell me when you see a van")
    assert heard == []
    look(agent, 5, 5)
    (alert,) = heard
    assert alert.keyframe_id >= 1


@pytest.mark.parametrize("wish", ["a blue van", "a bicycle"])
def test_another_thing_is_not_reported(agent: Agent, wish: str) -> None:
    heard = hear(agent)
    agent.tell_when(f"tell me when you see {wish}")
    look(agent, 0, 8)
    assert heard == []


def test_each_object_is_an_event_of_its_own() -> None:
    two = Scripted(lambda k: [("red van", 25.0, 4.0), ("white van", -25.0, 4.0)])
    with Agent(settings(), perceiver=two) as agent:
        heard = hear(agent)
        agent.tell_when("tell me when you see a van")
        look(agent, 0, 6)
        assert sorted(alert.name for alert in heard) == ["red van", "white van"]


def test_questions_and_what_was_reported_survive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    perceiver = Scripted(lambda k: [("red van", 5.0, 4.0)])
    with Agent(settings(path), perceiver=perceiver) as agent:
        asked = agent.tell_when("tell me when you see a van", by="Ada")
        look(agent, 0, 5)
        assert len(agent.store.alerts.alerts()) == 1
    with Agent(settings(path), perceiver=perceiver) as agent:
        assert agent.standing_questions() == [asked]
        heard = hear(agent)
        agent.begin_live()
        look(agent, 5, 1)
        # A restart begins another map session, in which it is another object.
        assert len(heard) <= 1
        before = len(agent.store.alerts.alerts())
        look(agent, 6, 4)
        assert len(agent.store.alerts.alerts()) == before


def test_a_thing_that_is_gone_is_reported_once() -> None:
    def script(keyframe: int) -> list[tuple[str, float, float]]:
        return [("pallet", 0.0, 3.0)] if keyframe < 4 else [("wall", 20.0, 8.0)]

    with Agent(settings(), perceiver=Scripted(script)) as agent:
        heard = hear(agent)
        agent.tell_when("tell me when the pallet is gone")
        look(agent, 0, 20)
        (alert,) = heard
        (pallet,) = agent.objects("pallet")
        assert alert.text == "The pallet is no longer where it was."
        assert alert.object_id == pallet.id
        assert alert.keyframe_id == pallet.missed_in[settings().objects.gone_after - 1]


def test_a_place_limits_where_it_counts(agent: Agent) -> None:
    look(agent, 0, 1)
    (session,) = agent.map_sessions()
    for name, x in (("dock", 4.0), ("kitchen", 40.0)):
        pose = Pose((x, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))
        agent.name_place(NamedPlace(name, session.id, session.frame_id, "Ada", pose=pose))
    here = agent.tell_when("tell me when you see a van at the dock")
    agent.tell_when("tell me when you see a van in the kitchen")
    heard = hear(agent)
    look(agent, 1, 5)
    assert [(alert.question_id, alert.text) for alert in heard] == [
        (here.id, "I see the red van at the dock.")
    ]


def test_a_wish_can_be_asked_like_any_question(agent: Agent) -> None:
    answer = agent.ask("Tell me when you see a van, please")
    answer = agent.ask("Tell me when you see an orange cone")
    assert answer.status == "answered"
    assert answer.text.startswith("I will tell you when I see an orange cone")
    assert agent.standing_questions()[-1].name == "orange cone"


def test_the_same_wish_is_kept_once_and_can_be_withdrawn(agent: Agent) -> None:
    first = agent.tell_when("tell me when you see a van", by="Ada")
    assert agent.tell_when("Let me know if you spot a van", by="Ada") == first
    heard = hear(agent)
    assert first.id is not None
    assert agent.withdraw(first.id)
    assert not agent.withdraw(first.id)
    look(agent, 0, 5)
    assert heard == []
    again = agent.tell_when("tell me when you see a van", by="Ada")
    assert again.id is not None


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ("Where is the van?", "say 'tell me when you see"),
        (StandingQuestion("the", "seen", "Ada"), "needs the name"),
        (StandingQuestion("van", "seen", "Ada", place="moon"), "there is no place 'moon'"),
        (
            StandingQuestion("van", "seen", "Ada", webhook="http://169.254.169.254/x"),
            "alerts.webhooks",
        ),
    ],
)
def test_a_wish_that_can_not_be_used_is_refused_with_the_reason(
    agent: Agent, wish: StandingQuestion | str, why: str
) -> None:
    with pytest.raises(QuestionError, match=why):
        agent.tell_when(wish)
    assert agent.standing_questions() == []


def test_there_is_a_limit_to_standing_questions() -> None:
    with Agent(settings(alerts__most=2), perceiver=Scripted(lambda k: [])) as agent:
        for name in ("van", "cone"):
            agent.tell_when(f"tell me when you see a {name}")
        with pytest.raises(QuestionError, match="withdraw one"):
            agent.tell_when("tell me when you see a tree")


def test_a_damaged_question_is_left_out_and_the_others_are_asked(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    with Agent(settings(path), perceiver=Scripted(lambda k: [])) as agent:
        agent.tell_when("tell me when you see a van")
        agent.tell_when("tell me when you see a cone")
    db = apsw.Connection(str(path))
    db.execute("UPDATE standing_questions SET json = replace(json, 'van', 'man') WHERE id = 1")
    db.close()
    with Agent(settings(path), perceiver=Scripted(lambda k: [])) as agent:
        assert [one.name for one in agent.standing_questions()] == ["cone"]
        assert agent.store.damage.names() == ("standing question 1",)
