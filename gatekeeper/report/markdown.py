"""The dossier as Markdown that fits a pull request: tables, no pictures, and every foreign character escaped."""

from __future__ import annotations

from gatekeeper.report.data import Dossier
from gatekeeper.report.html import context, environment


def render_markdown(dossier: Dossier) -> str:
    """Return the dossier as GitHub-flavoured Markdown."""
    text = environment(autoescape=False).get_template("dossier.md.j2").render(**context(dossier))
    return text.strip() + "\n"
