"""The price list that the installed package litellm carries, read as a file: litellm itself is never imported.

The list is part of the extra ``teachers``. Without it, nothing here fails: there is no list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from gatekeeper.errors import PriceError

LIST_FILE = "model_prices_and_context_window_backup.json"
_POSTS_FILE = "blog_posts.json"
_DAY = re.compile(r"(?<!\d)(20\d\d)-?(\d\d)-?(\d\d)(?!\d)")
_REINSTALL = 'pip install --force-reinstall "gatekeeper-distill[teachers]"'


class PriceList(NamedTuple):
    """The list as it was read. Amounts are USD per token, as Decimal."""

    models: dict[str, dict[str, Any]]
    source: str
    as_of: date


@cache
def price_list() -> PriceList | None:
    """Return the installed list, None where litellm is not installed or carries none. Read once per process.

    Raises:
        PriceError: the file is damaged, or has no date.
    """
    spec = find_spec("litellm")
    if spec is None or spec.origin is None or not (Path(spec.origin).parent / LIST_FILE).is_file():
        return None
    try:
        return read_list(Path(spec.origin).parent, version=version("litellm"))
    except PackageNotFoundError:
        return None


def read_list(folder: Path, *, version: str) -> PriceList:
    """Return the list in the folder of an unpacked litellm.

    The list states no date, and the times of installed files are times of installation. Its date is the youngest day
    that something in the package names as past: a release in a model's name, or a post in the news file that is
    shipped with the list. Both were there when the package was built, so the list can only look older than it is.
    Days of retirement lie ahead and tell nothing.

    Raises:
        PriceError: the file cannot be read, or names no day.
    """
    path = folder / LIST_FILE
    try:
        models = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise PriceError(f"litellm's price list {path} cannot be read: {error}", hint=_REINSTALL) from error
    if not isinstance(models, dict):
        raise PriceError(f"litellm's price list {path} is no mapping of models", hint=_REINSTALL)
    days = _days([*models, *_post_days(folder / _POSTS_FILE)])
    if not days:
        raise PriceError(f"litellm's price list {path} names no day that its age could be told from", hint=_REINSTALL)
    entries = {name: entry for name, entry in models.items() if isinstance(entry, dict)}
    return PriceList(models=entries, source=f"litellm {version}", as_of=max(days))


def _post_days(path: Path) -> list[str]:
    """Return the days of the posts in the news file; none where the package has no such file or it has another form."""
    try:
        posts = json.loads(path.read_text(encoding="utf-8"))["posts"]
        return [str(post["date"]) for post in posts]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _days(texts: Iterable[str]) -> set[date]:
    """Return the calendar days in `texts`, written 2026-11-02 or 20261102."""
    days = set()
    for text in texts:
        for year, month, day in _DAY.findall(text):
            try:
                days.add(date(int(year), int(month), int(day)))
            except ValueError:
                continue
    return days
