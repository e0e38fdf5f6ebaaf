"""Questions that are not about what was seen: sums, the weather, jokes, opinions, commands.

Precise rather than complete: a question about what was seen must not be turned away. Questions that
slip through name nothing in the memory and get the answer "I have not seen …".

Out of scope: questions about a seen thing that no notes can answer (`families`).
"""

from __future__ import annotations

import re

from lemminflect import getAllLemmas

from embodied_agent.rules.lexicon import lexicon
from embodied_agent.rules.vocabulary import FRAME

_SUM = re.compile(
    r"\bN (?:times|plus|minus|divided by|multiplied by|over|to the power of|[-+*/x×÷=]) N\b"
    r"|\bsquare root\b|\bpercent(?:age)? of\b"
)
_TOPICS = re.compile(
    r"\b(?:weather|forecast|rain|raining|rainy|snow|snowing|sunny|humid|"
    r"jokes?|riddles?|poems?|story|stories|songs?|sing|recipes?|"
    r"presidents?|prime minister|kings?|queens?|elections?|politics|government|"
    r"capital of|capital city|population|countries|country|history|war|"
    r"movies?|films?|music|novels?|scores?|news|headlines|inhabitants|(?:live|lives|living) in|world cup|olympics|championship|league|planets?|moon|galaxy|dinosaurs?|"
    r"stock market|bitcoin|exchange rate|meaning of life|god|religion|"
    r"homework|essays?|e-?mails?|alarm for|timer|reminder|calendar|translate|translation)\b"
)
_SELF = re.compile(
    r"^(?:how are you|who (?:are|built|made|created|programmed|trained|invented|designed|owns) you"
    r"|what are you(?! (?:looking|seeing|facing|near|next|closest|nearest))"
    r"|are you (?:a|an|human|alive|real|happy|sad|ok|okay|fine|tired|hungry|bored|well)\b"
    r"|do you (?:like|love|hate|enjoy|prefer|want|believe|feel|dream|sleep|eat|drink|speak|"
    r"have (?:a )?"
    r"(?:name|feelings|friends|family|emotions|dreams|hobby|hobbies))\b"
    r"|what do you (?:think|feel|like|want|believe|prefer)\b(?! (?:is|was|you saw|i|we))"
    r"|(?:tell me|what is|what was|may i know) your (?:name|age|opinion|job|purpose|favou?rite)\b)"
)
_YOURS = re.compile(
    r"\byour (?:last|previous) (?:answer|reply|response|statement)s?\b|\byour (?:favou?rite|name|opinion|boss|mother|father|birthday|hobby|job)\b"
)
_WHEN = re.compile(
    r"\bwhat (?:time|day|date|year|month) (?:is|was) (?:it|today|tomorrow|this)\b"
    r"|^(?:the )?(?:time|date) (?:please|now)?$|\bhow (?:warm|cold|hot|late) is it\b"
)
_ADVICE = re.compile(
    r"^(?:should|shall) (?:i|we) (?!turn|go|look|expect|take|head|face|move|walk|drive|find|see)"
    r"|\b(?:recommend|suggest|advise|advice)\b|\bhow (?:do|does|did|to) (?:i |you |we |one )?"
    r"(?:bake|cook|make|fix|repair|learn|write|draw|build|clean|wash|play|spell|pronounce|say|"
    r"earn|lose|"
    r"become|install|use|grow|prepare|open)\b|^explain (?:how|why|what|to)\b|^what does .* mean$"
)
_PLEASANTRY = re.compile(
    r"^(?:hello|hi|hey|thanks?|thank you|good (?:morning|evening|night|afternoon|day|job|bye)|"
    r"goodbye|bye|"
    r"welcome|sorry|ok|okay|cheers|great|nice|well done|congratulations|happy birthday|see you)\b"
    r"(?! .*\b(?:what|where|which|did|have|is there|was there|how many)\b)"
)
#: Orders to act, which a memory can't carry out.
_ORDER = re.compile(
    r"^(?:(?:can|could|would|will) you (?:please |kindly )?|i (?:want|need|"
    r"would like) you to |you (?:should|must) |"
    r"go and |please )?"
    r"(?:open|close|shut|pick|grab|fetch|bring|carry|lift|drop|push|pull|throw|catch|hold|"
    r"hand|pass me|give me a "
    r"(?:hand|drink)|clean|wash|wipe|vacuum|cook|bake|make me|play|sing|dance|jump|smile|clap|wave|"
    r"switch|turn (?:on|off|around|back|round|up|down|the|it|C)|turn (?:left|right)(?: (?:now|"
    r"please|N.*))?$|"
    r"drive|fly|walk|run|climb|follow me|follow the|come (?:here|back|to me)|go (?:faster|"
    r"slower|away|home|to the|"
    r"to X|there|left|right|straight|forward|back|ahead)(?! KF)|move (?:to|forward|back|"
    r"backward|left|right|away|"
    r"faster|the|it|that|over|up|down)|rotate (?:left|right|by)|stop|halt|wait|"
    r"start (?:moving|driving|now)|"
    r"continue|charge|dock|sit|stand|sleep|wake|shut down|restart|reboot|call|phone|text|"
    r"message|send|email|"
    r"write|draw|paint|print|translate|remind|schedule|set (?:a|an|the|my)|book (?:a|an|me|"
    r"the)|buy|"
    r"order (?:a|an|me|some)|pay|sell|delete|erase|forget everything|calculate|compute|add|"
    r"subtract|multiply|"
    r"divide|solve|convert|google|download|install|compose|feed|kill|hit|kick|press|"
    r"deliver|water|iron|cut|break|repair|fix|build|paint|measure|scan|take (?:a (?:picture|"
    r"photo|break|seat)|"
    r"out|off|the|this|that|it|me to|us to)|bring|lead me|escort|drop)\b"
)
_STILL_ASKS = re.compile(r"\b(?:which way|where|what|how do|direction|way back|get back|back to)\b")


def is_out_of_scope(text: str) -> bool:
    """Whether a question is not about what was seen, whatever it names.

    Args:
        text: `names.Named.text`, in which known names are replaced.
    """
    if _SUM.search(text) or _WHEN.search(text) or _ADVICE.search(text):
        return True
    if _SELF.search(text) or _YOURS.search(text) or _PLEASANTRY.search(text):
        return True
    return bool(_TOPICS.search(text))


def is_order(text: str) -> bool:
    """Whether a text reads like an order to act: "bring …", "divide …". Not every order is one to
    a robot; "pick the one that is nearer" asks something."""
    if _ORDER.search(text) and not _STILL_ASKS.search(text):
        return True
    return _begins_with_verb(text.split())


def _begins_with_verb(words: list[str]) -> bool:
    """Whether a text begins with a verb that is not part of a question, as "divide …" does."""
    index = 0
    if words[:2] in (["can", "you"], ["could", "you"], ["will", "you"], ["would", "you"]):
        index = 2
    if index >= len(words):
        return False
    first = words[index]
    if first in FRAME or first in lexicon().colours or lexicon().known(first):
        return False
    lemmas = getAllLemmas(first)
    return "VERB" in lemmas and first in lemmas["VERB"] and (index > 0 or "NOUN" not in lemmas)
