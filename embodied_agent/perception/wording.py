"""Whether a text is English. Models that were trained in other languages drift into them.

A coarse test that errs on the side of yes: other scripts are recognised by their letters, other
languages by their most common words.
"""

from __future__ import annotations

import re
import unicodedata

#: Up to this fraction of letters from other scripts is tolerated.
_OTHER_SCRIPT = 0.2
#: Texts with fewer words are not judged.
_LEAST_WORDS = 4
_ENGLISH = set(
    re.findall(
        r"\w+",
        "a above ahead an and are as at back before behind below beside by camera far from front "
        "has in into is it its left near next no now of on one only or right room the there this "
        "to two view was which with you",
    )
)
#: Common words of German, French, Spanish, Italian, Portuguese and Dutch that are not English.
_OTHERS = set(
    re.findall(
        r"[\w']+",
        "auf das dem der ein eine einem einen ist mit nach oben rechts sind steht und unter vor "
        "von zu au avec dans derrière des devant droite est et gauche la le les sur un une con de "
        "del derecha el en entre está están hay izquierda las los por una c'è che davanti destra "
        "di dietro gli il nella sinistra sono sulla à ao com da direita em esquerda há na numa "
        "são uma achter een het links naar naast op van voor",
    )
)


def other_script(text: str) -> bool:
    """Whether much of ``text`` is written in other letters than Latin."""
    letters = [sign for sign in text if sign.isalpha()]
    others = sum(not unicodedata.name(sign, "LATIN").startswith("LATIN") for sign in letters)
    return others > _OTHER_SCRIPT * len(letters)


def other_language(text: str) -> bool:
    """Whether ``text``, in Latin letters, is more likely in another language than in English."""
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text.lower())
    if len(words) < _LEAST_WORDS:
        return False
    others = sum(word in _OTHERS for word in words)
    return others >= 2 and others > sum(word in _ENGLISH for word in words)
