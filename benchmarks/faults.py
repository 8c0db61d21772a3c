"""Every way to fail at every provider: what becomes of the request, and is anything lost or paid twice?

    python -m benchmarks.faults [fault]

Each cell is run: a session of a small suite asks a local server that speaks the provider's protocol, through the client
that a run uses. One item meets the fault once, one always; then the provider is well, and the same session is opened
again.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.fault_batches import ROW_FAULTS, BatchProvider, as_row_fault, batch_cell
from benchmarks.fault_cells import TRIES, Provider, cell
from benchmarks.fault_kinds import FAULTS
from benchmarks.from_tests import (
    ANTHROPIC_KEY,
    OPENAI_KEY,
    AnthropicServer,
    LocalApi,
    OpenAIBatchServer,
    OpenAIServer,
    teacher_says,
)
from benchmarks.results import write_result
from gatekeeper.models.anthropic_batch import AnthropicBatches
from gatekeeper.models.openai import OpenAIModel
from gatekeeper.models.openai_batch import OpenAIBatches
from gatekeeper.run.session import Session
from gatekeeper.suite.spec_models import OpenAITeacher

SEED = 1
KEYS = {"FAULTS_OPENAI_KEY": OPENAI_KEY, "FAULTS_ANTHROPIC_KEY": ANTHROPIC_KEY}


AnyOpenAI = TypeVar("AnyOpenAI", bound=OpenAIServer)


def no_cache(server: AnyOpenAI) -> AnyOpenAI:
    """Return a server of OpenAI's APIs, without its prompt cache."""
    server.usage["cached"] = 0
    return server


def openai_server() -> LocalApi:
    """Return a server of OpenAI's chat without a prompt cache."""
    return no_cache(OpenAIServer(teacher_says))


def by_sdk(session: Session) -> None:
    """Ask by OpenAI's SDK, which is what is used where aiohttp is not installed."""
    spec = session.suite.teacher
    assert isinstance(spec, OpenAITeacher)
    session.teacher = OpenAIModel(
        spec.model.removeprefix("openai/"),
        base_url=spec.base_url,
        api_key=OPENAI_KEY,
        params=spec.params.model_dump(exclude_none=True),
        concurrency=spec.concurrency,
        labels=session.suite.eval.labels,
        price_id=spec.priced_as,
        price_assumed=True,
        timeout_s=spec.timeout_s,
        seed=SEED,
        client="sdk",
    )


def _teacher(model: str, variable: str, path: str) -> Callable[[str], Mapping[str, Any]]:
    return lambda url: {"model": model, "base_url": url + path, "api_key_env": variable}


OPENAI = _teacher("openai/gpt-test", "FAULTS_OPENAI_KEY", "/v1")
ANTHROPIC = _teacher("anthropic/claude-test", "FAULTS_ANTHROPIC_KEY", "")
PROVIDERS = (
    Provider("openai by aiohttp", "openai", openai_server, OPENAI),
    Provider("openai by its SDK", "openai", openai_server, OPENAI, by_sdk),
    Provider(
        "anthropic by its SDK",
        "anthropic",
        lambda: AnthropicServer(teacher_says),
        ANTHROPIC,
    ),
    Provider("litellm", "openai", openai_server, _teacher("litellm/openai/gpt-test", "FAULTS_OPENAI_KEY", "/v1")),
)

BATCHES = (
    BatchProvider(
        "openai batches",
        "openai",
        lambda: no_cache(OpenAIBatchServer(teacher_says)),
        OPENAI,
        lambda url, timeout_s: OpenAIBatches("gpt-test", base_url=f"{url}/v1", api_key=OPENAI_KEY, timeout_s=timeout_s),
    ),
    BatchProvider(
        "anthropic batches",
        "anthropic",
        lambda: AnthropicServer(teacher_says),
        ANTHROPIC,
        lambda url, timeout_s: AnthropicBatches(
            "claude-test", base_url=url, api_key=ANTHROPIC_KEY, timeout_s=timeout_s
        ),
    ),
)


def main() -> None:
    """Run the cells and write benchmarks/results/faults.json; with a fault's name print its cells alone."""
    os.environ.update(KEYS)
    wanted, began = sys.argv[1:], time.monotonic()
    cells: list[dict[str, Any]] = []
    batch_cells: list[dict[str, Any]] = []
    batch_faults = (*(as_row_fault(fault) if fault.read else fault for fault in FAULTS), *ROW_FAULTS)
    with tempfile.TemporaryDirectory() as folder:
        for fault, provider in product(FAULTS, PROVIDERS):
            if not wanted or fault.name in wanted:
                cells.append(cell(provider, fault, Path(folder) / f"cell-{len(cells)}"))
        for batch_fault, batches in product(batch_faults, BATCHES):
            if not wanted or batch_fault.name in wanted:
                batch_cells.append(batch_cell(batches, batch_fault, Path(folder) / f"batch-{len(batch_cells)}"))
    if wanted:
        print(*cells, *batch_cells, sep="\n")
        return
    write_result(
        "faults", seed=SEED, seconds=round(time.monotonic() - began), tries=TRIES, cells=cells, batch_cells=batch_cells
    )


if __name__ == "__main__":
    main()
