"""Curation: what becomes an example, and why the rest does not."""

from __future__ import annotations

from gatekeeper.records import Completion, Item
from gatekeeper.stages.curate import curate


def _item(name: str, text: str | None = None) -> Item:
    return Item(id=name, eval="e", split="pool", cluster=name, text=text or f"text of {name}", messages=())


def _answer(name: str, output: str | None, **changes: object) -> Completion:
    fields: dict[str, object] = {"request_key": name, "item_id": name, "model": "m", "output": output}
    return Completion.model_validate(fields | changes)


def test_answers_become_examples_or_are_left_out_with_a_reason() -> None:
    items = [_item(name) for name in ("good", "spaces", "other", "cut", "failed", "silent")]
    items.append(_item("twin", "TEXT  of good"))
    answers = {
        "good": _answer("good", "billing", distribution={"billing": 0.9, "returns": 0.1}),
        "spaces": _answer("spaces", "  Returns\n"),
        "other": _answer("other", "I cannot say"),
        "cut": _answer("cut", "billing", finish_reason="length"),
        "failed": _answer("failed", None, error_class="timeout"),
        "twin": _answer("twin", "billing"),
    }
    sources = dict.fromkeys((item.id for item in items), "random")
    result = curate(items, answers, ["billing", "returns"], sources=sources, round_number=3)  # type: ignore[arg-type]
    assert [(one.item_id, one.label, one.round) for one in result.examples] == [
        ("good", "billing", 3),
        ("spaces", "returns", 3),
    ]
    assert result.examples[0].distribution == {"billing": 0.9, "returns": 0.1}
    assert result.dropped == {
        "other": "not a label",
        "cut": "cut off",
        "failed": "failed: timeout",
        "silent": "no answer",
        "twin": "duplicate text",
    }
