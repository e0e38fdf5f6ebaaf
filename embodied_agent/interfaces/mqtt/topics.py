"""The topics of one robot, and where its answers may go.

Below ``embodied_agent/<robot>/``: ``ask`` and ``ask/<operator>`` (requests), ``fact`` and
``fact/<operator>`` (values to note), ``answer/<id>`` and ``answer/<operator>/<id>`` (answers to
requests that name no response topic), ``delta`` (what was seen), ``alert`` (what standing questions
waited for) and ``status`` (retained).

MQTT does not tell a subscriber who published a message, so ``<operator>`` is only as reliable as
the broker's access list: with the one in ``deploy/mosquitto``, nobody else may publish to
``ask/alice`` and ``fact/alice`` or read below ``answer/alice/``.

The client chooses the response topic, and the robot publishes there with its own permissions.
Without limits, a client could make it publish to anything else on the broker, a motor or a lamp.

Out of scope: the messages (`messages`).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from embodied_agent.settings import MqttSettings

ROOT = "embodied_agent"
#: Limits of our own, below those of the brokers that we know: Mosquitto hangs up on more than 200
#: levels, others on more than 128. In bytes of UTF-8, and in levels.
MOST_TOPIC_BYTES, MOST_TOPIC_LEVELS = 1024, 32
_MOST_OPERATOR = 128


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one robot.

    ``allowed`` are further topics that answers may go to: each a topic or, if it ends in ``/``, the
    prefix of such topics.
    """

    robot: str
    allowed: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: MqttSettings) -> Topics:
        """The topics of the robot that the settings name."""
        return cls(settings.robot, settings.response_topics)

    @property
    def base(self) -> str:
        """Their common prefix, without the slash."""
        return f"{ROOT}/{self.robot}"

    @property
    def ask(self) -> str:
        """The topic of requests from nobody in particular."""
        return f"{self.base}/ask"

    @property
    def ask_of_operators(self) -> str:
        """The filter of the topics of requests from operators (`ask_of`)."""
        return f"{self.base}/ask/+"

    def ask_of(self, operator: str) -> str:
        """The topic of an operator's requests; of nobody in particular if ``operator`` is empty."""
        return f"{self.ask}/{operator}" if operator else self.ask

    def operator_of(self, topic: str) -> str:
        """The operator whose requests come on ``topic``; empty if it is nobody's in particular."""
        operator = topic.removeprefix(f"{self.ask}/").removeprefix(f"{self.fact}/")
        is_operator = topic != operator and not _faults_of(operator) and "/" not in operator
        return operator if is_operator and len(operator) <= _MOST_OPERATOR else ""

    @property
    def fact(self) -> str:
        """The topic of values to note, from nobody in particular."""
        return f"{self.base}/fact"

    @property
    def fact_of_operators(self) -> str:
        """The filter of the topics of values to note from operators."""
        return f"{self.base}/fact/+"

    def is_fact(self, topic: str) -> bool:
        """Whether messages of ``topic`` are values to note."""
        return topic == self.fact or topic.startswith(f"{self.fact}/")

    @property
    def delta(self) -> str:
        """The topic of deltas."""
        return f"{self.base}/delta"

    @property
    def alert(self) -> str:
        """The topic of alerts."""
        return f"{self.base}/alert"

    @property
    def status(self) -> str:
        """The topic of the retained status."""
        return f"{self.base}/status"

    def answer(self, request_id: str, operator: str = "") -> str:
        """The topic of the answer to a request that names no response topic."""
        return f"{self.inbox(operator)}{request_id}"

    def inbox(self, operator: str = "") -> str:
        """The prefix of the topics to which answers for ``operator`` may always go."""
        return f"{self.base}/answer/{operator}/" if operator else f"{self.base}/answer/"

    def objection(self, response_topic: str, operator: str = "") -> str:
        """Why no answer may be published to a topic; empty if it may.

        No client may make the robot speak for others, or to anything but those who ask: answers go
        to the asker's own inbox, and to what the settings allow. Topics of this program other than
        the robot's own answers are never allowed.
        """
        if fault := _faults_of(response_topic):
            return fault
        if response_topic.startswith(self.inbox(operator)) and response_topic[-1] != "/":
            return ""
        if response_topic.split("/")[0] != ROOT and any(
            response_topic == place or (place.endswith("/") and response_topic.startswith(place))
            for place in self.allowed
        ):
            return ""
        return (
            f"answers go to topics below {self.inbox(operator)} only; others are allowed by "
            "the robot's setting mqtt.response_topics"
        )


def _faults_of(topic: str) -> str:
    """Why a topic can't be used for any message; empty if it can."""
    if not topic:
        return "the response topic is empty"
    size = len(topic.encode("utf-8", "surrogatepass"))
    if size > MOST_TOPIC_BYTES:
        return f"the response topic has {size} bytes; at most {MOST_TOPIC_BYTES} are allowed"
    levels = topic.count("/") + 1
    if levels > MOST_TOPIC_LEVELS:
        return f"the response topic has {levels} levels; at most {MOST_TOPIC_LEVELS} are allowed"
    if topic[0] == "$":
        return "topics that begin with $ are the broker's own"
    if re.search(r"[+#]", topic):
        return "the response topic has wildcards; name one topic"
    if any(_is_forbidden(character) for character in topic):
        return "the response topic has a character that topics can't have"
    return ""


def _is_forbidden(character: str) -> bool:
    """Whether brokers may hang up on ``character`` (MQTT 5, 1.5.4): controls, halves of surrogate
    pairs, code points that are no characters, and U+FEFF, which some clients can't read."""
    code = ord(character)
    no_character = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return no_character or code == 0xFEFF or unicodedata.category(character) in ("Cc", "Cs")
