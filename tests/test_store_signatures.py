"""Signatures with real keys: what was changed, signed by another key, or is another kind of key is refused."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from store_samples import NOON

from gatekeeper.errors import InputError
from gatekeeper.hashing import hash_bytes
from gatekeeper.signing import (
    PASSPHRASE_ENV,
    check,
    generate_key_pair,
    key_id,
    load_private_key,
    load_public_key,
    parse_public,
    public_pem,
    sign,
)
from gatekeeper.store import Store
from gatekeeper.store.signatures import insert_signature, signatures_of

STATEMENT: dict[str, Any] = {
    "run": "r-1", "decision": "promote", "evidence": "b2:1", "bound": 0.9512, "who": "J\u00f8rgen",
    "rules": ["a", None],
}  # fmt: skip


def test_a_signed_statement_checks_and_a_changed_one_does_not(tmp_path: Path) -> None:
    pair = generate_key_pair(tmp_path / "keys")
    key, public = load_private_key(pair.private), load_public_key(pair.public)
    signature = sign(STATEMENT, key)
    assert len(signature) == 64 and sign(STATEMENT, key) == signature
    assert check(dict(reversed(STATEMENT.items())), signature, public), "the order of keys is no part of a statement"
    for name, value in [("decision", "reject"), ("bound", 0.9513), ("rules", ["a"]), ("more", 1)]:
        assert not check({**STATEMENT, name: value}, signature, public), name
    for place in (0, 31, 63):
        broken = bytearray(signature)
        broken[place] ^= 1
        assert not check(STATEMENT, bytes(broken), public)
    assert not check(STATEMENT, signature[:63], public)
    assert not check(STATEMENT, b"", public)
    other = generate_key_pair(tmp_path / "other")
    assert not check(STATEMENT, signature, load_public_key(other.public))
    assert other.key_id != pair.key_id == key_id(public)


def test_what_is_signed_is_the_canonical_json_and_nothing_else() -> None:
    # Key of test 1 in section 7.1 of RFC 8032.
    secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    known = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    key = Ed25519PrivateKey.from_private_bytes(secret)
    public = key.public_key()
    assert key_id(public) == hash_bytes(known)
    message = '{"decision":"promote","n":[1,2.5,null],"who":"J\u00f8rgen"}'.encode()
    signature = sign({"who": "J\u00f8rgen", "n": [1, 2.5, None], "decision": "promote"}, key)
    public.verify(signature, message)  # raises where it is not
    assert parse_public(public_pem(public)).public_bytes_raw() == known


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "half \ud800 a pair", {1, 2}, b"bytes"])
def test_a_statement_without_a_canonical_form_is_not_signed(value: object) -> None:
    key = Ed25519PrivateKey.generate()
    with pytest.raises(InputError, match="cannot be signed"):
        sign({"x": value}, key)


def test_only_the_owner_may_read_a_new_private_key_and_none_is_replaced(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        pair = generate_key_pair(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(pair.private.stat().st_mode) == 0o600
    old = pair.private.read_bytes(), pair.public.read_bytes()
    with pytest.raises(InputError, match="exists already") as caught:
        generate_key_pair(tmp_path)
    assert str(pair.private) in str(caught.value)
    assert old == (pair.private.read_bytes(), pair.public.read_bytes())
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="exists already"):
        generate_key_pair(tmp_path / "file")


def test_an_encrypted_key_needs_its_passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSPHRASE_ENV, "open sesame")
    pair = generate_key_pair(tmp_path)
    assert b"ENCRYPTED" in pair.private.read_bytes()
    assert check(STATEMENT, sign(STATEMENT, load_private_key(pair.private)), load_public_key(pair.public))
    monkeypatch.setenv("ANOTHER", "wrong")
    with pytest.raises(InputError, match="cannot be read as a private key") as wrong:
        load_private_key(pair.private, "ANOTHER")
    monkeypatch.delenv(PASSPHRASE_ENV)
    with pytest.raises(InputError, match="is encrypted") as missing:
        load_private_key(pair.private)
    assert "ANOTHER" in str(wrong.value) and PASSPHRASE_ENV in str(missing.value)
    assert "wrong" not in str(wrong.value).replace("ANOTHER", ""), "a passphrase is in no message"


def test_other_kinds_of_keys_and_files_are_refused(tmp_path: Path) -> None:
    pair = generate_key_pair(tmp_path)
    elliptic = generate_ec(SECP256R1())
    pem, plain = form.Encoding.PEM, form.NoEncryption()
    other, other_public, text = tmp_path / "ec.pem", tmp_path / "ec.pub.pem", tmp_path / "text.pem"
    other.write_bytes(elliptic.private_bytes(pem, form.PrivateFormat.PKCS8, plain))
    other_public.write_bytes(elliptic.public_key().public_bytes(pem, form.PublicFormat.SubjectPublicKeyInfo))
    text.write_text("-----BEGIN SOMETHING-----\n\u00e9\n")
    for load, path, words in [
        (load_private_key, other, "no Ed25519 key but"),
        (load_public_key, other_public, "no Ed25519 key but"),
        (load_private_key, pair.public, "cannot be read as a private key"),
        (load_public_key, pair.private, "is a private key"),
        (load_private_key, text, "cannot be read as a private key"),
        (load_public_key, text, "cannot be read as a public key"),
        (load_private_key, tmp_path / "missing.pem", "cannot be read"),
        (load_public_key, tmp_path, "cannot be read"),
    ]:
        with pytest.raises(InputError, match=words) as caught:
            load(path)
        assert str(path) in str(caught.value) and caught.value.hint


_WITHOUT = """
import sys
sys.modules["cryptography"] = None
from pathlib import Path
from gatekeeper.errors import MissingExtraError
from gatekeeper.signing import generate_key_pair, load_private_key, load_public_key
for function in (generate_key_pair, load_private_key, load_public_key):
    try:
        function(Path(sys.argv[1]))
    except MissingExtraError as error:
        print(error.hint)
"""


def test_without_the_package_the_extra_is_named(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("text")
    command = [sys.executable, "-c", _WITHOUT, str(tmp_path / "key.pem")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ['pip install "gatekeeper-distill[sign]"'] * 3


def test_signatures_come_back_from_the_store_and_still_check(tmp_path: Path) -> None:
    store = Store(tmp_path / "g.duckdb")
    rows = []
    with store.write() as connection:
        for place, (name, statement) in enumerate([("ann", STATEMENT), ("bob", {**STATEMENT, "decision": "reject"})]):
            key = Ed25519PrivateKey.generate()
            named = {
                "key_id": key_id(key.public_key()),
                "public_key": public_pem(key.public_key()),
                "statement": statement,
                "signature": base64.b64encode(sign(statement, key)).decode(),
                "who": name,
            }
            at = NOON + timedelta(hours=place)
            rows.append(insert_signature(connection, "r-1", **named, at=at))
            assert insert_signature(connection, "r-1", **named, at=at + timedelta(days=1)) == rows[-1]
    with store.read() as connection:
        found = signatures_of(connection, "r-1")
        assert signatures_of(connection, "r-2") == []
    assert found == rows and [one.who for one in found] == ["ann", "bob"]
    for one in found:
        public = parse_public(one.public_key)
        assert key_id(public) == one.key_id
        assert check(one.statement, base64.b64decode(one.signature), public)
    assert not check(found[0].statement, base64.b64decode(found[1].signature), parse_public(found[1].public_key))
