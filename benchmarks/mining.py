"""Does mining help? The same number of teacher answers, chosen by mining or at random, on BANKING77.

    python -m benchmarks.mining [--data ../shared/data/banking77]

Three rounds of 400 answers each, linear student on soft labels, labels out of fold, three seeds. The share of the
teacher's quality that the student keeps is taken on the test texts, which steer nothing.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.banking77 import INIT, read_rows
from benchmarks.results import ROOT, write_result
from gatekeeper.models.encoder import Encoder
from gatekeeper.models.head import fit_encoder_head, out_of_fold_labels
from gatekeeper.stages.mine import choose
from gatekeeper.training.linear import fit_linear

SEEDS, ROUNDS, PER_ROUND, DEV = (1, 2, 3), 3, 400, 500


def main() -> None:
    """Run both ways of choosing and write benchmarks/results/mining.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "banking77")
    folder = parser.parse_args().data
    if not (folder / "train.jsonl").is_file():
        print(f"skipped: no BANKING77 at {folder}")
        return
    train, test = read_rows(folder / "train.jsonl"), read_rows(folder / "test.jsonl")
    labels = sorted({row["label"] for row in train})
    encoder = Encoder(INIT)
    texts, gold = np.array([row["text"] for row in train]), [row["label"] for row in train]
    made = out_of_fold_labels(encoder, list(texts), gold, labels, seed=SEEDS[0])
    test_texts = [row["text"] for row in test]
    right = np.array([labels.index(row["label"]) for row in test])
    teacher = fit_encoder_head(encoder, list(texts), gold, labels).predict(test_texts)
    teacher_accuracy = float((teacher.argmax(1) == right).mean())
    rows = []
    for share in (0.0, 0.5):
        kept = np.array([_curve(share, seed, texts, made, labels, test_texts, right) for seed in SEEDS])
        for number, values in enumerate((kept / teacher_accuracy).T, start=1):
            rows.append(
                {
                    "mined_share": share,
                    "answers": number * PER_ROUND,
                    "retention_mean": float(values.mean()),
                    "retention_min": float(values.min()),
                    "retention_max": float(values.max()),
                }
            )
            print(rows[-1])
    write_result("mining", seed=SEEDS[0], seeds=list(SEEDS), teacher_accuracy=teacher_accuracy, rows=rows)


def _curve(
    share: float,
    seed: int,
    texts: np.ndarray,
    made: np.ndarray,
    labels: list[str],
    test_texts: list[str],
    right: np.ndarray,
) -> list[float]:
    """Return test accuracy after each round."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(texts))
    dev, pool = order[:DEV], order[DEV:]
    chosen: list[int] = []
    student, accuracies = None, []
    for _ in range(ROUNDS):
        free = np.setdiff1d(pool, chosen)
        probabilities = None if student is None else student.predict(list(texts[free]))
        failures: list[str] = []
        if student is not None:
            wrong = student.predict(list(texts[dev])).argmax(1) != made[dev].argmax(1)
            failures = list(texts[dev][wrong])
        picks = choose(list(texts[free]), probabilities, failures, count=PER_ROUND, share=share, rng=rng)
        chosen += [int(free[pick.index]) for pick in picks]
        student = fit_linear(list(texts[chosen]), made[chosen], labels, soft=True, seed=seed)
        accuracies.append(float((student.predict(test_texts).argmax(1) == right).mean()))
    return accuracies


if __name__ == "__main__":
    main()
