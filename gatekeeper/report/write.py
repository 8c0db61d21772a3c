"""The three files of a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper.errors import InputError
from gatekeeper.report.data import Dossier
from gatekeeper.report.gather import dossier_from_store
from gatekeeper.report.html import render_html
from gatekeeper.report.markdown import render_markdown
from gatekeeper.store.durable import replace_file

if TYPE_CHECKING:
    from gatekeeper.store.connection import Store


def write_report(store: Store, run: str, folder: Path) -> Dossier:
    """Write report.html, report.md and report.json of a run into `folder`, each whole or not at all.

    Raises:
        InputError: there is no such run, it has no verdict yet, or `folder` cannot be written.
    """
    dossier = dossier_from_store(store, run)
    texts = {
        "report.html": render_html(dossier),
        "report.md": render_markdown(dossier),
        "report.json": dossier.model_dump_json(indent=2) + "\n",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            replace_file(folder / name, text)
    except OSError as error:
        raise InputError(
            f"the report cannot be written to {folder}: {error.strerror}", hint="name a folder that you may write to"
        ) from error
    return dossier
