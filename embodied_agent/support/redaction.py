"""Removes credentials from everything that leaves the process: status, answers, log, page.

The URL of a camera or a server may contain a password or a key. Many texts quote such URLs, some of
them written by other libraries, so texts are cleaned where they are created (sources, clients of
servers) and again where they leave the process.

Out of scope: secrets in settings of their own, which are never part of a text
(`pydantic.SecretStr`); people in pictures (``source.redact``).
"""

from __future__ import annotations

import re

from pydantic import JsonValue

#: A user, with or without a password, up to the ``@``. Passwords are not always percent-encoded, so
#: what looks like a path may be part of one: there, only what can't be a host with a port is taken.
_USER = re.compile(
    r"""(?P<scheme>\b[a-z][a-z0-9+.-]*://)
        (?: (?!(?:\[[0-9a-f:.]*\]|[a-z0-9-]*\.[a-z0-9.-]*|localhost)(?::\d+)?[/?#])
            [^\s"'<>]*:[^\s"'<>]*@                  # also a password with / or ? or @ in it
          | [^\s/?#"'<>]*@ )                        # a user alone
    """,
    re.IGNORECASE | re.VERBOSE,
)
#: The value of a parameter whose name says that it is secret.
_PARAMETER = re.compile(
    r"""(?P<name>[?&;#]
          [\w.\[\]-]*(?:token|passw|pwd|secret|key|auth|credential|signature)[\w.\[\]-]*=
          |[?&;#](?:pass|user|usr|login|sig|pw|u|p)=)
        [^\s&;#"'<>]+
    """,
    re.IGNORECASE | re.VERBOSE,
)


def without_credentials(text: str) -> str:
    """``text`` with every URL in it as it may be shown.

    >>> without_credentials("can't open rtsp://me:secret@camera/front?token=abc&fps=5")
    "can't open rtsp://camera/front?token=…&fps=5"
    """
    if "://" in text:
        text = _USER.sub(r"\g<scheme>", text)
    if "=" in text:
        text = _PARAMETER.sub(r"\g<name>…", text)
    return text


def values_without_credentials(values: JsonValue) -> JsonValue:
    """JSON values with every text in them cleaned; names are kept."""
    if isinstance(values, str):
        return without_credentials(values)
    if isinstance(values, dict):
        return {name: values_without_credentials(value) for name, value in values.items()}
    if isinstance(values, list):
        return [values_without_credentials(value) for value in values]
    return values
