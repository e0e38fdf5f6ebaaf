"""What the words of questions mean: synonyms under one concept, and set phrases as one word.

"run into", "lay eyes on" and "spot" all mean "see". `families` compares concepts rather than
words, so that a wording it has never met is understood by what it is made of.

Out of scope: words for things and colours (`lexicon`), which family they add up to (`intent`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: Set phrases, and the plain words that they stand for.
PHRASES: Mapping[str, Sequence[str]] = {
    "see": (
        "run into",
        "bump into",
        "stumble on",
        "stumble upon",
        "stumble across",
        "stumble over",
        "stumble into",
        "happen on",
        "happen upon",
        "happen across",
        "chance upon",
        "chance on",
        "catch sight of",
        "catch a glimpse of",
        "get a glimpse of",
        "get a look at",
        "get sight of",
        "lay eyes on",
        "set eyes on",
        "clap eyes on",
        "lay your eyes on",
        "set your eyes on",
        "clap your eyes on",
        "make out",
        "pick out",
        "come by",
        "run across",
        "cross paths with",
        "come upon",
        "glimpse",
        "take note of",
        "become aware of",
        "walk past",
        "drive past",
        "go past",
        "get past",
        "ride past",
        "roll past",
        "move past",
        "be able to see",
        "have a look at",
        "take notice of",
    ),
    "saw": (
        "ran into",
        "bumped into",
        "stumbled on",
        "stumbled upon",
        "stumbled across",
        "stumbled over",
        "stumbled into",
        "happened on",
        "happened upon",
        "happened across",
        "chanced upon",
        "caught sight of",
        "caught a glimpse of",
        "got a glimpse of",
        "got a look at",
        "got sight of",
        "laid eyes on",
        "clapped eyes on",
        "laid your eyes on",
        "made out",
        "picked out",
        "came by",
        "ran across",
        "crossed paths with",
        "came upon",
        "glimpsed",
        "took note of",
        "became aware of",
        "walked past",
        "drove past",
        "went past",
        "got past",
        "rolled past",
        "moved past",
        "were able to see",
        "had a look at",
        "took notice of",
        "crossed your path",
        "crossed our path",
    ),
    "seeing": (
        "running into",
        "bumping into",
        "stumbling on",
        "stumbling upon",
        "stumbling across",
        "happening upon",
        "catching sight of",
        "catching a glimpse of",
        "laying eyes on",
        "setting eyes on",
        "making out",
        "picking out",
        "coming across",
        "running across",
        "coming upon",
        "glimpsing",
        "encountering",
        "discovering",
        "meeting",
    ),
    "looking at": ("staring at", "gazing at", "peering at", "goggling at", "gawking at"),
    "looked at": ("stared at", "gazed at", "peered at"),
    "in view": (
        "on camera",
        "on the camera",
        "on your camera",
        "in the shot",
        "in shot",
        "in your shot",
        "on the screen",
        "on screen",
        "on your screen",
        "within sight",
        "within view",
        "in your sight",
        "in your view",
        "in your field of view",
        "in the field of view",
        "in your field of vision",
        "in the camera 's view",
        "in your line of sight",
        "in front of your lens",
        "in front of the lens",
        "before your camera",
        "in front of your camera",
        "in front of your eyes",
        "before your eyes",
        "in the camera 's field of view",
        "through your camera",
        "in your sights",
        "on your display",
        "on the display",
        "in your eyeline",
        "on show",
    ),
    "at the start": (
        "at square one",
        "back at square one",
        "at the point of departure",
        "at the outset",
        "at first glance",
        "when you were switched on",
        "when we switched you on",
        "when you were turned on",
        "when you woke up",
        "when you booted",
        "when you booted up",
        "when you powered up",
        "when you came online",
        "when you first opened your eyes",
        "when you opened your eyes",
        "when you were powered on",
        "when you got going",
        "when you kicked off",
        "when it all began",
        "when it all started",
    ),
    "the start": (
        "the point of departure",
        "your point of departure",
        "our point of departure",
        "square one",
        "the place of departure",
        "the departure point",
        "home base",
        "your launch point",
        "the launch point",
        "the initial position",
        "the initial spot",
        "your initial position",
        "the first position",
    ),
    "started": ("kicked off", "departed", "got under way", "got underway", "got going"),
    "now": (
        "as we speak",
        "this very second",
        "this very moment",
        "this second",
        "this instant",
        "this minute",
        "at this instant",
        "at this very moment",
        "at this very second",
        "rn",
        "at this point in time",
        "at this stage",
        "at this time",
        "these days",
        "as of now",
        "right this second",
        "right this moment",
        "right at this moment",
        "for the moment",
    ),
    "so far": (
        "up to now",
        "until now",
        "till now",
        "til now",
        "up to this point",
        "by now",
        "to date",
        "up till now",
        "thus far",
        "as yet",
        "until this point",
        "up until now",
        "hitherto",
    ),
    "just now": (
        "a moment ago",
        "a second ago",
        "just a moment ago",
        "just this moment",
        "this last moment",
        "a few seconds ago",
        "an instant ago",
        "moments ago",
        "a short while ago",
    ),
    "how many": (
        "what number of",
        "what is the tally of",
        "what is the count of",
        "what is the total of",
        "how large is the number of",
        "how high is the number of",
        "what total of",
    ),
    "how often": ("how many times", "on how many occasions", "how frequently", "how many a time"),
    "at least": ("at the least", "at the very least", "at a minimum"),
}

#: Words under the concept that they belong to; a word has one concept.
CONCEPTS: Mapping[str, str] = {
    "SEE": (
        "see sees saw seen seeing spot spots spotted spotting notice notices noticed noticing "
        "find finds found encounter encounters encountered discover discovers discovered detect "
        "detects detected observe observes observed observing perceive perceived recognise "
        "recognised recognize recognized register registered witness witnessed view viewed sight "
        "sighted catch caught capture captured record recorded meet met pass passed passes "
        "glimpse identify identified behold eyed watched sense sensed photographed filmed"
    ),
    "SIGHT": "sighting sightings appearance appearances discovery discoveries encounter debut",
    "APPEAR": (
        "appear appears appeared appearing emerge emerges emerged show shows showed shown surface "
        "surfaced pop popped pops crop cropped turn-up materialise materialised arrived entered "
        "enter enters"
    ),
    "SHOW": (
        "contain contains contained include includes included hold holds held depict depicts "
        "display displays displayed feature features featured reveal reveals revealed"
    ),
    "VISIBLE": "visible view sight viewable perceptible apparent seeable",
    "MEMORY": (
        "memory memories notes records logs log remember remembers remembered recall recalled "
        "recollect recollection remembering stored diary history database"
    ),
    "COUNT": (
        "count counts counted counting tally number total quantity amount figure sum totals "
        "tallied headcount"
    ),
    "COLOUR": (
        "colour colours shade shades hue hues tint tints tone paint painted coloured colouring "
        "colourful"
    ),
    "FIRST": "first firstly earliest initially originally 1st initial",
    "LAST": "last lastly latest final finally recent recently previous newest most-recent",
    "BEFORE": "before prior preceding preceded precedes preceeding earlier sooner previously",
    "AFTER": (
        "after following followed follows afterwards afterward next subsequently subsequent then "
        "later thereafter upon succeeding succeeded"
    ),
    "START": (
        "start starts started starting beginning begin began begun begins outset origin departure "
        "launch opening"
    ),
    "NOW": "now currently current present presently moment instant instantly today",
    "KEYFRAME": (
        "keyframe keyframes frame frames picture pictures image images photo photos snapshot "
        "snapshots shot shots photograph still footage"
    ),
    "THING": (
        "thing things object objects item items stuff something anything everything entities "
        "entity pieces piece bits"
    ),
    "TRIP": (
        "trip tour walk journey route way path travels travel drive ride wanderings wander "
        "exploration outing expedition run patrol rounds stroll"
    ),
    "TURN": (
        "turn turns turned turning rotate rotates rotated rotating rotation rotations spin spins "
        "spun swivel swivelled swing swung veer veered pivot pivoted pivots"
    ),
    "MOVE": (
        "move moves moved moving movement movements motion motions step stepped manoeuvre "
        "manoeuvres maneuver maneuvers action actions travelled traveled advance advanced shift"
    ),
    "DO": "do did done doing does perform performed execute executed carry undertake undertook",
    "NEAR": "near nearby close adjacent handy closely",
    "NEARER": "nearer nearest closer closest shorter shortest lesser smaller smallest",
    "FAR": "far distant remote",
    "FARTHER": "farther farthest further furthest longer longest",
    "DISTANCE": "distance distances range reach metres meters",
    "WHERE": "where whereabouts location position located situated locate bearing place spot",
    "DIRECTION": "direction directions bearings heading side sides",
    "POINT": "point points indicate gesture aim",
    "BACK": "back return returning returned retrace revisit backtrack",
    "SIDE": "left right left-hand right-hand leftwards rightwards leftward rightward",
    "AHEAD": "ahead front forward forwards straight",
    "BEHIND": "behind rear backward backwards",
    "TOGETHER": (
        "together simultaneously alongside concurrently jointly accompanied accompany "
        "accompanying company besides beside along common shared share same both"
    ),
    "ELSE": "else other others additional besides further",
    "LIST": (
        "list lists name enumerate itemise itemize catalogue summarise summarize summary recap "
        "rundown run-down inventory read recite overview"
    ),
    "DESCRIBE": "describe description describes details",
    "ORDER": "order sequence rank sort arrange chronological chronologically chronology ordered",
    "TELL": "tell say give inform let report mention state",
    "YESNO": "true correct right wrong confirm verify check whether if false really indeed",
    "EVER": "ever once anywhere somewhere any never",
    "GO": "go goes going went gone get gets got head headed walk come came navigate",
    "WHICH": "which what",
    "YOU": "you we i us our your my",
    "WHO": "who whose whom owner owns belongs belong owned bought",
    "WORTH": (
        "cost costs price worth weigh weighs weight heavy heavier expensive cheap value brand "
        "maker manufacturer made warranty insured tall wide deep old age material kilos kg kilograms "
        "centimetres temperature smell warm cold broken works working sell sold built"
    ),
    "FUTURE": "will tomorrow shall predict forecast going",
}  # fmt: skip

_CONCEPT_OF = {word: name for name, words in CONCEPTS.items() for word in words.split()}
_PHRASE_OF = {
    tuple(phrase.split()): tuple(plain.split())
    for plain, phrases in PHRASES.items()
    for phrase in phrases
}
_LONGEST = max(len(phrase) for phrase in _PHRASE_OF)


def concept_of(word: str) -> str | None:
    """The concept of a word; ``None`` if it has none."""
    return _CONCEPT_OF.get(word)


def concept_words() -> frozenset[str]:
    """All words that have a concept, or are part of a set phrase."""
    return frozenset(_CONCEPT_OF) | {word for phrase in _PHRASE_OF for word in phrase}


def in_plain_words(words: Sequence[str]) -> list[str]:
    """The words, with set phrases replaced by the plain words that they stand for."""
    plain: list[str] = []
    i = 0
    while i < len(words):
        for size in range(min(_LONGEST, len(words) - i), 0, -1):
            standing_for = _PHRASE_OF.get(tuple(words[i : i + size]))
            if standing_for is not None:
                plain.extend(standing_for)
                i += size
                break
        else:
            plain.append(words[i])
            i += 1
    return plain
