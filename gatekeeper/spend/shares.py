"""What unsettled payments did cost, by what a person knows: pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from decimal import ROUND_DOWN, Context, Decimal

from gatekeeper.errors import InputError
from gatekeeper.spend.unsettled import Unsettled
from gatekeeper.store.rows import MONEY_STEP

_CONTEXT = Context(prec=60)


@dataclass(frozen=True)
class Ways:
    """What a person knows about unsettled payments; exactly one of these.

    Attributes:
        as_sent: they were sent, and each did cost its upper bound.
        as_unsent: they were never sent, or not billed: each did cost nothing.
        as_repeated: they were billed like the same request when it was sent again; others stay unsettled.
        usd: what they did cost together, in US dollars.
        bill_usd: what the providers have billed for the whole run, answers that arrived included, in US dollars.
    """

    as_sent: bool = False
    as_unsent: bool = False
    as_repeated: bool = False
    usd: Decimal | None = None
    bill_usd: Decimal | None = None

    @property
    def name(self) -> str:
        """The one that is given.

        Raises:
            InputError: none is given, or several.
        """
        given = [one.name for one in fields(self) if getattr(self, one.name) not in (False, None)]
        if len(given) != 1:
            raise InputError(
                f"one way to settle is needed, and {'none' if not given else ', '.join(given)} was given",
                hint="say --as-sent, --as-unsent, --as-repeated, --usd or --bill-usd",
            )
        return given[0]


def shares(payments: Sequence[Unsettled], ways: Ways, settled_usd: Decimal) -> list[tuple[Unsettled, Decimal]]:
    """Return what each payment did cost, in US dollars; payments about which `ways` says nothing are left out.

    An amount for all of them is spread in proportion to their upper bounds, to the last of twelve decimals. Payments at
    assumed prices are on no bill, so an amount is never spread over them.

    Args:
        payments: unsettled ones.
        ways: what is known about them.
        settled_usd: what answers that arrived did cost at prices that are billed; `bill_usd` includes it.

    Raises:
        InputError: an amount does not fit the ledger, or there is nothing to settle.
    """
    name = ways.name
    if name == "as_sent":
        return [(one, one.reserved) for one in payments]
    if name == "as_unsent":
        return [(one, Decimal(0)) for one in payments]
    if name == "as_repeated":
        return _as_repeated(payments)
    amount = ways.usd if ways.bill_usd is None else _unexplained(ways.bill_usd, settled_usd)
    assert amount is not None  # the name says that it is given
    return _spread([one for one in payments if not one.assumed], amount)


def _as_repeated(payments: Sequence[Unsettled]) -> list[tuple[Unsettled, Decimal]]:
    found = [(one, min(one.repeated_usd, one.reserved)) for one in payments if one.repeated_usd is not None]
    if not found:
        raise InputError(
            "none of these requests was answered when it was sent again",
            hint="continue the run first, or use --as-sent or --as-unsent",
        )
    return found


def _unexplained(bill: Decimal, settled: Decimal) -> Decimal:
    if _amount(bill) < settled:
        raise InputError(
            f"the bill of ${bill} is below the ${settled} that answers of this run did cost, and settled payments stay",
            hint="give the bill of all providers for the whole run; when it is complete, check the prices of the suite",
        )
    return bill - settled


def _spread(payments: Sequence[Unsettled], amount: Decimal) -> list[tuple[Unsettled, Decimal]]:
    bound = sum((one.reserved for one in payments), Decimal(0))
    if not payments:
        raise InputError(
            "these payments are at assumed prices, so they are on no bill", hint="use --as-sent or --as-unsent"
        )
    if _amount(amount) > bound:
        raise InputError(
            f"${amount} is above ${bound}, the most that these {len(payments):,} requests can have cost",
            hint="give what belongs to this run alone; when that is right, a price of the suite is too low",
        )
    found, rest = [], amount
    for one in payments[:-1]:
        exact = _CONTEXT.divide(_CONTEXT.multiply(amount, one.reserved), bound) if bound else Decimal(0)
        share = exact.quantize(MONEY_STEP, rounding=ROUND_DOWN, context=_CONTEXT)
        found.append((one, share))
        rest -= share
    return [*found, (payments[-1], rest)]


def _amount(value: Decimal) -> Decimal:
    if not value.is_finite() or value < 0 or value != value.quantize(MONEY_STEP, context=_CONTEXT):
        raise InputError(f"{value} is not an amount of US dollars", hint="write it like 1.23, with up to 12 decimals")
    return value
