"""Rows of a data source, each with the place where it stands. What cannot be read is a fault, not an exception."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gatekeeper.errors import DataError, MissingExtraError, Problem
from gatekeeper.suite.paths import joined
from gatekeeper.suite.problems import show_value
from gatekeeper.suite.spec import DuckDBSource, HfSource, Source

_BATCH = 4096
_BUILDERS = ("json", "csv", "parquet")


@dataclass
class Faults:
    """What is wrong with the rows of an eval: the first few in full, the rest as a number."""

    most: int = 20
    problems: list[Problem] = field(default_factory=list)
    count: int = 0

    def add(
        self, file: str, line: int | None, column: str, message: str, value: object = None, hint: str | None = None
    ) -> None:
        """Note one problem; beyond the first `most` it is only counted."""
        self.count += 1
        if len(self.problems) < self.most:
            shown = None if value is None else show_value(value)
            self.problems.append(Problem(file, line, column, message, shown, hint))

    def raise_if_any(self) -> None:
        """Raise one DataError that lists what was noted."""
        if not self.count:
            return
        head = f"{self.count} problem{'s' if self.count != 1 else ''} in the data:"
        lines = [head, *(f"  - {problem}" for problem in self.problems)]
        if self.count > len(self.problems):
            lines.append(f"  and {self.count - len(self.problems):,} more")
        raise DataError("\n".join(lines))


@dataclass(frozen=True)
class Row:
    """One row: file and line (a row number, from 1, where the format has no lines) and values by column."""

    file: str
    line: int
    values: dict[str, Any]


def source_name(source: Source, folder: Path) -> str:
    """Return how messages call a source."""
    value = getattr(source, source.kind)
    if isinstance(value, DuckDBSource):
        return str(joined(folder, value.file))
    if isinstance(value, HfSource):
        return f"hf:{value.path}"
    return str(joined(folder, value))


def read_rows(source: Source, folder: Path, faults: Faults) -> Iterator[Row]:
    """Yield the rows of `source`; paths start at `folder`.

    Rows that cannot be read are noted in `faults` and left out.

    Raises:
        MissingExtraError: the source needs a package that is not installed.
    """
    name = source_name(source, folder)
    if source.jsonl is not None:
        yield from _jsonl(joined(folder, source.jsonl), faults)
    elif source.csv is not None:
        yield from _csv(joined(folder, source.csv), faults)
    else:
        rows = _table(source, folder, name, faults)
        yield from (Row(name, number, values) for number, values in enumerate(rows, start=1))


def _table(source: Source, folder: Path, name: str, faults: Faults) -> Iterator[dict[str, Any]]:
    try:
        if source.parquet is not None:
            yield from _parquet(joined(folder, source.parquet))
        elif source.duckdb is not None:
            yield from _duckdb(joined(folder, source.duckdb.file), source.duckdb.sql)
        elif source.hf is not None:
            yield from _hf(source.hf, folder)
    except MissingExtraError:
        raise
    except Exception as error:  # three libraries with their own trees of errors; all mean that rows cannot be read
        faults.add(name, None, "", f"cannot be read: {str(error).strip() or type(error).__name__}")


def _text_lines(path: Path, faults: Faults) -> Iterator[str]:
    """Yield the lines of a UTF-8 file with their ends; the first line that is not UTF-8 is noted and ends it."""
    try:
        with path.open("rb") as stream:
            for number, data in enumerate(stream, start=1):
                try:
                    yield data.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    message = f"is not UTF-8 (byte {error.start + 1} of the line)"
                    faults.add(str(path), number, "", message, hint="save the file as UTF-8")
                    return
    except OSError as error:
        faults.add(str(path), None, "", f"cannot be read: {error.strerror}")


def _jsonl(path: Path, faults: Faults) -> Iterator[Row]:
    for number, line in enumerate(_text_lines(path, faults), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            detail = f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
            faults.add(str(path), number, "", f"is not valid JSON: {detail}", line.strip())
            continue
        if isinstance(values, dict):
            yield Row(str(path), number, values)
        else:
            faults.add(str(path), number, "", "is not a JSON object", line.strip())


def _csv(path: Path, faults: Faults) -> Iterator[Row]:
    reader = csv.reader(_text_lines(path, faults), strict=True)
    header: list[str] | None = None
    try:
        for fields in reader:
            if not fields:
                continue
            if header is None:
                header = [name.strip() for name in fields]
                twice = sorted({name for name in header if header.count(name) > 1})
                if twice:
                    faults.add(str(path), reader.line_num, "", f"the header names {', '.join(twice)} twice")
                    return
            elif len(fields) != len(header):
                message = f"has {len(fields)} fields, and the header has {len(header)}"
                faults.add(str(path), reader.line_num, "", message, hint="put quotes around a field with a comma")
            else:
                yield Row(str(path), reader.line_num, dict(zip(header, fields, strict=True)))
    except csv.Error as error:
        faults.add(str(path), reader.line_num, "", f"is not valid CSV: {error}")


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH):
            yield from batch.to_pylist()


def _duckdb(path: Path, sql: str) -> Iterator[dict[str, Any]]:
    import duckdb

    # A query in a suite reads the one file that the suite names: no other file, no network, no extension.
    config: dict[str, str | bool | int | float | list[str]]
    config = {"enable_external_access": "false", "autoload_known_extensions": "false", "lock_configuration": "true"}
    with duckdb.connect(str(path), read_only=True, config=config) as connection:
        cursor = connection.execute(sql)
        columns = [column[0] for column in cursor.description or []]
        while rows := cursor.fetchmany(_BATCH):
            yield from (dict(zip(columns, row, strict=True)) for row in rows)


def _hf(spec: HfSource, folder: Path) -> Iterator[dict[str, Any]]:
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError("datasets", "train") from error

    local = joined(folder, spec.path)
    if spec.path not in _BUILDERS and local.is_dir():
        loaded: Iterable[Any] = _hf_split(datasets.load_from_disk(str(local)), spec.split)
    else:
        files = spec.data_files
        if files is not None and spec.path in _BUILDERS:
            files = tuple(str(joined(folder, file)) for file in files)
        loaded = datasets.load_dataset(
            spec.path,
            spec.name,
            split=spec.split,
            revision=spec.revision,
            data_files=None if files is None else list(files),
        )
    yield from (dict(row) for row in loaded)


def _hf_split(loaded: Any, split: str) -> Any:
    """A folder of save_to_disk holds one data set, or a mapping of splits."""
    if not isinstance(loaded, dict):
        return loaded
    if split not in loaded:
        raise DataError(f"there is no split {split!r}; there are {', '.join(loaded)}")
    return loaded[split]
