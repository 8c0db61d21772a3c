"""`gatekeeper sign`"""

from __future__ import annotations

import base64
from pathlib import Path

import click

from gatekeeper.cli.options import output_options, print_json, run_option, store_option
from gatekeeper.errors import InputError

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("sign")
@store_option
@run_option
@click.option("--key", "key_path", type=_FILE, default=None, help="your private key, Ed25519 in PEM")
@click.option(
    "--new-key",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="make a key pair in this folder instead, and sign nothing",
)
@output_options
def command(
    store_path: Path, run_id: str | None, key_path: Path | None, folder: Path | None, as_json: bool, quiet: bool
) -> None:
    """Put your key under the verdict of a run; `gatekeeper verify --public-key` checks it.

    An encrypted key takes its passphrase from GATEKEEPER_KEY_PASSPHRASE.
    """
    from gatekeeper.signing import generate_key_pair

    if (key_path is None) == (folder is None):
        raise InputError("give one of --key and --new-key", hint="--new-key FOLDER makes a key pair first")
    if folder is not None:
        pair = generate_key_pair(folder)
        said = {"private": str(pair.private), "public": str(pair.public), "key_id": pair.key_id}
    else:
        assert key_path is not None
        said = _sign(store_path, run_id, key_path)
    if as_json:
        print_json(said)
    elif not quiet:
        for name, value in said.items():
            click.echo(f"{name:12} {value}")


def _sign(store_path: Path, run_id: str | None, key_path: Path) -> dict[str, str]:
    from gatekeeper.decide.statement import statement_of
    from gatekeeper.run.sealing import who_runs
    from gatekeeper.signing import key_id, load_private_key, public_pem, sign
    from gatekeeper.store.connection import Store
    from gatekeeper.store.signatures import insert_signature
    from gatekeeper.store.suites import latest_run

    key = load_private_key(key_path)
    public = key.public_key()
    store = Store(store_path, create=False)
    run = run_id or latest_run(store)
    with store.read() as connection:
        statement = statement_of(connection, run)
    signature = base64.b64encode(sign(statement, key)).decode("ascii")
    with store.write() as connection:
        insert_signature(
            connection,
            run,
            key_id=key_id(public),
            public_key=public_pem(public),
            statement=statement,
            signature=signature,
            who=who_runs(),
        )
    return {"run": run, "decision": statement["decision"], "key_id": key_id(public), "signature": signature}
