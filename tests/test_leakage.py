"""Copies of gate rows among other rows: planted ones are found, and what is merely alike by nature is left alone."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from benchmarks.planted import LIGHT, SAME_WORDS, plant
from gatekeeper.errors import InputError
from gatekeeper.gate.leakage import leakage_rule, leaked_rows
from gatekeeper.suite import near, word_table
from gatekeeper.suite.near import Copy, find_copies
from gatekeeper.suite.word_table import WordTable
from gatekeeper.suite.words import is_one_slip_apart, words_of

MESSAGES = Path(__file__).parent.parent / "evals" / "support_routing" / "messages.jsonl"
PLANTED = 200


@cache
def _routing() -> tuple[list[str], list[str]]:
    """200 customer messages as the gate, and all others."""
    texts = [json.loads(line)["text"] for line in MESSAGES.read_text(encoding="utf-8").splitlines()]
    random.Random(1).shuffle(texts)
    return texts[:PLANTED], texts[PLANTED:]


@cache
def _found() -> tuple[dict[str, list[str]], dict[str, list[Copy | None]], list[Copy]]:
    """Copies of every kind among the other messages, all at once: the texts, what was found of each, and the rest."""
    gate, others = _routing()
    planted = plant(gate, seed=1)
    texts, places = list(others), {}
    for kind, copies in planted.items():
        places[kind] = range(len(texts), len(texts) + len(copies))
        texts += copies
    found = {copy.index: copy for copy in find_copies(gate, texts)}
    by_kind = {kind: [found.get(place) for place in places[kind]] for kind in planted}
    return planted, by_kind, [copy for index, copy in found.items() if index < len(others)]


@pytest.mark.parametrize("kind", SAME_WORDS)
def test_every_planted_copy_with_the_same_words_is_found(kind: str) -> None:
    gate, _ = _routing()
    planted, found, _ = _found()
    assert (planted[kind] == gate) == (kind == "verbatim")
    assert all(copy is not None and (copy.how, copy.similarity) == ("exact", 1.0) for copy in found[kind])
    assert [copy and copy.gate_index for copy in found[kind]] == list(range(PLANTED))


@pytest.mark.parametrize("kind", LIGHT)
def test_nearly_every_light_change_is_found(kind: str) -> None:
    gate, _ = _routing()
    planted, found, _ = _found()
    assert sum(words_of(a) != words_of(b) for a, b in zip(planted[kind], gate, strict=True)) >= 0.95 * PLANTED
    hits = [(place, copy) for place, copy in enumerate(found[kind]) if copy is not None]
    assert len(hits) >= 0.95 * PLANTED
    assert all(copy.gate_index == place for place, copy in hits)
    assert all(near.LEAST_SIMILARITY <= copy.similarity <= 1 for _, copy in hits)


def test_messages_that_nobody_planted_are_no_copies() -> None:
    assert _found()[2] == []


def test_the_order_of_the_other_rows_and_the_size_of_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, others = _routing()
    texts = others + [text for copies in plant(gate, seed=2).values() for text in copies]
    before = find_copies(gate, texts)
    assert len(before) > 1500
    monkeypatch.setattr(word_table, "_BLOCK_CELLS", 7 * len(gate))
    monkeypatch.setattr(word_table, "_BLOCK_PAIRS", 11)
    assert find_copies(gate, texts) == before
    order = np.random.default_rng(3).permutation(len(texts))
    shuffled = find_copies(gate, [texts[index] for index in order])
    assert {(int(order[copy.index]), copy.gate_index) for copy in shuffled} == {
        (copy.index, copy.gate_index) for copy in before
    }


def _template(number: int) -> str:
    return f"Dear customer, order {number} of item {number % 70} ships on day {number % 30} to depot {number % 9}."


def test_rows_of_one_template_are_alike_by_nature() -> None:
    gate, others = [_template(n) for n in range(200)], [_template(n) for n in range(1000, 2000)]
    assert find_copies(gate, others) == []
    assert [copy.how for copy in find_copies(gate, [*others, _template(7).upper()])] == ["exact"]


def test_a_pair_of_gate_rows_that_are_alike_hides_nothing() -> None:
    gate, others = _routing()
    changed = plant(gate, seed=4)["order swapped"]
    long = [place for place, text in enumerate(gate) if len(text.split()) > 20]
    texts = [*others, *changed]

    def found(gate: list[str]) -> int:
        return sum(copy.index >= len(others) for copy in find_copies(gate, texts))

    alone = found(gate)
    assert alone > 0.95 * PLANTED
    assert found([*gate, f"{gate[long[0]]} Thanks."]) >= alone - 1  # which of the two a copy is of does not matter
    # Many such pairs are the nature of the data: then only what is nearer still is a copy.
    assert found([*gate, *(f"{gate[place]} Thanks." for place in long[:40])]) < alone / 2


def test_what_is_not_shared_counts_against_a_copy() -> None:
    # Forty gate rows share a passage of 12 words with another one; a shorter text in another order is nearer than that.
    dice = random.Random(6)
    words = [
        f"{a}{b}{c}" for a in "bdfghklmnprst" for b in "aeiou" for c in ("lossi", "rulla", "make", "genum", "tarv")
    ]
    passages = [dice.sample(words, 12) for _ in range(20)]
    pairs = [" ".join(passage + dice.sample(words, 5)) for passage in passages for _ in range(2)]
    gate = pairs + [" ".join(dice.sample(words, 9)) for _ in range(60)]
    others = [" ".join(dice.sample(words, 9)) for _ in range(200)]
    swapped = [" ".join(reversed(text.split())) for text in gate[40:]]
    longer = [" ".join(passage + dice.sample(words, 5)) for passage in passages]
    found = {copy.index for copy in find_copies(gate, [*others, *swapped, *longer])}
    assert set(range(200, 260)) <= found <= set(range(200, 280))
    assert len(found) < 70  # the passage in a further text is about as near as it is in the gate itself


def test_a_number_makes_another_question_and_a_slip_does_not() -> None:
    assert (
        find_copies([f"question number {n}" for n in range(50)], [f"question number {n}" for n in range(50, 99)]) == []
    )
    gate, others = _routing()
    text = "the courier left my cargo bicycle behind the neighbours garage"
    slipped = text.replace("courier", "couirer").replace("garage", "garge")
    found = find_copies([*gate, text], [*others, slipped])
    assert [(copy.index, copy.gate_index, copy.how, copy.similarity) for copy in found] == [
        (len(others), len(gate), "near", 1.0)
    ]


@pytest.mark.parametrize(
    ("gate", "texts"), [([], ["a text"]), (["a text"], []), (["..."], ["...", "!"]), (["👍"], ["👍"]), ([""], [""])]
)
def test_texts_without_words_are_copies_of_nothing(gate: list[str], texts: list[str]) -> None:
    assert find_copies(gate, texts) == []


def test_scripts_without_spaces() -> None:
    dice = random.Random(5)
    letters = "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里"
    gate = ["".join(dice.choices(letters, k=14)) for _ in range(200)] + ["我想取消我的订单请帮忙尽快处理谢谢"]
    found = find_copies(gate, ["你好,我想取消我的订单,请尽快帮忙处理。", "今天天气很好我们去公园散步吧"])
    assert [(copy.index, copy.gate_index, copy.how) for copy in found] == [(0, 200, "near")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's the <b>card&#39;s</b> PIN&nbsp;&amp;amp; code!", ("its", "the", "cards", "pin", "code")),
        ("\uff26\uff35\uff2c\uff2c \u2460\u2461", ("full", "12")),
        ("Cafe\u0301 / CAFÉ, co\u00adop\u200berate", ("cafe", "cafe", "cooperate")),
        ("Straße_1 e-mail", ("strasse", "1", "e", "mail")),
        ("a < b and c > d", ("a", "b", "and", "c", "d")),
        ("東京へ go", ("東", "京", "へ", "go")),
    ],
)
def test_words(text: str, words: tuple[str, ...]) -> None:
    assert words_of(text) == words


LETTERS = st.sampled_from("abcdeßé")
WORD = st.text(LETTERS, min_size=4, max_size=9)


@given(WORD, st.integers(0, 8), st.sampled_from(["lost", "added", "changed", "swapped"]), LETTERS)
def test_one_slip_is_forgiven(word: str, at: int, how: str, letter: str) -> None:
    at = at % (len(word) - 1)
    slipped = {
        "lost": word[:at] + word[at + 1 :],
        "added": word[:at] + letter + word[at:],
        "changed": word[:at] + letter + word[at + 1 :],
        "swapped": word[:at] + word[at + 1] + word[at] + word[at + 2 :],
    }[how]
    assume(len(slipped) >= 4)
    assert is_one_slip_apart(word, slipped) and is_one_slip_apart(slipped, word)
    assert not is_one_slip_apart(f"x{word}x", f"y{slipped}y")
    assert not is_one_slip_apart(f"{word}1", f"{slipped}2")


@pytest.mark.parametrize(("one", "other"), [("no", "not"), ("pin", "pen"), ("abcd", "badc"), ("form", "froms")])
def test_more_than_a_slip(one: str, other: str) -> None:
    assert not is_one_slip_apart(one, other)


TEXT = st.lists(st.sampled_from([f"w{n}" for n in range(9)]), min_size=1, max_size=8)


@given(st.lists(TEXT, min_size=1, max_size=3), st.lists(TEXT, min_size=1, max_size=12))
def test_pairs_are_those_of_a_plain_count(gate: list[list[str]], texts: list[list[str]]) -> None:
    everything = [*gate, *texts]
    tokens = Counter(word for text in everything for word in text)
    with_word = Counter(word for text in everything for word in set(text))
    weight = {word: math.log(len(everything) / with_word[word]) for word in tokens}
    expected = {}
    for row, text in enumerate(texts, start=len(gate)):
        for column, other in enumerate(gate):
            shared = set(text) & set(other)
            both = sum(weight[word] for one in (text, other) for word in set(one))
            length = (len(text) + len(other)) / 2
            due = [length * tokens[word] / tokens.total() for word in shared]
            similarity = 2 * sum(weight[word] for word in shared) / both if both else 0.0
            if similarity > 0.5 + 1e-5:
                expected[row, column] = (similarity, sum(max(0.0, -math.log(one)) for one in due))
    pairs = WordTable(everything).pairs(range(len(gate), len(everything)), len(gate), from_similarity=0.5)
    found = {
        (int(row), int(column)): (similarity, evidence)
        for row, column, similarity, evidence in zip(
            pairs.first, pairs.second, pairs.similarity, pairs.evidence, strict=True
        )
        if similarity > 0.5 + 1e-5
    }
    assert found.keys() == expected.keys()
    for pair, values in expected.items():
        assert found[pair] == pytest.approx(values, abs=1e-5)


@given(st.integers(0, 400), st.integers(0, 400), st.floats(0, 1))
def test_the_rule_withholds_a_verdict_above_the_share_and_never_fails(dropped: int, kept: int, most: float) -> None:
    rule = leakage_rule(dropped, dropped + kept, most)
    share = dropped / (dropped + kept) if dropped + kept else None
    assert rule.outcome == ("pass" if share is not None and share <= most else "inconclusive")
    assert (rule.value, rule.bound, rule.requirement) == (share, share, most)
    assert (rule.settle is None) == (rule.outcome == "pass")
    assert share is None or (rule.margin is not None and (rule.margin >= 0) == (share <= most))


def test_the_rule_says_what_it_found() -> None:
    assert leaked_rows({"pool_in_gate": 3, "near_pool_in_gate": 4, "near_dev_in_gate": 9, "within_pool": 5}, 93) == (
        7,
        100,
    )
    rule = leakage_rule(7, 100, 0.05)
    assert (rule.rule, rule.outcome, rule.better) == ("gates.leakage.max_share", "inconclusive", "lower")
    assert rule.sentence == (
        "7 of 100 pool rows (7.00%) were copies of gate rows and were left out; at most 5.00% may be."
    )
    assert leakage_rule(5, 100, 0.05).outcome == "pass"
    assert leakage_rule(0, 100, 0.0).sentence == "None of 100 pool rows is a copy of a gate row."


@pytest.mark.parametrize(
    "call", [lambda: leakage_rule(-1, 5, 0.1), lambda: leakage_rule(6, 5, 0.1), lambda: leakage_rule(1, 5, 1.5)]
)
def test_counts_that_cannot_be(call: Callable[[], object]) -> None:
    with pytest.raises(InputError, match="pool rows"):
        call()
