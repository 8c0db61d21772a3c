"""The section of benchmarks/README.md on copies of gate rows, made from benchmarks/results/leakage.json."""

from __future__ import annotations

from typing import Any


def section(result: dict[str, Any]) -> str:
    """Return the section as Markdown: what is flagged in each data set, and which planted copies are found."""
    light, rows = result["light"], result["rows"]
    most = max(row["planted"] for row in rows)
    lines = [
        f"`python -m benchmarks.leakage`. Copies of up to {most} gate texts of each data set are planted among its "
        "other rows, all kinds at once. *Flagged*: rows that are taken for a copy before anything is planted. *Found*: "
        f"share of planted copies. Same words: {', '.join(result['same_words'])}. The settings were chosen on copies "
        "planted in these data sets, which flatters the shares a little. In short texts of a narrow domain rows are "
        "near copies of each other by nature, and what cannot be told from that is left alone.\n",
        "| data | gate rows | other rows | words | flagged exact | near | found: same words | "
        + " | ".join(light)
        + " | CPU |",
        "|---" * (8 + len(light)) + "|",
    ]
    for row in rows:
        same = min(row["found"][kind] for kind in result["same_words"])
        found = " | ".join(f"{row['found'][kind]:.1%}" for kind in light)
        flagged = f"{row['flagged_exact']:.2%} | {row['flagged_near']:.2%}"
        lines.append(
            f"| {row['data']} | {row['gate_rows']:,} | {row['other_rows']:,} | {row['words_per_gate_row']:.0f} | "
            f"{flagged} | {same:.1%} | {found} | {row['cpu_seconds']:.2f} s |"
        )
    return "\n".join(lines) + "\n"
