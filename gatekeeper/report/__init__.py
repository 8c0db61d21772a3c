"""The promotion dossier: one record from the store, and its renderings as HTML, Markdown, JSON and terminal text."""

from gatekeeper.report.data import Dossier
from gatekeeper.report.gather import dossier_from_store
from gatekeeper.report.headline import headline
from gatekeeper.report.html import render_html
from gatekeeper.report.markdown import render_markdown
from gatekeeper.report.sources import shown_numbers
from gatekeeper.report.steps import next_steps
from gatekeeper.report.terminal import print_summary, render_terminal
from gatekeeper.report.write import write_report

__all__ = [
    "Dossier",
    "dossier_from_store",
    "headline",
    "next_steps",
    "print_summary",
    "render_html",
    "render_markdown",
    "render_terminal",
    "shown_numbers",
    "write_report",
]
