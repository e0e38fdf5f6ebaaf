"""Answers questions about one robot or all, by rules, from the index of what they have seen.

The statuses are those of a robot's answers. Nothing is guessed, and robots that the asker may not
ask about play no part in an answer, not even as the closest match.

Out of scope: reading questions (`reading`, `fact_reading`), answers about things, places and facts
(`about_things`, `about_places`, `about_facts`), who may ask (`access`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo

from embodied_agent.fleet.replies import FleetReply
from embodied_agent.fleet.serving.about_facts import about_facts
from embodied_agent.fleet.serving.about_places import about_places
from embodied_agent.fleet.serving.about_things import about_all_things, about_thing
from embodied_agent.fleet.serving.database import Database
from embodied_agent.fleet.serving.fact_reading import read_fleet_fact_question
from embodied_agent.fleet.serving.noted import noted_keys
from embodied_agent.fleet.serving.reading import examples, read_question
from embodied_agent.fleet.serving.saying import Asking, Said, reply_to
from embodied_agent.fleet.serving.vocabulary import Robot, Vocabulary


class Answering:
    """Every method may be called from any thread, and raises `DatabaseError` where the database
    can't be used.

    Args:
        database: of the fleet.
        zone: the time zone of "today" and of times in answers; ``None``: the machine's own.
        common_frames: coordinate frames that mean the same for all robots.
        clock: returns the present, with its time zone.
    """

    def __init__(
        self,
        database: Database,
        *,
        zone: tzinfo | None = None,
        common_frames: Sequence[str] = (),
        clock: Callable[[tzinfo | None], datetime] = lambda zone: datetime.now(zone).astimezone(
            zone
        ),
    ) -> None:
        self._database = database
        self._zone = zone
        self._common_frames = tuple(common_frames)
        self._clock = clock
        self._vocabulary = Vocabulary()

    def ask(
        self, question: str, may_ask_about: Callable[[str], bool], *, robot: str = ""
    ) -> FleetReply:
        """The answer to a question.

        Args:
            question: in words.
            may_ask_about: whether the asker may know of a robot, by its name.
            robot: restricts the question to this robot; empty for none.
        """
        now = self._clock(self._zone)
        with self._database.transaction() as db:
            rows = db.execute("SELECT id, name, vocabulary FROM robots ORDER BY name")
            allowed = [one for one in (Robot(*row) for row in rows) if may_ask_about(one.name)]
            notes = self._vocabulary.of(db, allowed)
            names = [one.name for one in allowed]
            asked = read_question(question, names, notes.notes.nouns, now)
            wanted = [robot] if robot else list(asked.robots)
            unknown = asked.unknown or next((one for one in wanted if one not in names), "")
            if unknown:
                return reply_to(
                    question, Said(f"I don't know a robot called {unknown!r}.", "cannot_tell")
                )
            if not allowed:
                return reply_to(question, Said("I don't know any robots yet.", "cannot_tell"))
            robots = [one for one in allowed if not wanted or one.name in wanted]
            asking = Asking(db, allowed, robots, now, asked, notes)
            keys = noted_keys(db, [one.id for one in allowed])
            about = read_fleet_fact_question(question, names, keys, now)
            said = self._said(asking) if about is None else about_facts(asking, about)
            return reply_to(question, said)

    def _said(self, asking: Asking) -> Said:
        wanted = asking.asked.wanted
        if wanted == "out_of_scope":
            return Said(
                "That is not about what the robots have seen. "
                + examples([one.name for one in asking.robots]),
                "out_of_scope",
            )
        if wanted == "time":
            return Said(
                "I can't tell: the times I understand are today, yesterday, this morning, this "
                "week, and the last hours, days or weeks.",
                "cannot_tell",
            )
        if wanted == "several":
            return Said("I can't tell: ask about one thing at a time.", "cannot_tell")
        if wanted in ("visited", "unvisited"):
            return about_places(asking, self._common_frames)
        if wanted == "things":
            return about_all_things(asking)
        if wanted == "unclear" or asking.asked.thing is None:
            return Said(
                "I can't tell: I did not understand the question. "
                + examples([one.name for one in asking.robots]),
                "cannot_tell",
            )
        return about_thing(asking)
