"""Credentials in URLs, wherever such a URL is quoted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.support.redaction import values_without_credentials, without_credentials


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://me:s3cret@cam/front", "rtsp://cam/front"),
        ("rtsp://me:s3c/ret@cam/front", "rtsp://cam/front"),
        ("rtsp://me:s3c?ret@10.0.0.1:554/front", "rtsp://10.0.0.1:554/front"),
        ("rtsp://me:s@cret@cam", "rtsp://cam"),
        ("http://s3cret@host:8000/v1", "http://host:8000/v1"),
        ("HTTPS://me:s3cret@host", "HTTPS://host"),
        (
            "can't reach http://a:b@h/v1 (x); see http://c:d@i",
            "can't reach http://h/v1 (x); see http://i",
        ),
        (
            "http://cam/video?user=me&password=s3cret&fps=5",
            "http://cam/video?user=…&password=…&fps=5",
        ),
        ("http://h/v1?api_key=s3cret#top", "http://h/v1?api_key=…#top"),
        ("/cam?access-token=s3cret", "/cam?access-token=…"),
        ("http://h/x?X-Amz-Signature=s3cret", "http://h/x?X-Amz-Signature=…"),
        # Nothing to hide.
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("rtsp://10.0.0.1:554/@live", "rtsp://10.0.0.1:554/@live"),
        ("http://[::1]:80/a@b", "http://[::1]:80/a@b"),
        ("http://localhost:8080/?a=1@2", "http://localhost:8080/?a=1@2"),
        ("mail me@home about x = 5 & y=6", "mail me@home about x = 5 & y=6"),
        ("bag house_8: camera/image/compressed", "bag house_8: camera/image/compressed"),
    ],
)
def test_what_may_be_shown_of_a_text(text: str, shown: str) -> None:
    assert without_credentials(text) == shown
    assert "s3c" not in without_credentials(text)


_CHARACTERS = st.characters(
    codec="ascii", categories=("L", "N"), include_characters="!$%^*()_+-.~/?:@"
)
secrets = st.text(_CHARACTERS, min_size=1).map(lambda text: f"S3C{text}S3C")


@given(secret=secrets, around=st.sampled_from(["{}", "x ({}): y", "'{}'"]))
def test_no_password_survives(secret: str, around: str) -> None:
    url = f"rtsp://user:{secret}@camera.example:554/front"
    shown = without_credentials(around.format(url))
    assert "S3C" not in shown
    assert shown == around.format("rtsp://camera.example:554/front")


@given(text=st.text())
def test_a_text_without_a_url_or_a_parameter_is_left_alone(text: str) -> None:
    if "://" not in text and "=" not in text:
        assert without_credentials(text) == text


def test_values_are_cleaned_however_deep_they_lie() -> None:
    url = "http://a:b@h"
    assert values_without_credentials({"a": [url, {"b": url, "c": 1}], "d": None}) == {
        "a": ["http://h", {"b": "http://h", "c": 1}],
        "d": None,
    }
