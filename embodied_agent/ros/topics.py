"""Names of image topics, as image_transport makes them.

A camera's base topic is `/camera/image_raw`; its transports lie below it
(`/camera/image_raw/compressed`), its calibration beside it (`/camera/camera_info`). Remapping the
base topic moves all of them.

Out of scope: reading images (`images`).
"""

from __future__ import annotations

from typing import Any, Literal

Transport = Literal["raw", "compressed", "ffmpeg"]

#: What image_transport and its plugins append to a base topic.
_TRANSPORTS = ("compressed", "compressedDepth", "theora", "zstd", "ffmpeg")
#: Message types that hold pictures, and the transport that reads them.
IMAGE_TYPES: dict[str, Transport] = {
    "sensor_msgs/msg/Image": "raw",
    "sensor_msgs/msg/CompressedImage": "compressed",
    "ffmpeg_image_transport_msgs/msg/FFMPEGPacket": "ffmpeg",
}
#: Most topics that a message names.
_MOST_NAMED = 8


def base_topic(topic: str) -> str:
    """The topic without a transport at its end: `/camera/image/compressed` is `/camera/image`."""
    topic = topic.rstrip("/")
    base, _, last = topic.rpartition("/")
    return base_topic(base) if last in _TRANSPORTS and base else topic


def transport_topic(base: str, transport: Transport) -> str:
    """Where a transport of a base topic is published."""
    return base if transport == "raw" else f"{base}/{transport}"


def camera_info_topic(base: str) -> str:
    """The calibration beside a base topic (image_transport's getCameraInfoTopic)."""
    return f"{base.rpartition('/')[0]}/camera_info"


def image_topic(node: Any, transport: Transport) -> str:
    """The full name of the node's image topic, after its remappings.

    Besides `image`, `image/compressed` itself may be remapped, which then counts.
    """
    relative = transport_topic("image", transport)
    own: str = node.resolve_topic_name(relative)
    if transport != "raw" and own != node.resolve_topic_name(relative, only_expand=True):
        return own
    return transport_topic(base_topic(node.resolve_topic_name("image")), transport)


def info_topic(node: Any, image: str) -> str:
    """The full name of the calibration's topic: beside the images, unless it is remapped itself."""
    own: str = node.resolve_topic_name("camera_info")
    if own != node.resolve_topic_name("camera_info", only_expand=True):
        return own
    return camera_info_topic(base_topic(image))


def doubled_transport(node: Any) -> str:
    """A transport that `image` was remapped to although it belongs to the transport's setting; ""
    where none was."""
    topic: str = node.resolve_topic_name("image").rstrip("/")
    return topic if base_topic(topic) != topic else ""


def published_images(node: Any) -> list[tuple[str, Transport]]:
    """The topics that hold pictures and have a publisher, by name, with their transports."""
    return sorted(
        (name, IMAGE_TYPES[kind])
        for name, kinds in node.get_topic_names_and_types()
        for kind in kinds
        if kind in IMAGE_TYPES and node.count_publishers(name)
    )


def advice(node: Any, topic: str, transport: Transport, own: frozenset[str]) -> str:
    """What to set so that images come, from the topics that exist.

    Args:
        topic: that is subscribed to, in which no image comes.
        transport: that it is read with.
        own: topics that the node itself publishes.
    """
    count = node.count_publishers(topic)
    if (topic, transport) in published_images(node):
        return f"{count} publish there but send nothing; look at the camera's driver and its QoS"
    others = [pair for pair in published_images(node) if pair[0] not in own and pair[0] != topic]
    kinds = dict(node.get_topic_names_and_types()).get(topic, [])
    theirs = [IMAGE_TYPES[kind] for kind in kinds if IMAGE_TYPES.get(kind, transport) != transport]
    if theirs:
        return f"{topic} holds {kinds[0]}; set ros.image_transport to {theirs[0]}"
    if not others:
        return "no topic with images has a publisher"
    base = base_topic(topic)
    for name, theirs_too in others:
        if base_topic(name) == base:
            return f"{name} exists: set ros.image_transport to {theirs_too}"
    named = ", ".join(f"{name} ({kind})" for name, kind in others[:_MOST_NAMED])
    return f"topics with images are {named}: remap image to one of them"
