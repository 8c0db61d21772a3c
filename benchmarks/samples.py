"""Make the three sample reports again: a promotion, a rejection, and a verdict that needs more rows.

python -m benchmarks.samples        (or: make samples)
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from gatekeeper.cli.progress import TerminalProgress
from gatekeeper.loop import run_loop
from gatekeeper.report import write_report
from gatekeeper.run.opening import open_session
from gatekeeper.store.connection import Store
from gatekeeper.suite.load import load_suite

ROOT = Path(__file__).parent.parent
SAMPLES = {"promoted": "headlines", "rejected": "headlines_low_volume", "inconclusive": "support_routing"}


def make(sample: str, folder: Path, store: Path) -> str:
    """Run the suite behind `sample` on a new store, write its report into `folder`, and return the decision."""
    suite = load_suite(ROOT / "suites" / f"{SAMPLES[sample]}.yaml")
    opened = Store(store)
    with open_session(suite, opened, progress=TerminalProgress(sys.stderr)) as session:
        verdict = run_loop(session)
    write_report(opened, session.run, folder)
    return verdict.decision


def main() -> None:
    """Write reports/promoted, reports/rejected and reports/inconclusive."""
    for sample in SAMPLES:
        with tempfile.TemporaryDirectory() as folder:
            decision = make(sample, ROOT / "reports" / sample, Path(folder, "sample.duckdb"))
        print(f"reports/{sample}: {decision}")


if __name__ == "__main__":
    main()
