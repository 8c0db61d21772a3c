"""Rows, splits, duplicates and digests, over every kind of source, and what bad data says."""

from __future__ import annotations

import csv
import json
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pyarrow.parquet
import pytest

from gatekeeper.errors import DataError, InputError, SuiteError
from gatekeeper.hashing import hash_fraction
from gatekeeper.records import Item
from gatekeeper.suite import Suite, load_suite
from gatekeeper.suite.data import PRECEDENCE, ItemSet, assign_split, load_items
from gatekeeper.suite.spec import SplitsSpec

LABELS = ["card", "loan", "fee"]
Row = dict[str, Any]


def _rows(count: int, start: int = 0) -> list[Row]:
    return [
        {"id": f"r{n}", "text": f"question number {n}", "label": LABELS[n % 3], "thread": f"t{n // 2}", "lang": "en"}
        for n in range(start, start + count)
    ]


def _write_jsonl(path: Path, rows: Sequence[Row]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _suite(
    folder: Path, data: dict[str, Any], labels: Sequence[str] = LABELS, others: Sequence[dict[str, Any]] = ()
) -> Suite:
    spec = {
        "version": 1,
        "suite": "s",
        "evals": [{"version": 1, "eval": "e", "data": data, "task": {"labels": list(labels)}}, *others],
        "teacher": {"model": "openai/x"},
        "students": [{"name": "a", "recipe": "linear"}],
        "traffic": {"requests_per_month": 1},
    }
    file = folder / "suite.yaml"
    file.write_text(json.dumps(spec), encoding="utf-8")  # JSON is YAML
    return load_suite(file)


def _load(folder: Path, rows: Sequence[Row], **data: Any) -> ItemSet:
    _write_jsonl(folder / "rows.jsonl", rows)
    columns = {"source": {"jsonl": "rows.jsonl"}, "id": "id", "input": "text", "target": "label"}
    return load_items(_suite(folder, {name: value for name, value in (columns | data).items() if value is not None}))


def _homes(items: ItemSet) -> dict[str, str]:
    return {item.id: item.split for item in items.items}


def test_rows_become_items(tmp_path: Path) -> None:
    items = _load(tmp_path, _rows(200), slices=["lang"], cluster="thread")
    assert items.rows_read == 200
    assert sum(items.counts.values()) == len(items.items) == 200
    assert list(items.counts) == list(PRECEDENCE)
    assert items.counts["teacher"] == 0
    assert items.duplicates == {}
    item = next(item for item in items.items if item.id == "r7")
    assert (item.eval, item.text, item.target, item.cluster) == ("e", "question number 7", "loan", "t3")
    assert item.slices == {"lang": "en"}
    assert [(message.role, message.content) for message in item.messages] == [("user", "question number 7")]
    assert items.split("gate") == tuple(item for item in items.items if item.split == "gate")


def test_shares_are_met_within_chance(tmp_path: Path) -> None:
    items = _load(tmp_path, _rows(4000), splits={"seed": 3, "teacher": 0.1, "pool": 0.4, "dev": 0.2, "gate": 0.3})
    for name, share in {"teacher": 0.1, "pool": 0.4, "dev": 0.2, "gate": 0.3}.items():
        deviation = abs(items.counts[name] - 4000 * share) / (4000 * share * (1 - share)) ** 0.5
        assert deviation < 4


def test_adding_rows_moves_no_item(tmp_path: Path) -> None:
    before = _homes(_load(tmp_path, _rows(300)))
    after = _homes(_load(tmp_path, _rows(900)))
    assert {name: after[name] for name in before} == before
    removed = _homes(_load(tmp_path, _rows(300)[50:]))
    assert all(before[name] == split for name, split in removed.items())


def test_another_seed_moves_items(tmp_path: Path) -> None:
    one = _homes(_load(tmp_path, _rows(300), splits={"seed": 1}))
    two = _homes(_load(tmp_path, _rows(300), splits={"seed": 2}))
    assert sum(one[name] != two[name] for name in one) > 100


def test_changing_teacher_and_pool_leaves_dev_and_gate(tmp_path: Path) -> None:
    one = _homes(_load(tmp_path, _rows(400), splits={"teacher": 0.0, "pool": 0.5}))
    two = _homes(_load(tmp_path, _rows(400), splits={"teacher": 0.3, "pool": 0.2}))
    assert {n for n, s in one.items() if s == "gate"} == {n for n, s in two.items() if s == "gate"}
    assert {n for n, s in one.items() if s == "dev"} == {n for n, s in two.items() if s == "dev"}
    assert "teacher" in two.values()


def test_items_of_a_cluster_share_a_split(tmp_path: Path) -> None:
    items = _load(tmp_path, _rows(400), cluster="thread")
    splits = defaultdict(set)
    for item in items.items:
        splits[item.cluster].add(item.split)
    assert len(splits) == 200
    assert all(len(found) == 1 for found in splits.values())
    alone = _load(tmp_path, _rows(400))
    assert all(item.cluster == item.id for item in alone.items)


def test_the_split_of_a_fraction_just_below_one_exists() -> None:
    splits = SplitsSpec(teacher=0.1, pool=0.6, dev=0.1, gate=0.2)
    names = {assign_split(splits, f"c{n}") for n in range(200)}
    assert names == set(PRECEDENCE)
    assert assign_split(splits, "c1") == assign_split(splits, "c1")
    gate = [n for n in range(200) if hash_fraction(splits.seed, f"c{n}") < 0.2]
    assert [n for n in range(200) if assign_split(splits, f"c{n}") == "gate"] == gate


def test_digests_do_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    rows = _rows(200)
    rows += [row | {"id": f"x{row['id']}", "text": row["text"].upper(), "label": "fee"} for row in rows[:60]]
    shuffled = random.Random(3).sample(rows, len(rows))
    one, two = _load(tmp_path, rows), _load(tmp_path, shuffled)
    assert one.items == two.items
    assert (one.digest, one.digests, one.duplicates) == (two.digest, two.digests, two.duplicates)
    hashed = [_load(tmp_path, order, id=None) for order in (rows, shuffled)]
    assert hashed[0].items == hashed[1].items
    assert hashed[0].gate_digest == hashed[1].gate_digest


@pytest.mark.parametrize("change", [{"label": "fee"}, {"text": "another"}, {"thread": "t999"}])
def test_the_gate_digest_moves_with_a_gate_row_only(tmp_path: Path, change: Row) -> None:
    # Splits have files of their own here, so that a changed row stays in its split.
    def load(gate: list[Row], pool: list[Row]) -> ItemSet:
        _write_jsonl(tmp_path / "gate.jsonl", gate)
        splits = {"pool": 0.5, "dev": 0.5, "gate": {"jsonl": "gate.jsonl"}}
        return _load(tmp_path, pool, splits=splits, cluster="thread")

    gate, pool = _rows(30, start=1000), _rows(60)
    base = load(gate, pool)
    other_pool = load(gate, [pool[0] | {"label": "fee", "text": "new"}, *pool[1:]])
    other_gate = load([gate[0] | change, *gate[1:]], pool)
    assert base.counts["gate"] == other_gate.counts["gate"] == 30
    assert base.gate_digest == other_pool.gate_digest != other_gate.gate_digest
    assert len({base.digest, other_pool.digest, other_gate.digest}) == 3


def _one_split(name: str, rows: Sequence[Row], folder: Path) -> dict[str, Any]:
    _write_jsonl(folder / f"{name}.jsonl", rows)
    return {"jsonl": f"{name}.jsonl"}


def _named(prefix: str, texts: dict[str, str]) -> list[Row]:
    return [{"id": f"{prefix}{n}", "text": text, "label": label} for n, (text, label) in enumerate(texts.items())]


def test_duplicates_are_dropped_by_precedence_and_counted(tmp_path: Path) -> None:
    gate = _named("g", {"Lost card": "card", "LOST  card ": "card", "a fee": "fee", "A FEE": "card"})
    dev = _named("d", {"lost card": "card", "a loan": "loan", "what fee": "fee"})
    teacher = _named("t", {"what FEE": "fee", "gold": "card", "a Loan": "card"})
    pool = _named("p", {"lost CARD": "loan", "a  loan": "loan", "GOLD": "card", "fresh": "card"})
    given = {"gate": gate, "dev": dev, "teacher": teacher, "pool": pool}
    splits = {name: _one_split(name, rows, tmp_path) for name, rows in given.items()}
    data = {"id": "id", "input": "text", "target": "label", "splits": splits}
    items = load_items(_suite(tmp_path, data))
    kept = {name: [item.id for item in items.split(name)] for name in PRECEDENCE}
    assert kept == {"gate": ["g0", "g2"], "dev": ["d1", "d2"], "teacher": ["t1"], "pool": ["p3"]}
    assert items.duplicates == {
        "within_gate": 2,
        "dev_in_gate": 1,
        "teacher_in_dev": 2,
        "pool_in_gate": 1,
        "pool_in_dev": 1,
        "pool_in_teacher": 1,
        "conflicting_labels": 3,  # A FEE: card, a Loan: card, lost CARD: loan
    }
    assert items.rows_read == len(items.items) + sum(items.duplicates.values()) - 3


def _sentences(count: int, seed: int) -> list[str]:
    dice = random.Random(seed)
    syllables = [f"{a}{b}" for a in "bdfgklmnprst" for b in ("a", "e", "i", "o", "u")]
    return [" ".join("".join(dice.choices(syllables, k=3)) for _ in range(9)) for _ in range(count)]


def test_copies_of_gate_rows_are_dropped_from_every_other_split_and_counted(tmp_path: Path) -> None:
    gate = _sentences(80, seed=1)
    copies = {
        "pool": [f"Please help: {gate[0]}", gate[1].replace(" ", "&nbsp;"), " ".join(reversed(gate[2].split()))],
        "dev": [gate[0][:1] + gate[0][2:]],
        "teacher": [f"{gate[3].title()}!!"],
    }
    texts = {name: _sentences(40, seed=place) for place, name in enumerate(copies, start=2)}

    def load(more: dict[str, list[str]], order: int = 0) -> ItemSet:
        splits = {}
        for name, own in {"gate": gate, **texts}.items():
            rows = [{"id": f"{name}{n:03}", "text": t} for n, t in enumerate([*own, *more.get(name, [])])]
            labelled = [row | {"label": LABELS[n % 3]} for n, row in enumerate(rows)]
            splits[name] = _one_split(name, random.Random(order).sample(labelled, len(labelled)), tmp_path)
        return load_items(_suite(tmp_path, {"id": "id", "input": "text", "target": "label", "splits": splits}))

    clean, items = load({}), load(copies)
    assert clean.duplicates == {} and clean.near == ()
    assert items.duplicates == {"near_pool_in_gate": 3, "near_dev_in_gate": 1, "near_teacher_in_gate": 1}
    assert (items.items, items.digest, items.digests) == (clean.items, clean.digest, clean.digests)
    assert items.rows_read == len(items.items) + 5
    assert load(copies, order=1) == items
    assert {(one.item_id, one.gate_id, one.split, one.how) for one in items.near} == {
        ("pool040", "gate000", "pool", "near"),
        ("pool041", "gate001", "pool", "exact"),
        ("pool042", "gate002", "pool", "near"),
        ("dev040", "gate000", "dev", "near"),
        ("teacher040", "gate003", "teacher", "exact"),
    }
    assert [one.similarity for one in items.near] == sorted((one.similarity for one in items.near), reverse=True)
    assert not [text for text in gate if text.split()[0] in "".join(one.model_dump_json() for one in items.near)]


def test_copies_of_the_rows_of_other_evals_are_dropped_too(tmp_path: Path) -> None:
    gate, rest, foreign = _sentences(80, seed=1), _sentences(60, seed=2), _sentences(60, seed=3)
    # Rows of an ood eval may be reworded gate rows; that says nothing of how near the pool is to the gate by nature.
    ood = [*foreign, *(f"Could you say whether {text}" for text in gate[:40])]
    pool = [*rest, f"Please help: {gate[0]}", f"Please help: {foreign[1]}", foreign[2].upper(), f"{foreign[3]}!"]
    texts = {"gate": gate, "pool": pool, "dev": _sentences(9, seed=4), "ood": ood}
    files = {
        name: _one_split(name, [{"id": f"{name}{n:03}", "text": text} for n, text in enumerate(own)], tmp_path)
        for name, own in texts.items()
    }
    far = {"id": "id", "input": "text", "source": files.pop("ood")}
    other = {"version": 1, "eval": "far", "role": "ood", "data": far, "task": {"labels": LABELS}}
    items = load_items(_suite(tmp_path, {"id": "id", "input": "text", "splits": files}, others=[other]))
    assert items.duplicates == {"pool_in_gate": 1, "near_pool_in_gate": 3}
    assert [(one.item_id, one.gate_id) for one in items.near if one.how == "exact"] == [("pool063", "far/ood003")]
    assert {(one.item_id, one.gate_id) for one in items.near} >= {("pool060", "gate000"), ("pool061", "far/ood001")}


def test_only_the_most_similar_copies_are_kept_as_examples(tmp_path: Path) -> None:
    gate, rest = _sentences(60, seed=1), _sentences(60, seed=2)
    pool = [*rest, *(f"Please help: {text}" for text in gate[:40]), f"{gate[50]}."]
    splits = {
        name: _one_split(name, [{"id": f"{name}{n}", "text": text} for n, text in enumerate(texts)], tmp_path)
        for name, texts in {"gate": gate, "pool": pool, "dev": _sentences(9, seed=3)}.items()
    }
    items = load_items(_suite(tmp_path, {"id": "id", "input": "text", "splits": splits}))
    assert items.duplicates == {"near_pool_in_gate": 41}
    assert len(items.near) == 20
    assert (items.near[0].item_id, items.near[0].how, items.near[0].similarity) == ("pool100", "exact", 1.0)


def test_a_split_that_is_all_copies_says_so(tmp_path: Path) -> None:
    gate = [{"id": f"g{n}", "text": text, "label": LABELS[n % 3]} for n, text in enumerate(_sentences(30, seed=1))]
    dev = [row | {"id": f"d{n}", "text": f"{row['text']}!"} for n, row in enumerate(gate[:4])]
    splits = {
        name: _one_split(name, rows, tmp_path) for name, rows in {"gate": gate, "dev": dev, "pool": _rows(9)}.items()
    }
    with pytest.raises(DataError) as raised:
        load_items(_suite(tmp_path, {"id": "id", "input": "text", "target": "label", "splits": splits}))
    assert "data.splits.dev: the split dev has no rows" in str(raised.value)
    assert "4 rows were left out because gate rows repeat them: add rows" in str(raised.value)


def test_a_cluster_that_spans_files_stays_in_the_first_split(tmp_path: Path) -> None:
    gate = [row | {"thread": f"g{n}"} for n, row in enumerate(_rows(6, start=100))]
    pool = [row | {"thread": "g0" if n < 3 else "p"} for n, row in enumerate(_rows(10))]
    splits = {"gate": _one_split("gate", gate, tmp_path), "pool": _one_split("pool", pool, tmp_path)}
    splits["dev"] = _one_split("dev", _rows(4, start=50), tmp_path)
    data = {"id": "id", "input": "text", "target": "label", "cluster": "thread", "splits": splits}
    items = load_items(_suite(tmp_path, data))
    assert items.duplicates == {"cluster_pool_in_gate": 3}
    assert items.counts == {"gate": 6, "dev": 4, "teacher": 0, "pool": 7}


def test_a_source_that_no_split_reads_is_an_error(tmp_path: Path) -> None:
    splits = {name: _one_split(name, _rows(4), tmp_path) for name in ("pool", "dev", "gate")}
    splits |= {"teacher": _one_split("teacher", _rows(4), tmp_path)}
    with pytest.raises(SuiteError, match="would not be read"):
        _suite(tmp_path, {"source": {"jsonl": "pool.jsonl"}, "splits": splits})


def test_chat_rows(tmp_path: Path) -> None:
    def chat(n: int, *extra: Row) -> Row:
        turns = [{"role": "system", "content": "Answer."}, {"role": "user", "content": f"q {n}"}, *extra]
        return {"messages": turns, "label": LABELS[n % 3]}

    rows = [chat(n) for n in range(60)]
    rows[1] = chat(1, {"role": "assistant", "content": "card"})
    rows[2] = chat(2, {"role": "assistant", "content": "which?"}, {"role": "user", "content": "that"})
    items = _load(tmp_path, rows, id=None, input="messages")
    by_text = {item.text: item for item in items.items}
    assert [message.content for message in by_text["q 1"].messages] == ["Answer.", "q 1"]
    assert [message.role for message in by_text["q 2\nwhich?\nthat"].messages] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert all(item.id.startswith("b2:") for item in items.items)


def test_without_a_target_column_nobody_knows_the_answer(tmp_path: Path) -> None:
    items = _load(tmp_path, _rows(60), target=None)
    assert {item.target for item in items.items} == {None}


def test_pool_rows_may_lack_the_answer_and_others_may_not(tmp_path: Path) -> None:
    pool = [row | {"label": None} for row in _rows(10)]
    rest = {name: _one_split(name, _rows(6, start=n), tmp_path) for name, n in (("dev", 20), ("gate", 40))}
    data = {"id": "id", "input": "text", "target": "label"}
    items = load_items(_suite(tmp_path, data | {"splits": rest | {"pool": _one_split("pool", pool, tmp_path)}}))
    assert {item.target for item in items.split("pool")} == {None}
    swapped = {"pool": rest["dev"], "dev": rest["gate"], "gate": _one_split("pool", pool, tmp_path)}
    with pytest.raises(DataError, match="10 rows of the split gate have no right answer"):
        load_items(_suite(tmp_path, data | {"splits": swapped}))


def test_numbers_and_booleans_are_compared_as_text(tmp_path: Path) -> None:
    rows = [{"id": n, "text": f"q {n}", "label": n % 2, "lang": None if n % 3 else True} for n in range(60)]
    _write_jsonl(tmp_path / "rows.jsonl", rows)
    data = {"source": {"jsonl": "rows.jsonl"}, "id": "id", "input": "text", "target": "label", "slices": ["lang"]}
    items = load_items(_suite(tmp_path, data, labels=["0", "1"]))
    assert {item.target for item in items.items} == {"0", "1"}
    assert {item.slices["lang"] for item in items.items} == {"true", "(none)"}
    assert {"0", "59"} <= {item.id for item in items.items}


def _csv_source(folder: Path, rows: Sequence[Row]) -> dict[str, Any]:
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8-sig") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return {"csv": "rows.csv"}


def _parquet_source(folder: Path, rows: Sequence[Row]) -> dict[str, Any]:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), folder / "rows.parquet")
    return {"parquet": "rows.parquet"}


def _duckdb_source(folder: Path, rows: Sequence[Row]) -> dict[str, Any]:
    with duckdb.connect(str(folder / "rows.duckdb")) as connection:
        connection.execute("CREATE TABLE logs (id VARCHAR, text VARCHAR, label VARCHAR, thread VARCHAR, lang VARCHAR)")
        connection.executemany("INSERT INTO logs VALUES (?, ?, ?, ?, ?)", [list(row.values()) for row in rows])
    return {"duckdb": {"file": "rows.duckdb", "sql": "SELECT * FROM logs ORDER BY id"}}


def _hf_json_source(folder: Path, rows: Sequence[Row]) -> dict[str, Any]:
    pytest.importorskip("datasets")
    _write_jsonl(folder / "hf.jsonl", rows)
    return {"hf": {"path": "json", "data_files": ["hf.jsonl"]}}


def _hf_disk_source(folder: Path, rows: Sequence[Row]) -> dict[str, Any]:
    datasets = pytest.importorskip("datasets")
    made = datasets.DatasetDict({"test": datasets.Dataset.from_list(list(rows))})
    made.save_to_disk(str(folder / "disk"))
    return {"hf": {"path": "./disk", "split": "test"}}


@pytest.mark.parametrize("make", [_csv_source, _parquet_source, _duckdb_source, _hf_json_source, _hf_disk_source])
def test_every_source_gives_the_same_items(tmp_path: Path, make: Callable[[Path, Sequence[Row]], Row]) -> None:
    rows = _rows(40)
    rows[3]["text"] = 'with "quotes", commas,\nand a line break'
    expected = _load(tmp_path, rows, cluster="thread", slices=["lang"])
    got = _load(tmp_path, rows, source=make(tmp_path, rows), cluster="thread", slices=["lang"])
    assert got.items == expected.items
    assert got.digest == expected.digest


def test_parquet_and_duckdb_carry_chats(tmp_path: Path) -> None:
    rows = [{"input": [{"role": "user", "content": f"q {n}"}], "label": LABELS[n % 3]} for n in range(40)]
    expected = _load(tmp_path, rows, id=None, input="input")
    source = _parquet_source(tmp_path, rows)
    assert _load(tmp_path, rows, source=source, id=None, input="input").items == expected.items
    with duckdb.connect(str(tmp_path / "chat.duckdb")) as connection:
        connection.execute("CREATE TABLE logs AS SELECT * FROM read_parquet(?)", [str(tmp_path / "rows.parquet")])
    query = {"duckdb": {"file": "chat.duckdb", "sql": "SELECT * FROM logs"}}
    assert _load(tmp_path, rows, source=query, id=None, input="input").items == expected.items


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("CREATE TABLE x (a INT)", "read-only"),
        ("SELECT * FROM read_text('/etc/hostname')", "disabled"),
        ("COPY (SELECT 1) TO 'out.csv'", "disabled"),
        ("SET enable_external_access = true; SELECT 1", ""),
        ("SELECT * FROM nothing", "nothing does not exist"),
    ],
)
def test_a_query_reads_its_own_file_and_nothing_else(tmp_path: Path, sql: str, message: str) -> None:
    source = _duckdb_source(tmp_path, _rows(10))
    source["duckdb"]["sql"] = sql
    with pytest.raises(DataError, match="cannot be read") as caught:
        _load(tmp_path, _rows(10), source=source)
    assert message in str(caught.value)
    assert "rows.duckdb" in str(caught.value)
    assert not (tmp_path / "out.csv").exists()


def _raises(folder: Path, rows: Sequence[Row] | bytes, **data: Any) -> str:
    if isinstance(rows, bytes):
        (folder / "raw.jsonl").write_bytes(rows)
        data["source"] = {"jsonl": "raw.jsonl"}
        rows = []
    with pytest.raises(DataError) as caught:
        _load(folder, rows, **data)
    assert isinstance(caught.value, InputError)
    return str(caught.value)


GOOD = b"".join(json.dumps(row).encode() + b"\n" for row in _rows(40))
BAD_LINES: list[tuple[bytes, list[str]]] = [
    (b"{oops\n", ["raw.jsonl:41: (top level): is not valid JSON", '"{oops"']),
    (b"[1, 2]\n", ["raw.jsonl:41", "is not a JSON object"]),
    (b'{"id": "z", "text": "\xff", "label": "card"}\n', ["raw.jsonl:41", "not UTF-8 (byte 22 of the line)"]),
    (b'{"id": "z", "text": "a", "label": "cart"}\n', ["raw.jsonl:41: label: is not one of", '"cart"', "`card`"]),
    (b'{"id": "z", "text": "  ", "label": "card"}\n', ["raw.jsonl:41: text: the input is empty"]),
    (b'{"id": "z", "text": null, "label": "card"}\n', ["raw.jsonl:41: text: the input is empty"]),
    (b'{"id": "z", "text": [], "label": "card"}\n', ["raw.jsonl:41: text: the input is empty"]),
    (b'{"id": "z", "text": 5, "label": "card"}\n', ["raw.jsonl:41: text: should be a text or a list"]),
    (b'{"id": "z", "text": [{"role": "bot", "content": "a"}], "label": "card"}\n', [":41: text: a turn needs a role"]),
    (b'{"id": "z", "text": [{"role": "user", "content": 5}], "label": "card"}\n', [":41: text: the content of a turn"]),
    (b'{"id": "z", "text": "\\ud800", "label": "card"}\n', [":41: text: holds half of a surrogate pair"]),
    (b'{"id": "", "text": "a", "label": "card"}\n', ["raw.jsonl:41: id: the id is empty"]),
    (b'{"id": "r7", "text": "a", "label": "card"}\n', [":41: id: the id is given twice", "raw.jsonl:8", '"r7"']),
    (b'{"id": "z", "txt": "a", "label": "card"}\n', [":41: text: the column is missing", "did you mean `txt`"]),
]


@pytest.mark.parametrize(("line", "parts"), BAD_LINES)
def test_a_bad_line_is_named_with_its_place_and_value(tmp_path: Path, line: bytes, parts: list[str]) -> None:
    text = _raises(tmp_path, GOOD + line + GOOD.replace(b'"r', b'"s').replace(b"question", b"other"))
    assert text.startswith("1 problem in the data:")
    for part in parts:
        assert part in text


def test_blank_lines_and_a_byte_order_mark_are_no_problem(tmp_path: Path) -> None:
    (tmp_path / "raw.jsonl").write_bytes(b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n\n"))
    items = _load(tmp_path, _rows(40), source={"jsonl": "raw.jsonl"})
    assert items.items == _load(tmp_path, _rows(40)).items


def test_a_missing_column_is_told_once(tmp_path: Path) -> None:
    text = _raises(tmp_path, _rows(40), input="txt")
    assert text.startswith("1 problem in the data:")
    assert "did you mean `text`? columns here: id, text, label, thread, lang" in text


def test_the_list_of_problems_is_cut_and_says_so(tmp_path: Path) -> None:
    text = _raises(tmp_path, [row | {"label": "?"} for row in _rows(1234)])
    assert text.startswith("1234 problems in the data:")
    assert text.count("is not one of the labels") == 20
    assert text.endswith("and 1,214 more")


def test_an_empty_file_names_the_command_that_fills_it(tmp_path: Path) -> None:
    text = _raises(tmp_path, b"\n", get="make data")
    assert "raw.jsonl: (top level): holds no rows" in text
    assert "run `make data`" in text


def test_one_label_in_the_data_is_an_error(tmp_path: Path) -> None:
    assert "all rows have one label, 'card'" in _raises(tmp_path, [row | {"label": "card"} for row in _rows(40)])


def test_an_empty_split_is_an_error(tmp_path: Path) -> None:
    text = _raises(tmp_path, _rows(6), splits={"pool": 0.999998, "dev": 0.000001, "gate": 0.000001})
    assert "data.splits.gate: the split gate has no rows" in text
    assert "data.splits.dev: the split dev has no rows" in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,text,label\n1,a,card\n2,b\n", "rows.csv:3: (top level): has 2 fields, and the header has 3"),
        ("id,text,text\n1,a,card\n", "rows.csv:1: (top level): the header names text twice"),
        ('id,text,label\n1,"a,card\n', "is not valid CSV"),
        ("id,txt,label\n1,a,card\n", "rows.csv:2: text: the column is missing"),
        ("id,text,label\n", "holds no rows"),
        ("", "holds no rows"),
    ],
)
def test_a_bad_csv_file(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "rows.csv").write_text(content, encoding="utf-8")
    assert message in _raises(tmp_path, _rows(3), source={"csv": "rows.csv"})


@pytest.mark.parametrize(("kind", "name"), [("parquet", "x.parquet"), ("duckdb", "x.duckdb")])
def test_a_file_of_another_format(tmp_path: Path, kind: str, name: str) -> None:
    (tmp_path / name).write_bytes(GOOD)
    source = {kind: name} if kind == "parquet" else {kind: {"file": name, "sql": "SELECT 1"}}
    text = _raises(tmp_path, _rows(3), source=source)
    assert name in text
    assert "cannot be read" in text


def test_the_projects_own_routing_data(project_root: Path) -> None:
    items = load_items(load_suite(project_root / "suites" / "support_routing.yaml"))
    assert items.rows_read == 477
    assert sum(items.counts.values()) + sum(items.duplicates.values()) >= 477
    assert all(items.counts[name] > 20 for name in PRECEDENCE)
    assert all(
        isinstance(item, Item) and set(item.slices) == {"language", "channel", "difficulty"} for item in items.items
    )


@pytest.mark.slow
def test_the_public_chat_log(project_root: Path) -> None:
    if not (project_root / ".data" / "headlines.jsonl").is_file():
        with pytest.raises(SuiteError, match="run `make data`"):
            load_suite(project_root / "suites" / "headlines.yaml")
        pytest.skip("the chat log is fetched by `make data`")
    items = load_items(load_suite(project_root / "suites" / "headlines.yaml"))
    assert items.rows_read == 28_614
    near = {kind: count for kind, count in items.duplicates.items() if kind.startswith("near_")}
    assert near == {"near_dev_in_gate": 1, "near_pool_in_gate": 27, "near_teacher_in_gate": 4}
    assert sum(items.duplicates.values()) == 116 + sum(near.values())
    assert items.duplicates.keys() - near.keys() == {"within_dev", "within_gate", "within_pool", "within_teacher"}


BANKING = Path(__file__).parents[2] / "shared" / "data" / "banking77"


@pytest.mark.slow
@pytest.mark.skipif(not BANKING.is_dir(), reason="the BANKING77 files are not beside the project")
def test_banking77_with_its_own_test_file_as_gate(tmp_path: Path) -> None:
    for name in ("train", "test"):
        (tmp_path / f"{name}.jsonl").write_bytes((BANKING / f"{name}.jsonl").read_bytes())
    labels = sorted({json.loads(line)["label"] for line in (tmp_path / "train.jsonl").read_text().splitlines()})
    splits = {"pool": 0.8, "dev": 0.2, "gate": {"jsonl": "test.jsonl"}}
    data = {"source": {"jsonl": "train.jsonl"}, "input": "text", "target": "label", "splits": splits}
    items = load_items(_suite(tmp_path, data, labels=labels))
    assert items.rows_read == 13_083
    assert items.counts["gate"] == 3_079
    assert items.duplicates["within_gate"] == 1
