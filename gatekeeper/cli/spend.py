"""`gatekeeper spend` and `gatekeeper spend reconcile`"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from click.core import ParameterSource

from gatekeeper.cli.options import output_options, print_json, run_option, store_option

if TYPE_CHECKING:
    from gatekeeper.spend import Account
    from gatekeeper.store.spend import Purpose

_COLUMNS = ("purpose", "payments", "settled", "reconciled", "unsettled, at most", "in flight, at most", "prices")
_PURPOSES = ("generate", "evaluate", "judge", "train", "label")
_WIDTH = 120


@click.group("spend", invoke_without_command=True)
@store_option
@run_option
@output_options
@click.pass_context
def command(context: click.Context, store_path: Path, run_id: str | None, as_json: bool, quiet: bool) -> None:
    """Show what a run has spent by purpose, what is left of its budget, and which payments are not settled.

    A payment is unsettled when its process ended before the answer. It counts at its upper bound until
    `spend reconcile` says what it did cost.
    """
    if context.invoked_subcommand is not None:
        if any(context.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in context.params):
            verb = f"gatekeeper spend {context.invoked_subcommand}"
            raise click.UsageError(f"options go after the verb: {verb} --store ...")
        return
    from gatekeeper.spend import read_spend
    from gatekeeper.store.connection import Store
    from gatekeeper.store.suites import latest_run

    store = Store(store_path, create=False)
    account = read_spend(store, run_id or latest_run(store))
    if as_json:
        print_json(account.model_dump(mode="json"))
    elif not quiet:
        _show(account)


def _usd(text: str) -> Decimal:
    """Return an amount of US dollars exactly as it was written."""
    try:
        return Decimal(text.removeprefix("$").replace(",", ""))
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount of US dollars; write it like 1.23") from None


@command.command("reconcile")
@store_option
@run_option
@click.option("--as-sent", is_flag=True, help="they were sent: each did cost its upper bound")
@click.option("--as-unsent", is_flag=True, help="they were not sent, or are not billed: each did cost nothing")
@click.option("--as-repeated", is_flag=True, help="each did cost what the same request did cost when sent again")
@click.option("--usd", type=_usd, metavar="USD", default=None, help="what they did cost together")
@click.option(
    "--bill-usd", type=_usd, metavar="USD", default=None, help="what providers billed for all of the run (of --purpose)"
)
@click.option("--key", "keys", multiple=True, help="only payments whose key begins like this; may be repeated")
@click.option("--purpose", type=click.Choice(_PURPOSES), default=None, help="only payments for this purpose")
@click.option("--why", required=True, help="what you know it from, for example the number of the bill; it is kept")
@output_options
def reconcile(
    store_path: Path,
    run_id: str | None,
    as_sent: bool,
    as_unsent: bool,
    as_repeated: bool,
    usd: Decimal | None,
    bill_usd: Decimal | None,
    keys: tuple[str, ...],
    purpose: str | None,
    why: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Settle unsettled payments of a run by what you know, for example from the provider's bill.

    Who said what, when and why is written down. Settled payments stay as they are, and so does a verdict: in a run that
    has one the ledger keeps its upper bounds, and your word stands beside it.
    """
    from gatekeeper.cost.money import format_usd
    from gatekeeper.spend import Ways, reconcile_spend
    from gatekeeper.store.connection import Store
    from gatekeeper.store.suites import latest_run

    ways = Ways(as_sent=as_sent, as_unsent=as_unsent, as_repeated=as_repeated, usd=usd, bill_usd=bill_usd)
    store = Store(store_path, create=False)
    chosen = cast("Purpose | None", purpose)
    done = reconcile_spend(store, run_id or latest_run(store), ways, why=why, keys=keys, purpose=chosen)
    if as_json:
        print_json(done.model_dump(mode="json"))
    elif not quiet:
        click.echo(
            f"{done.payments:,} payments of run {done.run} that counted {format_usd(done.reserved_usd)} did cost "
            f"{format_usd(done.usd)}, says {done.who}: {done.why}. {done.left:,} are unsettled still."
        )
        if done.sealed:
            click.echo("The run has its verdict, so its ledger keeps the upper bounds; this stands beside it.")


def _show(account: Account) -> None:
    from rich.console import Console
    from rich.table import Table

    from gatekeeper.cost.money import format_usd

    click.echo(f"run {account.run} of {account.suite} ({account.state})")
    table = Table(*_COLUMNS, box=None, padding=(0, 2, 0, 0))
    for one in account.purposes:
        table.add_row(
            one.purpose,
            f"{one.payments:,}",
            format_usd(one.settled_usd),
            _counted(one.reconciled, one.reconciled_usd),
            _counted(one.unsettled, one.unsettled_usd),
            _counted(one.in_flight, one.in_flight_usd),
            "assumed: nobody sends a bill" if one.assumed else "billed",
        )
    Console(highlight=False, width=_WIDTH).print(table)
    click.echo(f"spent     {format_usd(account.spent_usd)}")
    if account.budget_usd is not None and account.left_usd is not None:
        click.echo(f"budget    {format_usd(account.budget_usd)}, {format_usd(account.left_usd)} left")
    if account.verdict_usd is not None and account.verdict_usd != account.spent_usd:
        click.echo(f"verdict   made with {format_usd(account.verdict_usd)}, which stays as it was sealed")
    for said in account.reconciliations:
        amounts = f"{len(said['payments']):,} payments: {format_usd(Decimal(said['usd']))}"
        click.echo(f"reconciled {said['at']:%Y-%m-%d} by {said['who']}, {said['how']}, {amounts} ({said['why']})")
    _show_open(account)


def _counted(count: int, usd: Decimal) -> str:
    from gatekeeper.cost.money import format_usd

    return f"{count:,}: {format_usd(usd)}" if count else ""


def _show_open(account: Account) -> None:
    if account.at_work:
        click.echo("A process works on this store now; what it has not brought into the tables is in `spent` alone.")
    if not account.unsettled:
        return
    again = sum(one.repeated_usd is not None for one in account.unsettled)
    click.echo(
        f"{len(account.unsettled):,} payments are unsettled: their process ended before the answer, so they count at "
        f"their upper bound. {again:,} of these requests were answered when they were sent again."
    )
    click.echo(f"  fix: gatekeeper spend reconcile --run {account.run} --why ... with what the provider's bill says")
