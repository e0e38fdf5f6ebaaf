"""The HTTP API of objects and places: what is where, and what people say about it.

Out of scope: access control (`guard`), what a correction changes (`embodied_agent.agent`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request

from embodied_agent.interfaces.web.api import Parts, error_replies
from embodied_agent.interfaces.web.limits import client_of
from embodied_agent.interfaces.wire.corrections import (
    CorrectionReply,
    CorrectionRequest,
    CorrectionsReply,
    PlaceReply,
    PlaceRequest,
    PlacesReply,
    correction_reply,
    place_reply,
)
from embodied_agent.interfaces.wire.models import GoalReply
from embodied_agent.interfaces.wire.objects import ObjectsReply, goal_reply, objects_reply

_INT64 = 2**63 - 1
#: Most objects in one reply.
MOST = 2_000

Name = Annotated[str, Query(max_length=200, description='what it is called: "couch", "red chair"')]
ObjectId = Annotated[int, Path(ge=0, le=_INT64)]
PlaceName = Annotated[str, Path(min_length=1, max_length=200)]


def make_objects_router(parts: Callable[[], Parts]) -> APIRouter:
    """The routes; ``parts`` returns what they use, once the app has started."""
    router = APIRouter(prefix="/api")

    @router.get("/objects", responses=error_replies())
    def objects(
        name: Name = "",
        session: Annotated[
            int | None, Query(ge=0, le=_INT64, description="only this map session")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 500,
    ) -> ObjectsReply:
        """What the memory knows of objects: those of the latest map session first, those that are
        still there first, the last seen first."""
        agent = parts().agent
        objects = agent.objects(name.strip() or None, session=session, limit=limit)
        return objects_reply(objects, agent.map_sessions())

    @router.get("/objects/locate", responses=error_replies())
    def locate(
        name: Annotated[str, Query(min_length=1, max_length=200, description="what to look for")],
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> ObjectsReply:
        """Where the objects are that a name means, best first; empty if no position is known.
        Synonyms and colours are understood as in questions."""
        agent = parts().agent
        return objects_reply(agent.locate(name, limit=limit), agent.map_sessions())

    @router.get("/objects/{object_id}/goal", responses=error_replies(404))
    def goal(object_id: ObjectId) -> GoalReply:
        """Where to stand and look from, to see an object: a pose on or near the way that was
        driven. 404 where its position is not known well enough."""
        goal = parts().agent.goal(object_id)
        if goal is None:
            raise HTTPException(
                404, f"no pose is known from which object {object_id} could be seen"
            )
        return goal_reply(goal)

    @router.get("/corrections", responses=error_replies())
    def corrections() -> CorrectionsReply:
        """What people said about the memory, in order."""
        corrections = parts().agent.corrections()
        return CorrectionsReply(corrections=[correction_reply(one) for one in corrections])

    @router.post("/corrections", responses=error_replies(400, 413))
    def correct(body: CorrectionRequest, request: Request) -> CorrectionReply:
        """Correct the memory: forget, relabel, merge, split or annotate. What was forgotten is
        gone from the file and does not come back with a replay."""
        agent = parts().agent
        return correction_reply(agent.correct(body.to_correction(sender_of(request))))

    @router.get("/places", responses=error_replies())
    def places() -> PlacesReply:
        """All places that people named, by name."""
        return PlacesReply(places=[place_reply(one) for one in parts().agent.named_places()])

    @router.put("/places/{name}", responses=error_replies(400, 413))
    def name_place(name: PlaceName, body: PlaceRequest, request: Request) -> PlaceReply:
        """Name a place, such as "dock"; one of the same name is replaced."""
        agent = parts().agent
        number = body.keyframe_id
        keyframe = None if number is None else agent.store.keyframe(number)
        place = body.to_place(name, sender_of(request), agent.map_sessions(), keyframe)
        return place_reply(agent.name_place(place))

    @router.delete("/places/{name}", responses=error_replies(404))
    def remove_place(name: PlaceName) -> PlacesReply:
        """Forget a named place; returns those that are left."""
        agent = parts().agent
        if not agent.remove_place(name):
            raise HTTPException(404, f"there is no place {name!r}")
        return PlacesReply(places=[place_reply(one) for one in agent.named_places()])

    return router


def sender_of(request: Request) -> str:
    """Who corrects over HTTP without giving a name: the certificate's user, or the address."""
    return client_of(request.scope) or "an HTTP client"
