"""The log of a running agent: one line for each event, which nothing that it quotes can forge."""

from __future__ import annotations

import json
import logging
import re
import sys

from embodied_agent.host.event_log import JsonFormatter, TextFormatter


def test_a_log_line_stays_one_line_whatever_it_holds() -> None:
    hostile = "one\nFORGED\x1b[2J line\u2028"
    record = logging.LogRecord("x", logging.WARNING, "", 0, "answer", (), None)
    record.fields = {"text": hostile}
    for line in (TextFormatter().format(record), JsonFormatter().format(record)):
        assert "\n" not in line
        assert "\x1b" not in line
    assert json.loads(JsonFormatter().format(record))["text"] == hostile
    plain = logging.LogRecord("x", logging.WARNING, "", 0, hostile, (), None)
    assert "\n" not in TextFormatter().format(plain)


def test_a_text_in_a_traceback_forges_no_line() -> None:
    try:
        raise ValueError("one\n2026-03-01T10:00:00.000Z info    answer text=forged\x1b[2J\u2028x")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", (), sys.exc_info())
    first, *rest = TextFormatter().format(record).split("\n")
    assert first.endswith("x: failed")
    assert all(line.startswith("    ") for line in rest)
    assert any("answer text=forged" in line for line in rest)
    assert not re.search("[\x1b\u2028]", "".join(rest))


def test_a_traceback_is_part_of_its_json_line() -> None:
    try:
        raise ValueError("why")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "broke", (), sys.exc_info())
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert "ValueError: why" in json.loads(line)["traceback"]
