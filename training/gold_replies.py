"""Check before training that a right reply, as the model has to write it, earns the full reward.

If the tokenizer drops a tag, if the chat template begins the thought itself, or if an answer can't
be read back, every reply earns less than it should, and a run learns nothing for days. So the right
replies to the first questions are treated like completions: encoded, decoded and rewarded.

Out of scope: the rewards (`training.rewards`).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from embodied_agent.errors import SettingsError
from training.rewards import FormatReward, accuracy_reward, text_of

#: How many questions are checked.
CHECKED = 64
#: The reasoning of a question that has none: an empty thought would violate the format.
_STAND_IN = "as noted."
_TAGS = ("<think>", "</think>", "<answer>", "</answer>")
_PROBE = ({"role": "user", "content": "?"},)


def begun_thought(tokenizer: Any, template_options: Mapping[str, Any] | None = None) -> str:
    """The beginning of a reply that the chat template writes, from ``<think>`` on; empty if the
    model begins the thought itself, or if the template also ends it.

    Args:
        tokenizer: with a chat template.
        template_options: passed to the template, as ``trainer.chat_template_kwargs``.
    """
    options = dict(template_options or {})
    texts = [
        str(
            tokenizer.apply_chat_template(
                list(_PROBE), add_generation_prompt=begins, tokenize=False, **options
            )
        )
        for begins in (False, True)
    ]
    same = next((i for i, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), len(texts[0]))
    _, tag, after = texts[1][same:].rpartition("<think>")
    return tag + after if tag and "</think>" not in after else ""


def check_gold_replies(
    rows: Sequence[Mapping[str, Any]],
    tokenizer: Any,
    *,
    model: str,
    template_options: Mapping[str, Any] | None = None,
) -> None:
    """Check the first rows' right replies.

    Args:
        rows: of `training.rows`.
        tokenizer: the model's.
        model: its name, for errors.
        template_options: as for `begun_thought`.

    Raises:
        SettingsError: one of them earns less than 1 in format or accuracy; says what is at fault.
    """
    begun = begun_thought(tokenizer, template_options)
    formatted = FormatReward(begun)
    for row in rows[:CHECKED]:
        gold = str(row["reply"])
        if gold.startswith("<think></think>"):
            gold = gold.replace("<think>", f"<think>{_STAND_IN}", 1)
        completion = _returned(tokenizer, gold.removeprefix("<think>") if begun else gold)
        format_earned = formatted([completion])[0]
        (accuracy_earned,) = accuracy_reward(
            [completion], answer=[row["answer"]], choices=[row["choices"]]
        )
        if format_earned != 1.0:
            raise SettingsError(_format_fault(model, begun, gold, text_of(completion)))
        if accuracy_earned not in (None, 1.0):
            raise SettingsError(
                f"the right answer to {row['question']!r} ({row['category']}, scene "
                f"{row['scene']}) earns {accuracy_earned} instead of 1 in accuracy: the reply "
                f"{text_of(completion)[-120:]!r} does not read as {row['answer']!r}. The data are "
                "wrong, or the tokenizer does not give back what it is given"
            )


def _returned(tokenizer: Any, reply: str) -> Any:
    """``reply`` as trl passes a completion to rewards: encoded and decoded, as text or messages."""
    ids = list(tokenizer(reply, add_special_tokens=False).input_ids)
    if getattr(tokenizer, "response_template", None) or getattr(tokenizer, "response_schema", None):
        # trl then reads thought and content apart, as the template says.
        from trl.chat_template_utils import parse_response

        taken = inspect.signature(parse_response).parameters
        options = {k: v for k, v in {"prefix": [], "tools": None}.items() if k in taken}
        return [parse_response(tokenizer, ids, **options)]
    return tokenizer.decode(ids, skip_special_tokens=True)


def _format_fault(model: str, begun: str, gold: str, returned: str) -> str:
    lost = [tag for tag in _TAGS if tag in gold and tag not in f"{begun}{returned}"]
    if lost:
        return (
            f"the tokenizer of {model} loses {', '.join(lost)} on the way from tokens to text, so "
            "no reply can have the required format. If they are special tokens of it, make them "
            "ordinary ones: tokenizer.add_tokens([...], special_tokens=False), save_pretrained()"
        )
    started = f"The chat template begins the reply with {begun!r}. " if begun else ""
    return (
        f"a right reply of {model} earns nothing in format: {started}"
        f"The reply came back as {returned[:160]!r}. Check the chat template of the tokenizer "
        "(its generation prompt and response template), and trainer.chat_template_kwargs"
    )
