"""The tokenizer of the two built-in models: whole words, keyframe numbers and angles as one token.

A byte-level BPE over a word-wise split: whatever the simulated worlds say often is a single token,
anything else falls back to pieces and bytes, so that no text is out of vocabulary.
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
#: Tokens that the answer format needs; not special, so that decoding keeps them.
FORMAT = ("<think>", "</think>", "<answer>", "</answer>")
#: What Idefics3 puts around a picture.
IMAGE = ("<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>")

_WORDS = r" ?[A-Za-z]+(?:-[A-Za-z]+)*| ?#\d+| ?\d+|\n| ?[^\sA-Za-z\d]|\s"
_ACTIONS = r" ?(?:move|rotate|tilt) (?:forward|backward|left|right|upward|downward)"
_PLACES = r" (?:front|back|left|right)(?:-left|-right)? (?:near|mid|far)"
#: Every so many-th name stays two tokens.
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
    """A tokenizer whose vocabulary comes from ``texts``.

    Actions ("rotate left"), places ("front-left near"), keyframe numbers and angles are one token
    each. ``whole_names`` makes most objects' names one token too: the reasoner then looks names up
    in one hop; the perceiver must not, since it has to name pairs that it never saw. Held-out pairs
    are no tokens, and neither is every `SPLIT`-th other one, so that the reasoner learns to copy
    such names from pairs that it may see.
    """
    whole = [name for n, name in enumerate(pairs_of("house")) if n % SPLIT]
    names = (rf" (?:{'|'.join(whole)})(?![A-Za-z])",) if whole_names else ()
    words = "|".join((_ACTIONS, _PLACES, *names, _WORDS))
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
    said = [f" {name}" for name in whole]
    said += [f" {word}" for word in (*COLOURS, *HOUSE_KINDS, *CITY_KINDS)]
    actions = [f" {a.value}, {a.value}\n{a.value}" for a in Action]
    phrases = (places + said + actions) * 40

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
    """Write it so that ``AutoTokenizer`` gives back the same ids."""
    tokenizer.save_pretrained(str(folder))
