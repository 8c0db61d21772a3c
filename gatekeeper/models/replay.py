"""Answers that were recorded earlier, read from JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gatekeeper.errors import DataError
from gatekeeper.hashing import hash_file
from gatekeeper.models.base import ModelInfo
from gatekeeper.models.tokens import bound_input, count_request
from gatekeeper.records import Completion, Request, Usage


class RecordedUsage(BaseModel):
    """Tokens of a recorded answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)
    cached_input_tokens: int = Field(default=0, ge=0)
    cache_write_tokens: int = Field(default=0, ge=0)


class RecordedAnswer(BaseModel):
    """One line of the file: found again by `item_id`, or by `input`, the exact text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item_id: str | None = None
    input: str | None = None
    output: str
    usage: RecordedUsage | None = None
    distribution: dict[str, float] | None = None
    finish_reason: str = "stop"

    @model_validator(mode="after")
    def _has_a_key(self) -> RecordedAnswer:
        if self.item_id is None and self.input is None:
            raise ValueError("needs item_id or input")
        return self


class ReplayModel:
    """Answers from a file. What was not recorded is a failed completion of class `not_recorded`.

    A text that was answered several times has several samples, in the order of the lines: those of the item's id first,
    then those that have the item's text as their `input` and another id or none. Equal answers count one by one, since
    how often each occurs is what samples are for. An answer is never used for two samples of an item.

    Lines with the same `item_id` are answers to one question when their `input` says so. Where it does not, they are
    taken for a line that was written twice, or for ids that clash, which is an error.

    Args:
        path: of the file.
        price_id: provider/name of the price.
        name: for people.
        by_id: whether an item's id tells what was asked; False: every line needs its `input`, and ids do not count.

    Raises:
        DataError: the file cannot be read, a line is not an answer, or two lines of an id differ without an `input`
            that makes them answers to one question.
    """

    def __init__(self, path: Path, *, price_id: str | None = None, name: str = "replay", by_id: bool = True) -> None:
        self._ids_count = by_id
        self._by_id: dict[str, list[RecordedAnswer]] = {}
        self._by_input: dict[str, list[RecordedAnswer]] = {}
        for line, answer in _read(path):
            self._add(path, line, answer)
        self._info = ModelInfo(
            name=name,
            fingerprint=hash_file(path),
            place="local",
            price_id=price_id,
            price_assumed=price_id is not None,
        )

    @property
    def info(self) -> ModelInfo:
        """Identity and price; the fingerprint is the file's hash."""
        return self._info

    def upper_bound(self, request: Request) -> Usage:
        """Return the recorded usage, or a bound on the input where nothing was recorded."""
        answer = self._find(request)
        if answer is None:
            return Usage(input_tokens=bound_input(request), reported=False)
        return _usage(request, answer)

    def complete(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer each request from the file, in order."""
        for request in requests:
            yield _completion(request, self._find(request), len(self._samples(request)), self._info.fingerprint)

    def _find(self, request: Request) -> RecordedAnswer | None:
        answers = self._samples(request)
        return answers[request.sample_index] if request.sample_index < len(answers) else None

    def _samples(self, request: Request) -> list[RecordedAnswer]:
        if not self._ids_count:
            return self._by_input.get(request.text, [])
        of_id = self._by_id.get(request.item_id, [])
        return of_id + [answer for answer in self._by_input.get(request.text, []) if answer.item_id != request.item_id]

    def _add(self, path: Path, line: int, answer: RecordedAnswer) -> None:
        if not self._ids_count and answer.input is None:
            raise DataError(
                f"{path}:{line}: input: is missing, and the item alone does not say which answer was judged",
                hint="give the whole text that the judge was asked as `input`",
            )
        if self._ids_count and answer.item_id is not None:
            known = self._by_id.setdefault(answer.item_id, [])
            if known and (answer.input is None or known[0].input != answer.input):
                _check_same(path, line, known[0], answer)
            else:
                known.append(answer)
        if answer.input is not None:
            self._by_input.setdefault(answer.input, []).append(answer)


def _read(path: Path) -> Iterator[tuple[int, RecordedAnswer]]:
    try:
        with path.open(encoding="utf-8") as stream:
            for number, text in enumerate(stream, start=1):
                if text.strip():
                    yield number, _parse(path, number, text)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}", hint="teacher.answers.jsonl names a UTF-8 file") from error


def _parse(path: Path, line: int, text: str) -> RecordedAnswer:
    shape = 'a line is {"item_id": ..., "output": ...}, with optional input, usage and distribution'
    try:
        value: Any = json.loads(text)
        return RecordedAnswer.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "(line)"
        raise DataError(f"{path}:{line}: {field}: {first['msg']}", hint=shape) from error
    except ValueError as error:
        raise DataError(f"{path}:{line}: is not JSON: {error}", hint=shape) from error


def _check_same(path: Path, line: int, earlier: RecordedAnswer, answer: RecordedAnswer) -> None:
    if earlier.output != answer.output:
        raise DataError(
            f"{path}:{line}: item_id: {answer.item_id!r} has two answers, {earlier.output!r} and {answer.output!r}",
            hint="keep one line per item; several answers to one question need the question as `input` in each line",
        )


def _usage(request: Request, answer: RecordedAnswer) -> Usage:
    if answer.usage is None:
        return count_request(request, answer.output)
    return Usage(**answer.usage.model_dump(), reported=True)


def _completion(request: Request, answer: RecordedAnswer | None, recorded: int, fingerprint: str) -> Completion:
    identity: dict[str, Any] = {
        "request_key": request.key(fingerprint),
        "item_id": request.item_id,
        "model": fingerprint,
        "sample_index": request.sample_index,
    }
    if answer is None:
        message = f"no recorded answer for item {request.item_id!r}"
        if request.sample_index:
            message += f", sample {request.sample_index}: {recorded} recorded, counted from 0"
        return Completion(**identity, error_class="not_recorded", error_message=message)
    return Completion(
        **identity,
        output=answer.output,
        distribution=answer.distribution,
        finish_reason=answer.finish_reason,
        usage=_usage(request, answer),
    )
