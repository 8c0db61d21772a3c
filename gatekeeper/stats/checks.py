"""Checks of arguments that the whole room shares, and what counts as float rounding."""

from __future__ import annotations

import math
import operator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatekeeper.errors import InputError

ROUNDING = 8 * float(np.finfo(np.float64).eps)
"""A difference below this share of its two sides is 0: it is what float arithmetic leaves of a tie."""

TIE = 1e-9
"""A p value must be below its level by more than this share of it, the rounding of p itself."""

NO_SPREAD = 1e-12
"""Spread below this share of the values' size is float rounding, not information."""


def check_share(name: str, value: float, *, below: float = 1.0) -> float:
    """Return `value` as a float when 0 < value < `below`; raise InputError otherwise (NaN included)."""
    if not 0.0 < value < below:
        raise InputError(f"{name} is {value!r}", hint=f"give a number above 0 and below {below:g}")
    return float(value)


def check_count(name: str, value: int, *, least: int = 0) -> int:
    """Return `value` as an int when it is a whole number of at least `least`; raise InputError otherwise."""
    try:
        count = operator.index(value)
    except TypeError:
        count = None
    if count is None or count < least:
        raise InputError(f"{name} is {value!r}", hint=f"give a whole number of at least {least}")
    return count


def check_values(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return `values` as a one-dimensional float array; raise InputError naming the first bad place."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} is not an array of numbers: {error}", hint="give one number per item") from error
    if array.ndim != 1:
        raise InputError(f"{name} has {array.ndim} dimensions", hint="give one number per item")
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise InputError(
            f"{name}[{bad[0]}] is {array[bad[0]]} ({bad.size} of {array.size} are not finite)",
            hint="leave items without a value out and count them as failed",
        )
    return array


def check_retention(name: str, value: float) -> float:
    """Return a retention requirement as a float when it is finite and above 0; raise InputError otherwise."""
    if not 0.0 < value < math.inf:
        raise InputError(f"{name} is {value!r}", hint="give a retention such as 0.95")
    return float(value)


def check_accuracy(name: str, value: float) -> float:
    """Return a share in (0, 1] as a float; raise InputError otherwise."""
    if not 0.0 < value <= 1.0:
        raise InputError(f"{name} is {value!r}", hint="give a share above 0 and at most 1")
    return float(value)


def check_lengths(student: NDArray[np.generic], teacher: NDArray[np.generic]) -> None:
    """Raise InputError when the two arrays do not hold the same number of items."""
    if student.size != teacher.size:
        raise InputError(
            f"student has {student.size} items and teacher has {teacher.size}",
            hint="give both scores of the same items in the same order",
        )
