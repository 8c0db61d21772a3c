"""What the requests to an endpoint are doing at one moment, for whoever watches."""

from __future__ import annotations

from typing import NamedTuple


class Traffic(NamedTuple):
    """Requests to one model.

    The numbers are read without a lock from another thread, so they may be one event apart. `refused` are refusals for
    too high a rate (HTTP 429) so far, `retries` are tries after the first one of a request so far, and `resting` are
    requests that wait to be tried again now. `ending`: nothing new is sent, what is in flight is waited for.
    """

    in_flight: int
    limit: int
    resting: int
    refused: int
    retries: int
    ending: bool
