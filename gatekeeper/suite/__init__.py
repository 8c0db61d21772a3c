"""From the files that a user writes to a checked `Suite` and its rows."""

from gatekeeper.suite.load import load_suite
from gatekeeper.suite.suite import Eval, Prompt, Suite

__all__ = ["Eval", "Prompt", "Suite", "load_suite"]
