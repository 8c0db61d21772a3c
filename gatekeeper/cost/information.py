"""What it is worth to know more before deciding, when the net present value is uncertain and Gaussian.

    P(NPV > 0) = Phi(mu / sigma)
    EVPI       = sigma (phi(z) - z Phi(-z)),        z = |mu| / sigma
    EVSI(n)    = sigma_pre (phi(z) - z Phi(-z)),    z = |mu| / sigma_pre,  sigma_pre = sigma^2 / sqrt(sigma^2 + s^2 / n)
    ENBS(n)    = EVSI(n) - n cost per sample

mu and sigma describe the net present value, s the spread of one observation of it. Without the information one goes
ahead when mu > 0. Source: cost design 4.4; Raiffa & Schlaifer 1961 (unit normal loss).
"""

from __future__ import annotations

from decimal import Decimal, localcontext

from gatekeeper.cost.checks import require_finite, require_positive, require_zero_or_more
from gatekeeper.errors import InputError

_DIGITS = 60
_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494")
_FAR = 14
"""Standard deviations beyond which the normal tail (below 1e-44) is taken as 0."""


def chance_positive(mean_usd: Decimal, sd_usd: Decimal) -> Decimal:
    """Return P(NPV > 0) of a normal NPV, in [0, 1]."""
    mean, sd = require_finite(mean_usd, "the mean"), require_zero_or_more(sd_usd, "the standard deviation")
    if sd == 0:
        return Decimal(1 if mean > 0 else 0)
    z = mean / sd
    return _tail(-z) if z <= 0 else 1 - _tail(z)


def value_of_perfect_information(mean_usd: Decimal, sd_usd: Decimal) -> Decimal:
    """Return EVPI in USD: what it is worth at most to learn the NPV before deciding."""
    mean, sd = require_finite(mean_usd, "the mean"), require_zero_or_more(sd_usd, "the standard deviation")
    return sd * unit_normal_loss(abs(mean) / sd) if sd else Decimal(0)


def value_of_samples(mean_usd: Decimal, sd_usd: Decimal, *, sample_sd_usd: Decimal, samples: int) -> Decimal:
    """Return EVSI(n) in USD: what n observations of the NPV with spread s are worth before deciding."""
    if samples < 1:
        raise InputError(f"samples is {samples}", hint="1 or more")
    sd = require_zero_or_more(sd_usd, "the standard deviation")
    noise = require_positive(sample_sd_usd, "the spread of one sample") ** 2 / samples
    if sd == 0:
        return Decimal(0)
    return value_of_perfect_information(mean_usd, sd**2 / (sd**2 + noise).sqrt())


def net_value_of_samples(
    mean_usd: Decimal, sd_usd: Decimal, *, sample_sd_usd: Decimal, samples: int, usd_per_sample: Decimal
) -> Decimal:
    """Return ENBS = EVSI(n) - n cost in USD; more samples are worth their price while it grows."""
    price = require_zero_or_more(usd_per_sample, "usd_per_sample")
    return value_of_samples(mean_usd, sd_usd, sample_sd_usd=sample_sd_usd, samples=samples) - samples * price


def unit_normal_loss(z: Decimal) -> Decimal:
    """Return phi(z) - z Phi(-z) for z >= 0, the mean of max(0, X - z) of a standard normal X."""
    if require_zero_or_more(z, "z") > _FAR:
        return Decimal(0)
    with localcontext() as context:
        context.prec = _DIGITS
        loss = _density(z) - z * _tail(z)
    return +loss


def _density(z: Decimal) -> Decimal:
    return (-z * z / 2).exp() / (2 * _PI).sqrt()


def _tail(z: Decimal) -> Decimal:
    """Return Phi(-z) for z >= 0: 1/2 - phi(z) (z + z^3/3 + z^5/15 + ..), a series that needs no table."""
    if z > _FAR:
        return Decimal(0)
    with localcontext() as context:
        context.prec = _DIGITS
        term = total = z
        divisor = 1
        while term > total.scaleb(-_DIGITS):
            divisor += 2
            term *= z * z / divisor
            total += term
        tail = Decimal("0.5") - _density(z) * total
    return +tail
