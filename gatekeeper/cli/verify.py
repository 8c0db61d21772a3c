"""`gatekeeper verify`"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from gatekeeper.cli.options import output_options, print_json, run_option, store_option
from gatekeeper.errors import ExitCode, VerificationError


@click.command("verify")
@store_option
@run_option
@click.option(
    "--public-key",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="the verdict must be signed with the private key of this one (PEM)",
)
@click.option(
    "--inputs",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="root folder of the suite: its files must be those that the run has read",
)
@output_options
def command(
    store_path: Path, run_id: str | None, public_key: Path | None, inputs: Path | None, as_json: bool, quiet: bool
) -> int:
    """Re-derive the verdict and its numbers from the store alone, and re-hash every row and weight file behind it."""
    from gatekeeper.store.connection import Store
    from gatekeeper.store.suites import latest_run
    from gatekeeper.verify.run import verify_run

    store = Store(store_path, create=False)
    result = verify_run(store, run_id or latest_run(store), public_key=public_key, inputs=inputs)
    if as_json:
        print_json({**asdict(result), "verdict": result.verdict.model_dump(mode="json")})
        return int(ExitCode.ERROR if result.problems else ExitCode.OK)
    if result.problems:
        shown = "\n".join(f"  - {problem}" for problem in result.problems[:20])
        more = f"\n  and {len(result.problems) - 20} more" if len(result.problems) > 20 else ""
        raise VerificationError(
            f"run {result.run} does not verify, {len(result.problems)} differences:\n{shown}{more}",
            hint="restore the store from a copy, or run the loop again on a new store",
        )
    if not quiet:
        click.echo(
            f"run {result.run} verifies: {result.verdict.decision}. {result.n_rows:,} rows and {result.n_files} weight "
            f"files are unchanged, {result.n_scores:,} scores and all rules and costs come out the same."
        )
        if result.n_inputs is not None:
            click.echo(f"{result.n_inputs} input files are those that the run has read.")
        for one in result.signatures:
            key = "the key that you gave" if one.trusted else f"key {one.key_id}"
            click.echo(f"signed by {one.who} on {one.signed_at:%Y-%m-%d} with {key}; the signature holds.")
    return int(ExitCode.OK)
