"""Spend: what a run has spent and has left, and how a person settles payments whose outcome nobody knows."""

from __future__ import annotations

from gatekeeper.spend.account import Account, PurposeAccount, read_spend
from gatekeeper.spend.reconcile import Reconciliation, reconcile_spend
from gatekeeper.spend.shares import Ways

__all__ = ["Account", "PurposeAccount", "Reconciliation", "Ways", "read_spend", "reconcile_spend"]
