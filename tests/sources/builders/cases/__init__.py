"""Every input that the sources are tested with, and what is expected of it.

The README's table of inputs is made from this list (`python -m tests.sources.builders.table`).
"""

from __future__ import annotations

from tests.sources.builders.cases.bags import other_mcap, ros1, ros2
from tests.sources.builders.cases.case import Case
from tests.sources.builders.cases.clocks import clocks
from tests.sources.builders.cases.depth import depth_beside_colour
from tests.sources.builders.cases.folders import folders, lerobot_sets
from tests.sources.builders.cases.pictures import compressed_pictures, raw_pictures
from tests.sources.builders.cases.videos import packets, video_files

__all__ = ["CASES", "Case"]

#: By the heading of the table's row.
CASES: dict[str, list[Case]] = {
    "ROS 2 bags": ros2(),
    "Other MCAP files": other_mcap(),
    "ROS 1 bags": ros1(),
    "Clocks and poses": clocks(),
    "Raw pictures": raw_pictures(),
    "Compressed pictures": compressed_pictures(),
    "Depth beside colour": depth_beside_colour(),
    "Video packets in bags": packets(),
    "Video files": video_files(),
    "Folders of pictures": folders(),
    "LeRobot data sets": lerobot_sets(),
}
