"""Where a suite may read: relative paths, inside the suite's root.

The root is the parent of the folder `suites/` when the suite lies directly in a folder of that name, so that
`../evals/x` works; otherwise it is the suite's own folder. Links are followed before the check.
"""

from __future__ import annotations

import os
from pathlib import Path

SUITES_FOLDER = "suites"
PACKAGE_PREFIX = "package:"


def suite_root(suite: Path) -> Path:
    """Return the folder that the files of `suite` may not leave."""
    folder = suite.resolve().parent
    return folder.parent if folder.name == SUITES_FOLDER else folder


def inside(path: Path, root: Path) -> bool:
    """Return whether `path`, with links followed, lies in `root`."""
    return path.resolve().is_relative_to(root.resolve())


def joined(folder: Path, path: str) -> Path:
    """Return `path` of a file in `folder`, without `..` in the middle, so that messages stay short."""
    return Path(os.path.normpath(folder / path))


def local_init(init: str, folder: Path) -> Path | None:
    """Return the folder of weights that `init` names, or None where it is a package or a hub id.

    A text that starts with `/`, `./` or `../` is a path; so is one that exists beside the suite.
    """
    if init.startswith(PACKAGE_PREFIX):
        return None
    path = joined(folder, init)
    return path if init.startswith(("/", "./", "../")) or path.exists() else None
