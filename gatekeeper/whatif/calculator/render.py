"""The calculator as HTML: one page, or the part of it that a dossier embeds. Nothing is loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from gatekeeper.errors import InputError
from gatekeeper.whatif.calculator.document import document_of
from gatekeeper.whatif.calculator.fields import as_json, groups_of
from gatekeeper.whatif.defaults import with_defaults
from gatekeeper.whatif.table import table_of
from gatekeeper.whatif.vary import best_option
from gatekeeper.whatif.worksheet import Worksheet

SCRIPTS = ("cost.js", "table.js", "text.js", "charts.js", "ui.js")
"""In the order that they need each other; the first three run without a page."""
SHARE = 0.2
"""How far the tornado moves each input."""
USAGE_FILE = ("usage.yaml",)


def render(worksheet: Worksheet, *, title: str | None = None, source: Sequence[str] = USAGE_FILE) -> str:
    """Return the calculator of a worksheet as one self-contained HTML document.

    Args:
        worksheet: its inputs become sliders; defaults are added.
        title: heading of the page; the worksheet's name by default.
        source: the words that name the worksheet on the command line, such as ``("usage.yaml",)`` or
            ``("--run", "latest", "--store", "runs.duckdb")``. The page's command is ``gatekeeper cost what-if`` with
            these and a ``--set`` for each changed input.
    """
    from jinja2 import Environment
    from markupsafe import Markup

    template = Environment(autoescape=True).from_string(script("template.html"))
    return (
        template.render(
            title=worksheet.name if title is None else title,
            as_of=worksheet.as_of.isoformat(),
            style=Markup(script("style.css")),
            script_source=Markup(script_source()),
            fragment=Markup(_body(worksheet, source)),
        )
        + "\n"
    )


def fragment(worksheet: Worksheet, *, source: Sequence[str] = USAGE_FILE) -> str:
    """Return the calculator as an element with its style, for a page that has a heading of its own.

    Ids and classes begin with ``gkc-``. A page with a Content-Security-Policy adds `script_source` to ``script-src``.
    One page holds one calculator.
    """
    body = _body(worksheet, source)
    for level in (3, 2):  # the page's own heading stands above
        body = body.replace(f"<h{level} class=", f"<h{level + 1} class=").replace(f"</h{level}>", f"</h{level + 1}>")
    return f"<style>\n{script('style.css')}</style>\n{body}"


def script_source() -> str:
    """Return the script's hash as a Content-Security-Policy names it: ``'sha256-...'``, the same for all worksheets."""
    digest = hashlib.sha256(_scripts().encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def script(name: str) -> str:
    """Return the text of one of the calculator's own files, such as ``cost.js``."""
    return files("gatekeeper.whatif.calculator").joinpath(name).read_text(encoding="utf-8")


@cache
def _scripts() -> str:
    return "\n".join(script(name) for name in SCRIPTS)


def _body(worksheet: Worksheet, source: Sequence[str]) -> str:
    data = _data(with_defaults(worksheet), source)
    # Inside <script>, JSON must not open a tag or a comment; the escape means the same character.
    safe = data.replace("<", "\\u003c")
    return script("fragment.html").replace("{{ script }}", _scripts()).replace("{{ data }}", safe)


def _data(worksheet: Worksheet, source: Sequence[str]) -> str:
    shown = _option(worksheet)
    groups = groups_of(worksheet, shown=shown)
    page = {
        "worksheet": document_of(worksheet),
        "groups": as_json(groups),
        "option": shown,
        "share": SHARE,
        "source": list(source),
    }
    return json.dumps(page)  # escaped, so that no character of a name can break the page or its encoding


def _option(worksheet: Worksheet) -> str:
    try:
        return best_option(table_of(worksheet))
    except InputError:
        return ""
