"""The pages on cost say what the code does: each console block is what its command prints, each field has its row."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml
from console_blocks import BLOCK, printed
from test_docs import _models, table_of

from gatekeeper.whatif.usage.file import read_usage
from gatekeeper.whatif.usage.spec import UsageSpec

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "cost.md"
BLOCKS = [(found["command"], found["output"]) for found in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("command", "output"), BLOCKS, ids=[command[:60] for command, _ in BLOCKS])
def test_a_console_block_is_what_its_command_prints(command: str, output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert printed(command) == output, "renew it with: python -m tests.console_blocks docs/cost.md"


def test_the_page_has_the_seed_case_and_three_published_ones() -> None:
    files = {word for command, _ in BLOCKS for word in command.split() if word.endswith(".yaml")}
    assert len([name for name in files if "published" in name]) == 3
    assert any("seed" in name for name in files)


def test_usage_file_md_has_the_table_of_every_model() -> None:
    text = (ROOT / "docs" / "usage-file.md").read_text(encoding="utf-8")
    models: dict[str, type] = {}
    _models(UsageSpec, models)
    assert {"UsageSpec", "OptionSpec", "Entry"} <= models.keys()
    assert [f"{name}:\n{table_of(model)}" for name, model in models.items() if table_of(model) not in text] == []


def test_the_example_of_usage_file_md_can_be_read(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "usage-file.md").read_text(encoding="utf-8")
    example = text.split("```yaml\n")[2].split("```")[0]
    assert yaml.safe_load(example)["name"] == "tickets"
    path = tmp_path / "usage.yaml"
    path.write_text(f"as_of: 2026-11-25\n{example}")
    assert read_usage(path, today=date(2026, 11, 25)).worksheet.options
