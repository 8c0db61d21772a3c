"""The committed sample reports and benchmark pages are what the code makes of the committed data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.samples import SAMPLES, make
from benchmarks.table import page
from gatekeeper.report import Dossier, render_html, render_markdown

DECISIONS = {"promoted": "promote", "rejected": "reject", "inconclusive": "inconclusive"}


def _dossier(root: Path, sample: str) -> Dossier:
    return Dossier.model_validate_json((root / "reports" / sample / "report.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("sample", sorted(SAMPLES))
def test_a_sample_report_is_what_its_data_renders_to(sample: str, project_root: Path) -> None:
    folder = project_root / "reports" / sample
    dossier = _dossier(project_root, sample)
    assert dossier.verdict.decision == DECISIONS[sample]
    assert (folder / "report.html").read_text(encoding="utf-8") == render_html(dossier)
    assert (folder / "report.md").read_text(encoding="utf-8") == render_markdown(dossier)


@pytest.mark.parametrize("sample", sorted(SAMPLES))
def test_a_sample_report_names_no_path_of_a_machine(sample: str, project_root: Path) -> None:
    text = (project_root / "reports" / sample / "report.json").read_text(encoding="utf-8")
    assert not any(place in text for place in ("/home/", "/root/", "/tmp/", "/work/", str(project_root)))


def test_the_benchmark_page_is_made_from_the_committed_results(project_root: Path) -> None:
    assert (project_root / "benchmarks" / "README.md").read_text(encoding="utf-8") == page()
    results = list((project_root / "benchmarks" / "results").glob("*.json"))
    assert len(results) >= 2
    for path in results:
        result = json.loads(path.read_text())
        assert {"machine", "versions", "seed", "measured_at"} <= result.keys()


@pytest.mark.slow
@pytest.mark.parametrize("sample", ["inconclusive", "rejected"])
def test_making_a_sample_again_gives_the_same_verdict(sample: str, tmp_path: Path, project_root: Path) -> None:
    if sample == "rejected" and not (project_root / ".data" / "headlines.jsonl").is_file():
        pytest.skip("the public chat log is not fetched: make data")
    decision = make(sample, tmp_path / "report", tmp_path / "store.duckdb")
    again = Dossier.model_validate_json((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    before = _dossier(project_root, sample)
    assert decision == before.verdict.decision
    # Speeds are of this machine; what was judged and on which rows must be the same.
    assert {rule.rule: rule.outcome for rule in again.verdict.rules} == {
        rule.rule: rule.outcome for rule in before.verdict.rules
    }
    assert again.data == before.data
