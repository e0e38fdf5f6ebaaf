"""More ways to ask about what no spatial memory answers, in two further authors' words."""

from __future__ import annotations

PHRASINGS: dict[str, tuple[str, ...]] = {
    "out_of_scope": (
        "Who painted the Mona Lisa?",
        "We're planning a picnic on Saturday. Will it stay dry, do you think?",
        "uh, could you, like, play some jazz?",
        "I was wondering if you'd ever fallen in love.",
        "wats 45 minus 18",
        "Order me a pizza with extra cheese.",
        "Come here and hold this for a minute.",
        "Please explain me how works a black hole.",
        "Which team won the last World Cup?",
        "Good morning! Slept well?",
        "Remind me to ring my mum tomorrow at noon.",
        "What's a good name for a kitten?",
        "Spell 'necessary' for me.",
        "Ring the haulage firm and book me a driver for Monday.",
        "can you tell me a bedtime story about dragons?",
        "Request forecast of winds for tonight, over.",
        "How I change the oil in diesel engine?",
        "Have you eaten properly today, dear?",
        "sqrt(2) to 5 decimals",
        "What is the limitation period for a claim in contract?",
        "do my maths homework pls",
        "Whit's the melting point o' titanium?",
        "Would you be so kind as to translate 'thank you very much' into Italian?",
        "Turn left. Move. Now.",
        "Which wine would you serve with roast lamb for eight guests?",
    ),
}
