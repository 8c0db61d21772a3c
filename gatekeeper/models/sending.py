"""The part of a run that lives in the loop: a place for each request, its turn, its tries, and when to stop."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from gatekeeper.errors import ModelError
from gatekeeper.models.answers import Answer
from gatekeeper.models.concurrency import Limit
from gatekeeper.models.errors import FAILURES, Failure, brief, scrub
from gatekeeper.models.pacing import Pacer
from gatekeeper.models.tokens import count_request
from gatekeeper.models.traffic import Traffic
from gatekeeper.models.wire import Reply, merged, unanswered
from gatekeeper.records import Completion, Request, Usage

if TYPE_CHECKING:
    from gatekeeper.models.api import ApiModel

GIVE_UP_AFTER = 5
"""Doubtful failures in a row, with nothing else ever, after which the endpoint counts as down or as something else."""
LOOK_AGAIN_S = 0.2
"""Who waits for a turn looks again after this time: an answer to somebody else may have changed the rate."""
_SOON_S = 0.0005


class Sender:
    """What the requests of one run at one endpoint have in common; all methods run in one loop.

    Args:
        model: whose requests are sent.
        more_room: called when another request may be pulled though none has ended.
    """

    def __init__(self, model: ApiModel, more_room: Callable[[], None]) -> None:
        self.stop: ModelError | None = None
        """Why the run ends: every other request would fail in the same way."""
        self.resting = 0
        """Requests that wait to be tried again; they take no place."""
        self.limit = Limit(model.concurrency_policy)
        self._model = model
        self._more_room = more_room
        self._wire = model.new_wire()
        self._pacer = Pacer(model.rate_limits, time.monotonic())
        self._counts_tokens = model.rate_limits.tokens_per_minute is not None
        self._secrets, self._fingerprint = model.secrets, model.info.fingerprint
        self._over = asyncio.Event()
        self._turn = asyncio.Lock()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._places_taken = self._on_the_wire = self._sent = 0
        self._refused = self._retries = 0
        self._reached = False
        self._doubtful_in_a_row = 0
        self._tokens_each = self._latency_s = 0.0

    @property
    def traffic(self) -> Traffic:
        """What the requests are doing; may be read from any thread."""
        return Traffic(
            in_flight=self._on_the_wire,
            limit=self.limit.value,
            resting=self.resting,
            refused=self._refused,
            retries=self._retries,
            ending=self._over.is_set(),
        )

    async def open(self) -> None:
        """Open the wire."""
        await self._wire.open()

    async def close(self) -> None:
        """Close the wire."""
        await self._wire.close()

    def end_waits(self) -> None:
        """Send nothing any more: who waits to be sent, or to be tried again, ends now."""
        self._over.set()
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)

    async def answer(self, request: Request) -> Completion:
        """Try until there is an answer, or no hope for one."""
        params = merged(self._model.params, request.params)
        reply = _NOT_SENT
        attempt, start, latency_s = 0, 0.0, 0.0
        while await self._take_place(request, params, again=attempt > 0):
            attempt += 1
            self._sent += 1
            number, began = self._sent, time.monotonic()
            start = start or began
            reply = await self._send(request, params)
            now = time.monotonic()
            latency_s = now - began
            self._note(reply, number, latency_s, now)
            self._leave_place()
            pause = self._pause(reply, attempt, now - start, now)
            if pause is None:
                break
            await self._rest(pause)
        return self._completion(request, reply, latency_s, attempt)

    async def _send(self, request: Request, params: Mapping[str, Any]) -> Reply:
        self._on_the_wire += 1
        try:
            return await self._wire.send(request, params)
        except Exception as error:  # a fault of the wire must not end the run
            return unanswered(error)
        finally:
            self._on_the_wire -= 1

    async def _take_place(self, request: Request, params: Mapping[str, Any], *, again: bool) -> bool:
        """Wait for a place and for the turn; False: the run is over."""
        if self._over.is_set():
            return False
        if self._places_taken >= self.limit.value or (self._waiting and not again):
            waiter = asyncio.get_running_loop().create_future()
            if again:
                self._waiting.appendleft(waiter)
            else:
                self._waiting.append(waiter)
            await waiter  # who wakes it has taken the place for it
            if self._over.is_set():
                return False
        else:
            self._places_taken += 1
        await self._wait_for_turn(self._tokens(request, params))
        if self._over.is_set():
            self._leave_place()
            return False
        return True

    def _leave_place(self) -> None:
        self._places_taken -= 1
        while self._waiting and self._places_taken < self.limit.value:
            waiter = self._waiting.popleft()
            if not waiter.done():
                self._places_taken += 1
                waiter.set_result(None)

    async def _wait_for_turn(self, tokens: int) -> None:
        now = time.monotonic()
        if self._turn.locked() or self._pacer.pause(now, tokens) > _SOON_S:
            async with self._turn:
                while (pause := self._pacer.pause(time.monotonic(), tokens)) > _SOON_S and not self._over.is_set():
                    await self._sleep(min(pause, LOOK_AGAIN_S))
                self._pacer.take(time.monotonic(), tokens)
        else:
            self._pacer.take(now, tokens)

    async def _rest(self, pause: float) -> None:
        self.resting += 1
        self._retries += 1
        self._more_room()
        await self._sleep(pause)
        self.resting -= 1

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()

    def _tokens(self, request: Request, params: Mapping[str, Any]) -> int:
        if not self._counts_tokens:
            return 0
        return count_request(request, None).input_tokens + self._wire.most_output_tokens(params)

    def _note(self, reply: Reply, number: int, latency_s: float, now: float) -> None:
        """Learn from a try: how many may be in flight, how fast they may be sent, whether there is any hope."""
        failure = reply.failure
        if failure is not None and failure.congested:
            self._refused += failure.kind == "rate_limit"
            if self.limit.congested(number, self._sent, self._needed()) and failure.kind == "rate_limit":
                self._pacer.refused(now)
        elif reply.reached:
            self.limit.answered(self._on_the_wire + 1, now)
            self._latency_s += 0.1 * (latency_s - self._latency_s) if self._latency_s else latency_s
            self._pacer.answered(now)
        if reply.remaining is not None:
            self._pacer.hinted(reply.remaining, now, self._tokens_each)
        usage = reply.answer.usage
        if usage is not None:
            self._tokens_each += 0.1 * (usage.input_tokens + usage.output_tokens - self._tokens_each)
        self._maybe_stop(reply, failure)

    def _needed(self) -> float:
        """Return how many requests in flight keep up the rate that refusals have shown (Little's law); 1: none has."""
        return 1 + (self._pacer.refused_rate or 0.0) * self._latency_s

    def _maybe_stop(self, reply: Reply, failure: Failure | None) -> None:
        message = reply.answer.error_message or ""
        if failure is not None and failure.stops:
            self._end(failure, f"model {self._wire.name!r} at {self._wire.endpoint}: {message}")
        elif failure is not None and failure.doubtful:
            self._doubtful_in_a_row += 1
            if not self._reached and self._doubtful_in_a_row >= GIVE_UP_AFTER:
                what = "could not be reached" if failure.kind == "connection" else "sent nothing that can be read"
                self._end(failure, f"{self._wire.endpoint} {what}, {GIVE_UP_AFTER} tries in a row ({message})")
        elif reply.reached:
            self._reached = True

    def _pause(self, reply: Reply, attempt: int, elapsed_s: float, now: float) -> float | None:
        """Return the seconds until the next try, None: this was the last one."""
        failure, after = reply.failure, reply.retry_after_s
        if failure is None or not failure.retryable or self._over.is_set():
            return None
        policy = self._model.policy
        if after is not None and after > policy.deadline_s:
            asked = f"{self._wire.endpoint} asks to wait for {after:,.0f} s, and {policy.deadline_s:,.0f} s are allowed"
            self._end(failure, f"{asked} ({reply.answer.error_message or failure.kind})")
            return None
        if after is not None:  # the limit is the endpoint's, so all requests heed it
            self._pacer.pause_all(now + after)
        refused = failure.kind == "rate_limit"
        paced = refused and self._pacer.refused_rate is not None
        return policy.wait(attempt, elapsed_s, after, self._model.dice, refused=refused, paced=paced)

    def _end(self, failure: Failure, message: str) -> None:
        if self.stop is None:
            text = brief(message, *self._secrets)
            self.stop = ModelError(text, kind=failure.kind, retryable=failure.retryable, hint=failure.hint)
            self.end_waits()

    def _completion(self, request: Request, reply: Reply, latency_s: float, attempts: int) -> Completion:
        answer = reply.answer
        usage = answer.usage
        if usage is None:
            # an answer without usage was paid for all the same; a failed request without a body was not
            billed = reply.failure is None or answer.finish_reason is not None
            usage = count_request(request, answer.output) if billed else Usage(reported=False)
        return Completion(
            request_key=request.key(self._fingerprint),
            item_id=request.item_id,
            model=self._fingerprint,
            sample_index=request.sample_index,
            output=answer.output,
            distribution=answer.distribution,
            raw=None if reply.raw is None else scrub(reply.raw, *self._secrets),
            finish_reason=answer.finish_reason,
            usage=usage,
            latency_s=latency_s if attempts else None,
            attempts=attempts,
            error_class=answer.error_class,
            error_message=None if answer.error_message is None else brief(answer.error_message, *self._secrets),
        )


_UNSENT = FAILURES["not_sent"]
_NOT_SENT = Reply(Answer(error_class=_UNSENT.kind, error_message=_UNSENT.hint), None, _UNSENT)
