"""The sums of one pass over a log: per request only its tokens, its latency and a hash of its response id are kept."""

from __future__ import annotations

from array import array
from collections import Counter
from decimal import Decimal

from gatekeeper.imports.request import LoggedRequest, TokenTable
from gatekeeper.imports.traffic import Traffic

UNNAMED = "(no model named)"


class Tally:
    """Counts of the requests of one model: the one that is asked for, else the first that answers.

    Args:
        model: the one that is asked for.
    """

    def __init__(self, model: str | None) -> None:
        self.model = model
        self.models: Counter[str] = Counter()
        """Answered requests of the whole file."""
        self.failed: Counter[tuple[str, ...]] = Counter()
        """Failed requests of the whole file by the models that they name."""
        self.tokens = TokenTable()
        self.traffic = Traffic()
        self.seconds = array("d")
        self.n_without_tokens = 0
        self.n_duplicates = 0
        self._seen: set[int] = set()
        self._resent, self._n_resent_known = 0, 0

    @property
    def n_matched(self) -> int:
        """Answered requests of the model."""
        return len(self.tokens) + self.n_without_tokens

    def add(self, request: LoggedRequest) -> None:
        """Count one request."""
        if request.failed:
            self.failed[request.models] += 1
            return
        if self._is_repeated(request):
            self.n_duplicates += 1
            return
        name = request.models[0] if request.models else UNNAMED
        self.models[name] += 1
        if len(self.models) > 1 if self.model is None else self.model not in (request.models or (UNNAMED,)):
            return
        self.traffic.add(request.start)
        if request.seconds is not None:
            self.seconds.append(request.seconds)
        if request.retries is not None:
            self._n_resent_known += 1
            self._resent += request.retries
        if request.tokens is None:
            self.n_without_tokens += 1
        else:
            self.tokens.add(request.tokens)

    def n_failed(self) -> int:
        """Return the failed requests of the model; those that name none are its own where it is the only one."""
        if self.model is None:
            return self.failed.total()
        named = sum(n for models, n in self.failed.items() if self.model in models)
        return named + (self.failed[()] if len(self.models) == 1 else 0)

    def retry_rate(self) -> Decimal | None:
        """Return resends per answered request; None unless every one of them says how often it was sent."""
        if not self.n_matched or self._n_resent_known < self.n_matched:
            return None
        return Decimal(self._resent) / self.n_matched

    def _is_repeated(self, request: LoggedRequest) -> bool:
        """Instrumentations of a framework and of its client both report a call, and logs are replayed.

        An id counts together with the tokens and the minute, since some servers (Ollama) have only a few ids.
        """
        if request.response_id is None:
            return False
        minute = None if request.start is None else request.start // 60
        key = hash((request.response_id, request.tokens, minute))
        if key in self._seen:
            return True
        self._seen.add(key)
        return False
