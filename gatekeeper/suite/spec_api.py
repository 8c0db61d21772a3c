"""The models behind APIs as pydantic models: one class per protocol, with the parameters that it takes."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StrictBool,
    model_serializer,
    model_validator,
)

from gatekeeper.suite.spec_eval import FileModel, Int, Number

MODEL_ID = r"^[^/\s]+/\S+$"
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
LEAST_THINKING_TOKENS = 1024
HOW_ASKED = frozenset(
    {
        *("concurrency", "fixed_concurrency", "requests_per_minute", "tokens_per_minute", "timeout_s"),
        *("prefer", "deadline_hours"),
    }
)
"""Keys that say how fast and how patiently a model is asked. They change no answer, so no result either."""
_LATER = {*(HOW_ASKED - {"concurrency"}), "structured", "api"}
"""Keys that came after the first stores. At their defaults they are left out of what is stored and compared, so that a
suite stays what it was."""

PricedAs = Annotated[
    str | None,
    Field(pattern=MODEL_ID, description="provider/name whose price the teacher's answers carry; marked as assumed"),
]


class RequestParams(BaseModel):
    """Parameters of each request. Any other key is sent to the provider as it stands."""

    model_config = ConfigDict(frozen=True, extra="allow")
    taken: ClassVar[frozenset[str]] = frozenset({"model", "messages", "stream", "n"})
    """Keys that are not for a suite to set."""
    switches: ClassVar[frozenset[str]] = frozenset()
    """Keys that change what an answer costs and never what it says, so that no identity covers them."""

    @model_validator(mode="after")
    def _not_ours(self) -> RequestParams:
        taken = sorted(self.taken & set(self.model_extra or {}))
        if taken:
            raise ValueError(f"{', '.join(taken)} cannot be set here")
        return self


class ApiSpec(FileModel):
    """What every model that is asked over the network has in common."""

    model: str
    base_url: str | None = Field(default=None, description="endpoint; ${ENV} is expanded. Absent: the provider's own")
    api_key_env: str | None = Field(
        default=None, pattern=VARIABLE, description="environment variable with the key; absent: none is sent"
    )
    params: RequestParams = Field(default=RequestParams(), description="parameters of each request")
    concurrency: Int = Field(default=16, ge=1, le=1024, description="requests in flight at once")
    fixed_concurrency: StrictBool = Field(
        default=False, description="true: always so many; false: as many of them as the endpoint takes well"
    )
    requests_per_minute: Number | None = Field(
        default=None, gt=0, description="most requests in a minute; absent: as many as the endpoint takes"
    )
    tokens_per_minute: Number | None = Field(
        default=None, gt=0, description="most tokens in a minute, input and limit of the answer; absent: as above"
    )
    timeout_s: Number | None = Field(
        default=None, gt=0, description="seconds of one try of a request; absent: see teachers.md"
    )
    structured: StrictBool = Field(
        default=False, description="true: the provider holds the answer to the labels, by a JSON schema"
    )
    priced_as: PricedAs = None

    @model_validator(mode="after")
    def _one_format(self) -> ApiSpec:
        given = self.params.model_extra or {}
        objects = {key: given[key] for key in ("text", "output_config") if isinstance(given.get(key), dict)}
        taken = [f"{key}.format" for key, value in objects.items() if "format" in value]
        taken += ["response_format"] if "response_format" in given else []
        if self.structured and taken:
            raise ValueError(f"`structured` sets the format of the answer, so `params.{taken[0]}` cannot set another")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = type(self).model_fields
        return {key: value for key, value in dump(self).items() if key not in _LATER or value != fields[key].default}


class BatchedSpec(ApiSpec):
    """What every model has in common whose provider takes batches."""

    prefer: Literal["live", "batch"] = Field(
        default="live",
        description="batch: requests are handed over in batches, which are answered within a day at a lower price",
    )
    deadline_hours: Number = Field(
        default=24,
        gt=0,
        le=24,
        description="hours that a batch may take; what it has not answered by then is asked live, at the full price",
    )


class OpenAIParams(RequestParams):
    """Parameters of each request. Any other key is sent to the provider as it stands."""

    taken: ClassVar[frozenset[str]] = RequestParams.taken | {"input", "instructions"}

    temperature: Number | None = Field(default=None, ge=0, description="absent: the provider's default")
    max_tokens: Int = Field(default=16, ge=1, description="most tokens of an answer; also bounds its reserved price")
    max_completion_tokens: Int | None = Field(
        default=None, ge=1, description="the same by its newer name, which is sent in place of `max_tokens` then"
    )


class OpenAITeacher(BatchedSpec):
    """A model behind an OpenAI-compatible endpoint."""

    model: str = Field(pattern=r"^openai/\S+$", description="openai/<name of the model at the endpoint>")
    api: Literal["chat", "responses"] = Field(
        default="chat",
        description="chat: Chat Completions, which all such endpoints have; responses: OpenAI's newer one",
    )
    api_key_env: str = Field(
        default="OPENAI_API_KEY", pattern=VARIABLE, description="environment variable with the key"
    )
    params: OpenAIParams = Field(default=OpenAIParams(), description="parameters of each request")


class AnthropicThinking(FileModel):
    """Extended thinking before the answer; its tokens are paid as output."""

    type: Literal["enabled", "adaptive", "disabled"] = Field(
        default="enabled", description="enabled: within a budget; adaptive: the model decides how much"
    )
    budget_tokens: Int | None = Field(
        default=None, ge=LEAST_THINKING_TOKENS, description="most tokens of thinking; required when enabled"
    )

    @model_validator(mode="after")
    def _budget_when_enabled(self) -> AnthropicThinking:
        if (self.type == "enabled") != (self.budget_tokens is not None):
            raise ValueError("`budget_tokens` belongs to `type: enabled`, which needs it")
        return self


class AnthropicParams(RequestParams):
    """Parameters of each message. Any other key is sent to the provider as it stands."""

    taken: ClassVar[frozenset[str]] = frozenset({"model", "messages", "stream", "system"})
    switches: ClassVar[frozenset[str]] = frozenset({"cache"})

    temperature: Number | None = Field(default=None, ge=0, le=1, description="absent: the provider's default")
    max_tokens: Int = Field(
        default=16, ge=1, description="most tokens of thinking and answer together; also bounds its reserved price"
    )
    cache: StrictBool = Field(default=False, description="true: the system prompt is kept in the provider's cache")
    thinking: AnthropicThinking | None = Field(default=None, description="absent: the model answers at once")

    @model_validator(mode="after")
    def _thinking_leaves_room(self) -> AnthropicParams:
        budget = None if self.thinking is None else self.thinking.budget_tokens
        if budget is not None and budget >= self.max_tokens:
            raise ValueError(
                f"`max_tokens` ({self.max_tokens:,}) counts thinking too, so it must be above `thinking.budget_tokens` "
                f"({budget:,})"
            )
        if budget is not None and self.temperature not in (None, 1):
            raise ValueError(f"with thinking the provider takes `temperature` 1 only, not {self.temperature:g}")
        return self


class AnthropicTeacher(BatchedSpec):
    """A model behind Anthropic's Messages API."""

    model: str = Field(pattern=r"^anthropic/\S+$", description="anthropic/<name of the model>")
    base_url: str | None = Field(
        default=None, description="endpoint without /v1; ${ENV} is expanded. Absent: the provider's own"
    )
    api_key_env: str = Field(
        default="ANTHROPIC_API_KEY", pattern=VARIABLE, description="environment variable with the key"
    )
    params: AnthropicParams = Field(default=AnthropicParams(), description="parameters of each message")


class LiteLLMParams(RequestParams):
    """Parameters of each call of litellm, in OpenAI's form. Any other key is sent to the provider as it stands."""

    taken: ClassVar[frozenset[str]] = RequestParams.taken | {
        *("api_base", "api_key", "base_url", "client", "extra_headers", "headers", "timeout"),
        *("cache", "caching", "fallbacks", "max_retries", "mock_response", "num_retries"),
    }

    temperature: Number | None = Field(default=None, ge=0, description="absent: the provider's default")
    max_tokens: Int = Field(default=16, ge=1, description="most tokens of an answer; also bounds its reserved price")


class LiteLLMTeacher(ApiSpec):
    """A model of any provider that litellm speaks to."""

    model: str = Field(
        pattern=r"^litellm/[^/\s]+/\S+$", description="litellm/<provider>/<model>, both as litellm writes them"
    )
    api_key_env: str | None = Field(
        default=None,
        pattern=VARIABLE,
        description="environment variable with the key; absent: those that litellm looks up for the provider",
    )
    params: LiteLLMParams = Field(default=LiteLLMParams(), description="parameters of each request")


ApiTeacher = OpenAITeacher | AnthropicTeacher | LiteLLMTeacher
"""A model that is asked over the network."""
