"""The shipped adapter on the real base restates questions, in this process."""

from __future__ import annotations

import os

import pytest

from embodied_agent.errors import ModelError, ModelUnavailable
from embodied_agent.models.catalogue import BASES
from embodied_agent.reasoning.restating import BuiltinRestater, lacking
from embodied_agent.rules.plain import read_restated
from tests.support.trained_adapter import shipped_restater

pytestmark = [pytest.mark.models, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def restater(tmp_path_factory: pytest.TempPathFactory) -> BuiltinRestater:
    return shipped_restater(tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize(
    ("question", "plain"),
    [
        ("any trace of a fridge", "Did you see a fridge?"),
        ("I wonder whether a teal ottoman was ever spotted.", "Did you see a teal ottoman?"),
        ("in what direction would I look for the server rack?", "Which way is the server rack?"),
        ("Tot up the chairs for me.", "How many chairs did you see?"),
        ("how many times have you swung round to the left?", "How often did you turn left?"),
        ("which of the two came along earlier, the crib or the desk?",
         "Which did you see first, the crib or the desk?"),
        ("tell me how I return to where we set off", "How do I get back to the start?"),
        ("what does the gramophone cost?", "Not noted of the gramophone."),
        ("what is the capital of France", "Off topic."),
    ],
)  # fmt: skip
def test_questions_in_peoples_own_words_become_plain(
    restater: BuiltinRestater, question: str, plain: str
) -> None:
    restatement = restater.restate(question, timeout_s=120)
    assert restatement.reply == plain
    assert 0.5 < restatement.probability <= 1
    assert read_restated(restatement.reply, question) is not None


def test_the_same_question_gives_the_same_reply(restater: BuiltinRestater) -> None:
    question = "so where on earth has that blue kettle ended up"
    assert restater.restate(question, timeout_s=120) == restater.restate(question, timeout_s=120)


def test_it_ends_at_its_time_limit_and_can_be_asked_again(restater: BuiltinRestater) -> None:
    with pytest.raises(ModelUnavailable, match="restated within"):
        restater.restate("where has the kettle got to", timeout_s=0)
    assert restater.restate("where has the kettle got to", timeout_s=120).reply


def test_it_stops_at_once_when_nobody_waits_for_it(restater: BuiltinRestater) -> None:
    pieces = restater.restating("where has the kettle got to", timeout_s=120)
    assert next(pieces) == ""
    pieces.close()
    assert restater.restate("where has the kettle got to", timeout_s=120).reply


def test_who_waits_for_another_question_is_given_pieces_and_a_limit(
    restater: BuiltinRestater,
) -> None:
    first = restater.restating("where has the kettle got to", timeout_s=120)
    next(first)
    second = restater.restating("any kettle?", timeout_s=0.5)
    assert next(second) == ""
    with pytest.raises(ModelUnavailable, match="busy"):
        list(second)
    first.close()
    assert restater.restate("any kettle?", timeout_s=120).reply


def test_a_failure_of_the_model_library_is_a_model_error(
    restater: BuiltinRestater, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(**_: object) -> None:
        raise RuntimeError("not enough memory")

    with monkeypatch.context() as patch:
        patch.setattr(restater, "_model", fails)
        fails.device = fails.config = None  # type: ignore[attr-defined]
        with pytest.raises(ModelError):
            restater.restate("any kettle?", timeout_s=120)
    assert restater.restate("any kettle?", timeout_s=120).reply


def test_its_memory_is_known(restater: BuiltinRestater) -> None:
    parameters = BASES["smollm2"].parameters
    assert restater.held_bytes() >= 2 * parameters


def test_without_the_base_one_sentence_says_what_to_run() -> None:
    assert not os.path.exists(os.environ["EMBODIED_AGENT_MODELS"])
    assert "models get smollm2" in lacking("")
    with pytest.raises(ModelError, match="embodied-agent models get smollm2"):
        BuiltinRestater()
