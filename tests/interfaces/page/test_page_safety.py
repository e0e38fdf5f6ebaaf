"""What a camera saw or a model said can't act on the page, and nobody gets in without the token."""

from __future__ import annotations

import re
from pathlib import Path

import embodied_agent.interfaces.web as web
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.records import Delta, Keyframe, Mention
from tests.support.injections import INJECTIONS, LINES, MARKUP
from tests.support.page import Look, Naming, Robot, text, wait_text

HOSTILE = (
    "<img src=x onerror=alert(1)></script><script>window.pwned=1</script>"
    "<svg onload=alert(2)>{{7*7}}${7*7}\" onmouseover='alert(3)' javascript:alert(4)"
)


def test_hostile_deltas_and_answers_are_shown_as_the_text_they_are(look: Look) -> None:
    with Robot(perceiver=Naming(HOSTILE, observation=HOSTILE)) as robot:
        robot.see(20)
        robot.reasoner.reply = (
            f"<think>#1 {HOSTILE}</think><answer>{HOSTILE.replace('</', '< /')}</answer>"
        )
        page = look(robot)
        page.fill("#question", HOSTILE)
        page.press("#question", "Enter")
        entry = page.locator(".qa[data-state=done]")
        entry.wait_for()
        assert HOSTILE in entry.locator(".asked").inner_text()
        assert "<img src=x onerror=alert(1)>" in entry.locator(".answer").inner_text()
        entry.locator("summary").click()
        assert HOSTILE in entry.locator(".thoughts").inner_text()
        assert HOSTILE in page.locator("#track .thing").first.inner_text()
        assert HOSTILE in text(page, "#suggest")
        page.click("#track [data-id='1']")
        page.wait_for_selector("#viewer[open]")
        assert text(page, "#v-facts").count(HOSTILE) == 2
        assert page.evaluate("window.pwned") is None
        assert page.locator("img[onerror], svg[onload], body script, [onmouseover]").count() == 0


class Misled(GeometryPerceiver):
    """Names every injection as an object, a few in each keyframe."""

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        texts = INJECTIONS[current.id % 5 :: 5]
        mentions = tuple(Mention(text, "front", "near") for text in texts)
        return Delta(current.id, action=None, mentions=mentions, observation=texts[0], model="x")


def test_no_injection_acts_on_the_page(look: Look) -> None:
    with Robot(perceiver=Misled()) as robot:
        robot.see(30)
        page = look(robot)
        page.wait_for_selector("#track .thing")
        for keyframe in ("0", "1", "2", "3", "4"):
            page.click(f"#track [data-id='{keyframe}']")
            page.wait_for_selector("#viewer[open]")
            page.keyboard.press("Escape")
        for question in (MARKUP[0], MARKUP[5], LINES[4]):
            robot.reasoner.reply = f"<think>{question}</think><answer>{MARKUP[2]}</answer>"
            page.fill("#question", question)
            page.press("#question", "Enter")
            page.locator(".qa[data-state=done]").first.wait_for()
        assert page.evaluate("window.pwned") is None
        injected = "img[onerror], svg[onload], iframe, body script, body style, base[href], "
        injected += (
            "[onmouseover], [onfocus], form[action], a[href^='data:'], a[href^='javascript']"
        )
        assert page.locator(injected).count() == 0


def test_script_that_got_into_the_page_would_not_run(look: Look) -> None:
    with Robot() as robot:
        page = look(robot, expected=("Content Security Policy", "Trusted", "trusted"))
        ran = page.evaluate(
            """() => new Promise((done) => {
              const attempts = [
                () => { document.body.innerHTML += "<img src=x onerror='window.pwned = 1'>"; },
                () => {
                  const image = document.createElement("img");
                  image.setAttribute("onerror", "window.pwned = 2");
                  image.src = "/static/none.png";
                  document.body.append(image);
                },
                () => {
                  const script = document.createElement("script");
                  script.append("window.pwned = 3");
                  document.body.append(script);
                },
                () => setTimeout("window.pwned = 4"),
                () => { new Function("window.pwned = 5")(); },
              ];
              // One after the other, and as the page's own code, not the driver's.
              for (const attempt of attempts)
                setTimeout(() => { try { attempt(); } catch { /* refused */ } });
              setTimeout(() => done(window.pwned ?? null), 500);
            })"""
        )
        assert ran is None


def test_the_pages_own_code_parses_no_markup() -> None:
    static = Path(web.__file__).with_name("static")
    scripts = list(static.glob("*.js"))
    assert len(scripts) > 8
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function"
    )
    for script in scripts:
        assert not forbidden.search(script.read_text("utf-8")), script.name
    for file in static.iterdir():
        urls = re.findall(r"(?:https?:)?//[\w.-]+", file.read_text("utf-8"))
        assert [u for u in urls if "www.w3.org" not in u] == [], file.name


def test_the_token_is_asked_for_once_and_leaves_the_address(look: Look) -> None:
    token = "a token of more than sixteen letters"
    with Robot(web__token=token) as robot:
        robot.see(3)
        stranger = look(robot, connected=False, expected=("status of 401",))
        assert "needs a token" in text(stranger, "body")
        page = look(robot, path=f"?token={token}")
        assert page.url == robot.url
        wait_text(page, "#track [data-id='0']", "lamp 0")
        page.reload()
        page.wait_for_selector("#link[data-state=ok]")
