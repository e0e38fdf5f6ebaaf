"""Recordings whose clocks differ, and poses from several places."""

from __future__ import annotations

from pathlib import Path

from tests.sources.builders import ros
from tests.sources.builders.cases.case import Build, Case, bag
from tests.sources.builders.ros import MS, T0, in_order, pictures, poses
from tests.support.sources import S, bag_file


def clocks() -> list[Case]:
    """Clocks and poses."""

    day = 86_400 * S

    def shifted(shift_ns: int) -> Build:
        return lambda p: bag(
            p, in_order(pictures(stamp_shift_ns=shift_ns), poses(), ros.calibration())
        )

    def jump(folder: Path) -> Path:
        late = pictures(10, start_ns=T0 + S, stamp_shift_ns=3600 * S)
        return bag(folder, in_order(pictures(), late, poses(80)))

    def static_in_first_split(folder: Path) -> Path:
        parts = [
            bag(folder / "one", in_order(ros.tf_walk())),
            bag(folder / "two", in_order(ros.tf_walk(statics=False), pictures())),
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
            lambda p: bag(p, in_order(pictures(), poses(shift_ns=-day))),
            poses=10,
            offset_s=86_400.0,
        ),
        Case(
            "pose_offset_overrides",
            "`source.pose_offset_s` overrides the estimated offset",
            lambda p: bag(p, in_order(pictures(stamp_shift_ns=2 * S), poses(shift_ns=2 * S))),
            poses=0,
            stamps_ns=(T0 + 2 * S, T0 + 2 * S + 900 * MS),
            settings={"pose_offset_s": 5.0},
        ),
        Case(
            "zero_stamps",
            "pictures without stamps: the time of receipt is used",
            lambda p: bag(p, in_order(pictures(zero=True), poses())),
            poses=10,
        ),
        Case(
            "clock_that_jumps",
            "a camera clock that is set during the recording",
            jump,
            frames=20,
            poses=20,
            stamps_ns=(T0, T0 + 3600 * S + 1900 * MS),
            remark="clock jumps once",
        ),
        Case(
            "tf_only",
            "poses from /tf alone",
            lambda p: bag(p, in_order(ros.tf_walk(), pictures())),
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
            lambda p: bag(p, in_order(ros.tf_walk()[:1], ros.tf_walk(statics=False), pictures())),
            poses=10,
        ),
    ]
