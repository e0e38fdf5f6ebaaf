"""A folder or file that holds no frames is told as what it is, with what to name instead."""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import pytest

from embodied_agent.cli.inspect import inspect_source
from embodied_agent.errors import SourceError
from embodied_agent.settings import SourceSettings, load_settings
from embodied_agent.sources import open_source
from tests.sources.builders.card import card
from tests.sources.builders.mcap import write_mcap
from tests.sources.builders.ros import pictures
from tests.sources.builders.video import write_video


def refusal(spec: object) -> str:
    with pytest.raises(SourceError) as caught:
        open_source(str(spec), SourceSettings()).close()
    return str(caught.value)


def named_in(message: str) -> str:
    """The path that a message ends with."""
    return message.rpartition(": name one of them, ")[2]


def test_a_folder_of_videos_names_one_that_can_be_read(tmp_path: Path) -> None:
    for name in ("b.mp4", "a clip.mp4", "c.MP4", "d.mkv"):
        write_video(tmp_path / name, count=2)
    message = refusal(tmp_path)
    assert "holds videos (a clip.mp4, b.mp4, c.MP4 and 1 more)" in message
    with open_source(named_in(message), SourceSettings()) as source:
        assert len(list(source)) == 2


@pytest.mark.parametrize("below", ["sub", "one/two/three"])
@pytest.mark.parametrize("kind", ["pictures", "videos", "a recording"])
def test_the_folder_below_is_named_that_holds_what_can_be_read(
    tmp_path: Path, below: str, kind: str
) -> None:
    (tmp_path / "empty").mkdir()
    folder = tmp_path / below
    folder.mkdir(parents=True)
    if kind == "pictures":
        cv2.imwrite(str(folder / "1.png"), card())
    elif kind == "videos":
        write_video(folder / "a.mp4", count=1)
    else:
        write_mcap(folder / "a.mcap", pictures(1))
    assert f"{folder} holds {kind}: name that" in refusal(tmp_path)


def test_a_tree_of_many_folders_is_not_searched_to_its_end(tmp_path: Path) -> None:
    for number in range(600):
        (tmp_path / f"{number:04d}").mkdir()
    cv2.imwrite(str(tmp_path / "0599" / "1.png"), card())
    assert "holds neither a bag" in refusal(tmp_path)


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "again").symlink_to(tmp_path)
    assert "holds neither a bag" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("name", "advice"),
    [("IMG_1.HEIC", "convert them to JPEG"), ("walk.zip", "unpack them first")],
)
def test_what_a_folder_holds_that_is_not_read_is_told(
    tmp_path: Path, name: str, advice: str
) -> None:
    (tmp_path / name).write_bytes(b"x")
    message = refusal(tmp_path)
    assert name in message
    assert advice in message


def test_an_archive_is_told_by_its_name_or_its_beginning(tmp_path: Path) -> None:
    for name in ("walk.zip", "walk"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("a.txt", "x")
        assert "is an archive: unpack it" in refusal(tmp_path / name)


def test_a_file_that_is_no_recording_is_not_called_a_damaged_video(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello\n" * 10)
    message = refusal(tmp_path / "notes.txt")
    assert "neither a recording (.mcap, .db3, .bag), a picture nor a video" in message
    assert "damaged" not in message


def test_a_video_that_was_cut_short_lacks_its_index(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "walk.mp4").read_bytes()
    assert b"moov" in whole[len(whole) // 2 :]
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    assert "it was cut short, and its index" in refusal(tmp_path / "cut.mp4")
    (tmp_path / "other.mp4").write_text("not a video")
    assert "cut short" not in refusal(tmp_path / "other.mp4")


@pytest.mark.parametrize("spec", ["", "  "])
def test_an_empty_name_is_not_the_present_folder(spec: str) -> None:
    assert refusal(spec) == "the name of the source is empty: is a variable not set?"


def test_inspect_says_that_a_video_is_turned(tmp_path: Path) -> None:
    turned = write_video(tmp_path / "turned.mp4", rotation=90)
    plain = write_video(tmp_path / "plain.mp4")
    remark = "the pictures are turned upright: 64x96"
    assert remark in inspect_source(str(turned), load_settings()).examination.remarks
    assert remark not in inspect_source(str(plain), load_settings()).examination.remarks
