"""A general model's odd replies: repaired, asked for once more, or recorded as unusable."""

from __future__ import annotations

import json
from typing import Any

import pytest

from embodied_agent.agent import Agent
from embodied_agent.chat.status import ReplyCounts
from embodied_agent.errors import ReplyError
from embodied_agent.perception.replies import parse_full
from embodied_agent.perception.served import ServedPerceiver
from embodied_agent.perception.wording import other_language, other_script
from embodied_agent.records import Action, Delta, Egomotion, Frame, Mention
from embodied_agent.settings import PerceptionSettings, Settings
from tests.support.served import MODEL, faulty, says
from tests.support.served_models import PAIR, REPLY, keyframe, server_settings

SOFA = {"name": "red sofa", "direction": "front", "distance": "near"}
LAMP = {"name": "blue lamp", "direction": "left", "distance": "far"}
UNSURE = Egomotion(Action.MOVE_FORWARD, confidence=0.1)


def reply(**values: Any) -> str:
    return json.dumps(
        {"action": "rotate left", "objects": [SOFA], "observation": "A sofa.", **values}
    )


def perceive(
    *replies: str, motion: Egomotion | None = None, measured: bool = True
) -> tuple[Delta, ReplyCounts, int]:
    """The delta, the perceiver's counts, and how often the server was asked."""
    with faulty(*(says(text) for text in replies)) as server:
        settings = PerceptionSettings(backend="served", server=server_settings(server.url))
        served = ServedPerceiver(settings)
        pair = PAIR
        if motion is not None or not measured:
            pair = PAIR[0], keyframe(1, egomotion=motion)
        delta = served.perceive(*pair)
        served.close()
        return delta, served.reply_counts(), len(server.requests)


@pytest.mark.parametrize("cut", range(len(reply(objects=[SOFA, LAMP])) - 1, 20, -7))
def test_a_reply_cut_anywhere_gives_what_is_whole_in_it_or_nothing(cut: int) -> None:
    text = reply(objects=[SOFA, LAMP])
    try:
        read = parse_full(text[:cut])
    except ReplyError:
        assert cut < text.index("}") + 1
        return
    assert read.repaired
    assert read.action is Action.ROTATE_LEFT
    whole = [Mention("red sofa", "front", "near"), Mention("blue lamp", "left", "far")]
    assert list(read.mentions) == whole[: len(read.mentions)]
    assert read.observation in ("", "A sofa.")


def test_a_cut_reply_is_repaired_and_counted_without_asking_again() -> None:
    delta, counts, asked = perceive(reply()[:-15])
    assert (delta.usable, delta.mentions) == (True, (Mention("red sofa", "front", "near"),))
    assert (asked, counts.repaired, counts.asked_again) == (1, 1, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        reply(observation="Der rote Sessel steht links vor der Kamera und das ist alles."),
        reply(objects=[{**SOFA, "name": "红色沙发"}], observation="前面有一张红色沙发"),
        "",
        "Sorry, I can't help with that.",
    ],
)
def test_another_language_or_nothing_is_asked_for_once_more(wrong: str) -> None:
    delta, counts, asked = perceive(wrong, REPLY)
    assert delta.mentions == (Mention("red sofa", "front", "near"),)
    assert (asked, counts.asked_again, counts.unusable) == (2, 1, 0)


def test_another_language_twice_is_recorded_as_unusable() -> None:
    wrong = reply(observation="Le canapé rouge est à gauche de la porte et devant la table.")
    delta, counts, asked = perceive(wrong)
    assert (delta.usable, delta.mentions, delta.observation) == (False, (), "")
    assert (asked, counts.unusable) == (2, 1)


def test_a_sentence_in_another_script_is_left_out_where_the_objects_are_english() -> None:
    delta, counts, _ = perceive(reply(observation="前面有一张红色沙发"))
    assert delta.mentions == (Mention("red sofa", "front", "near"),)
    assert delta.observation == ""
    assert counts.repaired == 1


def test_an_action_outside_the_ten_is_asked_for_again_where_no_measurement_replaces_it() -> None:
    delta, counts, asked = perceive(reply(action="somersault"), reply(), motion=UNSURE)
    assert delta.action is Action.ROTATE_LEFT
    assert (asked, counts.asked_again) == (2, 1)


def test_an_action_outside_the_ten_twice_is_never_passed_on() -> None:
    delta, _, asked = perceive(reply(action="somersault"), measured=False)
    assert (delta.action, asked) == (None, 2)
    assert delta.mentions == (Mention("red sofa", "front", "near"),)


def test_no_action_is_asked_for_again_where_the_camera_was_at_rest() -> None:
    delta, _, asked = perceive(reply(action="somersault"), motion=Egomotion(None))
    assert (delta.at_rest, asked) == (True, 1)


def test_a_measured_motion_replaces_an_action_outside_the_ten() -> None:
    delta, _, asked = perceive(reply(action="somersault"))
    assert (delta.action, asked) == (Action.ROTATE_LEFT, 1)


def test_no_action_is_an_answer_too() -> None:
    _, _, asked = perceive(reply(action="none"), motion=UNSURE)
    assert asked == 1


@pytest.mark.parametrize(
    "text",
    [
        "A red sofa stands left of the door.",
        "Sofa, lamp, table, door.",
        "Café with a piñata and a chaise longue",
        "",
        "kitchen island; two bar stools",
    ],
)
def test_english_and_lists_of_things_pass(text: str) -> None:
    assert not other_language(text)
    assert not other_script(text)


@pytest.mark.parametrize(
    "text",
    [
        "El sofá rojo está a la izquierda de la puerta",
        "Il divano rosso è davanti alla finestra nella stanza di sinistra",
        "Links van de deur is een rode bank",
        "O sofá está à esquerda da porta",
    ],
)
def test_other_languages_in_latin_letters_are_told(text: str) -> None:
    assert other_language(text)


@pytest.mark.parametrize("text", ["Красный диван слева", "赤いソファが左にある", "أريكة حمراء"])
def test_other_scripts_are_told(text: str) -> None:
    assert other_script(text)


def test_disagreement_with_the_measured_motion_is_stored_and_counted() -> None:
    with faulty(says(reply(action="move backward"))) as server:
        settings = Settings(
            perception=PerceptionSettings(backend="served", server=server_settings(server.url))
        )
        with Agent(settings) as agent:
            from tests.support.views import panorama_views

            agent.begin_replay("walk")
            for number, view in enumerate(panorama_views(20)):
                agent.observe(Frame(number * 10**8, image=view, index=number))
            agent.finish()
            assert agent.drain(60)
            deltas = agent.store.deltas()
            status = agent.status().perception
    disagreed = [delta for delta in deltas if delta.agrees_with_egomotion is False]
    assert disagreed
    assert status.disagreed_with_egomotion == len(disagreed)
    assert status.model == MODEL
    assert status.replies.unusable == 0


def test_the_watch_list_is_asked_about_and_what_was_seen_is_stored() -> None:
    seen = reply(watch=[{"item": "open doors", "seen": "one on the left"}])
    with faulty(says(seen)) as server:
        settings = PerceptionSettings(
            backend="served", server=server_settings(server.url), watch_list=("open doors",)
        )
        served = ServedPerceiver(settings)
        delta = served.perceive(*PAIR)
        served.close()
        request = server.requests[0]
    assert "open doors" in request["messages"][0]["content"][-1]["text"]
    assert "watch" in request["response_format"]["json_schema"]["schema"]["required"]
    assert delta.observation.endswith("open doors: one on the left.")
