"""Count tokens before anything is sent: by the model's own tokenizer where it lies on this machine, else by bytes.

Nothing is fetched. OpenAI's vocabularies are found where tiktoken keeps what it has loaded before, and in the package
litellm, which brings them along. Anthropic publishes no tokenizer of its present models.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from gatekeeper.errors import ModelError
from gatekeeper.models.encoder import resolve_init
from gatekeeper.models.tokens import BYTES_PER_TOKEN, CountTokens, estimate_tokens
from gatekeeper.suite.spec_models import ChatTeacher, EncoderTeacher, LiteLLMTeacher, OpenAITeacher, TeacherSpec

ESTIMATED = f"estimated, {BYTES_PER_TOKEN} bytes a token"
_VOCABULARY = "https://openaipublic.blob.core.windows.net/encodings/{name}.tiktoken"
_CACHE = "TIKTOKEN_CACHE_DIR"


class Counter(NamedTuple):
    """How the tokens of a model's texts are counted, and how to say so."""

    tokens: CountTokens
    how: str


def counter_of(spec: TeacherSpec) -> Counter:
    """Return the best count of tokens that this machine has for a model of a suite; an estimate where there is none."""
    if isinstance(spec, OpenAITeacher):
        return _of_openai(spec.model.removeprefix("openai/"))
    if isinstance(spec, LiteLLMTeacher):
        provider, _, name = spec.model.removeprefix("litellm/").partition("/")
        return _of_openai(name) if provider == "openai" else _estimate()
    if isinstance(spec, EncoderTeacher | ChatTeacher):
        try:
            return _of_folder(Path(resolve_init(spec.init)))
        except ModelError:  # it is not installed here; whoever loads the model says so
            return _estimate()
    return _estimate()


def _estimate() -> Counter:
    return Counter(estimate_tokens, ESTIMATED)


def _of_openai(name: str) -> Counter:
    if find_spec("tiktoken") is None:
        return _estimate()
    import tiktoken

    try:
        vocabulary = tiktoken.encoding_name_for_model(name)
    except KeyError:
        return _estimate()
    folder = _folder_of(vocabulary)
    if folder is None:
        return _estimate()
    with _cached_in(folder):
        encoding = tiktoken.get_encoding(vocabulary)

    def count(texts: Sequence[str]) -> list[int]:
        return [len(tokens) for tokens in encoding.encode_ordinary_batch(list(texts))]

    return Counter(count, f"counted with {vocabulary}")


def _folder_of(vocabulary: str) -> Path | None:
    """Return the folder that holds a vocabulary under the name that tiktoken looks for; None: it would be fetched."""
    file = hashlib.sha1(_VOCABULARY.format(name=vocabulary).encode(), usedforsecurity=False).hexdigest()
    return next((folder for folder in _folders() if (folder / file).is_file()), None)


def _folders() -> Iterator[Path]:
    for variable in (_CACHE, "DATA_GYM_CACHE_DIR"):
        if os.environ.get(variable):
            yield Path(os.environ[variable])
    yield Path(tempfile.gettempdir(), "data-gym-cache")
    package = find_spec("litellm")  # found, not imported: that would take seconds
    for place in (package.submodule_search_locations or ()) if package is not None else ():
        yield Path(place, "litellm_core_utils", "tokenizers")


@contextmanager
def _cached_in(folder: Path) -> Iterator[None]:
    before = os.environ.get(_CACHE)
    os.environ[_CACHE] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_CACHE]
        else:
            os.environ[_CACHE] = before


def _of_folder(folder: Path) -> Counter:
    file = folder / "tokenizer.json"
    if not file.is_file() or find_spec("tokenizers") is None:
        return _estimate()
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count(texts: Sequence[str]) -> list[int]:
        found = tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [len(one.ids) for one in found]

    return Counter(count, "counted with the model's tokenizer")
