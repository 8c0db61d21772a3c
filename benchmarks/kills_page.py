"""The section of benchmarks/README.md on killed processes, made from benchmarks/results/kills.json."""

from __future__ import annotations

from typing import Any


def section(result: dict[str, Any]) -> str:
    """Return the section as Markdown: what was lost and paid twice by how runs end, and the kills by stage."""
    return "\n".join([*_runs(result), *_stages(result["runs"])]) + "\n"


def _runs(result: dict[str, Any]) -> list[str]:
    runs = result["runs"]
    kills = sum(len(run["kills"]) for run in runs)
    lines = [
        f"`python -m benchmarks.kills`. {kills} times `kill -9` of a process of `gatekeeper loop` that asks a provider "
        f"with up to {result['concurrency']} requests in flight; moments are drawn from the duration of each stage. "
        "After each kill the same command goes on, and in the end it is left to finish. The provider is a process of "
        "its own and writes down each request. An answer has *arrived* when its line in the journal is whole on disk. "
        "*In flight* is what was sent and has not arrived; the provider may have *written* its answer, and nobody has "
        "recorded it. *Lost* would be an arrived answer that is asked again, or is not in the store at the end, byte "
        "for byte. *Paid twice* are requests that were sent again though they were not in flight at a kill. *Other "
        "tables* are those of completions, predictions, scores, examples, results, looks and verdicts, among others, "
        "whose rows differ from those of a run that nobody killed. In batches a killed process has sent all rows of "
        "its batch, and none of them may be sent again.\n",
        "| how runs end | runs | kills | lost | sent, not arrived | of them written | sent again | paid twice | other "
        "tables | end as they must |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for plan in dict.fromkeys(run["plan"] for run in runs):
        some = [run for run in runs if run["plan"] == plan]
        own = [kill for run in some for kill in run["kills"]]
        ends = sum(run["as_it_must_end"] for run in some)
        lines.append(
            f"| {plan} | {len(some)} | {len(own)} | {_sum(some, 'lost')} | {_sum(own, 'in_flight')} | "
            f"{_sum(own, 'unread')} | {_sum(some, 'asked_again')} | {_sum(some, 'paid_twice')} | "
            f"{sum(len(run['tables_that_differ']) for run in some)} | {ends} of {len(some)} |"
        )
    lines += [
        "\nThe bill is for every request that the provider took, whether anybody read its answer or not. The ledger "
        "counts what is not settled at its upper bound, so it is at least the bill and at most the budget.\n",
        "| how runs end | budget | ledger, most | bill, most | ledger below the bill | bill above the budget |",
        "|---|---|---|---|---|---|",
    ]
    for plan in dict.fromkeys(run["plan"] for run in runs):
        some = [run for run in runs if run["plan"] == plan]
        low = sum(run["ledger_usd"] < run["billed_usd"] for run in some)
        over = sum(max(run["billed_usd"], run["ledger_usd"]) > run["budget_usd"] for run in some)
        lines.append(
            f"| {plan} | ${some[0]['budget_usd']:.2f} | ${max(run['ledger_usd'] for run in some):.4f} | "
            f"${max(run['billed_usd'] for run in some):.4f} | {low} runs | {over} runs |"
        )
    return lines


def _stages(runs: list[dict[str, Any]]) -> list[str]:
    kills = [kill for run in runs for kill in run["kills"]]
    lines = [
        "\n| killed in | kills | with requests in flight | arrived before, least to most | torn last lines |",
        "|---|---|---|---|---|",
    ]
    for stage in dict.fromkeys(kill["stage"] for kill in kills):
        own = [kill for kill in kills if kill["stage"] == stage]
        counts = [kill["arrived"] for kill in own]
        busy = sum(kill["in_flight"] > 0 for kill in own)
        lines.append(f"| {stage} | {len(own)} | {busy} | {min(counts)} to {max(counts)} | {_sum(own, 'torn')} |")
    return lines


def _sum(rows: list[dict[str, Any]], name: str) -> int:
    return sum(int(row[name]) for row in rows)
