"""Optional packages, loaded late."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gatekeeper.errors import MissingExtraError

_PACKAGE_OF = {"sklearn": "scikit-learn"}


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Wrap late imports: a package that is not installed becomes an error that names the extra that brings it.

    Raises:
        MissingExtraError: an import inside the block found no such package.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or str(error)).partition(".")[0]
        raise MissingExtraError(_PACKAGE_OF.get(module, module), extra) from error
