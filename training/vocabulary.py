"""The tokenizer of the built-in models: words, keyframe numbers and angles are single tokens.

A byte-level BPE over a word-wise split: frequent words and phrases of the simulated worlds are
single tokens, everything else falls back to pieces and bytes, so that no text is out of vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from embodied_agent.records import DIRECTIONS, DISTANCES, Action
from sim_clips.scene import CITY_KINDS, COLOURS, HOUSE_KINDS
from sim_clips.splits import pairs_of

USER, ASSISTANT, END, PAD = "<|user|>", "<|assistant|>", "<|end|>", "<|pad|>"
#: Tokens of the answer format; they are not special, so that decoding keeps them.
FORMAT = ("<think>", "</think>", "<answer>", "</answer>")
#: The tokens that Idefics3 uses for pictures.
IMAGE = ("<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>")

_WORDS = r" ?[A-Za-z]+(?:-[A-Za-z]+)*| ?#\d+| ?\d+|\n| ?[^\sA-Za-z\d]|\s"
_ACTIONS = r" ?(?:move|rotate|tilt) (?:forward|backward|left|right|upward|downward)"
_PLACES = r" (?:front|back|left|right)(?:-left|-right)? (?:near|mid|far)"
#: Every `SPLIT`-th name stays two tokens.
SPLIT = 4

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message.role == 'assistant' %}{{ '<|assistant|>' + message.content + '<|end|>' }}"
    "{% else %}{{ '<|user|>' + message.content }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def train_tokenizer(
    texts: Iterable[str], size: int = 2048, *, whole_names: bool
) -> PreTrainedTokenizerFast:
    """Train a tokenizer of at most ``size`` tokens on ``texts``.

    Actions ("rotate left"), places ("front-left near"), keyframe numbers and angles are one token
    each. With ``whole_names``, so are most object names: the reasoner can then look up a name in
    one step. The perceiver must do without, because it has to name pairs that it never saw.
    Held-out pairs are never single tokens. Neither is every `SPLIT`-th other pair, so that the
    reasoner learns to copy two-token names from pairs that it may see.
    """
    whole = [name for n, name in enumerate(pairs_of("house")) if n % SPLIT]
    name_patterns = (rf" (?:{'|'.join(whole)})(?![A-Za-z])",) if whole_names else ()
    words = "|".join((_ACTIONS, _PLACES, *name_patterns, _WORDS))
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(words), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[PAD, USER, ASSISTANT, END, *IMAGE],
        show_progress=False,
    )
    numbers = [f"#{n} #{n} {n}\n#{n}" for n in range(256)] * 40
    places = [f" {d} {r}" for d in DIRECTIONS for r in DISTANCES]
    names_and_words = [f" {name}" for name in whole]
    names_and_words += [f" {word}" for word in (*COLOURS, *HOUSE_KINDS, *CITY_KINDS)]
    actions = [f" {a.value}, {a.value}\n{a.value}" for a in Action]
    phrases = (places + names_and_words + actions) * 40

    def corpus() -> Iterable[str]:
        yield from numbers
        yield from phrases
        yield from texts

    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in FORMAT])
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Save the tokenizer so that ``AutoTokenizer`` loads it with the same ids."""
    tokenizer.save_pretrained(str(folder))
