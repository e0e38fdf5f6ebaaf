"""Answers questions about one robot or all, by rules over the index of what they have seen.

Statuses are those of a robot's answers: nothing is guessed, and what an asker may not ask about has
no part in an answer, not even as the closest match.

Out of scope: reading questions (`reading`), who may ask (`access`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from embodied_agent.fleet.serving.database import Database, Db
from embodied_agent.fleet.serving.places import Visit, last_visit, named_places
from embodied_agent.fleet.serving.reading import FleetAsked, Window, examples, read_question
from embodied_agent.fleet.serving.sightings import (
    Sighting,
    latest_things,
    newest_of_each,
    observation_of,
    position_of,
    sightings,
)
from embodied_agent.fleet.serving.vocabulary import FleetNotes, Robot, Vocabulary
from embodied_agent.fleet.wire import FleetEvidence, FleetReply
from embodied_agent.records import AnswerStatus
from embodied_agent.rules.absence import negated_name
from embodied_agent.rules.lexicon import lexicon
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Thing
from embodied_agent.rules.speech import a, join_names, number, the

#: Keyframes that are named as evidence, and things in a list, at most.
_EVIDENCE, _LISTED = 6, 20


class Asking(NamedTuple):
    """A question that is being answered: the robots that the asker may ask about (``allowed``),
    those that it is about, and the present."""

    db: Db
    allowed: list[Robot]
    robots: list[Robot]
    now: datetime
    asked: FleetAsked
    notes: FleetNotes

    @property
    def ids(self) -> list[int]:
        return [robot.id for robot in self.robots]

    @property
    def when(self) -> str:
        """The question's time as the end of a sentence: `` today``."""
        return f" {self.asked.window.words}" if self.asked.window.words else ""


class Said(NamedTuple):
    """An answer in words, its status, and what it rests on."""

    text: str
    status: AnswerStatus = "answered"
    evidence: Sequence[Sighting | Visit] = ()


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
                return _reply(question, Said(f"I know no robot {unknown!r}.", "cannot_tell"))
            if not allowed:
                return _reply(question, Said("I know no robot yet.", "cannot_tell"))
            robots = [one for one in allowed if not wanted or one.name in wanted]
            return _reply(question, self._said(Asking(db, allowed, robots, now, asked, notes)))

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
                "I can't tell: of times I understand today, yesterday, this morning, this week and "
                "the last hours, days or weeks.",
                "cannot_tell",
            )
        if wanted == "several":
            return Said("I can't tell: ask about one thing at a time.", "cannot_tell")
        if wanted in ("visited", "unvisited"):
            return self._places(asking)
        if wanted == "things":
            return self._things(asking)
        if wanted == "unclear" or asking.asked.thing is None:
            return Said(
                "I can't tell: I did not understand the question. "
                + examples([one.name for one in asking.robots]),
                "cannot_tell",
            )
        return self._thing(asking)

    # -- a thing ---------------------------------------------------------------------------------

    def _thing(self, asking: Asking) -> Said:
        asked = asking.asked
        assert asked.thing is not None
        found = match(asked.thing, asking.notes.notes)
        ids = _ids(asking, (*found.things, *found.within))
        seen = sightings(asking.db, asking.ids, ids, asked.window, first=asked.wanted == "first")
        if asked.wanted == "which_not":
            return self._without(asking, seen)
        if not seen:
            return self._missing(asking, ids)
        if asked.wanted == "which":
            return self._which(asking, seen)
        one = seen[0]
        verb = "first saw" if asked.wanted == "first" else "last saw"
        text = f"{one.robot} {verb} {the(one.thing)}{self._at(asking, one)}."
        others = newest_of_each(seen[1:])
        if len(seen) > 1 and others and others[0].thing != one.thing:
            text += (
                f" {others[0].robot} saw {the(others[0].thing)} {self._time(asking, others[0])}."
            )
        return Said(text, "answered", seen)

    def _which(self, asking: Asking, seen: Sequence[Sighting]) -> Said:
        by_robot = newest_of_each(seen, by_robot=True)
        told = [
            f"{one.robot} ({the(one.thing)}, last {self._time(asking, one)})" for one in by_robot
        ]
        opening = "" if asking.asked.asks_who else "Yes: "
        return Said(f"{opening}{join_names(told)}.", "answered", by_robot)

    def _without(self, asking: Asking, seen: Sequence[Sighting]) -> Said:
        assert asking.asked.thing is not None
        with_it = {one.robot for one in seen}
        names = [one.name for one in asking.robots if one.name not in with_it]
        thing = negated_name(asking.asked.thing)
        if not names:
            return Said(
                f"Each of the {number(len(asking.robots))} robots has seen {thing}{asking.when}.",
                "answered",
                newest_of_each(seen, by_robot=True),
            )
        have = "has" if len(names) == 1 else "have"
        text = f"{join_names(names)} {have} not seen {thing}{asking.when}."
        return Said(text, "answered", newest_of_each(seen, by_robot=True))

    def _missing(self, asking: Asking, ids: Sequence[int]) -> Said:
        """Why there is no sighting: none in this time, another colour, no word of the colour, words
        in an observation, or nothing at all."""
        asked, db = asking.asked, asking.db
        assert asked.thing is not None
        found = match(asked.thing, asking.notes.notes)
        who = asking.robots[0].name if len(asking.robots) == 1 else "no robot"
        seen = f"{who} has {'not ' if len(asking.robots) == 1 else ''}seen"
        text = f"{seen[0].upper() if who == 'no robot' else seen[0]}{seen[1:]} "
        text += f"{negated_name(asked.thing)}{asking.when}."
        earlier = sightings(db, asking.ids, ids, Window())
        if earlier:
            one = earlier[0]
            text += f" {one.robot} last saw {the(one.thing)} {self._time(asking, one)}."
            return Said(text, "not_seen", earlier[:1])
        doubtful = sightings(
            db, asking.ids, _ids(asking, (*found.no_colour, *found.unsaid)), asked.window
        )
        if doubtful:
            one = doubtful[0]
            what = "what colour it is" if not asked.thing.qualifiers else "more about it"
            return Said(
                f"I can't tell: {one.robot} saw {a(one.thing)} {self._time(asking, one)}, but its "
                f"notes do not say {what}.",
                "cannot_tell",
                doubtful[:1],
            )
        words = [asked.thing.noun, *lexicon().words(asked.thing.kind)] if asked.thing.kind else []
        noted = observation_of(db, asking.ids, words, asked.window)
        if noted is not None and not found.is_known:
            one, observation = noted
            return Said(
                f"I can't tell: the notes of {one.robot} {self._time(asking, one)} say: "
                f"“{' '.join(observation.split())[:160]}”",
                "cannot_tell",
                [one],
            )
        near = (*found.other_colour, *((found.nearest,) if found.nearest else ()))
        closest = sightings(db, asking.ids, _ids(asking, near), Window())
        if closest:
            one = closest[0]
            text += f" The closest match is {a(one.thing)}, which {one.robot} saw "
            text += f"{self._time(asking, one)}."
        return Said(text, "not_seen", closest[:1])

    # -- all things, and places ------------------------------------------------------------------

    def _things(self, asking: Asking) -> Said:
        found, more = latest_things(asking.db, asking.ids, asking.asked.window, _LISTED)
        subject = asking.robots[0].name if len(asking.robots) == 1 else "The robots"
        if not found:
            have = "has" if len(asking.robots) == 1 else "have"
            return Said(f"{subject} {have} seen nothing{asking.when}.", "not_seen")
        names = [a(one.thing) for one in found]
        rest = f" and {more} more" if more else ""
        listed = f"{', '.join(names)}{rest}" if more else join_names(names)
        text = f"{subject} saw{asking.when}, the latest first: {listed}."
        return Said(text, "answered", found)

    def _places(self, asking: Asking) -> Said:
        asked = asking.asked
        if asked.window.until is not None:
            return Said(
                "I can't tell: of places I know when they were visited last. Ask about today, this "
                "week or the last hours or days.",
                "cannot_tell",
            )
        # Whose places they are matters only where coordinates can't be compared.
        everyone = [one.id for one in asking.allowed]
        places = named_places(asking.db, everyone)
        if not places:
            return Said(
                "I can't tell: nobody has named a place. Name rooms with `embodied-agent places "
                "add NAME --region …` on a robot.",
                "cannot_tell",
            )
        visits: dict[str, Visit | None] = {}
        for place in places:
            visit = last_visit(asking.db, place, asking.ids, self._common_frames, asked.window)
            known = visits.get(place.name)
            if known is None or (visit is not None and visit.seen_at > known.seen_at):
                visits[place.name] = visit
        seen = {name: visit for name, visit in visits.items() if visit is not None}
        whose = asking.robots[0].name if len(asking.robots) == 1 else "a robot"
        if asked.wanted == "visited":
            if not seen:
                return Said(
                    f"None of the {number(len(visits))} named places was visited by "
                    f"{whose}{asking.when}.",
                    "not_seen",
                )
            told = [
                f"{name} ({visit.robot}, last {self._time(asking, visit)})"
                for name, visit in seen.items()
            ]
            return Said(f"{join_names(told)}.", "answered", list(seen.values()))
        missing = [name for name in visits if name not in seen]
        evidence = list(seen.values())
        if not missing:
            count = len(visits)
            all_places = "The named place was" if count == 1 else f"All {count} named places were"
            return Said(
                f"None: {all_places} visited by {whose}{asking.when}.", "answered", evidence
            )
        was = "was" if len(missing) == 1 else "were"
        nobody = f"not by {whose}" if len(asking.robots) == 1 else "by no robot"
        text = f"{join_names(missing)} {was} visited {nobody}{asking.when}."
        return Said(text, "answered", evidence)

    # -- words -----------------------------------------------------------------------------------

    def _time(self, asking: Asking, one: Sighting | Visit) -> str:
        """When it was, as people say it: ``today at 14:02:05``."""
        moment = one.seen_at.astimezone(asking.now.tzinfo)
        days = (asking.now.date() - moment.date()) // timedelta(days=1)
        day = {0: "today", 1: "yesterday"}.get(days, f"on {moment:%Y-%m-%d}")
        return f"{day} at {moment:%H:%M:%S}"

    def _at(self, asking: Asking, one: Sighting) -> str:
        """When it was, and where the robot was then."""
        position = position_of(asking.db, one)
        where = "" if position is None else f", from ({position[1]:.1f}, {position[2]:.1f}) m"
        frame = f" in {position[0]}" if position and position[0] else ""
        return f" {self._time(asking, one)}{where}{frame}"


def _ids(asking: Asking, things: Iterable[Thing]) -> list[int]:
    keys = (" ".join(thing.name.casefold().split()) for thing in things)
    return [asking.notes.ids[key] for key in keys if key in asking.notes.ids]


def _reply(question: str, said: Said) -> FleetReply:
    evidence = {(one.robot, one.memory, one.keyframe_id): one for one in said.evidence}
    return FleetReply(
        question=question,
        status=said.status,
        text=said.text,
        evidence=[evidence_of(one) for one in list(evidence.values())[:_EVIDENCE]],
    )


def evidence_of(one: Sighting | Visit) -> FleetEvidence:
    """A keyframe as it is named to the asker."""
    return FleetEvidence(
        robot=one.robot,
        memory=one.memory,
        keyframe_id=one.keyframe_id,
        seen_at_s=one.seen_at.timestamp(),
        note=one.thing if isinstance(one, Sighting) else "",
        thumbnail=thumbnail_address(one.robot, one.memory, one.keyframe_id),
    )


def thumbnail_address(robot: str, memory: str, keyframe_id: int) -> str:
    """Where a keyframe's thumbnail is, on this server."""
    return f"/api/robots/{robot}/memories/{memory}/keyframes/{keyframe_id}.jpg"
