"""A serving benchmark: what one replica answered per second, and how fast, at each load it was given."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from gatekeeper.records import Record

Tool = Literal["guidellm", "vllm", "aiperf", "genai-perf"]


class BenchRun(Record):
    """One load for some time. What the tool did not report is None."""

    request_rate: float | None = Field(default=None, description="requests per second that were sent; None: no limit")
    concurrency: int | None = Field(default=None, description="most requests under way at once; None: no limit")
    requests_per_second: float = Field(gt=0, description="answered without an error")
    output_tokens_per_second: float | None = None
    mean_input_tokens: float | None = None
    mean_output_tokens: float | None = None
    ttft_p99_ms: float | None = Field(default=None, description="99th percentile of the time to the first token")
    e2e_p95_ms: float | None = Field(
        default=None, description="95th percentile from when a request was due, where the tool reports it, else sent"
    )
    n_requests: int | None = Field(default=None, description="answered without an error")
    n_failed: int | None = None

    def setting(self) -> str:
        """Return the load in words; runs with the same one are replicates."""
        rate = None if self.request_rate is None else f"{self.request_rate:g} requests/s"
        at_once = None if self.concurrency is None else f"{self.concurrency} at once"
        return ", ".join(part for part in (rate, at_once) if part) or "no limit of the load"


class Bench(Record):
    """The runs of one model on one server."""

    tool: Tool
    version: str | None = Field(default=None, description="of the tool")
    model: str | None = None
    measured_at: date | None = Field(default=None, description="day of the oldest run; None: the file has no date")
    runs: tuple[BenchRun, ...]
    hardware: str | None = Field(default=None, description="of the server, where the file says it")
    files: tuple[str, ...]
    left_out: tuple[str, ...] = Field(default=(), description="runs that measure no steady load, each with its reason")


class RawRun(Record):
    """A run as a tool's reader returns it: with what the file says about the server, or why it is left out."""

    run: BenchRun | None
    left_out: str | None = None
    model: str | None = None
    measured_at: date | None = None
    hardware: str | None = None
    version: str | None = None
