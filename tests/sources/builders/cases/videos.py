"""Video: packets in bags, and files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.sources.builders import card as c
from tests.sources.builders import ros, video
from tests.sources.builders.cases.case import Build, Case, bag
from tests.sources.builders.ros import MS, T0
from tests.support.sources import compressed


def packets() -> list[Case]:
    """Video packets in bags."""

    def ffmpeg(codec: str, name: str, *, first: int = 0, **options: Any) -> Build:
        def build(folder: Path) -> Path:
            entries = []
            order = video.packets(codec, **options)
            for place, (n, data, key) in enumerate(order):
                if place < first:
                    continue
                stamp, at = T0 + n * 100 * MS, T0 + place * 100 * MS
                packet = ros.ffmpeg_packet(stamp, data, name, n, key)
                entries.append(("/camera/image/ffmpeg", packet, at))
            return bag(folder, entries)

        return build

    def codec_change(folder: Path) -> Path:
        entries = []
        for place in range(10):
            codec = "h264" if place < 5 else "h265"
            _, data, key = video.packets(codec, 5)[place % 5]
            at = T0 + place * 100 * MS
            name = "libx264" if place < 5 else "hevc"
            entries.append(("/camera", ros.ffmpeg_packet(at, data, name, place, key), at))
        return bag(folder, entries)

    def parameters_apart(folder: Path) -> Path:
        """Parameter sets in packets of their own, as hardware encoders send them."""
        entries = []
        for n, data, _ in video.packets("h264"):
            at = T0 + n * 100 * MS
            slice_at = data.find(b"\0\0\1\x65")
            if slice_at > 4:
                slice_at -= data[slice_at - 1] == 0
                parameters = ros.ffmpeg_packet(at - MS, data[:slice_at], "h264")
                entries.append(("/camera", parameters, at - MS))
                data = data[slice_at:]
            entries.append(("/camera", ros.ffmpeg_packet(at, data, "h264"), at))
        assert len(entries) == 12
        return bag(folder, entries)

    def foxglove(folder: Path) -> Path:
        entries = []
        for n, data, _ in video.packets("h264"):
            at = T0 + n * 100 * MS
            entries.append(("/camera", ros.compressed_video(at, data, "h264"), at))
        return bag(folder, entries)

    def in_compressed_image(folder: Path) -> Path:
        entries = []
        for n, data, _ in video.packets("h264"):
            at = T0 + n * 100 * MS
            entries.append(("/camera", compressed(at, data, "h264"), at))
        return bag(folder, entries)

    return [
        Case("ffmpeg_h264", "FFMPEGPacket, H.264", ffmpeg("h264", "libx264")),
        Case("ffmpeg_h265", "FFMPEGPacket, H.265", ffmpeg("h265", "hevc;yuv420p;bgr8;bgr8")),
        Case("ffmpeg_av1", "FFMPEGPacket, AV1", ffmpeg("av1", "libsvtav1")),
        Case("ffmpeg_vp9", "FFMPEGPacket, VP9", ffmpeg("vp9", "libvpx-vp9")),
        Case("b_frames", "H.264 with B-frames", ffmpeg("h264", "h264", b_frames=2)),
        Case(
            "starts_within_a_group",
            "a start within a group of pictures: read from the next key frame on",
            ffmpeg("h264", "h264", first=2),
            frames=5,
            stamps_ns=(T0 + 500 * MS, T0 + 900 * MS),
            skipped={"before_key_frame": 3},
        ),
        Case("codec_change", "a codec change", codec_change),
        Case("parameters_apart", "parameter sets in packets of their own", parameters_apart),
        Case("foxglove_video_ros2", "foxglove_msgs/CompressedVideo", foxglove),
        Case("h264_in_compressed_image", "H.264 in CompressedImage", in_compressed_image),
    ]


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def video_files() -> list[Case]:
    """Video files."""

    def build(name: str, codec: str, **options: Any) -> Build:
        return lambda p: video.write_video(p / name, codec, **options)

    last = (0, 900 * MS)
    return [
        Case("mp4_h264", "H.264 (mp4)", build("a.mp4", "libx264"), stamps_ns=last),
        Case("mkv_h265", "H.265 (mkv)", build("a.mkv", "libx265"), stamps_ns=last),
        Case("mkv_av1", "AV1 (mkv)", build("a.mkv", "libsvtav1"), stamps_ns=last),
        Case("webm_vp9", "VP9 (webm)", build("a.webm", "libvpx-vp9"), stamps_ns=last),
        Case(
            "avi_mjpeg",
            "MJPEG (avi)",
            build("a.avi", "mjpeg", pix_fmt="yuvj420p"),
            stamps_ns=last,
        ),
        Case(
            "variable_rate",
            "variable frame rate: the file's own times",
            build("a.mkv", "libx264", count=4, times_ms=[0, 40, 1000, 1033]),
            frames=4,
            stamps_ns=(0, 1033 * MS),
        ),
        *(
            Case(
                f"rotated_{degrees}",
                "rotated by metadata",
                build(
                    "a.mp4",
                    "libx264",
                    rotation=degrees,
                    pictures=[
                        np.ascontiguousarray(np.rot90(c.card(n), -degrees // 90)) for n in range(10)
                    ],
                ),
                stamps_ns=last,
            )
            for degrees in (90, 180, 270)
        ),
        Case(
            "odd_name",
            "names with %, : and spaces",
            build("50%d: a [b].mp4", "libx264"),
            stamps_ns=last,
        ),
        Case(
            "bt709",
            "BT.709 colours",
            build("a.mp4", "libx264", colorspace=1),
            stamps_ns=last,
        ),
        Case(
            "not_a_video",
            "anything else: refused",
            lambda p: _write(p / "a.mp4", b"hello"),
            refused="can't open the video",
        ),
        Case(
            "playlist",
            "playlists, which name other files: refused",
            lambda p: _write(p / "a.m3u8", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"),
            refused="a.m3u8",
        ),
    ]
