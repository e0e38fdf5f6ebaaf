"""`embodied-agent places`: places that people named, such as "dock"."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import typer

from embodied_agent.cli.common import console, explained, plain, print_json
from embodied_agent.cli.groups import Commands
from embodied_agent.cli.objects import ByOption, author, corners, opened
from embodied_agent.cli.options import ConfigOption, JsonOption, MemoryOption
from embodied_agent.errors import QuestionError, SettingsError

if TYPE_CHECKING:
    from embodied_agent.object_records import NamedPlace
    from embodied_agent.records import Pose

places = Commands(
    help="Name places, by a pose or by a region of a map session.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help='Such as "dock".')]


@places.command("list")
def list_places(
    path: MemoryOption = None, config: ConfigOption = None, json_output: JsonOption = False
) -> None:
    """List the named places."""
    with explained(), opened(path, config, read_only=True) as memory:
        from embodied_agent.interfaces.wire.corrections import place_reply

        named = memory.named_places()
        if json_output:
            print_json([place_reply(place).model_dump(mode="json") for place in named])
            return
        for place in named:
            console().print(place_line(place), markup=False, soft_wrap=True)
        if not named:
            console().print("no named places", markup=False)


def place_line(place: NamedPlace) -> str:
    """A named place in one line."""
    x, y, _ = place.position_m
    how = f"region of {len(place.region)} corners around" if place.region else "at"
    frame = place.frame_id or "where the camera started"
    return plain(
        f"{place.name:<20} {how} ({x:.2f}, {y:.2f}) m in {frame}, map session {place.session}, "
        f"by {place.by}"
    )


@places.command()
def add(
    name: NameArgument,
    pose: Annotated[
        str | None,
        typer.Option("--pose", metavar="X,Y,YAW", help="In metres and degrees: 1.5,2,90."),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option("--region", metavar="X,Y ...", help='Corners in metres: "0,0 2,0 2,3 0,3".'),
    ] = None,
    session: Annotated[
        int | None,
        typer.Option("--session", metavar="N", help="The map session; default: the latest."),
    ] = None,
    path: MemoryOption = None,
    by: ByOption = None,
    config: ConfigOption = None,
    json_output: JsonOption = False,
) -> None:
    """Name a place; one of the same name is replaced."""
    with explained(), opened(path, config, read_only=False) as memory:
        from embodied_agent.interfaces.wire.corrections import place_reply
        from embodied_agent.object_records import NamedPlace

        sessions = {one.id: one for one in memory.sessions()}
        if not sessions:
            raise QuestionError("nothing was seen yet: there is no map session to name a place in")
        number = max(sessions) if session is None else session
        if number not in sessions:
            raise QuestionError(f"there is no map session {number}; the latest is {max(sessions)}")
        frame = sessions[number].frame_id
        place = memory.name_place(
            NamedPlace(
                name,
                number,
                frame,
                author(by),
                pose=None if pose is None else _pose(pose, frame),
                region=() if region is None else corners(region),
            )
        )
        if json_output:
            print_json(place_reply(place).model_dump(mode="json"))
        else:
            console().print(place_line(place), markup=False, soft_wrap=True)


@places.command()
def remove(
    name: NameArgument,
    path: MemoryOption = None,
    config: ConfigOption = None,
    json_output: JsonOption = False,
) -> None:
    """Forget a named place."""
    with explained(), opened(path, config, read_only=False) as memory:
        if not memory.remove_place(name):
            raise QuestionError(f"there is no place named {name!r}; see `places list`")
        if json_output:
            print_json({"removed": name})
        else:
            console().print(plain(f"removed {name}"), markup=False, soft_wrap=True)


def _pose(text: str, frame_id: str) -> Pose:
    from embodied_agent.records import Pose

    try:
        x, y, yaw = map(float, text.split(","))
    except ValueError as error:
        raise SettingsError(f"a pose is X,Y,YAW such as 1.5,2,90, not {text!r}") from error
    half = math.radians(yaw) / 2
    return Pose((x, y, 0.0), (0.0, 0.0, math.sin(half), math.cos(half)), frame_id)
