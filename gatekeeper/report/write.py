"""Write the dossier of a run into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper.errors import GatekeeperError
from gatekeeper.report.data import Dossier
from gatekeeper.report.gather import dossier_from_store
from gatekeeper.report.html import render_html
from gatekeeper.report.markdown import render_markdown

if TYPE_CHECKING:
    from gatekeeper.store.connection import Store


def write_report(store: Store, run: str, folder: Path) -> Dossier:
    """Write report.html, report.md and report.json of `run` into `folder`, and return the dossier.

    Raises:
        InputError: there is no such run, or it has no verdict yet.
        GatekeeperError: the folder cannot be written; the verdict itself is in the store.
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
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise GatekeeperError(
            f"the report cannot be written to {folder}: {error.strerror}",
            hint="name a folder that you may write to; the verdict is kept in the store",
        ) from error
    return dossier
