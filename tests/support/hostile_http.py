"""HTTP that no proper client sends: values of headers, and addresses, that have broken a parser."""

from __future__ import annotations

import socket

from tests.support.web import WAIT_S, Running

#: Values that have broken a parser somewhere.
VALUES = (
    b"",
    b"---5",
    b"x---5",
    b"-",
    b"\xb2",  # isdigit(), and yet no number
    b"\xff\xfe",
    b"9" * 60,
    b"-9" * 30,
    b"1e999",
    b"[::1",
    b"http://[::1",
    b"http://[",
    b'"' * 31,
    b"=;=;=",
    b"a=\x01",
    b"%00",
    b"Bearer",
    b"Bearer \xe9",
    b"Basic !!!",
    b"bytes=9-1",
    b"gzip;q=nan",
    b"application/json; charset=none",
    b"application/" + b"x" * 900,
    b"2025-99-99",
    b"null",
)
HEADERS = (
    b"Last-Event-ID",
    b"Origin",
    b"Cookie",
    b"Authorization",
    b"If-None-Match",
    b"If-Modified-Since",
    b"Range",
    b"Accept",
    b"Accept-Encoding",
    b"Content-Type",
    b"Content-Length",
    b"Transfer-Encoding",
    b"Expect",
    b"Upgrade",
    b"Mcp-Session-Id",
    b"Mcp-Protocol-Version",
    b"X-Forwarded-For",
    b"Host",
)
#: What is asked, with a body where there is one.
REQUESTS = (
    (b"GET /api/events", b""),
    (b"GET /api/keyframes/0.jpg", b""),
    (b"GET /static/app.js", b""),
    (b"POST /api/ask", b'{"question": ""}'),
    (b"POST /api/corrections", b'{"kind": ""}'),
    (b"PUT /api/places/dock", b'{"by": ""}'),
    (b"POST /mcp", b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}'),
)
#: Addresses that are not what they seem.
TARGETS = (
    b"/?" + b"&".join(b"a=1" for _ in range(40)),
    b"/?token=%ff%fe",
    b"/?token=" + b"x" * 5000,
    b"/?=&=&;;",
    b"/static/..%2f..%2fetc/passwd",
    b"/static/%00",
    b"/static/" + b"a" * 300,
    b"/%ff",
    b"//",
    b"/api/keyframes/%c2%b2.jpg",
    b"/api/keyframes/-1.jpg",
    b"/api/keyframes/" + b"9" * 40 + b".jpg",
    b"/api/recall?from_ns=" + b"9" * 40,
    b"/api/recall?x=nan&y=nan&z=inf",
    b"/api/path?limit=0",
    b"/api/path?limit=%c2%b2",
    b"/api/objects?name=" + b"x" * 3000,
    b"/api/objects/locate?name=%00",
    b"/api/objects/-1/goal",
    b"/api/objects/" + b"9" * 40 + b"/goal",
    b"/api/places/%00",
    b"/api/places/..%2f..",
    b"http://[::1/healthz",
    b"*",
)


def status_of(its: Running, head: bytes, body: bytes = b"") -> int:
    """The status of the reply to raw bytes; 0 where the connection was closed without one."""
    port = int(its.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), WAIT_S) as connection:
        connection.sendall(head + b"\r\n\r\n" + body)
        reply = b""
        while b"\r\n" not in reply and (data := connection.recv(4096)):
            reply += data
    return int(reply.split(b" ", 2)[1]) if reply else 0
