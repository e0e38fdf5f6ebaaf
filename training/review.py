"""Review drafted questions on a local page, each with the keyframes that are its evidence.

    python -m training.review runs/episodes --overlay reviews/office.yaml

The page shows a draft, its choices, what the perceiver noted, and the keyframes. You keep it, drop
it, correct its answer, or rename an object; each decision is written to the overlay at once
(`training.episodes.overlay`). Training (`data.review`) and evaluation then read the overlay.

The page is served on this machine only, at an address that contains a secret and is printed.

Out of scope: drafting (`training.questions.objects`).
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from embodied_agent.errors import AgentError
from embodied_agent.images import scaled_jpeg
from embodied_agent.settings import Settings, load_settings
from embodied_agent.sources import open_source
from training.episodes.dataset import read_episodes
from training.episodes.overlay import (
    Verdict,
    is_draft,
    read_overlay,
    reviewed,
    verdict_of,
    write_overlay,
)
from training.episodes.rows import DatasetError, Episode

#: Longest request that the page sends, in bytes.
_MOST_BYTES = 10_000
_WIDTH, _QUALITY = 480, 85
_PAGE = Path(__file__).with_name("review.html")


class Review:
    """The drafts, the verdicts so far, and the pictures of the drafts' evidence.

    Args:
        episodes: of any kind; drafts among them are reviewed.
        overlay: file of the verdicts; created with the first one.
        settings: of the sources.

    Raises:
        DatasetError: there are no drafts, or the overlay can't be read.
    """

    def __init__(self, episodes: Sequence[Episode], overlay: Path, settings: Settings) -> None:
        self.drafts = [episode for episode in episodes if is_draft(episode)]
        if not self.drafts:
            raise DatasetError(
                "no drafts among these episodes; python -m training.episodes --questions objects "
                "makes some"
            )
        self._by_id = {draft.id: draft for draft in self.drafts}
        self._overlay, self._settings = overlay, settings
        self._lock = threading.Lock()
        self._pictures: dict[str, dict[int, bytes]] = {}
        self.verdicts = read_overlay(overlay)

    def listed(self) -> list[dict[str, Any]]:
        """The drafts as the page shows them."""
        with self._lock:
            verdicts = dict(self.verdicts)
        return [
            {
                "number": number,
                "id": draft.id,
                "scene": draft.scene,
                "category": draft.category,
                "question": draft.question,
                "choices": draft.choices,
                "answer": draft.answer,
                "evidence": draft.about.get("evidence", []),
                "verdict": _shown(verdicts.get(draft.id), draft),
            }
            for number, draft in enumerate(self.drafts)
        ]

    def decide(self, values: Any) -> None:
        """Take a verdict from the page, and write the overlay.

        Raises:
            DatasetError: it is no verdict about one of the drafts, or can't be written.
        """
        if not isinstance(values, dict) or values.get("id") not in self._by_id:
            raise DatasetError("this is no draft of these episodes")
        draft = self._by_id[values["id"]]
        verdict = verdict_of({**values, "question": draft.question}, draft.id)
        reviewed([draft], {draft.id: verdict})  # would it apply?
        with self._lock:
            changed = {**self.verdicts, draft.id: verdict}
            write_overlay(self._overlay, changed)
            self.verdicts = changed

    def picture(self, number: int, stamp_ns: int) -> bytes | None:
        """The JPEG of a draft's evidence; ``None`` if no draft has it, or the recording lacks it.

        Raises:
            SourceError: the recording can't be read.
        """
        if not 0 <= number < len(self.drafts):
            return None
        draft = self.drafts[number]
        with self._lock:
            if draft.source not in self._pictures:
                self._pictures[draft.source] = self._read(draft.source)
            return self._pictures[draft.source].get(stamp_ns)

    def _read(self, source: str) -> dict[int, bytes]:
        """The pictures of all evidence from one recording, by stamp, read in one pass."""
        wanted = {
            int(item["stamp_ns"])
            for draft in self.drafts
            if draft.source == source
            for item in draft.about.get("evidence", [])
        }
        found: dict[int, bytes] = {}
        with open_source(source, self._settings.source) as frames:
            for frame in frames:
                if frame.stamp_ns in wanted and frame.stamp_ns not in found:
                    found[frame.stamp_ns] = scaled_jpeg(frame, _WIDTH, _QUALITY)
                if len(found) == len(wanted):
                    break
        return found


def _shown(verdict: Verdict | None, draft: Episode) -> dict[str, Any] | None:
    if verdict is None or verdict.question != draft.question:
        return None
    return {
        "verdict": verdict.verdict, "answer": verdict.answer, "names": dict(verdict.names)
    }  # fmt: skip


def serve(review: Review, port: int = 0) -> tuple[ThreadingHTTPServer, str]:
    """A server of the page on this machine, not yet running, and the address to open."""
    secret = secrets.token_urlsafe(16)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            parts = self._parts()
            if parts == []:
                self._reply(200, "text/html; charset=utf-8", _PAGE.read_bytes())
            elif parts == ["drafts.json"]:
                self._json(200, review.listed())
            elif parts is not None and len(parts) == 3 and parts[0] == "picture":
                try:
                    picture = review.picture(int(parts[1]), int(parts[2]))
                except (ValueError, AgentError) as error:
                    self._json(404, {"problem": str(error)})
                    return
                if picture is None:
                    self._json(404, {"problem": "the recording has no such picture"})
                else:
                    self._reply(200, "image/jpeg", picture)
            else:
                self._json(404, {"problem": "open the address that the command printed"})

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            kind = self.headers.get("Content-Type", "")
            if self._parts() != ["verdict"] or kind != "application/json":
                self.close_connection = True
                self._json(404, {"problem": "open the address that the command printed"})
                return
            if not length.isdigit() or int(length) > _MOST_BYTES:
                self.close_connection = True
                self._json(413, {"problem": f"more than {_MOST_BYTES} bytes"})
                return
            try:
                review.decide(json.loads(self.rfile.read(int(length))))
            except (ValueError, RecursionError) as error:
                self._json(400, {"problem": f"no JSON: {error}"})
            except AgentError as error:
                self._json(400, {"problem": str(error)})
            else:
                self._json(200, {"reviewed": len(review.verdicts)})

        def _parts(self) -> list[str] | None:
            """The path's parts after the secret; ``None`` without it, or under another host's name
            (a page elsewhere may resolve its own name to this machine)."""
            host = self.headers.get("Host", "").rpartition(":")[0]
            parts = self.path.partition("?")[0].split("/")
            if host not in ("127.0.0.1", "localhost") or len(parts) < 3:
                return None
            if not secrets.compare_digest(parts[1].encode(), secret.encode()):
                return None
            return [part for part in parts[2:] if part]

        def _json(self, status: int, values: Any) -> None:
            text = json.dumps(values, ensure_ascii=False)
            self._reply(status, "application/json", text.encode())

        def _reply(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Referrer-Policy", "no-referrer")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing: the terminal shows the address."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    return server, f"http://127.0.0.1:{server.server_port}/{secret}/"


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and serve until Ctrl-C."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("episodes", type=Path, help="data set of training.episodes")
    parser.add_argument("--overlay", type=Path, required=True, help="file of the verdicts (YAML)")
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    a = parser.parse_args(arguments)
    try:
        review = Review(read_episodes(a.episodes), a.overlay, load_settings())
        server, address = serve(review, a.port)
    except (AgentError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(review.drafts)} drafts: {address} (Ctrl-C ends)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print(f"\n{len(review.verdicts)} verdicts in {a.overlay}")
    finally:
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
