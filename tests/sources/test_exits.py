"""A known picture has its colours wherever it leaves, and no exit shows a masked pixel."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import httpx2 as httpx
import numpy as np
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ImageContent

from embodied_agent.agent import Agent
from embodied_agent.host.interfaces import serving
from embodied_agent.interfaces.wire.from_records import keyframe_reply
from embodied_agent.settings import load_settings
from embodied_agent.sources import open_source
from tests.sources.builders import mcap, ros, video
from tests.sources.builders.card import Picture, assert_colours, card
from tests.sources.builders.ros import MS, T0
from tests.support.served import faulty, says
from tests.support.sources import write_bag

WAIT_S = 60.0
#: Large enough that JPEG's blocks leave the middles of the quarters alone.
SIZE = (320, 240)


def recording(folder: Path, kind: str) -> Path:
    """The card as raw pixels, as JPEG in protobuf, or as a video."""
    stamps = [T0 + n * 100 * MS for n in range(3)]
    if kind == "video":
        pictures = [card(n, *SIZE) for n in range(3)]
        return video.write_video(folder / "a.mp4", "libx264", pictures=pictures)
    if kind == "protobuf":
        return mcap.write_protobuf(folder / "a.mcap", mcap.foxglove_images(3))
    rgb = [np.ascontiguousarray(card(n, *SIZE)[:, :, ::-1]) for n in range(3)]
    entries = [("/image", ros.raw(at, rgb[n], "rgb8"), at) for n, at in enumerate(stamps)]
    return write_bag(folder / "bag", entries)


def picture_of(data: bytes) -> Picture:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)


@contextmanager
def exits(path: Path, **settings: Any) -> Iterator[dict[str, Picture]]:
    """What each exit shows of the recording."""
    with faulty(says('{"objects": []}')) as server:
        chosen = load_settings(
            perception__backend="served",
            perception__server__base_url=server.url,
            web__enabled=True,
            web__port=0,
            **settings,
        )
        with (
            open_source(str(path), chosen.source) as source,
            Agent(chosen) as agent,
            serving(agent, chosen) as interfaces,
        ):
            for frame in source:
                agent.observe(frame)
            agent.finish()
            assert agent.drain(WAIT_S)
            keyframe = agent.store.keyframe(0)
            assert keyframe is not None
            shown = {"store": picture_of(keyframe.jpeg)}
            content = server.requests[0]["messages"][-1]["content"]
            urls = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
            shown["VLM request"] = picture_of(base64.b64decode(urls[0].partition(",")[2]))
            assert interfaces.url is not None
            address = interfaces.url.rstrip("/")
            with httpx.Client(base_url=address, trust_env=False, timeout=WAIT_S) as client:
                shown["page, now"] = picture_of(client.get("/api/camera.jpg").content)
                # What MQTT and the API say of a keyframe names this address for its picture.
                named = keyframe_reply(keyframe, None).picture
                shown["page, keyframe"] = picture_of(client.get(named).content)
                small = client.get(named, params={"width": 160})
                shown["page, thumbnail"] = picture_of(small.content)
            shown["MCP"] = picture_of(asyncio.run(_look(address)))
            yield shown


async def _look(address: str) -> bytes:
    async with (
        httpx.AsyncClient(timeout=WAIT_S, trust_env=False) as http,
        Client(streamable_http_client(f"{address}/mcp", http_client=http)) as client,
    ):
        result = await client.call_tool("look", {"keyframe_id": 0})
        (image,) = (part for part in result.content if isinstance(part, ImageContent))
        return base64.b64decode(image.data)


@pytest.mark.parametrize("kind", ["raw", "protobuf", "video"])
def test_a_known_picture_has_its_colours_at_every_exit(tmp_path: Path, kind: str) -> None:
    with exits(recording(tmp_path, kind)) as shown:
        assert len(shown) == 6
        for picture in shown.values():
            assert_colours(picture)


def test_no_exit_shows_a_masked_pixel(tmp_path: Path) -> None:
    mask = [[[0.5, 0], [1, 0], [1, 0.5], [0.5, 0.5]]]
    with exits(recording(tmp_path, "raw"), source__mask=mask) as shown:
        for name, picture in shown.items():
            height, width = picture.shape[:2]
            masked = picture[: height // 2 - 16, width // 2 + 16 :]
            assert int(masked.max()) <= 8, name
            assert int(picture[height * 3 // 4, width * 3 // 4].max()) > 100, name


def test_the_ros_message_of_a_keyframe_holds_its_colours(tmp_path: Path) -> None:
    pytest.importorskip("rclpy", reason="no ROS 2 here")
    pytest.importorskip("embodied_agent_interfaces", reason="its messages are not built")
    from embodied_agent.ros.messages import to_picture

    settings = load_settings(perception__backend="geometry")
    path = recording(tmp_path, "raw")
    with open_source(str(path), settings.source) as source, Agent(settings) as agent:
        for frame in source:
            agent.observe(frame)
        keyframe = agent.store.keyframe(0)
    assert keyframe is not None
    assert_colours(picture_of(bytes(to_picture(keyframe).data)))
