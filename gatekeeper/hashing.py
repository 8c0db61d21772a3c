"""Identity: canonical JSON and tagged content hashes.

A hash names its algorithm (``b2:`` is BLAKE2b with a 16-byte digest), so that a later change of algorithm cannot make
two different things look the same.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

TAG = "b2:"
_DIGEST_BYTES = 16
_CHUNK = 1 << 20
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: Any) -> str:
    """Return `value` as JSON with sorted keys, no spaces and no NaN, the same for equal values on every machine.

    Raises:
        ValueError: `value` holds NaN or infinity.
        TypeError: `value` holds something that JSON has no form for.
    """
    return _CANONICAL.encode(value)


def content_hash(value: Any) -> str:
    """Return the tagged hash of a JSON-like value."""
    return hash_bytes(canonical_json(value).encode("utf-8", "surrogatepass"))


def content_hash_of_list(values: Iterable[Any]) -> str:
    """Return the `content_hash` of the list of `values`, of which only one at a time is in memory as text."""

    def pieces() -> Iterator[bytes]:
        before = b"["
        for value in values:
            yield before + canonical_json(value).encode("utf-8", "surrogatepass")
            before = b","
        yield b"[]" if before == b"[" else b"]"

    return hash_chunks(pieces())


def hash_bytes(data: bytes) -> str:
    """Return the tagged hash of raw bytes."""
    return TAG + hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()


def hash_chunks(chunks: Iterable[bytes]) -> str:
    """Return the tagged hash of bytes that come in pieces: that of `hash_bytes` over all of them."""
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for chunk in chunks:
        digest.update(chunk)
    return TAG + digest.hexdigest()


def hash_file(path: Path) -> str:
    """Return the tagged hash of a file's bytes, read in pieces."""
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return TAG + digest.hexdigest()


def hash_files(paths: Iterable[tuple[str, Path]]) -> str:
    """Return one tagged hash of several files, given as (name, path); the order does not matter."""
    return content_hash(sorted((name, hash_file(path)) for name, path in paths))


def hash_fraction(*parts: object) -> float:
    """Map `parts` to a number in [0, 1) that is uniform over many inputs and the same on every machine."""
    data = canonical_json([str(part) for part in parts]).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big") / 2**64


def short(tagged: str, length: int = 10) -> str:
    """Return the first `length` hex digits of a tagged hash, for people and file names."""
    return tagged.removeprefix(TAG)[:length]


def normalize_text(text: str) -> str:
    """Return `text` as duplicates are compared: NFKC, lower case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
