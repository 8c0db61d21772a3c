"""A trained student on its way through the loop."""

from __future__ import annotations

from dataclasses import dataclass

from gatekeeper.models.base import Classifier
from gatekeeper.records import Estimate, Measurement, RuleResult


@dataclass(frozen=True)
class Candidate:
    """One student of one round.

    Attributes:
        student: its name in the suite.
        model: its fingerprint, which is the digest of its artifact.
        n_examples: how many examples it learned from.
        threshold: it answers where its confidence is at least this, the teacher elsewhere; None: it answers everything.
    """

    student: str
    round: int
    model: str
    classifier: Classifier
    n_examples: int
    threshold: float | None = None


@dataclass(frozen=True)
class Assessment:
    """What is known of a candidate before the gate split is touched."""

    candidate: Candidate
    retention: Estimate
    pass_probability: float
    measurement: Measurement
    rules: tuple[RuleResult, ...]

    @property
    def affordable(self) -> bool:
        """Whether every rule that needs no gate rows (cost, payback, latency) passes."""
        return all(rule.outcome == "pass" for rule in self.rules)

    def better_than(self, other: Assessment) -> bool:
        """Whether development results speak for this candidate rather than `other`."""
        mine, theirs = self.retention.value, other.retention.value
        return (mine if mine is not None else -1.0) > (theirs if theirs is not None else -1.0)
