"""What training costs: by the token, by the hour, or, before anything ran, from an estimate of the operations.

    by the token   n_runs (E D_train + n_evals D_val) p_train / 1,000,000
    by the hour    hours x price_h                                          measured hours, or hours that are billed
    estimate       FLOP = phi N_p D;  GPU hours = FLOP / (peak MFU 3600)

E epochs, D tokens, N_p parameters, phi operations per parameter and token, MFU the share of the peak speed that
training reaches. Source: cost design 4.3; phi 6 is forward 2 and backward 4 (Kaplan et al. 2020, arXiv 2001.08361).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, NamedTuple

from gatekeeper.cost.checks import require_positive, require_zero_or_more
from gatekeeper.cost.defaults import TRAINING_MFU
from gatekeeper.cost.tokens import MILLION
from gatekeeper.errors import InputError

Method = Literal["full", "lora"]

FLOPS_PER_PARAMETER: dict[Method, int] = {"full": 6, "lora": 4}
"""phi. LoRA passes forward (2) and back through the activations (2) of all frozen weights; only the 2 for the gradient
of the weights fall away. So it saves a third of the operations, not the share of the weights that it does not train."""

RECOMPUTE = 2
"""Added to phi where activations are computed a second time to save memory: one more forward pass."""


class TrainingEstimate(NamedTuple):
    """What training would take."""

    flops: Decimal
    gpu_hours: Decimal
    usd: Decimal


def token_training_cost(
    train_tokens: Decimal,
    usd_per_m: Decimal,
    *,
    epochs: int = 1,
    validation_tokens: Decimal = Decimal(0),
    evaluations: int = 0,
    runs: int = 1,
) -> Decimal:
    """Return what training that is billed by the token costs in USD, failed runs included in `runs`.

    Args:
        train_tokens: D_train, tokens of the training rows, once.
        usd_per_m: p_train, USD per million tokens.
        epochs: E, how often the rows are passed.
        validation_tokens: D_val, once.
        evaluations: n_evals, how often the validation rows are passed.
        runs: n_runs, all of them.
    """
    if min(epochs, runs) < 1 or evaluations < 0:
        raise InputError(
            f"epochs ({epochs}) and runs ({runs}) must be 1 or more, evaluations ({evaluations}) 0 or more"
        )
    passed = epochs * require_positive(train_tokens, "train_tokens")
    passed += evaluations * require_zero_or_more(validation_tokens, "validation_tokens")
    return runs * passed * require_zero_or_more(usd_per_m, "usd_per_m of training") / MILLION


def hourly_training_cost(hours: Decimal, usd_per_hour: Decimal) -> Decimal:
    """Return hours x price_h: what training that is billed by the hour costs in USD."""
    return require_zero_or_more(hours, "hours of training") * require_zero_or_more(usd_per_hour, "usd_per_hour")


def gpu_hours(flops: Decimal, peak_flops: Decimal, mfu: Decimal = TRAINING_MFU) -> Decimal:
    """Return FLOP / (peak MFU 3600), the hours of one GPU that so many operations take.

    Args:
        flops: operations, a count.
        peak_flops: operations per second at the peak of the GPU, for the precision that is used.
        mfu: share of the peak that is reached, in (0, 1].
    """
    if require_positive(mfu, "mfu") > 1:
        raise InputError(f"mfu is {mfu}, above 1", hint="a share such as 0.35")
    return require_positive(flops, "flops") / (require_positive(peak_flops, "peak_flops") * mfu * 3600)


def estimate_training(
    parameters: Decimal,
    tokens: Decimal,
    *,
    method: Method,
    peak_flops: Decimal,
    usd_per_gpu_hour: Decimal,
    mfu: Decimal = TRAINING_MFU,
    recompute: bool = False,
    runs: int = 1,
) -> TrainingEstimate:
    """Return an estimate of training before it ran; a measurement always replaces it.

    Args:
        parameters: N_p of the model, the frozen ones included.
        tokens: D, tokens over all epochs of one run.
        method: what is trained.
        peak_flops: operations per second at the peak of the GPU.
        usd_per_gpu_hour: price_h of one GPU.
        mfu: share of the peak that is reached.
        recompute: activations are computed again in the backward pass.
        runs: n_runs, all of them.
    """
    if runs < 1:
        raise InputError(f"runs is {runs}", hint="1 or more, failed runs included")
    phi = FLOPS_PER_PARAMETER[method] + (RECOMPUTE if recompute else 0)
    flops = phi * require_positive(parameters, "parameters") * require_positive(tokens, "tokens")
    hours = runs * gpu_hours(flops, peak_flops, mfu)
    return TrainingEstimate(flops, hours, hourly_training_cost(hours, usd_per_gpu_hour))
