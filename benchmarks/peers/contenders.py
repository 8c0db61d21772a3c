"""Who is compared, and with which settings.

*Best* is what the tool's own documentation and options offer for speed, at the same number of requests in flight for
all. *Defaults* is the shortest command that leaves results on disk.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.peers import commands, counting
from benchmarks.peers.commands import CONCURRENCY, Prepare
from benchmarks.peers.environments import INSPECT_AI, LM_EVAL, PROMPTFOO, PYDANTIC_EVALS, Environment


@dataclass(frozen=True)
class Contender:
    """One tool with one choice of settings.

    Args:
        tool: its name.
        settings: "best", "defaults", or what was changed.
        how: the settings in words.
        kept: what is on disk at the end.
        runs: how often it is run; slow ones less often.
        environment: None for what runs in the environment of this benchmark.
        prepare: writes the files of a run, and returns its command.
        count: reads what the run has left.
        after: returns a command that helps to count, run when the clock has stopped; header.json takes its output.
    """

    tool: str
    settings: str
    how: str
    kept: str
    runs: int
    environment: Environment | None
    prepare: Prepare
    count: counting.Count
    after: Prepare | None = None


BEST, DEFAULTS = "best", "defaults"
INSPECT_BEST = [
    *("--max-connections", str(CONCURRENCY), "--max-samples", str(CONCURRENCY), "--no-log-realtime"),
    *("--no-score-display", "--display", "none", "--ctl-server", "false"),
]
PROMPTFOO_BEST = [
    *("-j", str(CONCURRENCY), "--no-cache", "--no-table", "--no-progress-bar", "--no-share", "--no-write"),
    *("-o", "out.jsonl"),
]


def _own() -> list[Contender]:
    kept, count = "journal, then DuckDB", counting.of_gatekeeper
    how = f"{CONCURRENCY} in flight, one insert at the end, no scores"
    return [
        Contender("aiohttp + DuckDB", BEST, how, "DuckDB, at the end", 5, None, commands.raw, counting.of_raw),
        Contender(
            "gatekeeper", BEST, f"`concurrency: {CONCURRENCY}`", kept, 5, None, commands.gatekeeper(CONCURRENCY), count
        ),
        Contender("gatekeeper", DEFAULTS, "at most 16 in flight", kept, 5, None, commands.gatekeeper(None), count),
    ]


def _inspect_ai() -> list[Contender]:
    def with_settings(settings: str, how: str, runs: int, options: list[str]) -> Contender:
        prepare, after = commands.inspect(*options), commands.inspect_header
        return Contender(
            "inspect_ai", settings, how, ".eval log", runs, INSPECT_AI, prepare, counting.of_inspect, after
        )

    return [
        with_settings(BEST, f"`{' '.join(INSPECT_BEST)}`", 2, INSPECT_BEST),
        with_settings(DEFAULTS, "adaptive connections, realtime log", 1, []),
    ]


def _lm_eval() -> list[Contender]:
    kept, count = "results and samples, at the end", counting.of_lm_eval
    best = f"`num_concurrent={CONCURRENCY}`, `simple_evaluate` from Python without the built-in tasks"
    defaults = "`lm_eval run`, one request at a time"
    return [
        Contender("lm-eval", BEST, best, kept, 3, LM_EVAL, commands.lm_eval_from_python, count),
        Contender("lm-eval", DEFAULTS, defaults, kept, 1, LM_EVAL, commands.lm_eval, count),
    ]


def _promptfoo() -> list[Contender]:
    how = f"`{' '.join(PROMPTFOO_BEST)}`"
    best, lines = commands.promptfoo(*PROMPTFOO_BEST), counting.of_promptfoo_lines
    defaults, database = commands.promptfoo(), counting.of_promptfoo_database
    return [
        Contender("promptfoo", BEST, how, "JSONL", 2, PROMPTFOO, best, lines),
        Contender(
            "promptfoo", DEFAULTS, "4 in flight, answers cached on disk", "SQLite", 1, PROMPTFOO, defaults, database
        ),
    ]


def _pydantic_evals() -> list[Contender]:
    def with_settings(settings: str, how: str, runs: int, client: str, concurrency: int | None) -> Contender:
        prepare, kept = commands.pydantic_evals(client, concurrency), "report, at the end"
        return Contender(
            "pydantic-evals", settings, how, kept, runs, PYDANTIC_EVALS, prepare, counting.of_pydantic_evals
        )

    limited = f"`max_concurrency={CONCURRENCY}, progress=False`"
    return [
        with_settings(BEST, f"{limited}, asked by aiohttp", 3, "aiohttp", CONCURRENCY),
        with_settings("openai SDK", f"{limited}, asked by the openai SDK", 2, "openai", CONCURRENCY),
        with_settings(DEFAULTS, "all cases at once, asked by the openai SDK", 1, "openai", None),
    ]


CONTENDERS = [*_own(), *_inspect_ai(), *_lm_eval(), *_promptfoo(), *_pydantic_evals()]
