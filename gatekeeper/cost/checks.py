"""Numbers that must lie in a range: each check returns the number or raises an InputError that names it."""

from __future__ import annotations

from decimal import Decimal

from gatekeeper.errors import InputError


def require_positive(number: Decimal, name: str) -> Decimal:
    """Return `number` when it is finite and above 0, else raise InputError with its name."""
    if not number.is_finite() or number <= 0:
        raise InputError(f"{name} is {number}", hint="a finite number above 0")
    return number


def require_zero_or_more(number: Decimal, name: str) -> Decimal:
    """Return `number` when it is finite and not below 0, else raise InputError with its name."""
    if not number.is_finite() or number < 0:
        raise InputError(f"{name} is {number}", hint="a finite number, 0 or more")
    return number


def require_share(number: Decimal, name: str) -> Decimal:
    """Return `number` when it lies in 0 to 1, else raise InputError with its name."""
    if not number.is_finite() or not 0 <= number <= 1:
        raise InputError(f"{name} is {number}", hint="a share from 0 to 1")
    return number


def require_finite(number: Decimal, name: str) -> Decimal:
    """Return `number` when it is finite, else raise InputError with its name."""
    if not number.is_finite():
        raise InputError(f"{name} is {number}", hint="a finite number")
    return number
