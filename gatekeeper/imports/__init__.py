"""Numbers that others measured, for the cost model: the requests of a log, the speed of a serving benchmark.

trace   read_trace, over documents, log or otel, usage, tally, traffic
bench   read_bench, over guidellm, vllm, aiperf; capacity_at, shape_difference, age_days
"""

from gatekeeper.imports.bench import Bench, BenchRun
from gatekeeper.imports.capacity import ShapeDifference, age_days, capacity_at, shape_difference
from gatekeeper.imports.latency import Percentiles
from gatekeeper.imports.read_bench import read_bench
from gatekeeper.imports.read_trace import TraceFormat, read_trace
from gatekeeper.imports.request import TokenCounts, TokenTable
from gatekeeper.imports.trace import DroppedLine, Trace

__all__ = [
    "Bench",
    "BenchRun",
    "DroppedLine",
    "Percentiles",
    "ShapeDifference",
    "TokenCounts",
    "TokenTable",
    "Trace",
    "TraceFormat",
    "age_days",
    "capacity_at",
    "read_bench",
    "read_trace",
    "shape_difference",
]
