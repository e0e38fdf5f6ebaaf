"""The robot by its names: "what did the drone do next?" is asked of "you".

Only where it acts: "did you see a drone?" and "where is the rover?" ask for a thing, and so does
everything about a drone that is in the memory.

Out of scope: the other words of a question (`tokens`), what "the camera" and "the robot" mean in the
patterns of `readers_of_own_motion` and others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from embodied_agent.rules.vocabulary import word_set

_NAMES = word_set("drone robot rover bot quadcopter quadrotor uav")
_DETERMINERS = word_set("the your this our my that")
_YOURS = {"does": "do", "has": "have", "is": "are", "was": "were"}
_AUXILIARIES = word_set(
    "did do have had are were can could will would should must may might"
) | set(_YOURS)
_ADVERBS = word_set(
    "ever also then just still really actually currently now already first last next suddenly"
)
#: What it does; after an auxiliary.
_DEEDS = word_set(
    "do doing done see seen seeing notice noticed spot spotted find found pass passed encounter encountered meet met "
    "observe observed detect detected watch watched look looking looked face facing turn turned turning rotate rotated "
    "rotating spin spun spinning move moved moving go going gone fly flying flown drive driving driven roll rolling "
    "travel travelled travelling travel walk walking come coming get getting reach reached return returned stop stopped "
    "start started begin begun end ended stand standing hover hovering land landed landing climb climbed climbing rise "
    "rising descend descending descended sink sinking tilt tilted tilting reverse reversed reversing back backed stay "
    "stayed take taken make made record recorded recording keep kept visit visited enter entered leave head heading "
    "remember know change crash crashed crashing collide collided bump bumped hit fall fell"
)
#: What it did, without an auxiliary.
_DID = word_set(
    "did saw noticed spotted found passed encountered met observed detected watched looked faced turned rotated spun "
    "moved went flew drove rolled travelled walked came got reached returned stopped started began ended stood hovered "
    "landed climbed rose descended sank tilted reversed backed stayed took made recorded kept visited entered left headed crashed collided"
)
#: After "what did the drone", with "do" left out.
_NEXT = word_set("next then first last afterwards after before")


def with_you(words: Sequence[str], known: Collection[str]) -> list[str]:
    """The words, with "you" where the robot acts under one of its names.

    Args:
        words: of a question.
        known: words of names in the memory; one that is among them names a thing.
    """
    said = list(words)
    for i in range(len(said) - 2, -1, -1):
        if said[i] not in _DETERMINERS or said[i + 1] not in _NAMES or said[i + 1] in known:
            continue
        before = said[i - 1] if i else ""
        j = i + 2
        while j < len(said) and said[j] in _ADVERBS:
            j += 1
        deed = said[j] if j < len(said) else ""
        after = said[j + 1] if j + 1 < len(said) else ""
        if before in _AUXILIARIES and deed in _DEEDS:
            said[i - 1 : i + 2] = [_YOURS.get(before, before), "you"]
        elif (
            before == "did"
            and i > 1
            and said[i - 2] == "what"
            and said[i + 2 : i + 3]
            and said[i + 2] in _NEXT
        ):
            said[i : i + 2] = ["you", "do"]
        elif before not in _AUXILIARIES and (
            deed in _DID or (deed in _AUXILIARIES and after in _DEEDS)
        ):
            said[j] = _YOURS.get(deed, deed)
            said[i : i + 2] = ["you"]
    return said
