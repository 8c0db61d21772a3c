"""How the answers of one model are read from bodies: by its protocol, its labels, and whether it was held to them.

Pure, so that what is stored, and what comes back in a batch, is read as it was when it arrived.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gatekeeper.models.answers import Answer, answer_of, first_token, read_json
from gatekeeper.models.anthropic_answers import message_answer
from gatekeeper.models.response_answers import response_answer
from gatekeeper.models.structured import label_token, read_label
from gatekeeper.suite.spec_models import AnthropicTeacher, ApiTeacher, OpenAITeacher

Protocol = Literal["chat", "responses", "messages"]
"""chat: OpenAI's Chat Completions; responses: its Responses API; messages: Anthropic's Messages API."""


@dataclass(frozen=True)
class Reader:
    """Reads bodies of one protocol.

    Args:
        protocol: of the body.
        labels: labels that the logprobs of one token are read for.
        structured: the answer was asked for as `{"label": ...}`; it is read as that label.
    """

    protocol: Protocol = "chat"
    labels: tuple[str, ...] = ()
    structured: bool = False

    def read(self, body: bytes) -> Answer:
        """Return the answer in a body, or the class of what is wrong with it."""
        value, wrong = read_json(body)
        return wrong if wrong is not None else self.answer(value)

    def answer(self, value: Any) -> Answer:
        """Return the answer in the JSON value of a body."""
        answer = self._plain(value)
        return read_label(answer) if self.structured else answer

    def _plain(self, value: Any) -> Answer:
        if self.protocol == "messages":
            return message_answer(value)
        find = label_token if self.structured else first_token
        read = response_answer if self.protocol == "responses" else answer_of
        return read(value, self.labels, find)


def reader_of(spec: ApiTeacher, labels: Sequence[str] = ()) -> Reader:
    """Return how the answers of a suite's model behind an API are read."""
    if isinstance(spec, AnthropicTeacher):
        return Reader("messages", tuple(labels), spec.structured)
    protocol: Protocol = spec.api if isinstance(spec, OpenAITeacher) else "chat"
    return Reader(protocol, tuple(labels), spec.structured)
