"""Further phrasings by family, to which `training.intents` fits; written by hand.

``{x}``, ``{y}``, ``{z}`` are things, ``{a_x}`` one with its article, ``{xs}`` its plural, ``{c}`` a
colour, ``{n}`` a number, ``{side}`` "left" or "right", ``{beside}`` "behind", "to the left of" and
the like. They cover what the phrasings of `sim_clips.questions.free` do not ask.

Out of scope: phrasings that answers are measured with.
"""

from __future__ import annotations

PHRASINGS: dict[str, str] = {
    "existence": """
        Is {a_x} present?
        Is any {x} present?
        Did {a_x} exist anywhere?
        Would there be {a_x}?
        I'm after {a_x}. Seen any?
        My boss says there should be {a_x}. Is there?
        I was told of {a_x} here. Did you run into it?
        {a_x}, have you got one?
        Did you meet with {a_x}?
        We are looking for {a_x}. Have you seen one?
        Check whether you saw {a_x}.
        Does your memory contain {a_x}?
        Has {a_x} been seen?
        Can {a_x} be found here?
        Was {a_x} anywhere in your pictures?
        {xs} - any?
        You happen to have seen {a_x}?
        Did you not see {a_x}?
        Was there by any chance {a_x}?
        Did {a_x} turn up on your walk?
        Have you laid eyes on {a_x}?
        Did your route take you past {a_x}?
        Is there such a thing as {a_x} in this place?
        Does this building have {a_x}?
        any trace of {a_x} so far
        I wonder if there might be {a_x} somewhere.
        Was one of the things you saw {a_x}?
        Do we have {a_x} here?
        Is it the case that you came across {a_x}?
        Did you manage to find {a_x}?
        you didn't see {a_x}, did you?
        {a_x} somewhere around?
        Am I right in thinking that there was {a_x}?
        Somebody must have left {a_x} here. Did you see it?
        Could you have missed {a_x}, or was there one?
        What about {a_x}, did you see that?
        Is {a_x} among your sightings?
        I don't suppose you noticed {a_x}?
        Did {a_x} cross your path?
        Has your camera picked up {a_x}?
        tell me: {a_x}, yes or no?
        do you know of {a_x} in here
        would I find {a_x} around this place
        Is there at least one {x} here?
        were there any {xs} at all
        Have any {xs} shown up?
        Can you confirm that there is {a_x}?
        Are you sure there is no {x}?
        You never saw {a_x}?
        Is {a_x} to be found here?
        """,
    "colour": """
        What is the {x}'s colour?
        Which colour would you give the {x}?
        The {x} was what colour?
        what hue is the {x}
        How is the {x} coloured?
        What shade was the {x} that you passed?
        I can't remember the colour of the {x}, can you?
        If I wanted to match the {x}, what colour should I buy?
        is the {x} red or blue or what
        What colour is each of the {xs}?
        The {xs}, which colours do they have?
        Which different colours did you see on the {xs}?
        Give the colour of every {x}.
        what are the colours of all the {xs}
        What colour did you note for the {x}?
        """,
    "colours": """
        Which colours have you seen?
        What colours are the things around here?
        Which colours did you come across?
        List all the colours that you saw.
        What different colours were there?
        """,
    "is_colour": """
        Is it a {c} {x}?
        Would {c} be the colour of the {x}?
        the {x} is {c}. true?
        I'd say the {x} is {c}. Do you agree?
        Can you confirm the {x} as {c}?
        The {x} looked {c}, or did it not?
        I noted the {x} as {c}; is that correct?
        Does the {x} come in {c}?
        I bet the {x} was {c}, am I right?
        Is the {x} coloured {c}?
        Was the colour of the {x} {c}?
        """,
    "of_colour": """
        What things are {c}?
        Which of the things you saw were {c}?
        Did you see anything {c}?
        What {c} things have you seen?
        Name something {c}.
        Was anything {c}?
        List everything that is {c}.
        which objects have the colour {c}
        is there something {c} around here
        """,
    "count": """
        What do you get if you count the {xs}?
        Number of {xs}, please.
        Give me a figure for {xs}.
        Count up the {xs}.
        Tally: {xs}?
        How many {xs} would you say there are?
        What's the {x} count?
        How many of the things were {xs}?
        How many times did you come across a different {x}?
        Put a number on the {xs}.
        the {xs} you came across, how many
        If each {x} cost a pound, what would I pay?
        How many {xs} have I got in here?
        How many {xs} does the place hold?
        How plentiful are {xs} here? Give a number.
        What is the total of {xs}?
        {xs}: how many of them were there?
        How many {xs} showed up?
        How many {xs} did you count?
        Did you see one {x} or several?
        Were there two {xs} or more?
        What number of {xs} did you see?
        I'd like a head count of {xs}.
        How large is the number of {xs}?
        how many {xs} does this place have
        tell me the total number of {xs} you ran across
        Add up the {xs} for me.
        Is there just one {x}, or are there more?
        In terms of {xs}, how many were there?
        If you counted the {xs}, what number would you get?
        """,
    "count_all": """
        Tally up everything you saw.
        Add up all the objects.
        What does the total come to?
        Give me the figure: how many objects?
        Add together everything you noticed.
        Put a number on the things you have seen.
        What's your object count?
        Things seen, total?
        Count up the items for me.
        How big is your collection of objects?
        If you listed every object, how long would the list be?
        Just the number of objects, please.
        How many {c} items are there?
        Number of things that are {c}?
        Give me the number of {c} objects.
        For {c}, what's the total?
        How many of all things were {c}?
        {c} things, how many?
        {c} ones: count?
        How many objects did you see in {c}?
        If I asked for all the {c} things, how many would I get?
        Counting only what is {c}, how many are there?
        How many {c} things have you come across?
        What is the total of {c} objects?
        How many things in {c} were there?
        Tally the {c} things.
        Total number of {c} ones?
        Of everything you saw, how many were {c}?
        Count everything {c}.
        how many things have the colour {c}
        What is the total number of things you saw?
        How many separate things have you noticed?
        Tally everything you have seen.
        How long is your list of objects?
        In total, how many items have you got?
        How many entries does your memory have, counting things?
        What figure do you get for all the objects together?
        How many distinct objects turned up on the trip?
        """,
    "keyframes": """
        How many keyframes did you take?
        How many frames are in your memory?
        number of keyframes?
        How many pictures have you got so far?
        What is the total of keyframes?
        """,
    "unnoted": """
        What is the price of the {x}?
        Does the {x} belong to somebody?
        Who made the {x}?
        When was the {x} bought?
        How tall is the {x}?
        How wide is the {x} in metres?
        Is the {x} broken?
        Is the {x} comfortable?
        What's in the {x}?
        Can the {x} be opened?
        How much would the {x} fetch?
        What is the {x} for?
        Which company made the {x}?
        How long has the {x} been there?
        Is the {x} clean?
        Why was the {x} put there?
        What temperature is the {x}?
        Does anybody use the {x}?
        Has the {x} ever been repaired?
        Would the {x} hold my weight?
        Which material is the {x} made of?
        Where was the {x} bought?
        is the {x} second-hand
        what does the {x} sound like
        how loud is the {x}
        what's the {x} worth
        How many people fit into the {x}?
        Whom does the {x} belong to?
        Is the {x} for sale?
        Is there a guarantee on the {x}?
        Who was the last to touch the {x}?
        How many grams does the {x} weigh?
        """,
    "unnoted_way": """
        How fast did you go?
        How fast do you go?
        What speed did you go at?
        How quickly did you move?
        How many kilometres did you cover?
        What was your top speed?
        How long did the trip take in minutes?
        Which way is south?
        What lies beyond this wall?
        What is in the next room, which you have not entered?
        What will be round the bend?
        How big is this room in square feet?
        Who lives here?
        What is your battery level?
        What are your GPS coordinates?
        What's the address of this place?
        What floor are we on?
        How high is the ceiling?
        Who walked here this morning?
        What happened here last week?
        What sounds did you hear?
        What did it smell like?
        What's outside, where you haven't been?
        How fast did you travel on average?
        What is going to come into view next?
        what would you see if you went on
        How many seconds have passed?
        Was anybody here yesterday?
        Which compass direction are you facing?
        """,
    "first_when": """
        When did the {x} first catch your eye?
        When was the {x} discovered?
        Starting with which keyframe is the {x} visible?
        Which frame first shows the {x}?
        When did you notice the {x} for the first time?
        In which picture do I see the {x} first?
        At what keyframe did you become aware of the {x}?
        The {x} made its first appearance when?
        How early was the {x} seen?
        first keyframe with the {x}?
        Which is the earliest picture that has the {x} in it?
        When did you get your first look at the {x}?
        Which keyframe marks the first sighting of the {x}?
        By which keyframe had you first seen the {x}?
        Tell me the number of the keyframe in which the {x} debuted.
        When did you set eyes on the {x} first?
        When did the {x} pop up first?
        At what point did you first come across the {x}?
        What is the number of the first picture with the {x}?
        Since when have you known about the {x}?
        In what frame did the {x} make its first appearance?
        Which keyframe introduced the {x}?
        When did you discover the {x}?
        how soon did you see the {x}
        Give me the id of the earliest frame with the {x}.
        When did the {x} enter the picture?
        When was your first encounter with the {x}?
        the {x}: first seen when?
        """,
    "first_where": """
        Where were you facing the {x} when it first showed: left, ahead, right?
        When you first set eyes on the {x}, where was it?
        Which direction was the {x} in at first?
        In its first appearance, where was the {x}?
        Where, relative to the camera, was the {x} first seen?
        On what side of you did the {x} turn up at first?
        Where did the {x} come into view first?
        From which side did the {x} first come into view?
        At first sight, was the {x} on the left or on the right?
        Where was the {x} at your first glimpse of it?
        Was the {x} ahead of you or to the side when you first saw it?
        Think of the first time that you saw the {x}. Where was it?
        The {x} entered your view on which side?
        When the {x} first appeared, was it left, right or ahead?
        On first seeing the {x}, where was it relative to you?
        Which side was the {x} on when you discovered it?
        In which direction did you discover the {x}?
        At your first sighting of the {x}, in what direction was it?
        {x}: where did it first appear?
        Where did you come across the {x} first?
        The moment you first noticed the {x}, was it on your left or on your right?
        Where was the {x} at the time of your first encounter with it?
        """,
    "last_when": """
        When did the {x} vanish?
        When did the {x} go out of view?
        When was the {x} gone?
        When did the {x} drop out of sight?
        When did the {x} disappear from view?
        What was the last frame with the {x}?
        What is the number of the last picture with the {x}?
        When did you lose sight of the {x}?
        In what frame did the {x} disappear?
        Until when was the {x} visible?
        Until which keyframe could you see the {x}?
        After which keyframe was the {x} no longer in view?
        When was your most recent sighting of the {x}?
        how recently did you see the {x}
        the {x}: last seen when?
        When did the {x} leave your view?
        Since which keyframe has the {x} been out of view?
        """,
    "last_where": """
        On your last sighting of the {x}, where was it?
        When you last had the {x} in sight, was it left or right?
        Where did you lose sight of the {x}?
        What was the most recent position of the {x}?
        The final time you saw the {x}, in which direction was it?
        {x}: where was it last?
        Where have you seen the {x} most recently?
        In your latest view of the {x}, which side was it on?
        """,
    "when": """
        When did you see the {x}?
        In which keyframes was the {x} visible?
        Which pictures show the {x}?
        which frames have the {x} in them
        """,
    "where": """
        Where would I look for the {x}?
        Which direction should I go for the {x}?
        In what direction do I find the {x}?
        What is the direction to the {x} from where you are?
        Whereabouts would the {x} be?
        How do I get to the {x}?
        How would you get to the {x} from here?
        Lead me to the {x}.
        Guide me to the {x}.
        Tell me which way to go for the {x}.
        Is the {x} left, right, ahead or behind?
        Where does the {x} lie, seen from you?
        Which way do I turn for the {x}?
        Where can the {x} be found?
        bearing of the {x}?
        location of the {x} please
        can you tell me the whereabouts of the {x}
        Help me find the {x}.
        I can't find my {x}. Where is it?
        If you pointed at the {x}, which way would your arm go?
        To face the {x}, which way would you turn?
        {x} - where?
        Where was the {x}?
        Where did you see the {x}?
        """,
    "is_side": """
        Would the {x} be {beside} me now?
        Could the {x} be {beside} you?
        Does the {x} lie {beside} you?
        Is it true that the {x} is {beside} us at the moment?
        Am I right that the {x} is {beside} me?
        Should the {x} be {beside} us?
        Is the {x} {beside} you?
        Was the {x} {beside} you?
        Do you have the {x} {beside} you?
        Would you say the {x} is {beside} you now?
        the {x} is {beside} you, right?
        Is the {x} still {beside} us?
        """,
    "way_back": """
        How can we return to the {x}?
        Which way do we go to get back to the {x}?
        I'd like to revisit the {x}, which way?
        Lead me back to the {x}.
        Could you bring us back to the {x}? Which way is it?
        How would I find my way back to the {x}?
        What is the way back to the {x} from here?
        Which direction should we take to return to the {x}?
        If I wanted to see the {x} again, which way would I go?
        We need to go back to the {x}. Which direction?
        Heading back to the {x}: left or right?
        what turn takes me back to the {x}
        Where do I head to get to the {x} again?
        We left the {x} behind, where must we go to be there again?
        """,
    "way_start": """
        Where is our starting position?
        Where did the tour start, from here?
        Where is the spot where you began?
        Which way do I go to be where the trip began?
        How can we return to where the journey began?
        What's the direction of the start?
        Is the starting point behind you or ahead of you?
        Take me back to where you set out.
        Where was it that we started, relative to you?
        Point to where you began.
        In which direction is home?
        direction of the starting place?
        how do I find the way back to the entrance where we started
        Where would I find the place where the route began?
        """,
    "how_far": """
        Is the {x} a long way from here?
        How much further is the {x}?
        Is the {x} anywhere near?
        Would it take long to get to the {x}?
        How far from you is the {x}?
        Give me the distance to the {x}, roughly.
        Are you far from the {x}?
        Is the {x} close at hand?
        What kind of distance is it to the {x}?
        Is it close, the {x}?
        How far to the {x}?
        {x}: how far?
        Would you say that the {x} is nearby?
        Near, middle or far: where is the {x}?
        From here to the {x}, how far is it?
        Am I close to the {x}?
        How far would you put the {x}?
        How far do I need to walk to the {x}?
        Is the {x} within a short walk?
        Is the {x} at close range, mid range or long range?
        If I walked to the {x}, would it be far?
        Estimate how far off the {x} is.
        How close is it to the {x}?
        Does the {x} lie far from here?
        Is the {x} right here or further off?
        Is the {x} at a short distance?
        Is it far to the {x}?
        Is it a long walk to the {x}?
        How long a way is it to the {x}?
        Is the {x} within reach?
        How near is the {x}?
        Would you call the {x} near or far?
        What distance is the {x} at?
        At what distance is the {x}?
        How much of a distance is there between you and the {x}?
        Is the {x} far off?
        Is the {x} right next to you or far away?
        Do I have far to go to the {x}?
        the {x}: near, mid or far
        how far have we still got to go to the {x}
        Can I get to the {x} in a few steps?
        Roughly what is the range to the {x}?
        """,
    "nearer": """
        Which lies closer, the {x} or the {y}?
        Of {x} and {y}, which is nearest?
        {x} or {y}: the nearer one?
        Is it less far to the {x} or to the {y}?
        Which is the shorter walk, the {x} or the {y}?
        Which is within easier reach, the {x} or the {y}?
        Who is closer, the {x} or the {y}?
        Between {x} and {y}, what's the nearer one?
        the {x}, the {y}: which is closest to where you are
        Is the {x} nearer to you than the {y} is?
        Compare distances: {x} and {y}?
        If you drove to the {x} or to the {y}, which would be the shorter trip?
        I'm tired. Which is closer, the {x} or the {y}?
        Which of them is not as far away: the {x} or the {y}?
        Do you stand closer to the {x} or the {y}?
        Which one's the least distance from here, the {x} or the {y}?
        By distance, does the {x} or the {y} come first?
        Which would I reach sooner from here, {x} or {y}?
        Is the {y} or the {x} at a lesser distance?
        The nearest of the two, {x} or {y}?
        Pick the nearer: {x} or {y}.
        Which is a shorter distance from you, {x} or {y}?
        Which one is nearer to you now, the {x} or the {y}?
        Is the {x} or the {y} closer?
        What is the shorter way, to the {x} or to the {y}?
        Compare the {x} and the {y}: which is closer?
        Is the {x} closer than the {y}?
        Is the {x} further away than the {y}?
        Which is farther, the {x} or the {y}?
        Which would take longer to reach, the {x} or the {y}?
        Which is at the smaller distance, the {x} or the {y}?
        To which is it less far, the {x} or the {y}?
        If I want the closest one, should I take the {x} or the {y}?
        Which would you get to sooner, the {x} or the {y}?
        {x} vs {y}: which is closer?
        {x} versus {y}, distance wise, which wins?
        Which one lies less far from you: the {x} or the {y}?
        Are you nearer the {x} or the {y}?
        Does the {x} lie closer to us than the {y}?
        Rank the {x} and the {y} by distance.
        """,
    "nearest": """
        What is nearest to you?
        Which thing is closest?
        What is the closest object?
        Name the nearest object.
        What's the farthest thing from here?
        """,
    "order": """
        Was it the {x} or the {y} that you saw first?
        The {x} and the {y}: which was first?
        Which did you come across earlier, the {x} or the {y}?
        Which turned up first, the {x} or the {y}?
        {x} or {y}: first one?
        {x} vs {y}: which did you see first?
        Which of the two did you meet first, the {x} or the {y}?
        Which one was seen later, the {x} or the {y}?
        Who came first, the {x} or the {y}?
        Give the order in which the {x}, the {y} and the {z} came into view.
        How did the {x}, the {y} and the {z} follow one another?
        What was the sequence of the {x}, the {y} and the {z}?
        Rank the {x}, the {y} and the {z} by when you first saw them.
        Chronologically, how do the {x}, the {y} and the {z} line up?
        Arrange {x}, {y}, {z} by first appearance.
        What is the chronological order of {x}, {y} and {z}?
        Out of the {x} and the {y}, pick the one you saw earlier.
        """,
    "is_order": """
        Did the {x} turn up before the {y}?
        Was the {x} first and the {y} second?
        Did the {x} precede the {y}?
        Was the {x} seen before the {y}?
        Did you see the {x} first and then the {y}?
        Did you come across the {x} prior to the {y}?
        Is it true that the {x} came into view earlier than the {y}?
        By the time you saw the {y}, had you already seen the {x}?
        Was the {x} known to you before the {y}?
        You saw the {x} sooner than the {y}, correct?
        Did the {x} show up after the {y}?
        First the {x}, then the {y}: is that right?
        Was the {x} already behind you in your list when the {y} turned up?
        """,
    "together": """
        What shared the view with the {x}?
        Which objects were visible when the {x} was?
        What else was in the shot with the {x}?
        Along with the {x}, what did you see?
        What else is there in the pictures that show the {x}?
        What was around the {x} when you saw it?
        What was to be seen beside the {x}?
        What things go with the {x} in your pictures?
        Which other things were there when you saw the {x}?
        Whenever the {x} was in view, what else was?
        At the time of the {x}, what else was visible?
        Seeing the {x}, what else did you see?
        In the same view as the {x}, there was what else?
        In company with the {x}, what appeared?
        Other objects in the {x}'s pictures?
        What's in the neighbourhood of the {x}?
        Name the {x}'s companions in the picture.
        Who or what kept the {x} company?
        Any other things in view with the {x}?
        Looking at the {x}, what other objects did you see at that moment?
        What accompanied the {x}?
        Which objects share a picture with the {x}?
        What else do the pictures of the {x} show?
        In the keyframes with the {x}, what else is there?
        What other objects appear in the same frame as the {x}?
        What surrounded the {x}?
        Besides the {x}, what was in the picture?
        Apart from the {x}, what could you see at that moment?
        While the {x} was in view, what else was?
        What was in view along with the {x}?
        What other stuff was in the view with the {x}?
        What did the {x} appear with?
        {x} plus what else in the picture?
        List what was visible whenever the {x} was.
        What was near the {x}?
        What company did the {x} have in the picture?
        Which things were in sight at the time you saw the {x}?
        """,
    "ever_together": """
        Has there been a view with both {x} and {y}?
        Could you see the {x} and the {y} at once?
        Were {x} and {y} ever seen at one time?
        Did one view ever hold both the {x} and the {y}?
        Did the {x} ever share the picture with the {y}?
        Is there any frame that shows the {x} together with the {y}?
        Did the {x} and the {y} ever coincide in view?
        Have you had both the {x} and the {y} in front of you at the same time?
        With the {x} in view, could you also see the {y}?
        Was the {y} visible when the {x} was?
        Did you at any time see both {x} and {y}?
        {x} with {y} in one frame: ever?
        Was there ever a keyframe showing the two of them, the {x} and the {y}?
        Were the {x} and the {y} ever both in view?
        Did you ever see the {x} along with the {y}?
        Was there a moment when the {x} and the {y} were both visible?
        Do any pictures show both the {x} and the {y}?
        Have the {x} and the {y} ever shared a frame?
        {x} and {y}, ever in one picture?
        Did you have the {x} and the {y} in view simultaneously?
        Was the {x} in view while the {y} was?
        Do the {x} and the {y} turn up in the same frame?
        When you saw the {x}, was the {y} there as well?
        Were the {x} and the {y} seen at the same moment?
        Can I find one keyframe that has the {x} as well as the {y}?
        """,
    "relation": """
        What is on the {x}?
        What was under the {x}?
        Is there anything behind the {x}?
        What is standing on top of the {x}?
        What's in front of the {x}?
        """,
    "seen_after": """
        Which new object came after the {x}?
        What was the next discovery after the {x}?
        What did you come across next, after the {x}?
        After discovering the {x}, what new thing did you find?
        What follows the {x} in your list of sightings?
        What was the first new thing after the {x}?
        Once you had seen the {x}, which object turned up next?
        next new thing after the {x}?
        Which object did you meet right after the {x}?
        First the {x}, then what?
        In order of first sighting, what comes right after the {x}?
        You saw the {x}; what was the next thing you had not seen before?
        """,
    "seen_before": """
        What was the last new thing before the {x}?
        Which object did you see just before the {x}?
        What came before the {x}?
        Which thing did you discover right before the {x}?
        """,
    "did_before": """
        What did you do immediately before the {x} came up?
        Which move made the {x} visible?
        How had you moved when the {x} first came into view?
        What manoeuvre revealed the {x}?
        Which step got you to see the {x} for the first time?
        Was it a turn or a move that brought the {x} into view?
        What were you doing right before you first saw the {x}?
        Your action before the first sighting of the {x}?
        Which movement preceded the first sight of the {x}?
        How did you come to see the {x}: did you turn or drive?
        What had you just done when the {x} appeared?
        What did you do to make the {x} appear?
        """,
    "did_after": """
        What did you do once you had seen the {x} for the first time?
        How did you proceed after first seeing the {x}?
        Which move did you make after the {x} appeared?
        Having first noticed the {x}, which way did you go?
        What was your step after you discovered the {x}?
        Where did you go from there after you first saw the {x}?
        After the {x} came into view, did you turn or move on?
        The {x} appeared; what did you do then?
        Which manoeuvre came after the first sighting of the {x}?
        How did you react to the {x}, with which movement?
        Your action right after the first sighting of the {x}?
        And after you had spotted the {x}, how did you carry on?
        """,
    "action_at": """
        Which move resulted in keyframe {n}?
        What did you do between the previous keyframe and keyframe {n}?
        Which action produced keyframe {n}?
        How did you get to frame {n}?
        What step took you to keyframe {n}?
        Which manoeuvre took you to #{n}?
        What movement ended in keyframe {n}?
        By which action was keyframe {n} reached?
        Did you turn or move to get to keyframe {n}?
        How did the camera move to keyframe {n}?
        What did you do right after keyframe {n}?
        """,
    "first_action": """
        What was your first move?
        What did you do first of all?
        How did you begin moving?
        Which action came first?
        first step?
        """,
    "last_action": """
        Tell me what you did last.
        What did you do in your last step?
        Which action brought you to this place?
        Last thing you did?
        What was your move just now?
        Most recent action?
        How did the camera move last?
        What was the last action that you carried out?
        By which movement did you come to the present view?
        What did you do to get here?
        Which move did you make most recently?
        What action have you just completed?
        Your final move?
        And the last action was?
        What's the newest entry in your log of movements?
        How did you get from the previous keyframe to this one?
        Did you last turn or move forward?
        What did you do right before this?
        What did you do immediately before now?
        Which movement did you just make?
        The latest step you took?
        What did you do in the last moment?
        What was the last of your movements?
        What did you just get done doing?
        What is the latest thing you did?
        Which manoeuvre did you make last?
        Your most recent manoeuvre?
        What step did you take just now?
        How have you just moved?
        Was your last action a turn or a move?
        Which way did you go just now?
        What was the final movement?
        What did you do a moment ago?
        How did you come to be here?
        What put you in your present position?
        What was your latest step?
        what did u do just before this
        How did you arrive at the current keyframe?
        Did you just turn, or did you move forward?
        What have you been doing in the last instant?
        """,
    "actions": """
        What did you do?
        What have you been doing?
        What did you do so far?
        what did you do then, all in all
        How did you move around?
        Which way did you go?
        Where did you go?
        Describe the way you came.
        What route did you take?
        Retrace your steps for me.
        How have you moved so far?
        What did you do on the whole way?
        List your movements.
        Tell me about your trip.
        Which movements did you make, all in all?
        """,
    "turns": """
        How many times have you swung to the {side}?
        How many of your moves were {side} turns?
        Total of {side} turns?
        How often was your move a turn to the {side}?
        How many turns to the {side} does your route have?
        {side} turns: how many?
        Tally your {side} turns.
        On how many occasions did you turn {side}?
        How many times did you rotate?
        How many turns are there on your route?
        What number of turns did you make?
        turns: how many in total?
        Tally all the turns.
        In whichever direction, how many times did you turn?
        How often did you change direction?
        what is your turn count
        """,
    "ever_turned": """
        Was one of your moves a turn to the {side}?
        Did you make any {side} turn?
        Is there a {side} turn among your moves?
        Have you rotated {side} at some point?
        Did you swing to the {side} even once?
        Do you remember turning {side}?
        Does your route include a turn to the {side}?
        Have you made at least one {side} turn?
        Confirm that you turned {side} somewhere.
        a {side} turn, did you ever make one?
        You never turned {side}, did you?
        Were there any {side} turns?
        """,
    "moves": """
        How many times did you go forward?
        How often did you move?
        How many steps did you take?
        How many moves forward did you make?
        """,
    "around": """
        What is {beside} you?
        What's {beside} you?
        what is on the right
        what's on the left
        What is at your back?
        Anything on your right-hand side?
        What's in back of you?
        What is located {beside} you?
        tell me the objects {beside} you
        Which objects do you have {beside} you?
        If you could see {beside} you, what would be there?
        Name the things {beside} you.
        Which of the seen things should be {beside} you by now?
        What have you got {beside} you?
        Is there an object {beside} you?
        What happens to be {beside} you at present?
        what did you leave {beside} you
        What am I going to find {beside} you?
        Would there be anything {beside} you?
        What do you remember {beside} you?
        What things lie {beside} you?
        Which objects would be {beside} you?
        Is something {beside} you?
        What's {beside} me?
        What is there {beside} us?
        Which things are situated {beside} you?
        What would I find {beside} you?
        Say what is {beside} you.
        What stands {beside} you at the moment?
        Given where you are facing, what is {beside} you?
        Of everything you have seen, what is {beside} you now?
        what things would be drawn {beside} you on a map
        If you looked there, what would you see {beside} you?
        """,
    "in_view": """
        What's there before you at this moment?
        What's in front of you right now?
        What have you got in view?
        What can the camera see at present?
        Which objects does your latest picture show?
        What is in your most recent frame?
        What is in the current keyframe?
        State what is visible.
        Report what you see.
        Give me your current view in words.
        What am I looking at?
        What would I see through your eyes now?
        Look around, what do you see?
        What is your view like now?
        Which things do you have before your eyes?
        Is anything in view?
        Do you see anything?
        What's showing on your camera?
        What are you pointed at?
        Describe the scene before you.
        What's your camera seeing?
        What is in front of your lens?
        What does your camera show?
        What can be seen right now?
        Describe what is before you.
        What objects are in your current frame?
        What's on camera now?
        Which things are currently visible?
        What is in the latest keyframe?
        What does the present picture contain?
        Talk me through your current view.
        If I looked through your camera, what would I see?
        What do you have in sight?
        What are you facing?
        what is your camera pointed at
        What is on the screen now?
        Tell me what you're looking at as we speak.
        anything visible at present?
        Which items are in the picture at this moment?
        Give me the contents of the current view.
        """,
    "at_start": """
        What did you see to begin with?
        What was in your first picture?
        What stood before you at the start?
        Going back to the very beginning, what was in view?
        What greeted you when you began?
        Which things could you see from the starting point?
        What was the scene like at the start?
        Name the objects of the first frame.
        What did you have in view before moving?
        Tell me what was in sight when the tour got going.
        What's in the first keyframe?
        What does keyframe one of the tour show, the first one?
        When the journey started, what did you see?
        Initially, what was visible?
        What was originally in view?
        What was the first thing in front of your camera?
        Rewind to the start: what is in view?
        What did you see before doing anything?
        At first, what could you see?
        what did the start look like
        What did your camera show when you started?
        What was the first view?
        What did the first frame contain?
        What was in front of you before you set off?
        What could be seen at the point of departure?
        Which objects were in view when the trip began?
        What did you see before your first move?
        Describe the first picture.
        What was visible in the opening frame?
        Which items were in sight at the beginning of the tour?
        Give me the contents of the first keyframe.
        When you were switched on, what was there to see?
        What did you start out looking at?
        What were you facing at the start?
        What did things look like when you began?
        Which things were there before you moved?
        """,
    "at_keyframe": """
        What does frame {n} contain?
        What can be seen in keyframe {n}?
        Give me the contents of keyframe {n}.
        Which items are in picture {n}?
        Read out what is in keyframe {n}.
        On keyframe {n}, what could you make out?
        What objects were there at keyframe {n}?
        What's on frame {n}?
        In keyframe {n}, which things were visible?
        What did the camera see at #{n}?
        Tell me about keyframe {n}.
        Looking at keyframe {n}, what is there?
        """,
    "inventory": """
        What did you see on your trip?
        What is on your list of objects?
        What have you noticed all in all?
        Which things did you register?
        What's in your memory?
        What things do you know?
        Tell me everything that you have seen.
        Catalogue the things you saw.
        Which objects were there along the route?
        Everything you've seen, in one list, please.
        What was there to see on the way?
        What sort of things are in here?
        What did the tour turn up?
        All objects, please.
        Give me all the sightings.
        What can I find in this place?
        Which objects exist here?
        What is there around this place?
        Go through all the things you saw.
        What has your camera recorded so far?
        Show me your list of objects.
        Do you remember what you saw?
        Which things would you put on a map of this place?
        {n} things that you saw?
        Any {n} objects from your memory.
        Name me {n} items you came across.
        Choose {n} of the things you saw and tell me.
        I only want {n} of the things you saw.
        Let me have {n} things that you found.
        Could you come up with {n} objects you noticed?
        What all is there in your memory?
        What objects do you know of?
        Which items have you noticed by now?
        Read me the full list of things.
        Enumerate everything you have come across.
        What has there been to see?
        Give me an overview of all the things you found.
        What did you find along the way?
        Which things turned up on the tour?
        What things have crossed your path?
        Summarise what you've seen.
        What objects does this place have?
        What is there in this place?
        Give me a rundown of all your sightings.
        Draw up an inventory of what you saw.
        Everything you have noted, please.
        What would be on a map of the things you saw?
        Mention {n} things that you came across.
        {n} objects you have seen, please.
        Can you give me {n} examples of what you saw?
        Pick {n} things from your memory.
        I'd like to hear {n} of the objects you found.
        Just {n} of the things you noticed will do.
        """,
    "describe": """
        Tell me more about the {x}.
        What can you say about the {x}?
        What do you know about the {x}?
        Describe the {x} for me.
        Any details about the {x}?
        """,
    "out_of_scope": """
        How many people live in Berlin?
        How many people live on earth?
        How many people are there in China?
        Drive to the {x}.
        Please go to the {x}.
        Could you drive over to the {x}?
        Take the {x} and put it on the {y}.
        Roll forward.
        Back up a bit.
        Speed up.
        Slow down.
        Spin around.
        Look up.
        Turn off the {x}.
        Switch on the {x}.
        Break the {x}.
        Draw me a picture of the {x}.
        Draw a cat.
        Add some salt.
        Add 5 and 9.
        What's 3 squared?
        Which is bigger, 7 or 9?
        Is 17 a prime number?
        How many minutes are in an hour?
        What rhymes with orange?
        How do I look?
        What's up?
        How was your day?
        How do you feel?
        Are you tired?
        Are you OK?
        Do you like it here?
        Do you like the {x}?
        What do you think of the {x}?
        Isn't the {x} pretty?
        Which {x} do you like best?
        What's your favourite {x}?
        Would you like {a_x}?
        Can you lift the {x}?
        Could you paint the {x} {c}?
        Make the {x} {c}.
        Buy {a_x} for me.
        Where do they sell {xs}?
        How do {xs} work?
        What are {xs} made of in general?
        Why are {xs} {c}?
        Who is the best player in the world?
        Which country has the most people?
        What language do they speak in Brazil?
        What is the currency of Japan?
        When does the shop open?
        When does the next bus leave?
        Is the restaurant open today?
        What's for dinner?
        I'm hungry.
        I'm bored.
        I'm lost in thought.
        My head hurts, what should I take?
        Can I trust you?
        Can you keep a secret?
        What can you do?
        Can you help me?
        Who is your best friend?
        Do you have any brothers or sisters?
        What do you do for fun?
        Did you have breakfast?
        Tell me about yourself.
        Tell me about the history of Rome.
        Tell me about black holes.
        Let's play a game.
        Say cheese!
        Good night.
        Congratulations!
        Happy birthday!
        Well, that's all, thanks.
        Be quiet.
        Wake me at eight.
        Turn the volume up.
        Take a photo of me.
        Take a break.
        Cook dinner.
        Feed the dog.
        Water the plants.
        Who let the dogs out?
        What does HTML stand for?
        How do I install Python?
        Write a program that sorts numbers.
        What's the wifi password?
        Is it going to rain?
        Will I be rich?
        What will happen tomorrow?
        How tall is the Eiffel Tower?
        How old is the universe?
        How deep is the ocean?
        How fast is a cheetah?
        How heavy is an elephant?
        What do pandas eat?
        What sound does a cow make?
        Are there aliens?
        Is God real?
        Why do we dream?
        What will the weather be tomorrow?
        Is it sunny outside?
        Do I need an umbrella today?
        How cold is it?
        What is 9 plus 10?
        What's 15 percent of 80?
        How much is 7 times 8?
        Solve x + 3 = 7.
        What is half of 86?
        Tell me something funny.
        Got any jokes?
        Sing me a song.
        Write a haiku.
        Make up a story about a dragon.
        What's your opinion on football?
        Do you believe in ghosts?
        What do you think about me?
        Do you love me?
        Are you a human or a machine?
        Are you alive?
        How old are you?
        Where do you come from?
        Who is your creator?
        What are you made of?
        Do you get bored?
        What's your favourite food?
        Which is your favourite film?
        Do you dream?
        Do you have a girlfriend?
        Are you smarter than me?
        Can you dance?
        Do you speak German?
        Can you swim?
        Go to the door.
        Walk forward three steps.
        Come here.
        Clean the floor.
        Open the door for me.
        Fetch me a coffee.
        Turn the lights off.
        Turn left and go on.
        Stop moving.
        Follow me, please.
        Put the box on the table.
        Could you hand me the book?
        Would you close the window?
        I want you to drive to the {x}.
        Move the {x} over there.
        Please pick up the {x}.
        Bring me the {x}.
        Throw the {x} away.
        Can you carry the {x} for me?
        Push the {x} to the left.
        Wash the {x}.
        Sit on the {x}.
        How does {a_x} work?
        How is {a_x} made?
        What is {a_x} used for in general?
        Where can I buy {a_x}?
        How much does {a_x} cost on average?
        Who invented the {x}?
        What does the word {x} mean?
        How do you spell {x}?
        What is the French word for {x}?
        Write a song about {a_x}.
        Should I get {a_x}?
        How do I repair {a_x}?
        Is {a_x} better than {a_x}?
        What's the time?
        Is it already noon?
        What's the date today?
        What year is it?
        When is Christmas?
        What day of the week is it?
        Who is the king of Spain?
        Who wrote Hamlet?
        Who painted the Mona Lisa?
        Who won the match last night?
        What's the largest planet?
        What is the tallest mountain in the world?
        How far is it to the moon?
        How far is Paris from London?
        How many inhabitants does Berlin have?
        How many days are there in a year?
        What is the speed of light?
        When was Napoleon born?
        When did the Titanic sink?
        Where is Mount Everest?
        Where is Paris?
        What's the longest river?
        What colour is the sky?
        What colour do you like best?
        Why do cats purr?
        Why is the sea salty?
        What is photosynthesis?
        Explain quantum mechanics.
        What is the definition of love?
        Define democracy.
        Say something in Italian.
        Translate "thank you" into Greek.
        How do you say hello in Japanese?
        What should I cook tonight?
        Give me a recipe for soup.
        How long do I boil an egg?
        How can I lose weight?
        What should I wear?
        Help me with my homework.
        Write an email to my landlord.
        Call my mother.
        Remind me to buy milk.
        Set an alarm for seven.
        Book a table for two.
        Order a pizza.
        Play some jazz.
        What's on TV tonight?
        What's in the news?
        How are the stocks doing?
        What is a euro in dollars?
        What is the point of it all?
        Good morning!
        How's it going?
        Nice to meet you.
        See you later.
        Goodbye.
        Thanks a lot.
        Well done!
        You're funny.
        I am sad today.
        I love you.
        Never mind.
        Shut down now.
        Restart yourself.
        Delete your memory.
        Charge your battery.
        Which phone should I buy?
        Can you recommend a restaurant?
        Who will win the next election?
        Flip a coin.
        Pick a random number.
        Count to ten.
        Count backwards from twenty.
        Name three colours of the rainbow.
        List the planets.
        Name a famous painter.
        Tell me a fun fact.
        What's the difference between a crocodile and an alligator?
        How do planes fly?
        Do you know Shakespeare?
        Did you sleep well?
        Did you watch the match yesterday?
        Have you read any good books?
        Have you ever been to Paris?
        Have you ever been in love?
        Did you have a nice day?
        """,
}  # fmt: skip
