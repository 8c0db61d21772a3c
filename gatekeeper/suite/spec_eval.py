"""The file eval.yaml as pydantic models, and the kinds of value that both files use.

Every default of an eval stands here and nowhere else. `gatekeeper.suite.spec` has the same for the suite.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Strict, Tag, model_validator

from gatekeeper.scorers import ScorerSpec

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
SOURCES = ("jsonl", "csv", "parquet", "duckdb", "hf")
SPLITS = ("teacher", "pool", "dev", "gate")
SHARE_TOLERANCE = 1e-9


def _money(value: object) -> object:
    # A float goes through its shortest text: 0.2 is meant as 0.2, not as its binary neighbour.
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("should be a number of US dollars")
    return Decimal(str(value))


def _version(value: object) -> object:
    # Python takes True and 1.0 for 1; a file should not.
    return value if type(value) is int else repr(value)


Int = Annotated[int, Strict()]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Money = Annotated[Decimal, BeforeValidator(_money, json_schema_input_type=float), Field(ge=0, allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=NAME)]
Version = Annotated[Literal[1], BeforeValidator(_version)]
Share = Annotated[float, Strict(), Field(ge=0, le=1, allow_inf_nan=False)]
Role = Literal["main", "ood", "guard"]
Column = Annotated[str, Field(min_length=1)]
FilePath = Annotated[str, Field(min_length=1, description="relative to the file that names it")]


class FileModel(BaseModel):
    """A part of a file that the user wrote: immutable, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TextFile(FileModel):
    """A text that stands in a file of its own."""

    file: FilePath = Field(description="path of a UTF-8 text file")


def _text_or_file(value: object) -> str:
    return "<file>" if isinstance(value, dict | TextFile) else "<inline>"


Template = Annotated[Annotated[str, Tag("<inline>")] | Annotated[TextFile, Tag("<file>")], Discriminator(_text_or_file)]
Labels = Annotated[
    Annotated[tuple[str, ...], Tag("<inline>")] | Annotated[TextFile, Tag("<file>")], Discriminator(_text_or_file)
]


class DuckDBSource(FileModel):
    """Rows of a query over a DuckDB file, which is opened read-only."""

    file: FilePath = Field(description="path of the DuckDB file")
    sql: str = Field(min_length=1, description="one SELECT; its columns are the columns of the data")


class HfSource(FileModel):
    """A data set of the `datasets` library (extra `train`)."""

    path: str = Field(min_length=1, description="hub id, folder of save_to_disk, or a builder: json, csv, parquet")
    name: str | None = Field(default=None, description="configuration of the data set")
    split: str = Field(default="train", description="which of its splits is read")
    revision: str | None = Field(default=None, description="commit, tag or branch on the hub; required for a hub id")
    data_files: tuple[FilePath, ...] | None = Field(default=None, description="local files for a builder")


class Source(FileModel):
    """Where rows come from: exactly one key."""

    jsonl: FilePath | None = Field(default=None, description="one JSON object per line")
    csv: FilePath | None = Field(default=None, description="a CSV file with a header line")
    parquet: FilePath | None = Field(default=None, description="a Parquet file")
    duckdb: DuckDBSource | None = Field(default=None, description="a query over a DuckDB file")
    hf: HfSource | None = Field(default=None, description="a data set of the `datasets` library")

    @model_validator(mode="after")
    def _one_key(self) -> Source:
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of {', '.join(SOURCES)}, and has {', '.join(given) or 'none'}")
        return self

    @property
    def kind(self) -> str:
        """The key that is set."""
        return next(name for name in SOURCES if getattr(self, name) is not None)


def _share_or_source(value: object) -> str:
    return "<source>" if isinstance(value, dict | Source) else "<share>"


SplitSpec = Annotated[
    Annotated[Share, Tag("<share>")] | Annotated[Source, Tag("<source>")], Discriminator(_share_or_source)
]


class SplitsSpec(FileModel):
    """How rows are divided. A number is a share of `data.source`, by hash(seed, cluster), so that adding rows moves no
    item; a source is a file that makes up the whole split."""

    seed: Int = Field(default=7, ge=0, lt=2**63, description="of the hash that divides the rows")
    teacher: SplitSpec = Field(default=0.0, description="gold rows for the head of a local stand-in teacher")
    pool: SplitSpec = Field(default=0.5, description="what students may learn from, labelled by the teacher")
    dev: SplitSpec = Field(default=0.2, description="what steers the loop")
    gate: SplitSpec = Field(default=0.3, description="what decides; read by nothing else")

    @model_validator(mode="after")
    def _check_shares(self) -> SplitsSpec:
        shares = self.shares
        empty = [name for name in ("pool", "dev", "gate") if shares.get(name) == 0]
        if empty:
            raise ValueError(f"the share of {' and '.join(empty)} must be above 0")
        if any(shares.values()) and not math.isclose(math.fsum(shares.values()), 1.0, abs_tol=SHARE_TOLERANCE):
            listed = " + ".join(f"{name} {share:g}" for name, share in shares.items())
            raise ValueError(f"the shares must sum to 1, but {listed} = {math.fsum(shares.values()):g}")
        return self

    @property
    def shares(self) -> dict[str, float]:
        """Share of `data.source` by split; splits that have their own source are left out."""
        return {name: value for name in SPLITS if isinstance(value := getattr(self, name), float | int)}

    @property
    def sources(self) -> dict[str, Source]:
        """The splits that have a source of their own."""
        return {name: value for name in SPLITS if isinstance(value := getattr(self, name), Source)}


class DataSpec(FileModel):
    """The rows of an eval and what their columns mean."""

    source: Source | None = Field(default=None, description="where the rows come from; exactly one key")
    get: str | None = Field(default=None, description="command that fetches the source; shown when it is missing")
    id: Column | None = Field(default=None, description="column of a stable id; absent: content hash of the input")
    input: Column = Field(default="input", description="column of the input: a text, or a list of {role, content}")
    target: Column | None = Field(default=None, description="column of the right answer; absent: nobody knows it")
    slices: tuple[Column, ...] = Field(default=(), description="columns by which results are broken down")
    cluster: Column | None = Field(default=None, description="column that says which rows belong together")
    splits: SplitsSpec = Field(default=SplitsSpec(), description="shares or files of teacher, pool, dev and gate")

    @model_validator(mode="after")
    def _source_where_needed(self) -> DataSpec:
        shared = [name for name, share in self.splits.shares.items() if share > 0]
        if shared and self.source is None:
            raise ValueError(f"needs `source`, since {', '.join(shared)} are shares of it")
        if not shared and self.source is not None:
            raise ValueError("`source` would not be read, since every split has a source of its own")
        return self


class TaskSpec(FileModel):
    """What kind of answer is asked for."""

    kind: Literal["classification"] = Field(default="classification", description="the kind of task")
    labels: Labels = Field(description="the labels, or {file: path} with one label per line")


class SamplesSpec(FileModel):
    """How often each row is asked, for models that do not always answer the same."""

    teacher: Int = Field(default=1, ge=1, le=64, description="answers of the teacher to each dev and gate row")


class EvalSpec(FileModel):
    """eval.yaml: how to score."""

    version: Version = Field(description="of the file format")
    eval: Name = Field(description="name of the eval")
    description: str = Field(default="", description="one sentence for people")
    data: DataSpec = Field(description="the rows and their columns")
    task: TaskSpec = Field(description="what kind of answer is asked for")
    scorers: dict[str, ScorerSpec] = Field(
        default={"exact": ScorerSpec.model_validate("exact")}, min_length=1, description="scorers by name"
    )
    primary: str | None = Field(default=None, description="the scorer that decides; may be absent if there is one only")
    samples: SamplesSpec = Field(default=SamplesSpec(), description="how often each row is asked")
    role: Role = Field(
        default="main",
        description="main: decides, and students learn its task; ood: inputs that the task is not about; "
        "guard: must not get worse. All rows of ood and guard are gate rows",
    )

    @model_validator(mode="after")
    def _primary_exists(self) -> EvalSpec:
        if self.primary is None and len(self.scorers) > 1:
            raise ValueError(f"needs `primary`, one of {', '.join(self.scorers)}")
        if self.primary is not None and self.primary not in self.scorers:
            raise ValueError(f"`primary` is {self.primary!r}, which is not one of {', '.join(self.scorers)}")
        return self

    @model_validator(mode="after")
    def _one_split_beside_main(self) -> EvalSpec:
        if self.role != "main" and (self.data.splits != SplitsSpec() or self.data.source is None):
            raise ValueError(f"all rows of an eval of `role: {self.role}` are gate rows: give `data.source`, no splits")
        return self
