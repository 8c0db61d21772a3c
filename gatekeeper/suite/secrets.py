"""Keys do not belong into a file that is shared: finds them, and keeps them out of messages."""

from __future__ import annotations

import re
from typing import Any

from gatekeeper.errors import Problem
from gatekeeper.suite.yaml_lines import Document, KeyPath

_SECRET_KEYS = re.compile(
    r"^(?:.*[_-])?(?:api[_-]?key|apikey|secret|password|passwd|authorization|bearer)$", re.IGNORECASE
)
_SECRET_VALUES = re.compile(
    r"""(?:\bsk-[A-Za-z0-9_-]{16,}            # OpenAI, Anthropic and many others
      | \bAKIA[0-9A-Z]{16}\b                  # AWS
      | \bAIza[0-9A-Za-z_-]{30,}              # Google
      | \bgh[pousr]_[A-Za-z0-9]{30,}          # GitHub
      | \bhf_[A-Za-z0-9]{30,}                 # Hugging Face
      | \bxox[abprs]-[A-Za-z0-9-]{10,}        # Slack
      | \bgsk_[A-Za-z0-9]{20,}                # Groq
      | ://[^/\s:@]*:[^/\s@$]+@)              # a password in a URL
    """,
    re.VERBOSE,
)
_HINT = "put the key into an environment variable and name that variable in `api_key_env`"


def looks_secret(text: str) -> bool:
    """Return whether `text` holds something that looks like a key or a password."""
    return _SECRET_VALUES.search(text) is not None


def find_secrets(document: Document) -> list[tuple[KeyPath, Problem]]:
    """Return a problem for every key or value of `document` that looks like a secret. No message holds the value."""
    found: list[tuple[KeyPath, Problem]] = []
    _walk(document, document.tree, (), found)
    return found


def _walk(document: Document, value: Any, path: KeyPath, found: list[tuple[KeyPath, Problem]]) -> None:
    if isinstance(value, str) and looks_secret(value):
        found.append((path, document.problem(path, "holds what looks like a key", hint=_HINT)))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            _walk(document, child, (*path, index), found)
    elif isinstance(value, dict):
        for key, child in value.items():
            if _SECRET_KEYS.match(key) and not isinstance(child, dict | list):
                problem = document.problem((*path, key), "a literal key is not accepted in a file", hint=_HINT)
                found.append(((*path, key), problem))
            else:
                _walk(document, child, (*path, key), found)
