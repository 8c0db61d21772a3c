"""Every kind of teacher by the command line, as a person uses it: a verdict, a true ledger, and `verify` agrees."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import anthropic_server
import openai_server
import pytest
from local_api import LocalApi, as_json, serving
from tiny_models import WORDS as WORDS_KNOWN
from tiny_models import save_chat, save_encoder
from tiny_suite import (
    PRICE,
    WORDS,
    call,
    gatekeeper,
    http_server,
    http_teacher,
    merged,
    rows_of,
    teacher_says,
    write_jsonl,
    write_suite,
)

ROWS = {"pool": 80, "dev": 30, "gate": 20}
IN, OUT = Decimal(5) / 1_000_000, Decimal(25) / 1_000_000
"""US dollars of a token of input and of output at the price of `PRICE`."""
KEYS = {"TEST_OPENAI_KEY": openai_server.KEY, "TEST_ANTHROPIC_KEY": anthropic_server.KEY}
VERDICTS = {0: "promote", 10: "reject", 11: "inconclusive"}


@dataclass(frozen=True)
class Kind:
    """A kind of teacher.

    Attributes:
        teacher: its part of the suite, from the folder of the suite and the URL of its server.
        server: makes the server; None where it asks nobody.
        local: it reads texts of the few words that tiny models know.
    """

    teacher: Callable[[Path, str], Mapping[str, Any]]
    server: Callable[[], LocalApi] | None = None
    local: bool = False


def an_openai() -> LocalApi:
    """OpenAI without a prompt cache, so that each answer costs the same."""
    server = openai_server.OpenAIServer(teacher_says)
    server.usage["cached"] = 0
    return server


def an_anthropic() -> LocalApi:
    """Anthropic, which takes a turn as text or, as litellm sends it, as blocks of text."""

    def says(content: Any) -> str:
        return teacher_says(content if isinstance(content, str) else "".join(block["text"] for block in content))

    return anthropic_server.AnthropicServer(says)


def at(model: str, variable: str, path: str, **more: Any) -> Callable[[Path, str], Mapping[str, Any]]:
    """A teacher behind a server, which bills 11 tokens in and 3 out."""
    return lambda folder, url: {"model": model, "base_url": url + path, "api_key_env": variable, **more}


def chat(folder: Path, url: str) -> Mapping[str, Any]:
    dice = random.Random(0)
    lessons = [sentiment(dice, str(number)) for number in range(200)]
    save_chat(folder / "chat", lessons=[(row["text"], row["label"]) for row in lessons], steps=150)
    return {"model": "chat", "init": "./chat", "params": {"max_tokens": 2}}


def encoder(folder: Path, url: str) -> Mapping[str, Any]:
    save_encoder(folder / "encoder")
    return {"model": "encoder", "init": "./encoder"}


GOOD, BAD = ("great", "fine", "lovely", "good"), ("awful", "poor", "broken", "bad")
FILLERS = ("the", "film", "was", "it", "and", "very", "a", *WORDS_KNOWN[-10:])


def sentiment(dice: random.Random, name: str) -> dict[str, str]:
    """A text of the words that tiny models know, with its label."""
    good = dice.random() < 0.5
    words = [*dice.choices(GOOD if good else BAD, k=2), *dice.sample(FILLERS, 8)]
    dice.shuffle(words)
    return {"id": name, "text": " ".join(words), "label": "yes" if good else "no"}


def local_suite(folder: Path, changes: Mapping[str, Any]) -> Path:
    """Write a suite with such texts, and gold rows for the head of an encoder."""
    rows = {"teacher": 80, **ROWS}
    data = {
        "id": "id",
        "input": "text",
        "target": "label",
        "splits": {split: {"jsonl": f"{split}.jsonl"} for split in rows},
    }
    evals = [{"version": 1, "eval": "tiny", "data": data, "task": {"labels": ["yes", "no"]}}]
    suite = write_suite(folder, {"evals": evals, "prompt": {"user": "{{ input }}"}, **changes}, rows=ROWS)
    for split, count in rows.items():
        dice = random.Random(split)
        write_jsonl(folder / f"{split}.jsonl", [sentiment(dice, f"{split}-{number}") for number in range(count)])
    return suite


def scripted(folder: Path, url: str) -> Mapping[str, Any]:
    rules = [{"matches": rf"\b({'|'.join(words)})\b", "answer": label} for label, words in WORDS.items()]
    return {"model": "scripted", "rules": rules, "otherwise": "account"}


KINDS = {
    "openai": Kind(at("openai/gpt-test", "TEST_OPENAI_KEY", "/v1"), an_openai),
    "openai responses": Kind(at("openai/gpt-test", "TEST_OPENAI_KEY", "/v1", api="responses"), an_openai),
    "anthropic": Kind(at("anthropic/claude-test", "TEST_ANTHROPIC_KEY", ""), an_anthropic),
    "litellm": Kind(at("litellm/openai/gpt-test", "TEST_OPENAI_KEY", "/v1"), an_openai),
    "litellm to anthropic": Kind(at("litellm/anthropic/claude-test", "TEST_ANTHROPIC_KEY", ""), an_anthropic),
    "scripted": Kind(scripted),
    "replay": Kind(lambda folder, url: {"model": "replay", "answers": {"jsonl": "answers.jsonl"}}),
    "chat": Kind(chat, local=True),
    "encoder": Kind(encoder, local=True),
}
QUICK = {"scripted"}
PASSING = {5: as_json({"error": {"message": "busy", "type": "overloaded_error"}}, 529)}
PASSING |= {11: as_json({"error": {"message": "slow down"}}, 429, retry_after="0")}
"""What goes wrong at the n-th request; it is tried again."""
MONEY = """SELECT count(*), count(*) FILTER (state = 'settled'), sum(settled) FROM spend
           WHERE purpose IN ('generate', 'evaluate')"""
ANSWERS = """SELECT count(*), count(DISTINCT request_key), sum(input_tokens), sum(output_tokens) FROM completions
             WHERE error_class IS NULL"""


@contextmanager
def served(kind: Kind) -> Iterator[LocalApi | None]:
    """Serve the kind's provider, which fails now and then."""
    if kind.server is None:
        yield None
        return
    with serving(kind.server()) as api:
        api.fault = lambda asked: PASSING.get(asked.nth)
        yield api


def write(kind: Kind, folder: Path, url: str) -> Path:
    """Write the suite of a kind."""
    folder.mkdir(parents=True)
    teacher = {"answers": None, **kind.teacher(folder, url), "priced_as": PRICE}
    changes = {"teacher": teacher, "loop": {"rounds": 1, "examples_per_round": 60}}
    return local_suite(folder, changes) if kind.local else write_suite(folder, changes, rows=ROWS)


def check_ledger(store: Path, asked: int | None) -> None:
    """The ledger has one settled payment for each answer, at its price, and the server has answered as many."""
    ((answers, distinct, given, made),) = rows_of(store, ANSWERS)
    ((payments, settled, usd),) = rows_of(store, MONEY)
    assert answers == distinct == payments == settled > ROWS["dev"] + ROWS["gate"] - 1
    assert usd == given * IN + made * OUT
    if asked is not None:
        assert answers == asked - len(PASSING)
        assert usd == answers * (11 * IN + 3 * OUT)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in KINDS]
)
def test_a_loop_with_this_teacher_ends_with_a_verdict(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, key in KEYS.items():
        monkeypatch.setenv(variable, key)
    kind, store = KINDS[name], tmp_path / "g.duckdb"
    with served(kind) as api:
        suite = write(kind, tmp_path / "suite", "" if api is None else api.url)
        done = gatekeeper("loop", suite, "--store", store, "--json")
        assert done.code in VERDICTS, done.said
        assert json.loads(done.out)["verdict"]["decision"] == VERDICTS[done.code]
        asked = None if api is None else len(api.asked)
        check_ledger(store, asked)
        again = call("loop", suite, "--store", store, "--json")
        assert again.code == done.code, again.said
        assert api is None or len(api.asked) == asked, "nothing is paid twice"
    verified = call("verify", "--store", store)
    assert verified.code == 0, verified.said
    assert not [key for key in KEYS.values() if key in done.said + store.read_bytes().decode("latin-1")]


@pytest.mark.slow
def test_a_loop_with_a_compatible_endpoint_without_a_key(tmp_path: Path) -> None:
    with http_server() as endpoint:
        changes = merged(http_teacher(endpoint.url), {"loop": {"rounds": 1, "examples_per_round": 60}})
        suite, store = write_suite(tmp_path / "suite", changes, rows=ROWS), tmp_path / "g.duckdb"
        done = gatekeeper("loop", suite, "--store", store, "--json")
        assert done.code in VERDICTS, done.said
        assert set(endpoint.counts.values()) == {1}
        ((answers, *_),) = rows_of(store, ANSWERS)
        assert answers == len(endpoint.log)
        assert rows_of(store, MONEY) == [(answers, answers, answers * (40 * IN + 2 * OUT))]
    assert call("verify", "--store", store).code == 0
