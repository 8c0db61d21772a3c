"""What a cost calculation assumes where nobody says otherwise: each number once, with its unit and its reason.

None of these is measured; a report lists those that it used as assumed. Prices, volumes, speeds and engineering hours
have no default: they are asked for. Source: cost design 4.1.
"""

from __future__ import annotations

from decimal import Decimal

from gatekeeper.records import Record


class Default(Record):
    """An assumed number."""

    value: Decimal
    unit: str
    reason: str


DEFAULTS: dict[str, Default] = {}
"""By name."""


def _default(name: str, value: str, unit: str, reason: str) -> Decimal:
    DEFAULTS[name] = Default(value=Decimal(value), unit=unit, reason=reason)
    return DEFAULTS[name].value


PEAK_TO_AVERAGE = _default(
    "peak_to_average", "4", "ratio", "no good source was found; measure it from the times of a log"
)
TARGET_UTILISATION = _default(
    "target_utilisation", "0.70", "share", "leaves room for bursts within a peak hour; no source"
)
MIN_REPLICAS = int(
    _default("min_replicas", "2", "replicas", "one machine may fail or restart without an outage in production")
)
REDUNDANCY = int(_default("redundancy", "1", "replicas", "the peak is still served while one machine is down"))
OVERHEAD = _default(
    "overhead", "0.15", "share", "network, storage and logs around the machines; a published calculator (induwara.lk)"
)
AUDIT_SHARE = _default(
    "audit_share", "0.01", "share", "one answer in a hundred is checked against the teacher; no source"
)
RETRAIN_MONTHS = int(_default("retrain_months", "6", "months", "inputs drift, and base models are retired; no source"))
HORIZON_MONTHS = int(
    _default("horizon_months", "12", "months", "shorter than the usual life of a model before it is retired; no source")
)
DISCOUNT_PER_YEAR = _default("discount_per_year", "0.10", "share/year", "a common cost of capital; no source")
USD_PER_LABEL = _default(
    "usd_per_label", "0.012", "USD/label", "a text label by a crowd worker (SageMaker Ground Truth, secondary source)"
)
LABEL_VOTES = int(_default("label_votes", "3", "labels/row", "crowd labels are taken 3 to 5 times and voted on"))
TRAINING_MFU = _default(
    "training_mfu", "0.35", "share", "published model FLOPs utilisation of training is 0.30 to 0.50"
)
