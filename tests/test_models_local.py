"""Classifiers as models, recorded answers, front doors and speed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_models import save_encoder

from gatekeeper.errors import DataError, InputError, ModelError
from gatekeeper.models import Model, as_model, build_teacher
from gatekeeper.models.replay import ReplayModel
from gatekeeper.models.tokens import bound_input, count_request, estimate_tokens
from gatekeeper.records import Completion, Message, Request
from gatekeeper.suite.spec_models import AnswersFile, EncoderTeacher, OpenAITeacher, ReplayTeacher


class Counting:
    """A classifier that counts the texts it is given."""

    kind = "counting"
    labels = ("even", "odd")

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.remembers = True

    def predict(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.batches.append(list(texts))
        odd = np.array([len(text) % 2 for text in texts], dtype=np.float32)
        return np.stack([1 - odd, odd], axis=1) * np.float32(0.8) + np.float32(0.1)

    def save(self, folder: Path) -> None:
        (folder / "nothing").write_text("")


def ask(text: str, item_id: str | None = None, sample_index: int = 0) -> Request:
    messages = (Message(role="user", content=text),)
    return Request(item_id=item_id or f"id-{text}", text=text, messages=messages, sample_index=sample_index)


def test_a_classifier_answers_lazily_and_in_batches() -> None:
    classifier = Counting()
    model = as_model(classifier, "student", "b2:weights", batch_size=4)
    pulled = 0

    def source() -> Iterator[Request]:
        nonlocal pulled
        for n in range(10):
            pulled += 1
            yield ask("x" * n)

    answers = model.complete(source())
    first = next(answers)
    assert pulled == 4 and isinstance(model, Model)
    assert (first.output, first.finish_reason, first.ok) == ("even", "stop", True)
    assert first.distribution == pytest.approx({"even": 0.9, "odd": 0.1})
    rest = list(answers)
    assert [c.output for c in rest] == ["odd", "even"] * 4 + ["odd"]
    assert [len(batch) for batch in classifier.batches] == [4, 4, 2]
    assert list(model.complete([])) == []


def test_a_retrained_student_never_gets_its_predecessor_s_answers() -> None:
    request = ask("x")
    before, after = (as_model(Counting(), "student", print_) for print_ in ("b2:first", "b2:second"))
    (one,), (two,) = before.complete([request]), after.complete([request])
    assert one.request_key != two.request_key and one.model != two.model


def test_the_bound_covers_the_counted_usage() -> None:
    model = as_model(Counting(), "student", "f")
    for text in ("", "plain words", "漢字 🙂", "x" * 1000):
        request = ask(text, "i")
        (completion,) = model.complete([request])
        bound = model.upper_bound(request)
        assert bound.input_tokens >= completion.usage.input_tokens
        assert bound.output_tokens >= completion.usage.output_tokens >= 1


def test_tokens_are_counted_over_all_messages() -> None:
    chat = (Message(role="system", content="12345678"), Message(role="user", content="1234"))
    request = Request(item_id="i", text="1234", messages=chat)
    usage = count_request(request, "yes")
    assert (usage.input_tokens, usage.output_tokens, usage.reported) == (2 + 1 + 8, 1, False)
    assert estimate_tokens(["", "a", "12345"]) == [0, 1, 2]
    assert bound_input(request) >= 12 + 2 * 4


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def test_recorded_answers_are_found_by_id_or_by_input(tmp_path: Path) -> None:
    usage = {"input_tokens": 12, "output_tokens": 2, "cached_input_tokens": 3}
    path = write(
        tmp_path / "answers.jsonl",
        {"item_id": "1", "output": "yes", "usage": usage, "distribution": {"yes": 0.9, "no": 0.1}},
        {"input": "what?", "output": "no", "finish_reason": "length"},
        "",
    )
    model = ReplayModel(path, price_id="a/b")
    one, two, three, four = model.complete(
        [ask("anything", "1"), ask("what?", "77"), ask("never asked", "78"), ask("anything", "1", sample_index=1)]
    )
    assert one.ok and one.output == "yes" and one.distribution == {"yes": 0.9, "no": 0.1}
    assert (one.usage.input_tokens, one.usage.cached_input_tokens, one.usage.reported) == (12, 3, True)
    assert (two.output, two.finish_reason, two.usage.reported) == ("no", "length", False)
    for missing in (three, four):
        assert (missing.ok, missing.error_class, missing.output) == (False, "not_recorded", None)
        assert missing.usage.input_tokens == 0
    assert model.upper_bound(ask("anything", "1")).input_tokens == 12
    assert model.info.price_assumed and model.info.fingerprint == ReplayModel(path).info.fingerprint


def test_a_text_that_was_answered_several_times_has_several_samples(tmp_path: Path) -> None:
    path = write(
        tmp_path / "log.jsonl",
        {"item_id": "a", "input": "one?", "output": "yes"},
        {"item_id": "b", "input": "one?", "output": "no"},
        {"item_id": "b", "input": "one?", "output": "no"},
        {"input": "one?", "output": "maybe", "usage": {"input_tokens": 7, "output_tokens": 1}},
        {"item_id": "c", "output": "once"},
        {"item_id": "c", "output": "once"},
    )
    model = ReplayModel(path)

    def samples(text: str, item_id: str) -> list[str | None]:
        return [one.output for one in model.complete(ask(text, item_id, n) for n in range(5))]

    assert samples("one?", "a") == ["yes", "no", "no", "maybe", None]
    assert samples("one?", "b") == ["no", "no", "yes", "maybe", None], "its own answers first, each of them once"
    assert samples("one?", "unheard of") == ["yes", "no", "no", "maybe", None]
    assert samples("anything", "c") == ["once", None, None, None, None], "a line that was written twice is one answer"
    assert model.upper_bound(ask("one?", "a", 3)).input_tokens == 7
    (missing,) = model.complete([ask("one?", "a", 4)])
    assert missing.error_class == "not_recorded" and "sample 4: 4 recorded" in (missing.error_message or "")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r":2: is not JSON"),
        ({"output": "x"}, r":2: .*needs item_id or input"),
        ({"item_id": "2"}, r":2: output"),
        ({"item_id": "2", "output": "x", "speed": 3}, r":2: speed"),
        ({"item_id": "2", "output": "x", "usage": {"input_tokens": -1, "output_tokens": 0}}, r"usage\.input_tokens"),
        ({"item_id": "1", "output": "other"}, r":2: item_id: '1' has two answers"),
        ({"item_id": "1", "input": "another text", "output": "other"}, r":2: item_id: '1' has two answers"),
    ],
)
def test_a_line_that_is_no_answer_is_named(tmp_path: Path, line: object, message: str) -> None:
    path = write(tmp_path / "answers.jsonl", {"item_id": "1", "input": "a text", "output": "yes"}, line)
    with pytest.raises(DataError, match=message):
        ReplayModel(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.jsonl"):
        ReplayModel(tmp_path / "nowhere.jsonl")


def test_build_teacher_opens_the_right_door(tmp_path: Path) -> None:
    path = write(tmp_path / "answers.jsonl", {"item_id": "1", "output": "yes"})
    replay = build_teacher(
        ReplayTeacher(model="replay", answers=AnswersFile(jsonl=str(path)), priced_as="openai/gpt-x"), labels=["yes"]
    )
    assert isinstance(replay, ReplayModel) and replay.info.price_id == "openai/gpt-x"
    api = OpenAITeacher(model="openai/gpt-x", api_key_env="MY_KEY")
    with pytest.raises(ModelError, match="MY_KEY is not set") as caught:
        build_teacher(api, labels=["yes"], environ={})
    assert "export MY_KEY" in (caught.value.hint or "")
    teacher = build_teacher(api, labels=["yes"], environ={"MY_KEY": "sk-123456789"})
    assert (teacher.info.name, teacher.info.price_id, teacher.info.place) == ("gpt-x", "openai/gpt-x", "api")
    assert not teacher.info.price_assumed
    local = OpenAITeacher(model="openai/tiny", base_url="http://127.0.0.1:9/v1", priced_as="openai/gpt-x")
    stand_in = build_teacher(local, labels=["yes"], environ={})
    assert stand_in.info.price_id == "openai/gpt-x" and stand_in.info.price_assumed


@pytest.mark.slow
def test_an_encoder_teacher_learns_from_its_gold_rows_alone(tmp_path: Path) -> None:
    save_encoder(tmp_path)
    spec = EncoderTeacher(model="encoder", init=str(tmp_path), priced_as="a/b")
    gold = [("great film", "good"), ("lovely film", "good"), ("awful film", "bad"), ("poor film", "bad")]
    teacher = build_teacher(spec, labels=["bad", "good"], gold=gold, seed=1)
    (completion,) = teacher.complete([ask("great film")])
    assert completion.output == "good" and teacher.info.price_assumed
    same = build_teacher(spec, labels=["bad", "good"], gold=gold, seed=1)
    assert same.info.fingerprint == teacher.info.fingerprint
    other = build_teacher(spec, labels=["bad", "good"], gold=[*gold, ("fine film", "good")], seed=1)
    assert other.info.fingerprint != teacher.info.fingerprint
    with pytest.raises(InputError, match="0 gold rows"):
        build_teacher(spec, labels=["bad", "good"])


def test_a_completion_of_a_classifier_is_a_whole_record() -> None:
    (completion,) = as_model(Counting(), "m", "f").complete([ask("ab")])
    assert Completion.model_validate_json(completion.model_dump_json()) == completion
    assert completion.latency_s is None and completion.attempts == 1
