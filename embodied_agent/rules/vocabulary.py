"""The words of questions about a memory, besides the names of things.

A word of `FRAME` never belongs to the name of a thing, unless the lexicon or the memory has a name
with it ("trash can"). `SLOPPY` has spellings that people type in a hurry.

Out of scope: things and colours (`lexicon`), the meaning of the words (`families`).
"""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


#: Short forms and chat spelling, by token.
SLOPPY: dict[str, str] = {
    "u": "you", "ur": "your", "r": "are", "y": "why", "pls": "please", "plz": "please",
    "thx": "thanks", "ya": "you", "gonna": "going to", "wanna": "want to", "gotta": "have to",
    "dont": "do not", "didnt": "did not", "doesnt": "does not", "isnt": "is not",
    "wasnt": "was not", "arent": "are not", "werent": "were not", "cant": "can not",
    "whats": "what is", "wheres": "where is", "whos": "who is", "whens": "when is",
    "hows": "how is", "theres": "there is", "thats": "that is", "im": "i am", "ive": "i have",
    "youve": "you have", "youre": "you are", "color": "colour", "colors": "colours",
    "coloured": "coloured", "can't": "can not", "cannot": "can not", "won't": "will not",
    "let's": "let us", "kf": "keyframe",
    "mny": "many", "meny": "many", "wich": "which", "whch": "which", "wat": "what", "wut": "what", "wot": "what", "waht": "what",
    "whr": "where", "wher": "where", "hw": "how", "hwo": "how", "hom": "how", "woz": "was",
    "wuz": "was", "b4": "before", "til": "till", "bak": "back", "colr": "colour",
    "rite": "right", "1st": "first", "2nd": "second", "3rd": "third", "abt": "about",
    "rly": "really", "tho": "though", "cuz": "because", "bc": "because", "nd": "and", "teh": "the",
    "da": "the", "dat": "that", "dis": "this", "dere": "there", "iz": "is", "dunno": "do not know",
    "lemme": "let me", "gimme": "give me", "whatre": "what are", "whatd": "what did",
    "howd": "how did", "whered": "where did", "wouldnt": "would not", "couldnt": "could not",
    "havent": "have not", "hasnt": "has not", "ain't": "is not", "aint": "is not", "ppl": "people",
    "rn": "now", "yr": "your", "yer": "your", "2day": "today", "c'mon": "come on",
}  # fmt: skip
#: After these words, "'s" means "is"; after others, it is the genitive.
IS_BEFORE_S = word_set(
    "what where who when how there that it he she here which why everything anything something"
)
#: Words before a question that add nothing to it.
OPENERS: tuple[str, ...] = (
    "hey", "hi", "hello", "ok", "okay", "so", "and", "but", "well", "now then", "please", "um",
    "uh", "robot", "sorry", "excuse me", "listen", "say", "oh", "alright", "right then", "kindly",
)  # fmt: skip

FRAME: frozenset[str] = word_set(
    "a an the any some this that these those such no not none never ever another other others "
    "else both either neither each every all whole single many much more most few several lot "
    "fewer lots number numbers count counts amount total quantity altogether i me my mine we us our "
    "change changes changed disappear disappears disappeared "
    "you your yours yourself it its itself he she they them their one ones myself someone "
    "somebody anyone anybody people's is are was were be been being am do does did done doing "
    "has have had having can could will would shall should may might must let need want wants "
    "like know knows known tell say says said think believe guess suppose wonder wondering "
    "remember recall remind forget forgot forgotten mention give show shows showed shown list "
    "lists name names describe describes description report sum summarise summarize summary "
    "enumerate explain confirm check sure certain correct right true false wrong yes possible "
    "possibly maybe perhaps exactly roughly about approximately actually really honestly "
    "simply just only even also too again still yet already so then thus well please kindly "
    "there here what which who whom whose when where why how whether if and or but nor than "
    "as of in on at to toward towards from by with without for into onto upon out off up down over under "
    "above below between among amongst along alongside around round about across past through "
    "during since until till while before after behind beside besides next near nearby close "
    "closer closest nearer nearest far farther farthest further away apart together once "
    "twice left right front back rear ahead forward forwards forth backward backwards behind "
    "side sides straight direction directions way ways path route trip journey walk tour turn "
    "turns turned turning rotate rotates rotated rotating rotation rotations spin spun move "
    "moves moved moving movement movements motion motions action actions step stepped go goes "
    "going went gone come comes came coming get gets got getting gotten reach reached return "
    "returned returning lead leads led leading head heading headed bring brings brought take "
    "takes took make makes made see sees saw seen seeing sight sights sighted sighting "
    "sightings spot spots spotted notice notices noticed look looks looked looking view views "
    "viewed visible watch watched find finds found finding encounter encountered discover "
    "discovered detect detected detects observe observed perceive perceived recognise "
    "recognised recognize recognized capture captured catch caught catches record recorded "
    "hold holds contain contains include includes included appear appears appeared appearance "
    "appearances show exist exists present presence happen happened happens happening occur "
    "occurred pass passed passes meet met locate located location locations lie lies lying "
    "stand stands standing stood sit sits sitting hang hanging place placed places position "
    "positions positioned point points pointed pointing lost lose search searching expect "
    "find visit visited cross crossed follow followed follows following precede preceded "
    "preceding leave left keep kept pick turn first last latest earliest early earlier late "
    "later recent recently most initial initially original second third fourth fifth sixth "
    "seventh eighth ninth tenth final finally next previous previously start starts started "
    "starting begin begins began begun beginning end ends ended ending outset origin set "
    "while finish now currently current present moment time times instant point ago long "
    "today minute minutes while anywhere somewhere nowhere everywhere everything anything "
    "something nothing thing things object objects item items stuff kind kinds sort sorts "
    "type types colour colours shade shades hue painted coloured same different new distinct "
    "various memory memories note notes noted keyframe keyframes frame frames picture "
    "pictures image images photo camera cameras robot video recording view viewpoint scene "
    "surroundings surrounding area environment world question answer word words zero two "
    "three four five six seven eight nine ten eleven twelve degrees degree often frequently "
    "usually always clearly chance order ordered sequence series sort put them line sequence "
    "rank apart relative relation terms regard regarding case fact guess short long shorter "
    "shortest less least bit little single possible available left-hand right-hand "
    "anticlockwise clockwise overall entire entirely completely full complete ever far total "
    "quickly quick brief briefly help helps interested curious would'd like'd isn't your's "
    "whatever whichever whenever wherever vs versus plus apart aside compare compared setting "
    "interests company pop pops popped popping vanish vanishes vanished vanishing emerges emerged"
)

#: Nouns that name no visible thing, even after an article.
ABSTRACT = word_set(
    "inside outside touch serial cost price weight size height width length depth distance "
    "distances metre metres meter meters kilometre kilometres kilometer kilometers centimetre "
    "centimetres mile miles foot feet inch inches yard yards kilo kilos gram grams litre "
    "litres brand name owner age material smell temperature speed rest bottom top middle "
    "centre center edge background foreground corner distance range mid spotting left-hand "
    "right-hand way round whereabouts bearing north south east west help favour favor second "
    "minute hour hours seconds day days week year years yesterday tomorrow tonight today "
    "morning evening afternoon night vicinity neighbourhood neighborhood sort manner detail "
    "details information info idea clue trace hint evidence proof opinion comparison "
    # What questions are wrapped in: talk, thought, tasks, times and places of the way.
    "bet truth lie match course figure figures list lists pile row rows race occasion occasions "
    "matter case cases reaction response reply answer answers question questions query manoeuvre "
    "maneuver manoeuvres maneuvers discovery discoveries find finds glimpse glimpses sighting "
    "sightings encounter encounters entry entries result results contents content example "
    "examples choice choices option options pair pairs couple lot lots bunch set series batch "
    "share part parts portion half majority none log logs diary report reports record records "
    "recording recordings footage film clip clips session mission task job duty shift project "
    "plan plans purpose reason reasons sake account view views shot shots screen lens eye eyes "
    "sensor sensors brain mind head memory memories recollection attention focus impression "
    "knowledge guess guesses hunch feeling sense belief doubt doubts claim claims statement "
    "story version word words term terms phrase sentence language voice name names title label "
    "tag category class type types order orders sequence chronology timeline history past "
    "present future beginning start starts outset end ends finish departure arrival stop stops "
    "stage stages phase period interval while duration instant moment moments occasion chance "
    "luck accident coincidence sure certainty likelihood probability possibility event events "
    "happening incident situation position positions location locations spot spots site sites "
    "place places point points side sides direction directions heading headings angle angles "
    "line path paths route routes way ways trip trips tour tours travel travels journey walk "
    "drive ride stroll wander wanderings expedition outing exploration excursion patrol round "
    "rounds run lap movement movements move moves motion motions step steps turn turns rotation "
    "rotations action actions gesture track origin destination goal target aim arrow compass "
    "map maps sketch drawing chart diagram table-of-contents inventory stock catalogue catalog "
    "summary overview rundown run-down recap tally total totals sum sums count counts number "
    "numbers amount amounts quantity quantities value values rate ratio percentage score points "
    "colour colours color colors shade shades hue hues tint tone tones look looks appearance "
    "wife husband brother sister mother father mum mom dad son daughter aunt uncle cousin "
    "friend friends mate buddy pal boss colleague colleagues coworker neighbour neighbours "
    "neighbor guest guests visitor visitors customer client partner folks guys team everyone "
    "everybody nobody anybody weekend holiday lunch dinner breakfast game bets quiz puzzle "
    "riddle test exam check inspection survey audit sheet form forms field column blank blanks "
    "meaning difference differences distance trouble problem issue mistake error apologies "
    "apology pardon thanks hurry rush legs arm arms hand hands finger fingers foot feet back "
    "nose ear ears shoulder shoulders left right front rear company neighbour vicinity string "
    "straw bird crow surroundings environment premises building-site world earth universe "
    "existence presence absence whereabouts bearings proximity range reach scope stretch bit "
    "while ago bucks discovery introduction debut visit visits return reunion goodbye farewell "
    "mood fun joke curiosity interest concern wish desire need needs want preference record "
    "kind sorts manner fashion means method tour-guide guide help assistance support advice "
    "pleasure favour hello hi shape state condition status yes no okay please"
)

#: Last words of places. In "in the living room", they say where a thing was and name no thing.
PLACES = word_set(
    "room kitchen bedroom bathroom office garden yard lobby basement attic garage cellar "
    "hallway area zone aisle workshop studio apartment flat courtyard park mall"
)
#: Words of `FRAME`, and verbs, that name things only after an article or a colour.
UNSURE = word_set(
    "saw watch light switch lift tap slide swing brush pump drill throw display remote skip "
    "steps step stair can camera cameras robot picture photo print ring home people person "
    "human someone somebody seat counter coach mobile till rose stream post point stone in "
    "way"
)
