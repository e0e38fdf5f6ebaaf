"""Every input that the sources are tested with, and what is expected of it.

The README's table of inputs is made from this list (`python -m tests.sources.builders.table`).
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from mcap.writer import CompressionType
from rosbags.rosbag2 import CompressionFormat, CompressionMode, Writer

from tests.sources.builders import card as c
from tests.sources.builders import lerobot, mcap, ros, video
from tests.sources.builders.ros import MS, T0, in_order, pictures, poses
from tests.support.sources import DB3, MCAP, STORE, S, bag_file, compressed, text, write_bag

Build = Callable[[Path], Path]


@dataclass(frozen=True)
class Case:
    """One input.

    Attributes:
        name: of the test.
        input: for the table: what people have.
        build: makes it in a folder, and returns the source.
        frames: that are read.
        poses: frames that have a pose.
        stamps_ns: of the first and the last frame.
        coloured: its frames show the card in its colours.
        grey: they show it in grey.
        skipped: what is left out, by reason.
        offset_s: the offset between the clocks.
        remark: words that its examination must hold.
        refused: words of the sentence with which it is refused; empty: it is read.
        settings: of the source.
    """

    name: str
    input: str
    build: Build
    frames: int = 10
    poses: int = 0
    stamps_ns: tuple[int, int] | None = (T0, T0 + 900 * MS)
    coloured: bool = True
    grey: bool = False
    skipped: dict[str, int] = field(default_factory=dict)
    offset_s: float | None = None
    remark: str = ""
    refused: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


CASES: dict[str, list[Case]] = {}


def group(name: str) -> Callable[[Callable[[], list[Case]]], None]:
    """Adds the cases that the function returns, under this heading of the table."""

    def add(function: Callable[[], list[Case]]) -> None:
        CASES[name] = function()

    return add


def _bag(folder: Path, entries: list[ros.Entry], plugin: Any = MCAP) -> Path:
    return write_bag(folder / "bag", entries, plugin)


def _raw(encoding: str, picture: c.Picture, **other: Any) -> Build:
    """A bag of one raw encoding."""

    def build(folder: Path) -> Path:
        entries = []
        for n in range(10):
            at = T0 + n * 100 * MS
            entries.append(("/camera/image", ros.raw(at, picture, encoding, **other), at))
        return _bag(folder, entries)

    return build


def _compressed(suffix: str, *, mono16: bool = False) -> Build:
    def build(folder: Path) -> Path:
        entries = []
        for n in range(10):
            at = T0 + n * 100 * MS
            picture = c.grey_card(n).astype(np.uint16) * 257 if mono16 else c.card(n)
            data = c.encoded(suffix, picture)
            entries.append(("/camera/image", compressed(at, data, suffix.strip(".")), at))
        return _bag(folder, entries)

    return build


@group("ROS 2 bags")
def _ros2() -> list[Case]:
    def compressed_bag(mode: CompressionMode, *, lone: bool = False) -> Build:
        def build(folder: Path) -> Path:
            writer = Writer(folder / "bag", version=9, storage_plugin=DB3)
            writer.set_compression(mode, CompressionFormat.ZSTD)
            with writer:
                connection = writer.add_connection(
                    "/i", "sensor_msgs/msg/CompressedImage", typestore=STORE
                )
                for _, message, at in pictures():
                    data = STORE.serialize_cdr(message, message.__msgtype__)
                    writer.write(connection, at, data)
            if not lone:
                return folder / "bag"
            (file,) = (folder / "bag").glob("*.zstd")
            return Path(shutil.move(file, folder / file.name))

        return build

    def version(number: int) -> Build:
        def build(folder: Path) -> Path:
            writer_version = 8 if number < 9 else 9
            with Writer(folder / "bag", version=writer_version, storage_plugin=DB3) as writer:
                connection = writer.add_connection(
                    "/i", "sensor_msgs/msg/CompressedImage", typestore=STORE
                )
                for _, message, at in pictures():
                    data = STORE.serialize_cdr(message, message.__msgtype__)
                    writer.write(connection, at, data)
            path = folder / "bag" / "metadata.yaml"
            metadata = yaml.safe_load(path.read_text())
            information = metadata["rosbag2_bagfile_information"]
            information["version"] = number
            if number < 5:  # what later versions brought
                for name in ("files", "custom_data", "ros_distro"):
                    information.pop(name, None)
            path.write_text(yaml.safe_dump(metadata))
            return folder / "bag"

        return build

    def without_metadata(folder: Path) -> Path:
        bag = _bag(folder, in_order(pictures(), poses()))
        (bag / "metadata.yaml").unlink()
        return bag

    def cut(folder: Path) -> Path:
        file = bag_file(_bag(folder, pictures(40)))
        file.write_bytes(file.read_bytes()[:-200])
        shutil.move(file, folder / "cut.mcap")
        return folder / "cut.mcap"

    return [
        Case(
            "mcap_with_odometry",
            "folder with MCAP files, with odometry",
            lambda p: _bag(p, in_order(pictures(), poses(), ros.calibration())),
            poses=10,
            offset_s=0.0,
        ),
        Case(
            "db3_with_odometry",
            "folder with SQLite files (db3)",
            lambda p: _bag(p, in_order(pictures(), poses()), DB3),
            poses=10,
        ),
        *(Case(f"metadata_{n}", "metadata of versions 4 to 9", version(n)) for n in range(4, 10)),
        Case("no_metadata", "without metadata.yaml", without_metadata, poses=10),
        Case(
            "file_compressed",
            "compressed by file (zstd)",
            compressed_bag(CompressionMode.FILE),
        ),
        Case(
            "message_compressed",
            "compressed by message (zstd)",
            compressed_bag(CompressionMode.MESSAGE),
        ),
        Case(
            "lone_compressed_file",
            "one compressed file without its metadata",
            compressed_bag(CompressionMode.FILE, lone=True),
        ),
        Case(
            "cut_short",
            "cut short: read as far as it goes",
            cut,
            frames=40,
            stamps_ns=(T0, T0 + 3900 * MS),
            skipped={"damaged_file": 1},
        ),
        Case(
            "empty_bag",
            "without pictures: refused, with what it holds",
            lambda p: _bag(p, [("/talk", text("hi"), S)]),
            refused="holds no images, only /talk",
        ),
    ]


@group("Other MCAP files")
def _mcap() -> list[Case]:
    return [
        Case(
            "ros2_lz4",
            "profile ros2, lz4 chunks",
            lambda p: mcap.write_mcap(
                p / "a.mcap", in_order(pictures(), poses()), compression=CompressionType.LZ4
            ),
            poses=10,
        ),
        Case(
            "ros2_unchunked",
            "profile ros2, without chunks",
            lambda p: mcap.write_mcap(p / "a.mcap", in_order(pictures(), poses()), chunking=False),
            poses=10,
        ),
        Case(
            "ros1_profile",
            "profile ros1",
            lambda p: mcap.write_mcap(p / "a.mcap", in_order(pictures(), poses()), "ros1"),
            poses=10,
        ),
        Case(
            "protobuf_compressed",
            "protobuf, foxglove.CompressedImage and PoseInFrame",
            lambda p: mcap.write_protobuf(
                p / "a.mcap", in_order(mcap.foxglove_images(), mcap.foxglove_poses())
            ),
            poses=10,
        ),
        Case(
            "protobuf_raw",
            "protobuf, foxglove.RawImage and FrameTransform",
            lambda p: mcap.write_protobuf(
                p / "a.mcap", in_order(mcap.foxglove_raw(), mcap.foxglove_transforms())
            ),
            poses=10,
        ),
        Case(
            "protobuf_video",
            "protobuf, foxglove.CompressedVideo",
            lambda p: mcap.write_protobuf(
                p / "a.mcap",
                mcap.foxglove_video([data for _, data, _ in video.packets("h264")], "h264"),
            ),
        ),
        Case("json", "JSON, foxglove.CompressedImage", lambda p: mcap.write_json(p / "a.mcap")),
        Case(
            "unread_encoding",
            "any other encoding: refused by its name",
            lambda p: mcap.write_json(p / "a.mcap", encoding="flatbuffer"),
            refused="holds foxglove.CompressedImage in encoding 'flatbuffer', which is not read",
        ),
    ]


@group("ROS 1 bags")
def _ros1() -> list[Case]:
    def unindexed(folder: Path) -> Path:
        path = ros.write_ros1(folder / "a.bag", in_order(pictures(), poses()))
        data = bytearray(path.read_bytes())
        at = data.index(b"index_pos=") + len(b"index_pos=")
        data[at : at + 8] = struct.pack("<Q", 0)
        end = data.rindex(b"op=\x05")
        path.write_bytes(data[: max(end, len(data) - 3000)])
        return path

    def build(compression: str) -> Build:
        return lambda p: ros.write_ros1(p / "a.bag", in_order(pictures(), poses()), compression)

    return [
        Case("bag", "uncompressed", build(""), poses=10, offset_s=0.0),
        Case("bag_bz2", "bz2", build("bz2"), poses=10),
        Case("bag_lz4", "lz4", build("lz4"), poses=10),
        Case(
            "bag_tf",
            "poses from /tf",
            lambda p: ros.write_ros1(p / "a.bag", in_order(ros.tf_walk(), pictures())),
            poses=10,
        ),
        Case(
            "bag_unindexed",
            "never closed: read as far as it goes",
            unindexed,
            poses=10,
            skipped={"damaged_file": 1},
        ),
    ]


@group("Clocks and poses")
def _clocks() -> list[Case]:
    day = 86_400 * S

    def shifted(shift_ns: int) -> Build:
        return lambda p: _bag(
            p, in_order(pictures(stamp_shift_ns=shift_ns), poses(), ros.calibration())
        )

    def jump(folder: Path) -> Path:
        late = pictures(10, start_ns=T0 + S, stamp_shift_ns=3600 * S)
        return _bag(folder, in_order(pictures(), late, poses(80)))

    def static_in_first_split(folder: Path) -> Path:
        parts = [
            _bag(folder / "one", in_order(ros.tf_walk())),
            _bag(folder / "two", in_order(ros.tf_walk(statics=False), pictures())),
        ]
        whole = folder / "whole"
        whole.mkdir()
        for number, part in enumerate(parts):
            bag_file(part).rename(whole / f"whole_{number}.mcap")
        names = "\n".join(f"  - whole_{n}.mcap" for n in range(2))
        (whole / "metadata.yaml").write_text(
            "rosbag2_bagfile_information:\n  version: 5\n  storage_identifier: mcap\n"
            f"  relative_file_paths:\n{names}\n"
        )
        return whole / "whole_1.mcap"

    return [
        Case(
            "tai_camera",
            "camera in TAI (+37 s), odometry in UTC: poses aligned",
            shifted(37 * S),
            poses=10,
            stamps_ns=(T0 + 37 * S, T0 + 37 * S + 900 * MS),
            offset_s=37.0,
            remark="+37.000 s off the poses' clock",
        ),
        Case(
            "boot_clock_camera",
            "camera in time since boot: poses aligned",
            shifted(-T0 + 100 * S),
            poses=10,
            stamps_ns=(100 * S, 100 * S + 900 * MS),
            offset_s=-(T0 - 100 * S) / 1e9,
            remark="off the poses' clock",
        ),
        Case(
            "another_clock_odometry",
            "odometry in another clock than the camera",
            lambda p: _bag(p, in_order(pictures(), poses(shift_ns=-day))),
            poses=10,
            offset_s=86_400.0,
        ),
        Case(
            "pose_offset_overrides",
            "`source.pose_offset_s` overrides what was found",
            lambda p: _bag(p, in_order(pictures(stamp_shift_ns=2 * S), poses(shift_ns=2 * S))),
            poses=0,
            stamps_ns=(T0 + 2 * S, T0 + 2 * S + 900 * MS),
            settings={"pose_offset_s": 5.0},
        ),
        Case(
            "zero_stamps",
            "pictures without stamps: the time of receipt counts",
            lambda p: _bag(p, in_order(pictures(zero=True), poses())),
            poses=10,
        ),
        Case(
            "clock_that_jumps",
            "a camera clock that is set while recording",
            jump,
            frames=20,
            poses=20,
            stamps_ns=(T0, T0 + 3600 * S + 1900 * MS),
            remark="clock jumps once",
        ),
        Case(
            "tf_only",
            "poses from /tf alone",
            lambda p: _bag(p, in_order(ros.tf_walk(), pictures())),
            poses=10,
            remark="poses are those of base_link in odom",
        ),
        Case(
            "tf_static_in_another_split",
            "static transforms in an earlier split",
            static_in_first_split,
            poses=10,
        ),
        Case(
            "tf_later_start",
            "static transforms long before the pictures",
            lambda p: _bag(p, in_order(ros.tf_walk()[:1], ros.tf_walk(statics=False), pictures())),
            poses=10,
        ),
    ]


@group("Raw pictures")
def _raw_pictures() -> list[Case]:
    bgr = c.card()
    odd = c.card(0, 95, 63)

    def yuv(picture: c.Picture, name: str) -> tuple[np.ndarray, dict[str, Any]]:
        """The card in a YUV layout, as one row of bytes, and the message's fields."""
        height, width = picture.shape[:2]
        padded = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        planes = cv2.cvtColor(padded, cv2.COLOR_BGR2YUV_I420)
        rows, columns = padded.shape[:2]
        luma = planes[:rows]
        u, v = planes[rows:].reshape(2, rows // 2, columns // 2)
        fields: dict[str, Any] = {"width": width, "height": height, "step": width}
        if name in ("nv12", "nv21"):
            pair = (u, v) if name == "nv12" else (v, u)
            chroma = np.dstack(pair).ravel()
        elif name == "i420":
            chroma = np.concatenate((u.ravel(), v.ravel()))
        else:
            whole = np.zeros((height, columns, 2), np.uint8)
            first, second = (0, 1) if name == "yuyv" else (1, 0)
            whole[:, :, first] = luma[:height]
            full_u = u.repeat(2, axis=0)[:height]
            full_v = v.repeat(2, axis=0)[:height]
            whole[:, 0::2, second], whole[:, 1::2, second] = full_u, full_v
            fields["step"] = 2 * width
            return whole[:, :width].reshape(-1), fields
        return np.concatenate((luma[:height, :width].ravel(), chroma)), fields

    def yuv_case(name: str, picture: c.Picture, what: str) -> Case:
        data, fields = yuv(picture, name)
        build = _raw(name, picture, **fields, data=data)
        return Case(f"{name}_{what}", "nv12, nv21, i420, yuyv and uyvy of even and odd size", build)

    grey = c.grey_card().astype(np.uint32)
    jpeg_bytes = np.frombuffer(c.jpeg(bgr), np.uint8)
    padded = np.concatenate((jpeg_bytes, np.zeros(bgr.size - jpeg_bytes.size, np.uint8)))
    wrong = np.frombuffer(c.jpeg(c.card(0, 64, 48)), np.uint8)
    wrong = np.concatenate((wrong, np.zeros(bgr.size - wrong.size, np.uint8)))
    return [
        Case("bgr8", "bgr8", _raw("bgr8", bgr)),
        Case("rgb8", "rgb8", _raw("rgb8", np.ascontiguousarray(bgr[:, :, ::-1]))),
        Case("rgba8", "rgba8", _raw("rgba8", cv2.cvtColor(bgr, cv2.COLOR_BGR2RGBA))),
        Case("mono8", "mono8", _raw("mono8", c.grey_card()), coloured=False, grey=True),
        *(
            Case(
                f"mono{bits}",
                "mono of 10, 12, 14 and 16 bits",
                _raw("mono16", (grey * ((1 << bits) - 1) // 255).astype(np.uint16)),
                coloured=False,
                grey=True,
            )
            for bits in (10, 12, 14, 16)
        ),
        *(
            yuv_case(name, picture, what)
            for name in ("nv12", "nv21", "i420", "yuyv", "uyvy")
            for picture, what in ((bgr, "even"), (odd, "odd"))
        ),
        Case(
            "jpeg_as_rgb8",
            "JPEG data that a driver calls rgb8: decoded as what they are",
            _raw("rgb8", bgr, data=padded),
            remark="its driver sends compressed pictures but calls them 'rgb8'",
        ),
        Case(
            "jpeg_as_rgb8_of_another_size",
            "JPEG data called rgb8, of another size: refused, naming the driver's fault",
            _raw("rgb8", bgr, data=wrong),
            refused="the driver sends JPEG data but calls them 'rgb8'",
        ),
        Case(
            "unknown_raw_encoding",
            "any other encoding: refused by its name",
            _raw("vogon8", bgr),
            refused="unknown image encoding 'vogon8'",
        ),
    ]


@group("Compressed pictures")
def _compressed_pictures() -> list[Case]:
    def jpegs(change: Callable[[int, bytes], bytes]) -> Build:
        def build(folder: Path) -> Path:
            entries = []
            for n in range(10):
                at = T0 + n * 100 * MS
                data = change(n, c.jpeg(c.scene(n)))
                entries.append(("/camera/image", compressed(at, data), at))
            return _bag(folder, entries)

        return build

    def torn(n: int, data: bytes) -> bytes:
        return data[: len(data) * 2 // 3] + b"\xff\xd9" if n == 4 else data

    def no_end(n: int, data: bytes) -> bytes:
        return data[:-2]

    def flat(folder: Path) -> Path:
        entries = []
        for n in range(10):
            at = T0 + n * 100 * MS
            picture = c.scene(n)
            if n == 4:
                picture[160:] = 128
            entries.append(("/camera/image", ros.raw(at, picture), at))
        return _bag(folder, entries)

    def depth(*, alone: bool) -> Build:
        def build(folder: Path) -> Path:
            distances = np.full((c.HEIGHT, c.WIDTH), 1500, np.uint16)
            entries: list[ros.Entry] = []
            for n in range(20):
                at = T0 + n * 50 * MS
                entries.append(("/camera/aligned/image", ros.raw(at, distances, "16UC1"), at))
            return _bag(folder, in_order(entries, [] if alone else pictures()))

        return build

    return [
        Case("jpeg", "JPEG", _compressed(".jpg")),
        Case("png", "PNG", _compressed(".png")),
        Case(
            "png16", "PNG of 16 bits", _compressed(".png", mono16=True), coloured=False, grey=True
        ),
        Case("tiff", "TIFF", _compressed(".tiff")),
        Case("webp", "WebP", _compressed(".webp")),
        Case(
            "jpeg_torn",
            "torn JPEG that has its end mark: left out and counted",
            jpegs(torn),
            frames=9,
            coloured=False,
            skipped={"truncated_image": 1},
        ),
        Case(
            "jpeg_without_end",
            "JPEG without its end mark, all rows there",
            jpegs(no_end),
            coloured=False,
        ),
        Case(
            "flat_lower_part",
            "picture whose lower part is one flat colour: left out and counted",
            flat,
            frames=9,
            coloured=False,
            skipped={"truncated_image": 1},
        ),
        Case("depth_beside_colour", "depth beside colour: never taken for it", depth(alone=False)),
        Case(
            "depth_alone",
            "depth alone: refused by its name",
            depth(alone=True),
            refused="holds depth pictures only, /camera/aligned/image",
        ),
    ]


@group("Video packets in bags")
def _packets() -> list[Case]:
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
            return _bag(folder, entries)

        return build

    def codec_change(folder: Path) -> Path:
        entries = []
        for place in range(10):
            codec = "h264" if place < 5 else "h265"
            _, data, key = video.packets(codec, 5)[place % 5]
            at = T0 + place * 100 * MS
            name = "libx264" if place < 5 else "hevc"
            entries.append(("/camera", ros.ffmpeg_packet(at, data, name, place, key), at))
        return _bag(folder, entries)

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
        return _bag(folder, entries)

    def foxglove(folder: Path) -> Path:
        entries = []
        for n, data, _ in video.packets("h264"):
            at = T0 + n * 100 * MS
            entries.append(("/camera", ros.compressed_video(at, data, "h264"), at))
        return _bag(folder, entries)

    def in_compressed_image(folder: Path) -> Path:
        entries = []
        for n, data, _ in video.packets("h264"):
            at = T0 + n * 100 * MS
            entries.append(("/camera", compressed(at, data, "h264"), at))
        return _bag(folder, entries)

    return [
        Case("ffmpeg_h264", "FFMPEGPacket, H.264", ffmpeg("h264", "libx264")),
        Case("ffmpeg_h265", "FFMPEGPacket, H.265", ffmpeg("h265", "hevc;yuv420p;bgr8;bgr8")),
        Case("ffmpeg_av1", "FFMPEGPacket, AV1", ffmpeg("av1", "libsvtav1")),
        Case("ffmpeg_vp9", "FFMPEGPacket, VP9", ffmpeg("vp9", "libvpx-vp9")),
        Case("b_frames", "H.264 with B-frames", ffmpeg("h264", "h264", b_frames=2)),
        Case(
            "starts_within_a_group",
            "a start within a group of pictures: counted, then read",
            ffmpeg("h264", "h264", first=2),
            frames=5,
            stamps_ns=(T0 + 500 * MS, T0 + 900 * MS),
            skipped={"before_key_frame": 3},
        ),
        Case("codec_change", "a codec that changes", codec_change),
        Case("parameters_apart", "parameter sets in packets of their own", parameters_apart),
        Case("foxglove_video_ros2", "foxglove_msgs/CompressedVideo", foxglove),
        Case("h264_in_compressed_image", "H.264 in CompressedImage", in_compressed_image),
    ]


@group("Video files")
def _videos() -> list[Case]:
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
            "variable rate: its own times",
            build("a.mkv", "libx264", count=4, times_ms=[0, 40, 1000, 1033]),
            frames=4,
            stamps_ns=(0, 1033 * MS),
        ),
        *(
            Case(
                f"rotated_{degrees}",
                "rotated by its metadata",
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


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@group("Folders of pictures")
def _folders() -> list[Case]:
    def folder_of(suffix: str, name: Callable[[int], str] = str) -> Build:
        def build(folder: Path) -> Path:
            (folder / "pictures").mkdir()
            for n in range(10):
                path = folder / "pictures" / f"{name(n)}{suffix}"
                path.write_bytes(c.encoded(suffix, c.card(n)))
            return folder / "pictures"

        return build

    def rgbd(folder: Path) -> Path:
        pictures = folder_of(".jpg", lambda n: f"frame-{n:06d}.color")(folder)
        depth_only(folder)
        for file in (folder / "depth").iterdir():
            file.rename(pictures / f"{file.stem}.depth.png")
        return pictures

    def depth_only(folder: Path) -> Path:
        (folder / "depth").mkdir()
        for n in range(10):
            distances = np.full((c.HEIGHT, c.WIDTH), 900 + n, np.uint16)
            path = folder / "depth" / f"frame-{n:06d}.png"
            path.write_bytes(c.encoded(".png", distances))
        return folder / "depth"

    rate = (0, 900 * MS)
    return [
        *(
            Case(f"folder{suffix}", suffix.strip(".").upper(), folder_of(suffix), stamps_ns=rate)
            for suffix in (".jpg", ".png", ".tiff", ".webp", ".bmp", ".ppm")
        ),
        Case(
            "folder_of_times",
            "names that are times since 1970",
            folder_of(".png", lambda n: str(T0 + n * 100 * MS)),
        ),
        Case(
            "rgbd_folder",
            "colour and depth in one folder: depth is left out",
            rgbd,
            stamps_ns=rate,
            remark="10 depth pictures are left out",
        ),
        Case(
            "depth_folder",
            "depth alone: refused by its name",
            depth_only,
            refused="holds depth pictures only",
        ),
        Case(
            "name_beyond_all_times",
            "names that are numbers beyond any time: a rate",
            folder_of(".jpg", lambda n: str(9_999_999_999_999_999_990 + n)),
            stamps_ns=rate,
        ),
    ]


@group("LeRobot data sets")
def _lerobot() -> list[Case]:
    rate = (0, 900 * MS)
    return [
        Case(
            "lerobot_v2",
            "version 2.1, video",
            lambda p: lerobot.write_v2(p / "set"),
            poses=10,
            stamps_ns=rate,
        ),
        Case(
            "lerobot_v3",
            "version 3.0, video of several episodes",
            lambda p: lerobot.write_v3(p / "set"),
            poses=10,
            stamps_ns=rate,
            settings={"episode": 1},
        ),
        Case(
            "lerobot_v3_camera",
            "version 3.0, a camera by its key",
            lambda p: lerobot.write_v3(p / "set"),
            poses=10,
            stamps_ns=rate,
            settings={"topic": "observation.images.front"},
        ),
        Case(
            "lerobot_no_episode",
            "an episode that is not there: refused",
            lambda p: lerobot.write_v3(p / "set"),
            refused="has no episode 7",
            settings={"episode": 7},
        ),
        Case(
            "lerobot_v1",
            "version 1: refused by its name",
            lambda p: lerobot.write_v2(p / "set", version="v1.6"),
            refused="version v1.6",
        ),
    ]
