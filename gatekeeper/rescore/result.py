"""What rescoring has found, as rows for people and programs. Of gate rows it holds counts of answers and no score."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from gatekeeper.records import Estimate, Record, Split


class RescoredRows(Record):
    """The stored answers of one model to the rows of one split."""

    model: str = Field(description="teacher, the name of a baseline, or the name of a student")
    round: int | None = Field(default=None, description="of a student, the last one in which it was trained like this")
    fingerprint: str
    split: Split
    answers: int = Field(description="answers that the store has")
    missing: int | None = Field(
        default=None, description="answers that the loop would ask for; None in the pool, of which it asks a part"
    )
    reread: int = Field(default=0, description="answers whose output is not what was read when they arrived")
    unreadable: int = Field(
        default=0, description="answers whose body cannot be read now; they keep the reading of their arrival"
    )
    unjudged: int = Field(default=0, description="answers that the judge has not been asked about; they get no score")
    changed: int | None = Field(
        default=None, description="scores that are not what they were; None: there are none to compare, or gate rows"
    )
    compared_with: str | None = Field(
        default=None,
        description="fingerprint of the version of the suite that `before` is of; None: none has any",
    )
    before: Estimate | None = Field(default=None, description="mean score as it was stored, on dev only")
    after: Estimate | None = Field(default=None, description="mean score as it is now, on dev only")


class Rescored(Record):
    """The answers that a store has to the questions of a suite, read and scored as the suite says now."""

    suite: str
    fingerprint: str = Field(description="of the suite with its items")
    scorer: str = Field(description="name of the scorer that decides")
    version: str = Field(description="of that scorer")
    rows: tuple[RescoredRows, ...]
    written: bool = Field(description="whether predictions and scores are in the store now")
    kept_because: str | None = Field(default=None, description="why stored predictions and scores were left alone")
    notes: tuple[str, ...] = ()
    calls: int = Field(default=0, description="requests that were sent: always none, nothing here can send one")
    usd: Decimal = Field(default=Decimal(0), description="US dollars that this did cost")
