"""Links from a page to a file of the repository outside docs/ become the file's path as code.

The site stands by itself and the repository has no fixed address, so a page can't link to such a
file; on a repository browser the same link works. A link to a file that does not exist fails the
build.

Out of scope: links between pages, which MkDocs checks itself.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
_LINK = re.compile(r"(?<!\!)\[(?P<text>[^\]]+)\]\((?P<target>\.\./[^)#\s]+)\)")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Rewrite the links of one page that leave docs/."""
    folder = Path(page.file.abs_src_path).parent

    def replaced(match: re.Match[str]) -> str:
        target = (folder / match["target"]).resolve()
        if target.is_relative_to(_ROOT / "docs"):
            return match[0]
        if not target.exists():
            raise SystemExit(f"{page.file.src_uri}: {match['target']} does not exist")
        path = target.relative_to(_ROOT).as_posix()
        text = match["text"]
        return f"`{path}`" if text.strip("`") in (path, match["target"]) else f"{text} (`{path}`)"

    return _LINK.sub(replaced, markdown)
