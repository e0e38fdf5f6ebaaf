"""Detect answers without a claim: "I have not seen a …", "I can't tell", "that is out of scope".

Out of scope: claims in the same answer, and which of the two counts (`reading`).
"""

from __future__ import annotations

import re

from sim_clips.questions.free.truth import Status
from training.free_questions.clauses import plain

_MEMORY = (
    r"(?:my |the )?(?:memory|memories|notes?|entries|records?|observations?|history|keyframes)"
)
_OUT_OF_SCOPE = re.compile(
    r"out(?:side)?(?: of)? (?:my |the )?scope|"
    r"\b(?:can|could|able to|will|do|may) only (?:answer|talk|tell|help|speak|deal|say|report|"
    r"remember|know)|"
    r"\bonly (?:answer|remember|know|handle|cover|deal|keep|do)s? |"
    r"nothing to do with (?:what|my)|not (?:a question )?about (?:what i|my memory|what was)|"
    r"\bnot (?:something|anything|a question|a matter|my)\b[^.]*\b(?:memory|seen|answer|help|job|"
    r"do)\b|"
    r"\bunrelated to\b|\bbeyond (?:what|my)\b|\bnot part of (?:my|what)\b|"
    rf"{_MEMORY} (?:only )?(?:holds?|covers?|keeps?|is) only|{_MEMORY} (?:is|"
    rf"are) (?:only )?(?:about|for) |"
    r"\bi(?:'m| am) (?:only |just )?(?:a|an) (?:spatial )?(?:memory|camera)|"
    r"^an? (?:spatial )?memory\b|\bi(?:'m| am) (?:not an?|no) \w+$|"
    r"\b(?:i )?(?:can't|cannot|can not|don't|do not|am not able to|'m not able to|won't) "
    r"(?:act|move (?:by|on)|drive|perform|carry out|execute|take orders|follow (?:orders|commands)|"
    r"control|tell jokes|have opinions|have (?:an|any) opinion|do (?:sums|maths|arithmetic|that))|"
    r"\bi have no (?:opinions?|feelings|arms)\b|"
    r"\b(?:can't|cannot|not able to|unable to) (?:help|answer|assist)\b|"
    r"\bnot a (?:question|request) (?:that )?(?:i|for)\b"
)
_TELL = (
    r"(?:tell|say|determine|know|be (?:sure|certain)|make out|work (?:it |that )?out|judge|decide|"
    r"establish|infer|see (?:from|how)|answer that from)"
)
_CANNOT_TELL = re.compile(
    rf"\b(?:can't|cannot|can not|couldn't|could not|can only guess|unable to|not able to|"
    rf"no way (?:to|of)|impossible to|hard to|difficult to|wouldn't be able to) "
    rf"(?:really |reliably |safely |exactly |quite )?{_TELL}|"
    rf"\b(?:don't|do not|didn't|doesn't|does not) (?:really |actually )?know\b(?! of\b)|"
    r"\b(?:can't|cannot|can not|don't|do not) (?:quite |really )?(?:remember|recall)\b"
    r"(?! (?:an?|any|seeing|having|such|one)\b)|\b(?:only have|there are only) .*(?:keyframe|"
    r"frame)s|"
    r"(?:\bnot|n't|\bnever) (?:really |quite |entirely |at all )?(?:sure|certain|known|clear|"
    r"recorded|"
    r"noted down|settled|determined|kept|stored|given)\b|\bunsure\b|\buncertain\b|\bunclear\b|"
    r"\bunknown\b|\bno idea\b|"
    r"\bno (?:information|data|details?|clue)\b|\b(?:not|isn't|wasn't) enough\b|\binsufficient\b|"
    rf"{_MEMORY} (?:do(?:es)?n't|do(?:es)? not|did(?:n't| not)|can(?:no|')t) "
    r"(?:tell|say|show|hold|contain|settle|give|record|reveal|mention|cover|include|go|reach)|"
    r"\bcan(?:no|')t be (?:told|determined|said|known|answered)\b|"
    r"\b(?:there(?:'s| is| are) (?:no|not a|not any)|there isn't (?:a|any)|no such) (?:such )?"
    r"(?:keyframe|frame|entry|picture)\b|"
    r"\b(?:never|not|n't) (?:yet |ever )?(?:looked|turned that way)\b|"
    r"\bhow (?:should|would|could) i (?:know|tell)\b|"
    r"\b(?:keyframe|frame|entry|#)\s?#?\d* (?:does(?:n't| not)|do(?:n't| not)) exist\b|"
    r"\b(?:haven't|have not) (?:got|reached|taken|made) (?:to )?(?:a |that |any )?(?:keyframe|"
    r"frame|"
    r"that far|so many)|"
    r"\b(?:don't|do not) have (?:a |any |that |enough |such |the )*"
    r"(?:keyframe|frame|information|details?|data|means|record of (?:its|the|that))|"
    r"\bi(?:'ve| have) not been told\b|\bi can(?:no|')t\.?$|\bonly (?:up|"
    r"go(?:es)?(?: up)?) to (?:keyframe )?#?\d+|"
    rf"{_MEMORY} (?:give|say|tell|hold|contain|show|have|has|record)s? (?:no|nothing|neither)\b|"
    r"\bsays? nothing about\b|\bnobody told\b|\bcan only guess\b|\bnothing (?:in|"
    r"about)\b[^.]*\b(?:tells|says|shows)\b"
)
_FOUND = (
    r"(?:seen|noticed|noted|come across|spotted|encountered|observed|found|met|recorded|detected|"
    r"registered|passed)"
)
_NOT_SEEN = re.compile(
    rf"\b(?:haven't|have not|hasn't|has not|hadn't|had not|'ve not|never|not) (?:yet |ever |"
    rf"actually "
    rf"|been |even |knowingly )*{_FOUND}\b|"
    r"\b(?:didn't|did not|don't|do not|can't|cannot) (?:actually |ever |really )?(?:see|notice|"
    r"spot|"
    r"come across|find|remember|recall|have|encounter|pass|recognise|recognize|know of|think so)\b|"
    r"\bgot nothing on\b|\bnot aware of\b|\bnot (?:a single|even one)\b|\b(?:would|'d) say no\b|"
    r"\bi think not\b|"
    r"\bnever (?:saw|came across|noticed|spotted|encountered|showed up|appeared|was|were|did|had|"
    r"met|"
    r"passed|once)\b|"
    r"\b(?:there(?:'s| is| was| were| are| has been| have been)) (?:no|not|none|never)\b|"
    r"\bthere (?:wasn't|isn't|weren't|aren't|hasn't been)\b|"
    r"\b(?:saw|see|found|noticed|spotted|have|had|remember|recall|know of) (?:no|none|nothing|"
    r"neither)\b|"
    rf"\b(?:no|none|neither|nothing|not)\b[^.]*\b(?:{_FOUND}|in (?:my |the )?(?:memory|notes|view|"
    rf"sight)|"
    r"visible|came (?:into|up)|that i (?:saw|know|remember)|so far|was there|were there|around|"
    r"anywhere|on record)\b|"
    r"\bno (?:record|trace|sign|memory|recollection|mention|sighting)s? of\b|"
    r"\b(?:no|not a|not any|not one|zero) (?:single )?\w+(?: \w+)?(?: here| there| around)?[.!]?$|"
    r"^(?:no|nope|none|never|negative|nothing|not (?:that i know|to my knowledge|as far as))\b|"
    r"\bunseen\b|\b(?:didn't|did not|hasn't|doesn't|does not|never) (?:show(?:n)? up|appear(?:ed)?|"
    r"occur|figure|turn(?:ed)? up|come (?:up|into (?:view|sight)))\b|"
    r"\bnot (?:seen|noticed|there|present|observed|among|in (?:my |the )?(?:memory|notes))\b|"
    r"\b(?:isn't|wasn't|aren't|weren't) (?:seen|noticed|there|present|observed|among|in (?:my |"
    r"the )?"
    r"(?:memory|notes))\b"
)
#: "My notes don't mention a piano": the memory lacks a thing, rather than a detail of one.
_MEMORY_LACKS = re.compile(
    rf"{_MEMORY} (?:(?:do(?:es)?n't|do(?:es)? not|did(?:n't| not)) (?:hold|contain|mention|include|"
    r"show|have|list|know) (?:an?y?|the|such an?)|(?:holds?|contains?|mentions?|includes?|shows?|"
    r"has|"
    r"have|lists?|knows?(?: of)?) no) "
)


def out_of_scope(text: str) -> bool:
    """Whether a clause says that the question is outside the memory's scope."""
    return bool(_OUT_OF_SCOPE.search(plain(text)))


def cannot_tell(text: str) -> bool:
    """Whether a clause says that something can't be determined."""
    return bool(_CANNOT_TELL.search(plain(text)))


def not_seen(text: str) -> bool:
    """Whether a clause says that something was not seen."""
    return bool(_NOT_SEEN.search(plain(text)))


def memory_lacks(text: str) -> bool:
    """Whether a clause says that something is not in the memory."""
    return bool(_MEMORY_LACKS.search(plain(text)))


#: The statuses, in the order in which `stance` checks them.
STANCES: tuple[Status, ...] = ("out_of_scope", "cannot_tell", "not_seen")


def stance(text: str, *, about_thing: bool) -> Status | None:
    """The status that a clause without a claim expresses; ``None`` if it may be a claim.

    Args:
        text: of the clause.
        about_thing: whether the clause names the thing that the question is about.
    """
    if out_of_scope(text):
        return "out_of_scope"
    if memory_lacks(text) and about_thing:
        return "not_seen"
    if cannot_tell(text):
        return "cannot_tell"
    return "not_seen" if not_seen(text) else None
