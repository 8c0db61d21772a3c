"""A local chat model: any causal language model that transformers can load."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from gatekeeper.hashing import content_hash, hash_files
from gatekeeper.models.base import ModelInfo
from gatekeeper.models.buckets import by_length
from gatekeeper.models.encoder import load_pretrained, resolve_init, use_all_cores
from gatekeeper.models.extras import needs
from gatekeeper.records import Completion, Request, Usage

BATCH_SIZE = 8
WINDOW = 16
"""Batches' worth of requests that are pulled at once and put in order of their length."""
MOST_TOKENS = 16_384
"""Most tokens of prompts and answers in one batch, padding included: bounds its memory."""
_WEIGHT_SUFFIXES = {".safetensors", ".bin", ".gguf", ".json", ".jinja", ".model", ".txt"}


class ChatModel:
    """Answers the messages of each request, greedily unless `temperature` is above 0.

    Greedy requests are answered in batches of prompts of like length, which are padded little; so answers come in
    another order than requests. A sampled one is answered alone, from a seed that its own content gives, so that
    neither its neighbours nor the order of requests change an answer.

    Args:
        init: a folder, a hub id, or `package:<module>/<folder>`.
        gguf_file: file in that folder, for GGUF weights.
        max_tokens: most tokens of an answer, unless a request's `params` say otherwise.
        temperature: 0 for greedy decoding, unless a request's `params` say otherwise.
        seed: of the sampling.
        batch_size: most greedy requests answered together; of so many times `WINDOW` requests, those of like length.
        price_id: provider/name whose price the answers carry.
        name: name for people; the last part of `init` by default.

    Raises:
        ModelError: nothing at `init` can be loaded.
    """

    def __init__(
        self,
        init: str,
        *,
        gguf_file: str | None = None,
        max_tokens: int = 16,
        temperature: float = 0.0,
        seed: int = 0,
        batch_size: int = BATCH_SIZE,
        price_id: str | None = None,
        name: str | None = None,
    ) -> None:
        with needs("train"):
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer
        place = resolve_init(init)
        options: dict[str, Any] = {"gguf_file": gguf_file} if gguf_file else {}
        self._tokenizer: Any = load_pretrained(AutoTokenizer, place, **options)
        use_all_cores(torch)
        self._model: Any = load_pretrained(AutoModelForCausalLM, place, dtype=torch.float32, **options).eval()
        # Prompts of a batch end together, so padding stands on the left. The attention mask says what is padding, and
        # answers end at their first stop token, so a padding token that is also the stop token does no harm.
        self._tokenizer.padding_side = "left"
        self._stops = _stop_tokens(self._model, self._tokenizer)
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token_id = min(self._stops) if self._stops else 0
        self._params = {"max_tokens": max_tokens, "temperature": temperature}
        self._seed = seed
        self.batch_size = batch_size
        self._info = ModelInfo(
            name=name or init.rstrip("/").rsplit("/", 1)[-1],
            fingerprint=content_hash([_weights_digest(place, gguf_file, self._model), self._params, seed]),
            place="local",
            price_id=price_id,
            price_assumed=price_id is not None,
        )

    @property
    def info(self) -> ModelInfo:
        """Identity and price; the fingerprint covers weights, decoding and seed."""
        return self._info

    def upper_bound(self, request: Request) -> Usage:
        """Return the prompt's real tokens and the limit of the answer."""
        return Usage(input_tokens=len(self._prompt(request)), output_tokens=self._param(request, "max_tokens"))

    def complete(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer the requests, a window of them at a time; in a window the longest prompts come first."""
        source = iter(requests)
        while window := list(islice(source, self.batch_size * WINDOW)):
            prompts = [self._prompt(request) for request in window]
            limits = [int(self._param(request, "max_tokens")) for request in window]
            sampled = [self._param(request, "temperature") > 0 for request in window]
            lengths = [len(prompt) + limit for prompt, limit in zip(prompts, limits, strict=True)]
            kinds = [None if alone else limit for alone, limit in zip(sampled, limits, strict=True)]
            for places in by_length(lengths, kinds, self.batch_size, MOST_TOKENS):
                yield from self._generate([window[place] for place in places], [prompts[place] for place in places])

    def _generate(self, requests: list[Request], prompts: list[list[int]]) -> list[Completion]:
        import torch

        inputs = self._tokenizer.pad({"input_ids": prompts}, return_tensors="pt")
        options = self._decoding(requests[0])
        with torch.inference_mode(), torch.random.fork_rng():
            if options["do_sample"]:
                torch.manual_seed(self._sample_seed(requests[0]))
            ids = self._model.generate(
                input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], **options
            )
        width = inputs["input_ids"].shape[1]
        rows = ids[:, width:].tolist()
        return [self._completion(*row) for row in zip(requests, prompts, rows, strict=True)]

    def _completion(self, request: Request, prompt: list[int], row: list[int]) -> Completion:
        end = next((place for place, token in enumerate(row) if token in self._stops), None)
        answer = row if end is None else row[:end]
        return Completion(
            request_key=request.key(self._info.fingerprint),
            item_id=request.item_id,
            model=self._info.fingerprint,
            sample_index=request.sample_index,
            output=self._tokenizer.decode(answer, skip_special_tokens=True),
            finish_reason="length" if end is None else "stop",
            usage=Usage(input_tokens=len(prompt), output_tokens=len(answer) + (end is not None)),
        )

    def _prompt(self, request: Request) -> list[int]:
        if getattr(self._tokenizer, "chat_template", None):
            chat = [{"role": message.role, "content": message.content} for message in request.messages]
            text = self._tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
            ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
            return ids
        text = "\n".join(message.content for message in request.messages)
        plain: list[int] = self._tokenizer(text)["input_ids"]
        return plain

    def _param(self, request: Request, name: str) -> Any:
        value = request.params.get(name)
        return self._params[name] if value is None else value

    def _decoding(self, request: Request) -> dict[str, Any]:
        temperature = float(self._param(request, "temperature"))
        options: dict[str, Any] = {
            "max_new_tokens": int(self._param(request, "max_tokens")),
            "do_sample": temperature > 0,
            "pad_token_id": self._tokenizer.pad_token_id,
            "eos_token_id": sorted(self._stops) or None,
        }
        # The model's own generation defaults (top_k, penalties) would change what the suite asked for.
        options |= {"temperature": temperature if temperature > 0 else 1.0, "top_k": 0, "top_p": 1.0}
        return options | {"repetition_penalty": 1.0}

    def _sample_seed(self, request: Request) -> int:
        key = content_hash([self._seed, request.key(self._info.fingerprint)])
        return int(key.rpartition(":")[2][:15], 16)


def _stop_tokens(model: Any, tokenizer: Any) -> set[int]:
    declared = getattr(model.generation_config, "eos_token_id", None)
    found = declared if isinstance(declared, list) else [declared]
    return {token for token in [*found, tokenizer.eos_token_id] if token is not None}


def _weights_digest(place: str, gguf_file: str | None, model: Any) -> str:
    folder = Path(place)
    if gguf_file and (folder / gguf_file).is_file():
        return hash_files([(gguf_file, folder / gguf_file)])
    if folder.is_dir():
        files = sorted(path for path in folder.iterdir() if path.suffix in _WEIGHT_SUFFIXES and path.is_file())
        return hash_files((path.name, path) for path in files)
    return content_hash([place, gguf_file, getattr(model.config, "_commit_hash", None)])
