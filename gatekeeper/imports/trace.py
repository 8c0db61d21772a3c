"""A trace: what a log says about the requests that one model answered."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from pydantic import ConfigDict, Field

from gatekeeper.imports.latency import Percentiles
from gatekeeper.imports.request import TokenTable
from gatekeeper.records import Record

MOST_SHOWN = 20
"""Lines that are named of those left out; all are counted."""


class DroppedLine(Record):
    """A line, or a span of it, that could not be read."""

    line: int
    reason: str


class Trace(Record):
    """The requests of one model in a log, and how they are spread over time.

    A log that was sampled when it was written has too few requests: correct `requests_per_month` by the rate.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    file: str
    model: str | None = Field(description="whose requests these are; None: the log names no model")
    models: dict[str, int] = Field(description="answered requests of the whole file by model, most first")
    requests: TokenTable = Field(exclude=True, description="one row per answered request with token counts")
    n_requests: int = Field(description="answered with token counts; what can be priced")
    n_without_tokens: int = Field(description="answered, and nobody says how many tokens it took; not in `requests`")
    n_failed: int = Field(description="status 400 or above, or an error; not in `requests`")
    n_duplicates: int = Field(description="repeat id, tokens and minute of another answer; counted once")
    n_dropped: int = Field(description="lines and spans that could not be read")
    dropped: tuple[DroppedLine, ...] = Field(description=f"the first {MOST_SHOWN} of them")
    ignored: dict[str, int] = Field(description="what was read and is no request, with counts: spans of agents, ...")
    first: datetime | None = None
    last: datetime | None = None
    requests_per_month: Decimal | None = Field(default=None, description="answered requests per 730 hours")
    no_volume_because: str | None = Field(default=None, description="why `requests_per_month` is None")
    peak_to_average: Decimal | None = Field(
        default=None, description="busiest hour over average hour; None below a day"
    )
    hourly_weights: tuple[Decimal, ...] = Field(
        default=(), description="mean requests in each hour of the day, UTC; empty below a week"
    )
    retry_rate: Decimal | None = Field(
        default=None, description="rho, resends per answered request; None unless every one says how often it was sent"
    )
    latency_s: Percentiles | None = None
    mean_input_tokens: Decimal | None = None
    mean_cached_input_tokens: Decimal | None = None
    mean_cache_write_tokens: Decimal | None = None
    mean_output_tokens: Decimal | None = None
