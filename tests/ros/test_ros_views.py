"""The configurations for RViz and Foxglove show topics that the node has, of the right types."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
LAYOUT = json.loads((ROOT / "config/ros/agent.foxglove.json").read_text("utf-8"))
DOCS = (ROOT / "docs/ros.md").read_text("utf-8")
#: Names that are documented as the node's own: topics and services.
OWN = set(re.findall(r"`~/([\w/]+)`", DOCS))
#: What the simulated robot and others publish.
OTHERS = {"odom", "sim_robot/floor_plan", "camera/image", "camera/camera_info", "diagnostics"}
SRV = ROOT / "ros_ws/src/embodied_agent_interfaces/srv/Ask.srv"


def is_known(topic: str) -> bool:
    own = topic.removeprefix("embodied_agent/")
    return own in OWN if own != topic else topic in OTHERS


def panels(place: Any) -> Iterator[str]:
    if isinstance(place, str):
        yield place
    else:
        assert place["direction"] in ("row", "column")
        yield from panels(place["first"])
        yield from panels(place["second"])


def test_foxglove_shows_each_panel_once() -> None:
    shown = list(panels(LAYOUT["layout"]))
    assert sorted(shown) == sorted(LAYOUT["configById"])


def test_foxglove_names_topics_that_there_are() -> None:
    configs = LAYOUT["configById"]
    named = [
        *configs["3D!memory"]["topics"],
        *(topic for panel in configs.values() for topic in panel.get("imageMode", {}).values()),
        *(
            panel["topicPath"].partition(".")[0]
            for panel in configs.values()
            if "topicPath" in panel
        ),
        configs["DiagnosticSummary!node"]["topicToRender"],
        configs["CallService!ask"]["serviceName"],
    ]
    assert len(named) == 12
    assert [topic for topic in named if not is_known(topic.removeprefix("/"))] == []


def test_foxglove_asks_with_fields_that_the_service_has() -> None:
    request = SRV.read_text("utf-8").partition("---")[0]
    fields = set(re.findall(r"^[\w/\[\]]+ +(\w+)", request, re.MULTILINE))
    asked = json.loads(LAYOUT["configById"]["CallService!ask"]["requestPayload"])
    assert set(asked) <= fields
    assert asked["question"]


def test_rviz_names_topics_that_there_are() -> None:
    config = yaml.safe_load((ROOT / "config/ros/agent.rviz").read_text("utf-8"))
    displays = config["Visualization Manager"]["Displays"]
    named = [shown["Topic"]["Value"] for shown in displays if "Topic" in shown]
    assert len(named) >= 6
    # As they are: RViz takes the transport of a picture from the end of its topic's name.
    assert [name for name in named if not is_known(name)] == []


def test_rviz_switches_namespaces_that_the_markers_have() -> None:
    config = yaml.safe_load((ROOT / "config/ros/agent.rviz").read_text("utf-8"))
    displays = {shown["Name"]: shown for shown in config["Visualization Manager"]["Displays"]}
    source = (ROOT / "embodied_agent/ros/markers.py").read_text("utf-8")
    groups = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    assert set(displays["Memory"]["Namespaces"]) - groups == set()
    foxglove = LAYOUT["configById"]["3D!memory"]["topics"]["/embodied_agent/markers"]
    hidden = {name for name, one in foxglove["namespaces"].items() if not one["visible"]}
    assert hidden == {name for name, shown in displays["Memory"]["Namespaces"].items() if not shown}


def test_rviz_shows_the_names_of_places_and_not_the_robots_frames() -> None:
    config = yaml.safe_load((ROOT / "config/ros/agent.rviz").read_text("utf-8"))
    trees = [
        (
            one.get("Filter (whitelist)", ""),
            one.get("Filter (blacklist)", ""),
            one.get("Show Names"),
        )
        for one in config["Visualization Manager"]["Displays"]
        if one["Class"] == "rviz_default_plugins/TF"
    ]
    assert len(trees) == 2
    for frame, is_named in (("place/dock", True), ("base_link", False)):
        shown = [
            names
            for allowed, refused, names in trees
            if re.search(allowed, frame) and not (refused and re.search(refused, frame))
        ]
        assert shown == [is_named]
