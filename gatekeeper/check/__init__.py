"""Check: what a suite asks for, what its gate can show, and what that costs, before anything is spent."""

from __future__ import annotations

from gatekeeper.check.plan import Plan, PowerRow
from gatekeeper.check.suite import check_suite

__all__ = ["Plan", "PowerRow", "check_suite"]
