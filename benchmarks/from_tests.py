"""What benchmarks use of the tests: servers that speak a provider's protocol, and tiny suites.

One copy of each, which the tests hold to the real SDKs; a benchmark imports it from here.
"""

from __future__ import annotations

import sys

from benchmarks.results import ROOT

sys.path.insert(0, str(ROOT / "tests"))

from anthropic_server import KEY as ANTHROPIC_KEY
from anthropic_server import AnthropicServer
from local_api import Asked, LocalApi, Response, as_json, serving
from openai_batch_server import OpenAIBatchServer
from openai_server import KEY as OPENAI_KEY
from openai_server import OpenAIServer
from tiny_suite import (
    PRICE,
    ROUND,
    ROWS,
    contents,
    good_answer,
    http_teacher,
    merged,
    rows_of,
    start,
    teacher_says,
    write_suite,
)

__all__ = [
    "ANTHROPIC_KEY",
    "OPENAI_KEY",
    "PRICE",
    "ROUND",
    "ROWS",
    "AnthropicServer",
    "Asked",
    "LocalApi",
    "OpenAIBatchServer",
    "OpenAIServer",
    "Response",
    "as_json",
    "contents",
    "good_answer",
    "http_teacher",
    "merged",
    "rows_of",
    "serving",
    "start",
    "teacher_says",
    "write_suite",
]
