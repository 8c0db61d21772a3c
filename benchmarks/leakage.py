"""Are copies of gate rows found in the rows that students learn from, and what is flagged where nobody planted any?

    python -m benchmarks.leakage [--data ../shared/data] [--show 30]

200 gate texts of each data set are changed in nine ways and put among the other rows, all at once. *Found* is the share
of planted copies that `gatekeeper.suite.near.find_copies` names; *flagged* is the share of the other rows, before
anything is planted, that it takes for a copy. `--show` prints flagged pairs of each set to be read by eye.

Read by eye (up to 45 pairs of each set, seed 1): of 32 headlines 21 are a daily series that differs in its date, 4
belong to other series, 4 are the same headline edited, 2 the same joke or story, 1 is chance. All 45 of BANKING77 are
the same message reworded. All 25 of CLINC150 are exact. Of 13 of SNIPS 10 are the same request reworded, 3 ask for
another song, film or artist in the same sentence.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.banking77 import read_rows
from benchmarks.planted import LIGHT, SAME_WORDS, plant
from benchmarks.results import ROOT, write_result
from gatekeeper.hashing import content_hash, normalize_text
from gatekeeper.suite.data import assign_split
from gatekeeper.suite.load import load_suite
from gatekeeper.suite.near import FREE_ROWS, LEAST_SIMILARITY, NATURAL_SHARE, Copy, find_copies

SEED, PLANTED = 1, 200
OWN = ("support_routing", "headlines")
PUBLIC = {"banking77": ("test", "train"), "clinc150": ("test", "train"), "snips": ("test", "train")}

Sets = tuple[list[str], list[str]]
"""Gate texts, and all others."""


def main() -> None:
    """Measure every data set that is there and write benchmarks/results/leakage.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--show", type=int, default=0, help="flagged pairs to print of each data set")
    arguments = parser.parse_args()
    rows = []
    for name in (*OWN, *PUBLIC):
        sets = _own(name) if name in OWN else _public(arguments.data / name, *PUBLIC[name])
        if sets is None:
            print(f"skipped: {name} is not there")
            continue
        rows.append(_measure(name, *sets, show=arguments.show))
        print(rows[-1])
    write_result(
        "leakage",
        seed=SEED,
        settings={"similarity": LEAST_SIMILARITY, "natural_share": NATURAL_SHARE, "free_rows": FREE_ROWS},
        same_words=list(SAME_WORDS),
        light=list(LIGHT),
        rows=rows,
    )


def _measure(name: str, gate: list[str], others: list[str], *, show: int) -> dict[str, Any]:
    began = time.process_time()
    flagged = find_copies(gate, others)
    seconds = time.process_time() - began
    _show(flagged, gate, others, show)
    chosen = random.Random(SEED).sample(gate, min(PLANTED, len(gate)))
    return {
        "data": name,
        "gate_rows": len(gate),
        "other_rows": len(others),
        "words_per_gate_row": sum(len(text.split()) for text in gate) / len(gate),
        "flagged_exact": _share(flagged, "exact", len(others)),
        "flagged_near": _share(flagged, "near", len(others)),
        "planted": len(chosen),
        "found": _found(gate, others, plant(chosen, SEED)),
        "cpu_seconds": round(seconds, 2),
    }


def _found(gate: list[str], others: list[str], planted: dict[str, list[str]]) -> dict[str, float]:
    """Return the share of each kind of copy that is found."""
    texts, places = list(others), {}
    for kind, copies in planted.items():
        places[kind] = range(len(texts), len(texts) + len(copies))
        texts += copies
    found = {copy.index for copy in find_copies(gate, texts)}
    return {kind: sum(place in found for place in places[kind]) / len(places[kind]) for kind in planted}


def _share(copies: Sequence[Copy], how: str, of: int) -> float:
    return sum(copy.how == how for copy in copies) / of


def _show(flagged: Sequence[Copy], gate: list[str], others: list[str], count: int) -> None:
    for copy in random.Random(SEED).sample(list(flagged), min(count, len(flagged))):
        print(f"{copy.how} {copy.similarity:.2f}\n    {others[copy.index]!r}\n    {gate[copy.gate_index]!r}")


def _own(name: str) -> Sets | None:
    """Return the rows of one of the project's evals in its own splits."""
    source = ROOT / "evals" / name / "messages.jsonl" if name == "support_routing" else ROOT / ".data/headlines.jsonl"
    if not source.is_file():
        return None
    splits = load_suite(ROOT / "suites" / f"{name}.yaml").eval.spec.data.splits
    sets: Sets = ([], [])
    seen = set()
    for row in read_rows(source):
        turns: Any = row.get("input", [])
        text = row["text"] if "text" in row else "\n".join(one["content"] for one in turns if one["role"] != "system")
        cluster = row.get("thread_id") or content_hash([[one["role"], one["content"]] for one in turns])
        if normalize_text(text) not in seen:
            seen.add(normalize_text(text))
            sets[assign_split(splits, cluster) != "gate"].append(text)
    return sets


def _public(folder: Path, gate: str, others: str) -> Sets | None:
    """Return the rows of a public data set: its test file is the gate."""
    files = [folder / f"{name}.jsonl" for name in (gate, others)]
    if not all(file.is_file() for file in files):
        return None
    first, second = ({normalize_text(row["text"]): row["text"] for row in read_rows(file)} for file in files)
    return list(first.values()), [text for key, text in second.items() if key not in first]


if __name__ == "__main__":
    main()
