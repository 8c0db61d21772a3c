"""Rescore: stored answers read and scored again by a suite's present reader and scorer, without a single call."""

from __future__ import annotations

from gatekeeper.rescore.result import Rescored, RescoredRows
from gatekeeper.rescore.suite import rescore_suite

__all__ = ["Rescored", "RescoredRows", "rescore_suite"]
