"""Pictures from packets of compressed video in a recording: H.264, H.265, AV1, VP9.

A packet can only be decoded after the key frame that begins its group. So packets are kept,
undecoded, until a picture of their group is needed; other groups are never decoded. Packets before
the first key frame can't be decoded and are counted.

Out of scope: video files (`embodied_agent.sources.video`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import av
from av.video.codeccontext import VideoCodecContext

from embodied_agent.images import MAX_PIXELS, BadImage
from embodied_agent.records import Image
from embodied_agent.sources.pixels import bgr_of

#: Names of codecs as drivers and encoders spell them, and FFmpeg's decoder.
_CODECS: tuple[tuple[str, str], ...] = (
    ("h264", "h264"),
    ("x264", "h264"),
    ("avc", "h264"),
    ("h265", "hevc"),
    ("x265", "hevc"),
    ("hevc", "hevc"),
    ("av1", "av1"),
    ("vp9", "vp9"),
)
#: AV1 goes to the decoder that needs no GPU.
_DECODERS = {"av1": ("libdav1d", "av1")}
_TIME_BASE = Fraction(1, 1_000_000_000)
_MOST_PACKETS = 2000
_MOST_BYTES = 256_000_000
_MOST_PARAMETERS = 100_000


class Packet(NamedTuple):
    """One packet as it was recorded."""

    stamp_ns: int
    data: bytes
    codec: str
    is_key: bool
    frame_id: str
    number: int


class Picture(NamedTuple):
    """One decoded picture."""

    stamp_ns: int
    image: Image
    frame_id: str
    number: int


def codec_of(name: str, data: bytes) -> str:
    """The codec that a message's format names, or that its bytes show; empty: none is known."""
    lowered = name.lower().replace(".", "").replace("-", "")
    if any(word in lowered for word in ("mjpeg", "jpeg", "png")) and ";" in lowered:
        lowered = lowered.partition(";")[0]
    for word, codec in _CODECS:
        if word in lowered:
            return codec
    if "jpeg" in lowered or "png" in lowered or lowered:
        # A JPEG never begins with a start code, so the bytes may overrule an odd name.
        return _codec_of_start(data) if not data.startswith((b"\xff\xd8", b"\x89PNG")) else ""
    return _codec_of_start(data)


def _codec_of_start(data: bytes) -> str:
    if not data.startswith((b"\0\0\0\1", b"\0\0\1")):
        return ""
    head = data[4] if data.startswith(b"\0\0\0\1") else data[3]
    if head & 0x80:
        return ""
    if head & 0x1F in (1, 5, 6, 7, 9) and head >> 5 in (0, 1, 2, 3) and head not in (0x40, 0x46):
        return "h264"
    return "hevc" if head >> 1 & 0x3F in (19, 20, 32, 33, 34, 35, 39) else ""


def is_key_packet(codec: str, data: bytes) -> bool:
    """Whether decoding can start with this packet."""
    if codec == "h264":
        return any(data[at] & 0x1F in (5, 7) for at in _nal_units(data))
    if codec == "hevc":
        return any(16 <= (data[at] >> 1 & 0x3F) <= 23 for at in _nal_units(data))
    if codec == "av1":
        return _has_sequence_header(data)
    if codec == "vp9":
        # Two bits frame marker, two of profile, then "show existing" and the frame type.
        return bool(data) and data[0] >> 6 == 2 and not data[0] & 0x08 and not data[0] & 0x04
    return False


def has_picture(codec: str, data: bytes) -> bool:
    """Whether a packet holds a picture, or only parameters for those that follow."""
    if codec == "h264":
        return any(data[at] & 0x1F in (1, 5) for at in _nal_units(data))
    if codec == "hevc":
        return any((data[at] >> 1 & 0x3F) < 32 for at in _nal_units(data))
    return True


def _nal_units(data: bytes) -> Iterator[int]:
    """Where the units of an Annex B stream begin."""
    at = data.find(b"\0\0\1")
    while 0 <= at < len(data) - 3:
        yield at + 3
        at = data.find(b"\0\0\1", at + 3)


def _has_sequence_header(data: bytes) -> bool:
    at = 0
    while at < len(data):
        kind, has_extension, has_size = data[at] >> 3 & 15, data[at] & 4, data[at] & 2
        at += 2 if has_extension else 1
        if kind == 1:
            return True
        if not has_size:
            return False
        size = shift = 0
        while at < len(data):
            byte = data[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80 or shift > 56:
                break
        at += size
    return False


@dataclass
class _Decoder:
    codec: str
    context: VideoCodecContext

    @classmethod
    def of(cls, codec: str) -> _Decoder:
        for name in _DECODERS.get(codec, (codec,)):
            try:
                context = av.CodecContext.create(name, "r")
            except (av.error.FFmpegError, ValueError):
                continue
            assert isinstance(context, VideoCodecContext)
            context.thread_count = 1
            return cls(codec, context)
        raise BadImage("unknown_encoding", f"this FFmpeg has no decoder for {codec}")


class PacketDecoder:
    """Takes the packets of one topic in their order and gives the pictures that are wanted.

    Args:
        due: whether the picture with this stamp is wanted; asked in the order of the pictures.
        skip: told (reason, message) of what can't be decoded.
        name: of the topic, for messages.
    """

    def __init__(
        self, due: Callable[[int], bool], skip: Callable[[str, str], object], name: str
    ) -> None:
        self._due, self._skip, self._name = due, skip, name
        self._decoder: _Decoder | None = None
        self._waiting: list[Packet] = []
        self._bytes = 0
        self._parameters = b""
        self._reorders = False
        self._frames: dict[int, Packet] = {}
        self.before_key = 0

    def push(self, packet: Packet) -> Iterator[Picture]:
        """The pictures that are known once this packet came."""
        if not packet.codec:
            self._skip("unknown_encoding", f"{self._where(packet)}: no known video codec")
            return
        if not has_picture(packet.codec, packet.data):
            # Parameters that an encoder sends in a packet of their own belong to the next one.
            self._parameters = (self._parameters + packet.data)[-_MOST_PARAMETERS:]
            return
        if self._parameters:
            packet = packet._replace(data=self._parameters + packet.data)
            self._parameters = b""
        is_key = packet.is_key or is_key_packet(packet.codec, packet.data)
        if self._decoder is None or packet.codec != self._decoder.codec:
            if not is_key:
                self.before_key += 1
                self._skip(
                    "before_key_frame",
                    f"{self._where(packet)}: the recording starts within a group of pictures; "
                    "they can be decoded from its first key frame on",
                )
                return
            yield from self.flush()
            try:
                self._decoder = _Decoder.of(packet.codec)
            except BadImage as error:
                self._skip(error.reason, f"{self._where(packet)}: {error}")
                return
        elif is_key and self._waiting and not self._reorders:
            # A new group: the rest of the last one was not wanted.
            self._waiting.clear()
            self._bytes = 0
        self._waiting.append(packet)
        self._bytes += len(packet.data)
        too_much = len(self._waiting) > _MOST_PACKETS or self._bytes > _MOST_BYTES
        if self._reorders or too_much or self._due(packet.stamp_ns):
            yield from self._decode_waiting()

    def flush(self) -> Iterator[Picture]:
        """The pictures that the decoder still holds; then it begins anew."""
        decoder, self._decoder = self._decoder, None
        if decoder is None:
            return
        if self._reorders or self._frames:
            yield from self._pictures(decoder, None)
        self._waiting.clear()
        self._frames.clear()
        self._bytes = 0
        self._reorders = False

    def _decode_waiting(self) -> Iterator[Picture]:
        assert self._decoder is not None
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        for packet in waiting:
            self._frames[packet.stamp_ns] = packet
            yield from self._pictures(self._decoder, packet)

    def _pictures(self, decoder: _Decoder, packet: Packet | None) -> Iterator[Picture]:
        try:
            raw = None if packet is None else av.Packet(packet.data)
            if raw is not None and packet is not None:
                raw.pts, raw.time_base = packet.stamp_ns, _TIME_BASE
            frames = decoder.context.decode(raw)
        except av.error.EOFError:
            return
        except (av.error.FFmpegError, ValueError) as error:
            if packet is not None:
                self._frames.pop(packet.stamp_ns, None)
                self._skip("undecodable", f"{self._where(packet)}: {error}")
            return
        if decoder.context.has_b_frames:
            self._reorders = True
        for frame in frames:
            stamp_ns = frame.pts
            known = self._frames.pop(stamp_ns, None) if stamp_ns is not None else None
            if known is None or not self._due(known.stamp_ns):
                continue
            if frame.width * frame.height > MAX_PIXELS:
                self._skip("too_large", f"{self._where(known)}: {frame.width}x{frame.height}")
                continue
            if frame.is_corrupt:
                self._skip("truncated_image", f"{self._where(known)}: parts of it are missing")
                continue
            yield Picture(known.stamp_ns, bgr_of(frame), known.frame_id, known.number)

    def _where(self, packet: Packet) -> str:
        return f"{self._name}, message {packet.number}"
