"""Small steps on files that survive a crash."""

from __future__ import annotations

import os
import re
from pathlib import Path

from gatekeeper.errors import InputError


def file_name(name: str, what: str) -> str:
    """Return `name` when it can be the name of a file or folder; `what` says what it is the name of.

    Raises:
        InputError: it is empty, starts with a dot, or holds a path separator.
    """
    if not re.fullmatch(r"[^./\\\x00][^/\\\x00]*", name):
        raise InputError(f"the {what} {name!r} cannot be a file name", hint="use letters, digits, '-' and '_'")
    return name


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: a rename or a new file survives a power cut after this."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make a file's bytes durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, text: str) -> None:
    """Replace a file by `text` in one step: write, fsync, rename, fsync of the folder."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    sync_file(partial)
    partial.replace(path)
    sync_folder(path.parent)
