"""The tables, by the schema version that made them. All times are UTC, all money is DECIMAL(38,12) in US dollars."""

from __future__ import annotations

VERSION_1: dict[str, str] = {
    "suites": """CREATE TABLE suites (
        fingerprint VARCHAR PRIMARY KEY, name VARCHAR NOT NULL, spec JSON NOT NULL, gate_digest VARCHAR NOT NULL,
        split_counts JSON, duplicates JSON, assumed JSON, registered_at TIMESTAMPTZ NOT NULL)""",
    "items": """CREATE TABLE items (
        suite VARCHAR, item_id VARCHAR, eval VARCHAR NOT NULL,
        split VARCHAR NOT NULL CHECK (split IN ('teacher', 'pool', 'dev', 'gate')), cluster_id VARCHAR NOT NULL,
        text VARCHAR NOT NULL, messages JSON NOT NULL, target VARCHAR, slices MAP(VARCHAR, VARCHAR),
        PRIMARY KEY (suite, item_id))""",
    "runs": """CREATE TABLE runs (
        run VARCHAR PRIMARY KEY, suite VARCHAR NOT NULL, seed BIGINT NOT NULL, started_at TIMESTAMPTZ NOT NULL,
        finished_at TIMESTAMPTZ, state VARCHAR NOT NULL CHECK (state IN
        ('running', 'promoted', 'rejected', 'inconclusive', 'budget', 'interrupted')), machine VARCHAR)""",
    "models": """CREATE TABLE models (
        fingerprint VARCHAR PRIMARY KEY, name VARCHAR NOT NULL, kind VARCHAR NOT NULL, place VARCHAR NOT NULL,
        price_id VARCHAR, price_assumed BOOLEAN NOT NULL, detail JSON)""",
    "completions": """CREATE TABLE completions (
        request_key VARCHAR PRIMARY KEY, suite VARCHAR NOT NULL, item_id VARCHAR NOT NULL, model VARCHAR NOT NULL,
        sample_index INTEGER NOT NULL, output VARCHAR, distribution JSON, raw VARCHAR, finish_reason VARCHAR,
        input_tokens BIGINT NOT NULL, output_tokens BIGINT NOT NULL, cached_input_tokens BIGINT NOT NULL,
        usage_reported BOOLEAN NOT NULL, latency_s DOUBLE, attempts INTEGER NOT NULL, error_class VARCHAR,
        error_message VARCHAR, arrived_at TIMESTAMPTZ NOT NULL)""",
    "predictions": """CREATE TABLE predictions (
        suite VARCHAR, model VARCHAR, item_id VARCHAR, output VARCHAR, confidence DOUBLE, error_class VARCHAR,
        PRIMARY KEY (suite, model, item_id))""",
    "scores": """CREATE TABLE scores (
        suite VARCHAR, model VARCHAR, item_id VARCHAR, scorer VARCHAR, version VARCHAR, value DOUBLE, reason VARCHAR,
        PRIMARY KEY (suite, model, item_id, scorer, version))""",
    "examples": """CREATE TABLE examples (
        run VARCHAR, example_id VARCHAR, item_id VARCHAR NOT NULL, text VARCHAR NOT NULL, label VARCHAR NOT NULL,
        distribution JSON, source VARCHAR NOT NULL, round INTEGER NOT NULL, PRIMARY KEY (run, example_id))""",
    "dropped": """CREATE TABLE dropped (
        run VARCHAR, item_id VARCHAR, reason VARCHAR, round INTEGER NOT NULL, PRIMARY KEY (run, item_id))""",
    "training_runs": """CREATE TABLE training_runs (
        run VARCHAR, round INTEGER, student VARCHAR, examples_digest VARCHAR NOT NULL, recipe JSON NOT NULL,
        seed BIGINT NOT NULL, model VARCHAR NOT NULL, artifact VARCHAR, n_examples BIGINT NOT NULL, seconds DOUBLE,
        PRIMARY KEY (run, round, student))""",
    "artifacts": """CREATE TABLE artifacts (
        digest VARCHAR PRIMARY KEY, kind VARCHAR NOT NULL, files JSON NOT NULL, bytes BIGINT NOT NULL,
        created_at TIMESTAMPTZ NOT NULL)""",
    "measurements": """CREATE TABLE measurements (
        run VARCHAR, model VARCHAR, payload JSON NOT NULL, throughput_rps DOUBLE, latency_p50_ms DOUBLE,
        latency_p95_ms DOUBLE, machine VARCHAR NOT NULL, measured_at TIMESTAMPTZ NOT NULL, PRIMARY KEY (run, model))""",
    "prices": """CREATE TABLE prices (
        model_id VARCHAR, source VARCHAR, as_of DATE, input_per_m DECIMAL(38,12), output_per_m DECIMAL(38,12),
        cached_input_per_m DECIMAL(38,12), detail JSON NOT NULL, PRIMARY KEY (model_id, source, as_of))""",
    "spend": """CREATE TABLE spend (
        run VARCHAR, key VARCHAR, purpose VARCHAR CHECK (purpose IN
        ('generate', 'evaluate', 'judge', 'train', 'label')), reserved DECIMAL(38,12) NOT NULL, settled DECIMAL(38,12),
        state VARCHAR NOT NULL CHECK (state IN ('reserved', 'settled', 'unsettled')), assumed BOOLEAN NOT NULL,
        "at" TIMESTAMPTZ NOT NULL, PRIMARY KEY (run, key, purpose))""",
    "results": """CREATE TABLE results (
        run VARCHAR, round INTEGER, student VARCHAR, split VARCHAR, model VARCHAR NOT NULL, metric VARCHAR,
        value DOUBLE, lower DOUBLE, upper DOUBLE, confidence DOUBLE, n_expected BIGINT NOT NULL,
        n_scored BIGINT NOT NULL, n_failed BIGINT NOT NULL, method VARCHAR NOT NULL,
        PRIMARY KEY (run, round, student, split, metric))""",
    "looks": """CREATE TABLE looks (
        gate_digest VARCHAR, look INTEGER, alpha DOUBLE NOT NULL, run VARCHAR NOT NULL, round INTEGER NOT NULL,
        student VARCHAR NOT NULL, model VARCHAR NOT NULL, reserved_at TIMESTAMPTZ NOT NULL, passed BOOLEAN,
        statistic DOUBLE, bound DOUBLE, PRIMARY KEY (gate_digest, look))""",
    "verdicts": """CREATE TABLE verdicts (
        run VARCHAR PRIMARY KEY, candidate VARCHAR NOT NULL, model VARCHAR NOT NULL, decision VARCHAR NOT NULL CHECK
        (decision IN ('promote', 'reject', 'inconclusive')), sentence VARCHAR NOT NULL, verdict JSON NOT NULL,
        evidence_digest VARCHAR NOT NULL, decided_at TIMESTAMPTZ NOT NULL)""",
    "rules": """CREATE TABLE rules (
        run VARCHAR, rule VARCHAR, outcome VARCHAR NOT NULL CHECK (outcome IN ('pass', 'fail', 'inconclusive')),
        value DOUBLE, bound DOUBLE, requirement DOUBLE, margin DOUBLE, unit VARCHAR NOT NULL, better VARCHAR NOT NULL,
        sentence VARCHAR NOT NULL, settle VARCHAR, PRIMARY KEY (run, rule))""",
    "costs": """CREATE TABLE costs (
        run VARCHAR, name VARCHAR, value DECIMAL(38,12), unit VARCHAR NOT NULL, origin VARCHAR NOT NULL,
        source VARCHAR NOT NULL, as_of VARCHAR, PRIMARY KEY (run, name))""",
    "promotions": """CREATE TABLE promotions (
        id VARCHAR PRIMARY KEY, suite_name VARCHAR NOT NULL, suite VARCHAR NOT NULL, run VARCHAR NOT NULL,
        artifact VARCHAR NOT NULL, replaced VARCHAR, who VARCHAR NOT NULL, why VARCHAR NOT NULL,
        promoted_at TIMESTAMPTZ NOT NULL)""",
    "events": """CREATE TABLE events (
        run VARCHAR, seq BIGINT, kind VARCHAR NOT NULL, detail JSON NOT NULL, "at" TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (run, seq))""",
    "evidence": """CREATE TABLE evidence (
        run VARCHAR, source VARCHAR, key VARCHAR, digest VARCHAR NOT NULL, PRIMARY KEY (run, source, key))""",
}

ERROR_BUDGET: dict[str, str] = {
    "gate_rows": """CREATE TABLE gate_rows (
        gate_digest VARCHAR, row_key VARCHAR, PRIMARY KEY (gate_digest, row_key))""",
    "seals": """CREATE TABLE seals (
        gate_digest VARCHAR PRIMARY KEY, sealed_at TIMESTAMPTZ NOT NULL, run VARCHAR NOT NULL, who VARCHAR NOT NULL,
        content JSON NOT NULL, digest VARCHAR NOT NULL)""",
    "amendments": """CREATE TABLE amendments (
        gate_digest VARCHAR, seq INTEGER, "at" TIMESTAMPTZ NOT NULL, run VARCHAR, who VARCHAR NOT NULL,
        reason VARCHAR NOT NULL, changes JSON NOT NULL, content JSON NOT NULL, digest VARCHAR NOT NULL,
        PRIMARY KEY (gate_digest, seq))""",
    "gate_reads": """CREATE TABLE gate_reads (
        gate_digest VARCHAR, seq INTEGER, "at" TIMESTAMPTZ NOT NULL, who VARCHAR NOT NULL, run VARCHAR,
        what VARCHAR NOT NULL, n_rows BIGINT NOT NULL, PRIMARY KEY (gate_digest, seq))""",
    "signatures": """CREATE TABLE signatures (
        run VARCHAR, key_id VARCHAR, public_key VARCHAR NOT NULL, statement JSON NOT NULL, signature VARCHAR,
        signed_at TIMESTAMPTZ NOT NULL, who VARCHAR NOT NULL, PRIMARY KEY (run, key_id, signature))""",
}
"""What version 3 adds: who has read which gate rows, and under which rules."""

LOOK_COLUMNS: tuple[str, ...] = (
    "ALTER TABLE looks ADD COLUMN threshold DOUBLE",
    "ALTER TABLE looks ADD COLUMN inherited DOUBLE DEFAULT 0",
    "ALTER TABLE looks ALTER COLUMN inherited SET NOT NULL",
    "ALTER TABLE looks ADD COLUMN n_read BIGINT",
)
"""What version 3 adds to `looks`. A column is added first and constrained then: DuckDB 1 cannot do both at once."""

SAMPLES: tuple[str, ...] = (
    """CREATE TABLE with_samples (
        suite VARCHAR, model VARCHAR, item_id VARCHAR, output VARCHAR, confidence DOUBLE, error_class VARCHAR,
        sample_index INTEGER, PRIMARY KEY (suite, model, item_id, sample_index))""",
    "INSERT INTO with_samples SELECT *, 0 FROM predictions",
    "DROP TABLE predictions",
    "ALTER TABLE with_samples RENAME TO predictions",
    """CREATE TABLE with_samples (
        suite VARCHAR, model VARCHAR, item_id VARCHAR, scorer VARCHAR, version VARCHAR, value DOUBLE, reason VARCHAR,
        sample_index INTEGER, PRIMARY KEY (suite, model, item_id, scorer, version, sample_index))""",
    "INSERT INTO with_samples SELECT *, 0 FROM scores",
    "DROP TABLE scores",
    "ALTER TABLE with_samples RENAME TO scores",
    "ALTER TABLE promotions ADD COLUMN threshold DOUBLE",
)
"""What version 4 changes: several answers to one item, and promotions for a part of the traffic."""

CACHE_WRITES: tuple[str, ...] = ("ALTER TABLE completions ADD COLUMN cache_write_tokens BIGINT DEFAULT 0",)
"""What version 5 adds to `completions`: input that was written to a prompt cache, which costs more than plain input."""

BATCHES: dict[str, str] = {
    "batches": """CREATE TABLE batches (
        batch VARCHAR PRIMARY KEY, run VARCHAR NOT NULL, model VARCHAR NOT NULL, purpose VARCHAR NOT NULL,
        provider_id VARCHAR, state VARCHAR NOT NULL CHECK (state IN ('intended', 'open', 'read', 'dropped')),
        requests JSON NOT NULL, made_at TIMESTAMPTZ NOT NULL, deadline TIMESTAMPTZ NOT NULL,
        "at" TIMESTAMPTZ NOT NULL)""",
}
"""What version 6 adds: requests that were handed over to a provider all at once, and what became of them."""

TABLES = VERSION_1 | ERROR_BUDGET | BATCHES
"""All tables of the present schema, each as it was first made."""
