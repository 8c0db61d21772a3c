"""The JSON documents of a file, one at a time: one per line, or a few that span lines (arrays, indented exports)."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from gatekeeper.errors import DataError

MOST_BYTES = 256 * 2**20
"""A file whose documents span lines is held in memory as a whole, up to this size."""


class Document(NamedTuple):
    """One JSON value and the line where it starts; where it cannot be read, why."""

    line: int
    value: Any
    problem: str | None = None


def read_documents(path: Path) -> Iterator[Document]:
    """Yield the values of a file; the elements of an array one by one. ``.gz`` is unpacked on the way.

    A file with one document per line is streamed, so that its size does not matter.

    Raises:
        DataError: the file is missing or cannot be read.
    """
    try:
        with _open(path) as file:
            opening = next((line for line in file if line.strip()), b"")
            whole = None
            if opening and _parse(1, opening).problem is not None:
                file.seek(0)
                content = file.read(MOST_BYTES + 1)
                whole = None if len(content) > MOST_BYTES else _spanning(content)
            file.seek(0)
            yield from _by_line(file) if whole is None else whole
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {error}", hint="name a file of JSON, one object per line") from error


def _open(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _by_line(file: BinaryIO) -> Iterator[Document]:
    for line, content in enumerate(file, start=1):
        if content.strip():
            yield from _elements(_parse(line, content))


def _parse(line: int, content: bytes) -> Document:
    try:
        return Document(line, json.loads(content))
    except (ValueError, RecursionError) as error:
        return Document(line, None, f"not valid JSON: {error}")


def _elements(document: Document) -> Iterator[Document]:
    if isinstance(document.value, list):
        yield from (Document(document.line, element) for element in document.value)
    else:
        yield document


def _spanning(content: bytes) -> list[Document] | None:
    """Return documents that span lines; None where the first one does not, since its line is then just a bad one."""
    try:
        whole = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    decoder, found, place, line = json.JSONDecoder(), list[Document](), 0, 1
    while rest := whole[place : place + 1]:
        if rest.isspace():
            line += rest == "\n"
            place += 1
            continue
        try:
            value, end = decoder.raw_decode(whole, place)
        except (ValueError, RecursionError) as error:
            if not found:
                return None
            return [*found, Document(line, None, f"not valid JSON from here on: {error}")]
        if not found and not isinstance(value, dict | list):
            return None
        if not found and "\n" in whole[end:].strip() and "\n" not in whole[place:end]:
            return None
        found += _elements(Document(line, value))
        line += whole.count("\n", place, end)
        place = end
    return found
