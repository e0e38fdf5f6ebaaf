"""What a question asks is understood in many wordings, and what is not about the memory is told."""

from __future__ import annotations

import pytest

from embodied_agent.rules.families import understand
from embodied_agent.rules.notes import Nouns

NOUNS = {"red sofa", "sofa", "green lamp", "lamp", "wooden door", "door", "traffic light"}


def family(text: str) -> str:
    return understand(text, Nouns(NOUNS)).family


WORDINGS = {
    "existence": """
        Is there a sofa?
        did you see a couch
        a fridge?
        Did anything like a fridge show up?
        Have we passed a fire extinguisher?
        have you by any chance come across a bicycle
        Do your notes mention a piano?
        Can you remember a red sofa?
        Was a traffic light among the things you saw?
        Have I got a sofa here?
        There was a sofa, wasn't there?
        Are there any plants around?
        Is a zorbulator present?
        I think there was a giraffe. Was there?
        do u see a lamp anywhere
        Was any furniture visible?
        Could you check whether there's a wheelchair?
        sofa?
        Did you notice something like a ladder?
        tell me if you saw a dog
        is there a frigde
        Has a cat appeared?
        Were there vehicles?
        """,
    "colour": """
        What colour was that sofa again?
        whats the color of the couch
        which color has the lamp
        Sofa colour?
        Tell me what color the lamp is, please.
        the lamp's colour
        What colours did the sofas have?
        How was the lamp coloured?
        I'd love to know the colour of the door.
        In what color is the sofa?
        """,
    "is_colour": """
        Is the sofa red?
        was the lamp green or blue
        The sofa is red, correct?
        Did you see that the sofa was red?
        Wasn't the couch red?
        Is that lamp really green?
        am i wrong or is the sofa red
        The sofa's red, isn't it?
        """,
    "count": """
        How many lamps have you seen?
        how many couches
        What's the number of doors?
        Number of chairs, please.
        Count all the lamps for me.
        I want to know how many sofas you noticed.
        Are there more than one sofa?
        how many vehicles did you pass
        So how many bookcases were there in total?
        """,
    "count_all": """
        How many things did you see?
        how many objects are in your memory
        How many blue things are there?
        Count the red ones.
        How many different objects have you noticed so far?
        """,
    "first_when": """
        When did you first notice the sofa?
        When was the lamp first seen?
        at which keyframe did you first see the sofa
        In what keyframe did the lamp turn up first?
        When did the sofa appear for the first time?
        What was the first keyframe showing the lamp?
        When did you see the sofa first?
        """,
    "first_where": """
        Where was the sofa when it first appeared?
        On what side did you first see the lamp?
        Where did you spot the lamp first?
        In which direction did the sofa first show up?
        Which direction was the lamp in when you first noticed it?
        """,
    "last_when": """
        When did you see the sofa last?
        when was the last time you saw the lamp
        In which keyframe was the sofa last visible?
        What was the most recent keyframe with the lamp?
        Last keyframe with the sofa?
        When did the lamp disappear?
        """,
    "last_where": """
        Where was the lamp last seen?
        Where have you last seen the sofa?
        What was the last position of the lamp?
        On which side did you see the sofa most recently?
        Where was the sofa the last time it was in view?
        """,
    "where": """
        Where's the lamp?
        Where is the sofa right now?
        where do I find the door
        Which way is the lamp from here?
        In what direction is the sofa?
        Can you locate the lamp?
        I can't find the sofa.
        How do I get to the lamp?
        point me towards the sofa please
        Which way should I turn to face the lamp?
        Show me where the lamp is.
        Is the lamp on the left or on the right?
        Could you point me to the fire extinguisher?
        Where can I find the couch?
        Do you know which way the lamp is?
        Whereabouts is the sofa?
        What direction is the lamp in?
        """,
    "is_side": """
        Is the sofa behind you?
        Is the lamp on your left?
        Is the sofa in front of me?
        is the lamp to the right of you
        Would the sofa be behind me now?
        """,
    "way_back": """
        How can I get back to the sofa?
        What is the route back to the lamp?
        how would we return to the sofa
        Which direction do I take to get back to the lamp?
        Guide me back to the sofa: which way?
        """,
    "way_start": """
        How do we get back to the beginning?
        What's the way back to the starting point?
        Where is the place we started from?
        In which direction did we start?
        how can i return to the start
        """,
    "how_far": """
        How far is the lamp?
        How far away is that sofa now?
        Is the lamp far away?
        is the sofa close to us
        What's the distance to the lamp?
        How close is the sofa?
        """,
    "nearer": """
        Which is closer, the sofa or the lamp?
        What's nearer to us: the lamp or the door?
        Is the lamp closer than the sofa?
        the sofa or the lamp, which is closest?
        Which of the lamp and the sofa is nearest to you?
        Which is farther away, the sofa or the lamp?
        """,
    "order": """
        Which came into view first, the lamp or the sofa?
        What did you see first, the sofa or the lamp?
        lamp or sofa: which was first?
        Which did you notice earlier, the lamp or the sofa?
        In what order did the sofa, the lamp and the door appear?
        Which of the sofa and the lamp did you see first?
        Which did you see later, the sofa or the lamp?
        """,
    "is_order": """
        Did the lamp appear before the sofa?
        Was the sofa seen earlier than the lamp?
        Did you see the lamp after the sofa?
        Did you notice the sofa before you noticed the lamp?
        """,
    "together": """
        What was seen together with the sofa?
        What else did you see with the lamp?
        what other things were in view with the sofa
        What stood next to the lamp?
        Tell me what was beside the sofa.
        What was near the lamp?
        Which things were visible along with the sofa?
        """,
    "ever_together": """
        Did the sofa and the lamp appear together?
        Were the lamp and the sofa in the same picture?
        Have the sofa and the lamp been in view at the same time?
        Was the lamp ever visible together with the sofa?
        """,
    "seen_after": """
        What did you see after the sofa?
        What was the next thing you saw after the lamp?
        What came into view after the sofa?
        Which object appeared after the lamp?
        """,
    "seen_before": """
        What did you see before the sofa?
        Which things did you notice before the lamp?
        """,
    "did_before": """
        What did you do before you saw the sofa?
        What was your action just before the lamp appeared?
        Which move brought the sofa into sight?
        How did you move to see the lamp?
        """,
    "did_after": """
        What did you do after you saw the sofa?
        What was your next move after the lamp came into view?
        What did you do next after spotting the sofa?
        """,
    "in_view": """
        What do you see?
        What can you see now?
        what is visible right now
        Name everything in view.
        What's in sight at the moment?
        What are you looking at right now?
        List what you see.
        Describe what you see.
        What's there now?
        What do you see from here?
        """,
    "at_start": """
        What did you see first?
        What was visible at the start?
        What could you see in the beginning?
        Which things were there at the beginning?
        What did you see when you started?
        What was in the first picture?
        """,
    "at_keyframe": """
        What was visible in keyframe 3?
        what does #3 show
        What did you see in #3?
        Show me the objects of keyframe 3.
        what was in frame 3
        List what keyframe number 3 shows.
        What was on the left at keyframe 3?
        """,
    "inventory": """
        What have you seen?
        What all did you see?
        List all the things you have seen.
        Which things have you seen so far?
        Tell me everything you remember.
        What is stored in your memory?
        Name three things you saw.
        What objects did you find?
        Which furniture have you seen?
        what did you notice on the way here
        """,
    "around": """
        What's behind me?
        What is to my left?
        what's on the right
        What lies ahead of us?
        Is anything behind you?
        What do you remember behind you?
        What is on your left side?
        which things are in front of you
        """,
    "turns": """
        How many times did you turn right?
        how often have you turned
        How many turns to the left did you make?
        Count your left turns.
        How many rotations did you do?
        What is the number of turns so far?
        """,
    "ever_turned": """
        Have you ever turned right?
        Did you turn left at any time?
        Have you turned at all?
        Was there any turn to the right?
        """,
    "moves": """
        How many times did you move forward?
        How often did you go backward?
        """,
    "last_action": """
        What was the last thing you did?
        What was your most recent action?
        What did you do just now?
        what was the last move
        How did you get here?
        Which way did you move last?
        """,
    "first_action": """
        What was your first action?
        What did you do first?
        """,
    "actions": """
        What did you do?
        Describe your route.
        Which way did you go?
        What have you done so far?
        """,
    "action_at": """
        What did you do to reach keyframe 4?
        How did you get to #4?
        What was the action before keyframe 4?
        Which action came after keyframe 4?
        """,
    "unnoted": """
        How heavy is the sofa?
        Who owns the lamp?
        How old is the door?
        What is the sofa made of?
        Is the lamp expensive?
        Why is the sofa there?
        How tall is the lamp?
        Does the lamp work?
        """,
    "unnoted_way": """
        How fast did you go?
        What is behind the wall that you can't see through?
        What will you see next?
        """,
    "keyframes": """
        How many keyframes do you have?
        how many pictures did you keep
        """,
    "of_colour": """
        Which things are red?
        What did you see that is green?
        anything blue?
        """,
    "describe": """
        Tell me about the sofa.
        What do you know about the lamp?
        Describe the sofa.
        """,
    "out_of_scope": """
        What's the weather going to be?
        How much is 12 times 12?
        what is 3 + 4
        Tell me a story.
        Do you like pizza?
        Who won the world cup?
        What is the capital of Peru?
        Open the window.
        Can you bring me a coffee?
        Turn left.
        Stop!
        Hello there
        Thank you!
        Who are you?
        What's your name?
        What time is it?
        Play some music.
        How do I cook rice?
        Should I buy a sofa?
        What do you think about politics?
        Translate sofa into French.
        Go to the kitchen and fetch a cup.
        Write an essay about lamps.
        Are you happy?
        Why is the sky blue?
        Remind me to water the plants.
        What's the square root of 81?
        Which team is the best?
        How many people live in China?
        """,
}  # fmt: skip
CASES = [
    (expected, line.strip())
    for expected, lines in WORDINGS.items()
    for line in lines.strip().splitlines()
]


@pytest.mark.parametrize(("expected", "text"), CASES)
def test_a_question_is_understood(expected: str, text: str) -> None:
    assert family(text) == expected
