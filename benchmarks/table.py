"""The page benchmarks/README.md, made from benchmarks/results/*.json and nothing else."""

from __future__ import annotations

from typing import Any

from benchmarks.deciding_page import section as deciding
from benchmarks.false_promotion.pages import section as false_promotion
from benchmarks.faults_page import section as faults_section
from benchmarks.kills_page import section as kills_section
from benchmarks.leakage_page import section as leakage
from benchmarks.money_page import section as money_section
from benchmarks.peers.page import section as peers_section
from benchmarks.results import ROOT, read_result
from benchmarks.wire_page import section as wire

HEAD = """# Benchmarks

Made by `make bench` from `benchmarks/results/*.json`; a test keeps this page equal to them. Timings are of one machine;
read them as ratios.
"""


def page() -> str:
    """Return the page as text."""
    parts = [HEAD]
    banking, mining = read_result("banking77"), read_result("mining")
    if banking:
        parts += ["## BANKING77: retention and throughput\n", _banking(banking), _footer(banking)]
    if mining:
        parts += ["## Mining against random choice\n", _mining(mining), _footer(mining)]
    promotions = read_result("false_promotion")
    if promotions:
        parts += ["## False promotion\n", false_promotion(promotions), _footer(promotions)]
    copies = read_result("leakage")
    if copies:
        parts += ["## Copies of gate rows\n", leakage(copies), _footer(copies)]
    verdicts = read_result("deciding")
    if verdicts:
        parts += ["## A verdict over a million rows\n", deciding(verdicts), _footer(verdicts)]
    money = read_result("money")
    if money:
        parts += ["## How long the money takes\n", money_section(money), _footer(money)]
    requests = read_result("wire")
    if requests:
        parts += ["## Requests per second\n", wire(requests), _footer(requests)]
    peers = read_result("peers")
    if peers:
        parts += ["## Beside other tools\n", peers_section(peers), _footer(peers)]
    kills = read_result("kills")
    if kills:
        parts += ["## Killed processes\n", kills_section(kills), _footer(kills)]
    faults = read_result("faults")
    if faults:
        parts += ["## Faults of providers\n", faults_section(faults), _footer(faults)]
    return "\n".join(parts)


def write_table() -> None:
    """Write benchmarks/README.md."""
    (ROOT / "benchmarks" / "README.md").write_text(page(), encoding="utf-8")


def _banking(result: dict[str, Any]) -> str:
    seen = result["teacher_accuracy_on_training_texts"]
    lines = [
        f"`python -m benchmarks.banking77`. Teacher: all-MiniLM-L6-v2 with a logistic head, right on "
        f"{result['teacher_accuracy']:.1%} of the test texts. *Out of fold*: each training text is labelled by a head "
        f"that never saw its gold label ({seen['out of fold']:.1%} of the labels are right). *Flattered*: by the head "
        f"that was fitted on it ({seen['flattered, in-sample']:.1%} right), as in most published tables. One seed. "
        "The linear student's settings were compared on these test texts (docs/LOG.md), which flatters it a little; "
        "other work ran on the machine, which shows in the 95th percentiles.\n",
        "| protocol | student | retention | at least (95 %) | examples | texts/s | one text, p50 | p95 | training |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        lines.append(
            f"| {row['protocol']} | {row['student']} | {row['retention']:.3f} | {row['lower_95']:.3f} | "
            f"{row['n_examples']:,} | {row['throughput_rps']:,.0f} | {row['latency_p50_ms']:.2f} ms | "
            f"{row['latency_p95_ms']:.2f} ms | {row['training_s']:.0f} s |"
        )
    return "\n".join(lines) + "\n"


def _mining(result: dict[str, Any]) -> str:
    shares = sorted({row["mined_share"] for row in result["rows"]})
    cells = {(row["answers"], row["mined_share"]): row for row in result["rows"]}
    names = {0.0: "random", 1.0: "all mined"}
    lines = [
        "`python -m benchmarks.mining`. Share of the teacher's quality kept on the BANKING77 test texts after so many "
        f"answers; linear student, soft labels out of fold; mean (least to most), {len(result['seeds'])} seeds.\n",
        "| answers | " + " | ".join(names.get(share, f"{share:.0%} mined") for share in shares) + " |",
        "|---" * (len(shares) + 1) + "|",
    ]
    for answers in sorted({row["answers"] for row in result["rows"]}):
        shown = [cells[answers, share] for share in shares]
        lines.append(
            f"| {answers:,} | "
            + " | ".join(
                f"{cell['retention_mean']:.3f} ({cell['retention_min']:.3f} to {cell['retention_max']:.3f})"
                for cell in shown
            )
            + " |"
        )
    return "\n".join(lines) + "\n"


def _footer(result: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return f"{result['measured_at']}, seed {result['seed']}, {result['machine']}; {versions}.\n"


if __name__ == "__main__":
    write_table()
