"""One exception tree and the exit codes of the command line.

Every error that a user can mend carries a ``hint`` that says how. The command line prints message and hint without a
traceback and ends with the error's ``exit_code``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What the shell sees when a command ends."""

    OK = 0
    ERROR = 1
    USAGE = 2
    REJECTED = 10
    INCONCLUSIVE = 11
    BUDGET = 12
    MISSING = 13
    INTERRUPTED = 130


class GatekeeperError(Exception):
    """The root of all errors that gatekeeper raises on purpose.

    Args:
        message: what is wrong, with file, place and value where there is one.
        hint: what the user can do about it.
    """

    exit_code: ExitCode = ExitCode.ERROR

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  fix: {self.hint}" if self.hint else self.message


class InputError(GatekeeperError, ValueError):
    """The user's input (arguments, suite, data) is wrong."""

    exit_code = ExitCode.USAGE


class DataError(InputError):
    """A data source cannot be read, or its rows do not fit the eval."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a file that the user wrote."""

    file: str
    line: int | None
    path: str
    message: str
    value: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        value = f" (got {self.value})" if self.value is not None else ""
        fix = f"\n      fix: {self.hint}" if self.hint else ""
        return f"{place}: {self.path or '(top level)'}: {self.message}{value}{fix}"


class SuiteError(InputError):
    """A suite or eval file has problems; all of them are listed at once."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(problems)
        head = f"{count} problem{'s' if count != 1 else ''} in the suite:"
        super().__init__("\n".join([head, *(f"  - {problem}" for problem in problems)]))


class MissingExtraError(GatekeeperError, ImportError):
    """An optional package is not installed; the hint names the extra that brings it."""

    exit_code = ExitCode.USAGE

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"this needs the package {package!r}, which is not installed",
            hint=f'pip install "gatekeeper-distill[{extra}]"',
        )


class StoreError(GatekeeperError, RuntimeError):
    """The store cannot be opened, read or written."""


class StoreLockedError(StoreError):
    """Another process holds the store."""


class StoreVersionError(StoreError):
    """The store was written by a newer gatekeeper."""

    exit_code = ExitCode.USAGE


class ArtifactError(StoreError):
    """An artifact is missing, incomplete, or its bytes are not those of its manifest."""


class VerificationError(StoreError):
    """What is stored does not re-derive the verdict; the message names the row, number or file."""


class BudgetExceededError(GatekeeperError, RuntimeError):
    """The next call does not fit into the budget. Work so far is kept."""

    exit_code = ExitCode.BUDGET


class PriceError(GatekeeperError, LookupError):
    """A price that is needed is unknown or too old."""

    exit_code = ExitCode.MISSING


class ModelError(GatekeeperError, RuntimeError):
    """A model cannot be loaded, reached or used.

    Args:
        kind: the error class of the failure (``rate_limit``, ``timeout``, ``auth``, ``not_json``, ...).
        retryable: whether the same request may succeed later.
    """

    def __init__(self, message: str, *, kind: str = "model", retryable: bool = False, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
        self.retryable = retryable
