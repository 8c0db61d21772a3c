"""Every provider that litellm knows, by litellm. Its import takes seconds, so it comes late."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gatekeeper.errors import ModelError
from gatekeeper.models.endpoints import shown_url
from gatekeeper.models.extras import needs
from gatekeeper.models.litellm_errors import provider_headers, reply_of
from gatekeeper.models.reader import Reader
from gatekeeper.models.wire import Reply, answered, timeout_of
from gatekeeper.records import Request

DEFAULT_MAX_TOKENS = 16

_open_wires = 0
_guard = threading.Lock()


class LiteLLMWire:
    """Speaks through `litellm.acompletion`; `gatekeeper.models.wire.Wire` says what each method is for.

    litellm reads the provider's own body and gives it in OpenAI's form, and that form is what is stored as the body.

    Args:
        model: `<provider>/<model>` as litellm writes it.
        base_url: endpoint, None for the provider's own.
        api_key: None: litellm looks up the variables that the provider's own tools use.
        reader: how its answers, which litellm gives in the form of chat, are read.
        timeout_s: seconds of one try; None: by the limit of the answer.

    Raises:
        ModelError: litellm knows no such provider, or misses its credentials.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        reader: Reader | None = None,
        timeout_s: float | None = None,
    ) -> None:
        self._litellm = import_litellm()
        self.name = model
        self.base_url = base_url
        self.api_key = api_key
        self.reader = reader or Reader()
        self.timeout_s = timeout_s
        self._check()

    @property
    def endpoint(self) -> str:
        """The endpoint without credentials and query."""
        provider = self.name.partition("/")[0]
        return f"{provider}'s own endpoint, by litellm" if self.base_url is None else shown_url(self.base_url)

    def most_output_tokens(self, params: Mapping[str, Any]) -> int:
        """Return the limit of the answer."""
        return int(params.get("max_completion_tokens") or params.get("max_tokens") or DEFAULT_MAX_TOKENS)

    async def open(self) -> None:
        """Count this wire: litellm's connections are shared by all."""
        global _open_wires
        with _guard:
            _open_wires += 1

    async def close(self) -> None:
        """End litellm's own tasks in this loop, and close its connections once nobody else uses them."""
        global _open_wires
        await self._end_tasks()
        with _guard:
            _open_wires -= 1
            last = _open_wires == 0
        if last:
            await self._litellm.close_litellm_async_clients()
            self._litellm.in_memory_llm_clients_cache.flush_cache()

    async def send(self, request: Request, params: Mapping[str, Any]) -> Reply:
        """Send one request once."""
        given = {"max_tokens": DEFAULT_MAX_TOKENS, **params}
        if "max_completion_tokens" in given:
            del given["max_tokens"]
        messages = [{"role": turn.role, "content": turn.content} for turn in request.messages]
        try:
            response = await self._litellm.acompletion(
                model=self.name,
                messages=messages,
                api_base=self.base_url,
                api_key=self.api_key,
                timeout=timeout_of(self.timeout_s, self.most_output_tokens(params)),
                max_retries=0,
                num_retries=0,
                **given,
            )
            value = response.model_dump(mode="json", exclude_none=True)
        except Exception as error:
            return reply_of(error)
        return self._reply(value, provider_headers(response._hidden_params.get("additional_headers")))

    def _reply(self, value: dict[str, Any], headers: Mapping[str, str]) -> Reply:
        answer = self.reader.answer(value)
        usage = answer.usage
        if usage is not None and usage.input_tokens == 0:
            # where the provider reports no usage, litellm says 0; no request has no input
            answer = replace(answer, usage=None)
        return answered(answer, json.dumps(value, ensure_ascii=False), headers)

    async def _end_tasks(self) -> None:
        """litellm starts a worker for its logs in each loop, and never ends it."""
        folder = str(Path(self._litellm.__file__).parent)
        current = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not current and _file_of(task).startswith(folder)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _check(self) -> None:
        try:
            self._litellm.get_llm_provider(self.name)
        except Exception as error:
            raise ModelError(
                f"litellm knows no provider of {self.name!r}",
                kind="model_not_found",
                hint="write litellm/<provider>/<model>, with the provider's name as in litellm's documentation",
            ) from error
        if self.api_key is not None or self.base_url is not None:
            return
        listed = self._litellm.validate_environment(self.name).get("missing_keys") or []
        missing = [name for name in listed if name.endswith("_API_KEY")]  # clouds have credentials in other places too
        if missing:
            raise ModelError(
                f"litellm needs the environment variable {' and '.join(missing)} for {self.name!r}, which is not set",
                kind="auth",
                hint=f"export {missing[0]}=<your key>, or name the variable that has it in api_key_env",
            )


def _file_of(task: asyncio.Task[Any]) -> str:
    code = getattr(task.get_coro(), "cr_code", None)
    return "" if code is None else str(code.co_filename)


def import_litellm() -> Any:
    """Return the module, imported so that it stays silent and sends nothing but requests.

    Unless told otherwise by the environment, it would fetch its price list when it is imported, and load a `.env` file
    of the current folder.
    """
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")
    with needs("teachers"):
        import litellm
    litellm.suppress_debug_info = True
    return litellm
