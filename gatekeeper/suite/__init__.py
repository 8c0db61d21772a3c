"""From the files that a user writes to a checked `Suite` and its rows. What is named here is loaded when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_PLACES = {
    "Eval": "gatekeeper.suite.suite",
    "Prompt": "gatekeeper.suite.suite",
    "Suite": "gatekeeper.suite.suite",
    "load_suite": "gatekeeper.suite.load",
}

__all__ = ["Eval", "Prompt", "Suite", "load_suite"]

if TYPE_CHECKING:
    from gatekeeper.suite.load import load_suite
    from gatekeeper.suite.suite import Eval, Prompt, Suite


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'gatekeeper.suite' has no attribute {name!r}")
