"""Settings of standing questions and their alerts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from embodied_agent.settings.base import Section

#: The beginning of the addresses that may be posted to, with a whole host.
WebhookPrefix = Annotated[
    str, StringConstraints(pattern=r"^https?://[^/\s?#]+/[^\s?#]*$", max_length=512)
]


class AlertSettings(Section):
    """Standing questions ("tell me when you see a fire extinguisher") and their alerts."""

    most: int = Field(
        100, ge=0, le=10_000, description="maximum number of standing questions at a time"
    )
    place_radius_m: float = Field(
        2.0,
        gt=0,
        le=1000,
        description="maximum distance of an object that counts as at a place named by a pose, in "
        "metres",
    )
    webhooks: tuple[WebhookPrefix, ...] = Field(
        (),
        description="addresses that alerts may be posted to, or prefixes of them "
        "(`https://example.org/robots/`); empty: none",
    )
    webhook_timeout_s: float = Field(
        10.0, gt=0, le=300, description="longest wait for a webhook's reply, in seconds"
    )
    keep_s: float = Field(
        86_400.0,
        gt=0,
        description="how long an alert is sent again if its webhook or the MQTT broker does not "
        "accept it, in seconds",
    )
