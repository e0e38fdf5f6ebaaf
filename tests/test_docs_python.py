"""docs/python.md: every block of Python on the page runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import pytest

from tests.support.views import panorama_views

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "python.md"
BLOCKS = re.findall(r"^## (.+?)$.*?^```python\n(.*?)^```$", PAGE.read_text(), re.M | re.S)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the page's examples find in their working directory."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "sim_clips").symlink_to(ROOT / "sim_clips")
    (folder / "pictures").mkdir()
    views = panorama_views(12)
    video = cv2.VideoWriter(
        str(folder / "walk.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, views[0].shape[1::-1]
    )
    for number, view in enumerate(views):
        cv2.imwrite(str(folder / "pictures" / f"{number}.png"), view)
        video.write(view)
    video.release()
    return folder


def test_every_block_of_the_page_is_found() -> None:
    assert len(BLOCKS) == PAGE.read_text().count("```python")


@pytest.mark.models
@pytest.mark.parametrize(("title", "code"), BLOCKS, ids=[title for title, _ in BLOCKS])
def test_a_block_runs_and_prints(
    folder: Path,
    title: str,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    # The page shows the defaults; the built-in perceiver would take minutes.
    monkeypatch.setenv("EMBODIED_AGENT_PERCEPTION__BACKEND", "geometry")
    exec(compile(code, f"{PAGE.name}: {title}", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out.strip()
