"""Real but tiny models, built on the spot: an encoder, a chat model, and a tokenizer for both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

WORDS = [
    *("yes", "no", "maybe", "hello", "world", "a", "the", "film", "was", "it", "and", "very"),
    *("great", "fine", "lovely", "good", "awful", "poor", "broken", "bad", "user", "system", "assistant"),
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
]
SPECIALS = ["<unk>", "<end>", "[CLS]", "[SEP]"]
TEMPLATE = (
    "{% for m in messages %}{{ m.role }} {{ m.content }} <end> {% endfor %}"
    "{% if add_generation_prompt %}assistant {% endif %}"
)


def build_tokenizer(*, chat: bool) -> Any:
    """Return a word tokenizer; as a chat tokenizer its padding token is its end token."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    fast: Any = transformers.PreTrainedTokenizerFast
    vocabulary = {word: place for place, word in enumerate([*SPECIALS, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if not chat:
        marks = [("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=marks
        )
        return fast(
            tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<unk>", cls_token="[CLS]", sep_token="[SEP]"
        )
    chat_tokenizer = fast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="<end>", pad_token="<end>")
    chat_tokenizer.chat_template = TEMPLATE
    return chat_tokenizer


def save_encoder(folder: Path, seed: int = 0) -> None:
    """Write a one-layer BERT of width 16 with random weights."""
    import torch
    from transformers import BertConfig, BertModel

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        size = len(SPECIALS) + len(WORDS)
        config = BertConfig(
            vocab_size=size, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
        )
        BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    build_tokenizer(chat=False).save_pretrained(folder)


def save_chat(
    folder: Path, answer: str = "", seed: int = 0, *, lessons: Sequence[tuple[str, str]] = (), steps: int = 60
) -> None:
    """Write a one-layer Llama of width 16; with an `answer`, trained to say those words and then end.

    Args:
        lessons: in place of one answer, texts and what is said to each; all have the same number of words.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = build_tokenizer(chat=True)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
            pad_token_id=tokenizer.pad_token_id,
        )
        model = LlamaForCausalLM(config)
        if answer or lessons:
            _teach(model, tokenizer, lessons or [(word, answer) for word in WORDS], steps)
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _teach(model: Any, tokenizer: Any, lessons: Sequence[tuple[str, str]], steps: int) -> None:
    import torch

    prompts = [tokenizer(f"user {text} <end> ")["input_ids"] for text, _ in lessons]
    said = [tokenizer(f"assistant {answer} <end>")["input_ids"] for _, answer in lessons]
    ids = torch.tensor([prompt + sentence for prompt, sentence in zip(prompts, said, strict=True)])
    labels = ids.clone()
    labels[:, : len(prompts[0]) + 1] = -100
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(steps):
        loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
