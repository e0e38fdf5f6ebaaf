"""The repository as a ROS 2 package (ament_python), for colcon; for pip, pyproject.toml says all.

colcon calls this file with the system's setuptools, which in some ROS distributions is too old to
read pyproject.toml (from 77 on it can), so what colcon needs is said here again, and no more.
"""

import sys
from glob import glob
from xml.etree import ElementTree

from setuptools import Distribution, find_packages, setup

NAME = "embodied_agent"


class _WithoutPyproject(Distribution):
    """A distribution that leaves pyproject.toml alone."""

    def parse_config_files(self, filenames=None, ignore_option_errors=False):
        super().parse_config_files(filenames or ["setup.cfg"], ignore_option_errors)


def _models():
    """Files that are no Python, relative to the package."""
    found = ["py.typed"]
    for pattern in ("models/**", "report/templates/*", "interfaces/web/static/**"):
        found += [
            path[len(NAME) + 1 :]
            for path in glob(f"{NAME}/{pattern}", recursive=True)
            if "." in path.rpartition("/")[2]
        ]
    return found


if "setuptools.build_meta" in sys.modules:
    setup()  # pip: pyproject.toml
else:
    setup(
        distclass=_WithoutPyproject,
        name=NAME,
        version=ElementTree.parse("package.xml").getroot().findtext("version"),
        packages=find_packages(include=[f"{NAME}", f"{NAME}.*"]),
        package_data={NAME: _models()},
        zip_safe=False,
        data_files=[
            ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
            (f"share/{NAME}", ["package.xml"]),
            (f"share/{NAME}/launch", sorted(glob("launch/*.launch.py"))),
            (f"share/{NAME}/config", sorted(glob("config/*.yaml"))),
            (f"share/{NAME}/config/ros", sorted(glob("config/ros/*.yaml"))),
            (f"lib/{NAME}", ["ros_ws/bin/node"]),
        ],
    )
