"""The views for people; docs/store.md shows one query on each."""

from __future__ import annotations

VERSION_2: dict[str, str] = {
    "retention_by_round": """CREATE OR REPLACE VIEW retention_by_round AS
        SELECT suites.name AS suite, results.run, round, student, split, results.model, value AS retention,
               lower, upper, confidence, n_expected, n_scored, n_failed
        FROM results JOIN runs USING (run) JOIN suites ON suites.fingerprint = runs.suite
        WHERE metric = 'retention'""",
    "slice_table": """CREATE OR REPLACE VIEW slice_table AS
        WITH sliced AS (
            SELECT suite, item_id, split, unnest(map_entries(slices)) AS entry FROM items)
        SELECT sliced.suite, scores.model, scorer, version, split, entry.key AS slice, entry.value AS slice_value,
               count(*) AS n_expected, count(value) AS n_scored, count(*) - count(value) AS n_failed, avg(value) AS mean
        FROM sliced JOIN scores ON scores.suite = sliced.suite AND scores.item_id = sliced.item_id
        GROUP BY ALL""",
    "spend_by_purpose": """CREATE OR REPLACE VIEW spend_by_purpose AS
        SELECT run, purpose, count(*) AS calls, sum(coalesce(settled, reserved)) AS spent,
               sum(settled) AS settled, sum(reserved) FILTER (state = 'unsettled') AS unsettled,
               sum(reserved) FILTER (state = 'reserved') AS in_flight, bool_or(assumed) AS assumed
        FROM spend GROUP BY run, purpose""",
    "leaderboard": """CREATE OR REPLACE VIEW leaderboard AS
        WITH wide AS (
            SELECT run, round, student, model,
                   max(value) FILTER (metric = 'accuracy') AS accuracy,
                   max(value) FILTER (metric = 'teacher_accuracy') AS teacher_accuracy,
                   max(value) FILTER (metric = 'agreement') AS agreement,
                   max(value) FILTER (metric = 'retention') AS retention,
                   max(lower) FILTER (metric = 'retention') AS retention_lower,
                   max(upper) FILTER (metric = 'retention') AS retention_upper
            FROM results WHERE split = 'dev' GROUP BY run, round, student, model)
        SELECT suites.name AS suite, wide.*, measurements.throughput_rps, measurements.latency_p95_ms
        FROM wide JOIN runs USING (run) JOIN suites ON suites.fingerprint = runs.suite
        LEFT JOIN measurements ON measurements.run = wide.run AND measurements.model = wide.model""",
    "promotion_history": """CREATE OR REPLACE VIEW promotion_history AS
        SELECT suite_name, promoted_at, run, artifact, replaced, who, why,
               row_number() OVER (PARTITION BY suite_name ORDER BY promoted_at DESC, id) = 1 AS current
        FROM promotions""",
}

ERROR_BUDGET: dict[str, str] = {
    "gate_budget": """CREATE OR REPLACE VIEW gate_budget AS
        WITH own AS (
            SELECT gate_digest, count(*) AS looks, sum(alpha) AS spent FROM looks GROUP BY gate_digest),
        sizes AS (
            SELECT gate_digest, count(*) AS n FROM gate_rows GROUP BY gate_digest),
        shared AS (
            SELECT here.gate_digest, there.gate_digest AS other, count(*) AS n
            FROM gate_rows here JOIN gate_rows there USING (row_key)
            WHERE here.gate_digest <> there.gate_digest GROUP BY ALL)
        SELECT own.gate_digest, own.looks, any_value(sizes.n) AS gate_rows, own.spent,
               coalesce(sum(others.spent * shared.n / sizes.n), 0) AS inherited,
               own.spent + coalesce(sum(others.spent * shared.n / sizes.n), 0) AS charged
        FROM own LEFT JOIN sizes USING (gate_digest) LEFT JOIN shared USING (gate_digest)
        LEFT JOIN own others ON others.gate_digest = shared.other
        GROUP BY own.gate_digest, own.looks, own.spent""",
}
"""What version 3 adds."""

VIEWS = VERSION_2 | ERROR_BUDGET
"""All views of the present schema."""
