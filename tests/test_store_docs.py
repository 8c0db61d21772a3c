"""docs/store.md describes every table and view, and each of its queries runs."""

from __future__ import annotations

import re
from pathlib import Path

from store_samples import fill

from gatekeeper.store import Store
from gatekeeper.store.tables import TABLES
from gatekeeper.store.views import VIEWS


def test_every_query_of_the_doc_runs_on_a_real_store(tmp_path: Path, project_root: Path) -> None:
    text = (project_root / "docs" / "store.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### (\w+)\n.*?```sql\n(.*?)```", text, re.MULTILINE | re.DOTALL))
    assert set(sections) == {*TABLES, *VIEWS, "migrations"}
    store = Store(tmp_path / "g.duckdb")
    fill(store)
    with store.read() as connection:
        for name, query in sections.items():
            assert re.search(rf"\bFROM {name}\b", query), name
            assert connection.execute(query).fetchall(), f"the query on {name} finds nothing in a full store"
