"""Ed25519 signatures over canonical JSON, so that whoever has the public key can tell that a statement is unchanged.

What is signed is the UTF-8 text of `hashing.canonical_json`, with nothing before or after it, so that other programs
can check it too (RFC 8032 keys and signatures; PKCS #8 and SubjectPublicKeyInfo files in PEM).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gatekeeper.errors import InputError, MissingExtraError
from gatekeeper.hashing import canonical_json, hash_bytes

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PASSPHRASE_ENV = "GATEKEEPER_KEY_PASSPHRASE"
"""The environment variable that holds the passphrase of an encrypted private key, unless another one is named."""

PRIVATE_NAME = "gatekeeper-key.pem"
PUBLIC_NAME = "gatekeeper-key.pub.pem"

_MAKE_ONE = "make a pair with `openssl genpkey -algorithm ed25519`, or let gatekeeper make one"


class KeyPair(NamedTuple):
    """Where a new key pair lies, and its id."""

    private: Path
    public: Path
    key_id: str


def sign(statement: Mapping[str, Any], key: Ed25519PrivateKey) -> bytes:
    """Return the signature (64 bytes) of a statement.

    Raises:
        InputError: the statement has no canonical form: NaN, half a surrogate pair, or a type that JSON lacks.
    """
    signature: bytes = key.sign(_message(statement))
    return signature


def check(statement: Mapping[str, Any], signature: bytes, public: Ed25519PublicKey) -> bool:
    """Return whether `signature` is that of `statement` by the key that belongs to `public`.

    Raises:
        InputError: the statement has no canonical form.
    """
    with _crypto():
        from cryptography.exceptions import InvalidSignature
    try:
        public.verify(signature, _message(statement))
    except InvalidSignature:
        return False
    return True


def key_id(public: Ed25519PublicKey) -> str:
    """Return the name of a key: the content hash of its 32 public bytes."""
    raw: bytes = public.public_bytes_raw()
    return hash_bytes(raw)


def public_pem(public: Ed25519PublicKey) -> str:
    """Return a public key as the text of a PEM file."""
    with _crypto():
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    data: bytes = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return data.decode("ascii")


def parse_public(pem: str, source: str = "the public key") -> Ed25519PublicKey:
    """Return the public key of a PEM text; `source` names it in messages.

    Raises:
        InputError: it is no public key, or one of another kind than Ed25519.
    """
    with _crypto():
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    if "PRIVATE KEY" in pem:
        raise InputError(f"{source} is a private key", hint="give the public key, and keep the private one to yourself")
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(
            f"{source} cannot be read as a public key in PEM: {_first_line(error)}", hint=_MAKE_ONE
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"{source} is no Ed25519 key but {type(key).__name__.lstrip('_')}", hint=_MAKE_ONE)
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    """Return the public key in a PEM file.

    Raises:
        InputError: it cannot be read, is no public key, or one of another kind than Ed25519.
        MissingExtraError: the extra `sign` is not installed.
    """
    return parse_public(_read(path).decode("utf-8", "replace"), str(path))


def load_private_key(path: Path, passphrase_env: str = PASSPHRASE_ENV) -> Ed25519PrivateKey:
    """Return the private key in a PEM file.

    Args:
        path: the file.
        passphrase_env: name of the environment variable that holds the passphrase of an encrypted key.

    Raises:
        InputError: it cannot be read or decrypted, is no private key, or one of another kind than Ed25519.
        MissingExtraError: the extra `sign` is not installed.
    """
    with _crypto():
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    data = _read(path)
    passphrase = os.environ.get(passphrase_env, "").encode() if b"ENCRYPTED" in data else None
    if passphrase == b"":
        raise InputError(f"the private key {path} is encrypted", hint=f"put its passphrase into {passphrase_env}")
    try:
        key = load_pem_private_key(data, password=passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        hint = _MAKE_ONE if passphrase is None else f"check the passphrase in {passphrase_env}"
        raise InputError(f"{path} cannot be read as a private key in PEM: {_first_line(error)}", hint=hint) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{path} is no Ed25519 key but {type(key).__name__.lstrip('_')}", hint=_MAKE_ONE)
    return key


def generate_key_pair(folder: Path, passphrase_env: str = PASSPHRASE_ENV) -> KeyPair:
    """Make a key pair in `folder`; only its owner may read the private file. A file that is there is never replaced.

    The private key is encrypted where `passphrase_env` names a variable that is set.

    Raises:
        InputError: one of the two files exists, or the folder cannot be written.
        MissingExtraError: the extra `sign` is not installed.
    """
    with _crypto():
        from cryptography.hazmat.primitives import serialization as form
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    key = Ed25519PrivateKey.generate()
    passphrase = os.environ.get(passphrase_env, "").encode()
    protection = form.BestAvailableEncryption(passphrase) if passphrase else form.NoEncryption()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, protection)
    pair = KeyPair(folder / PRIVATE_NAME, folder / PUBLIC_NAME, key_id(key.public_key()))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_new(pair.private, private, 0o600)
        _write_new(pair.public, public_pem(key.public_key()).encode(), 0o644)
    except FileExistsError as error:
        raise InputError(f"{error.filename} exists already", hint="use that key, or name another folder") from error
    except OSError as error:
        raise InputError(f"no key can be written to {folder}: {error.strerror}", hint="name another folder") from error
    return pair


def _message(statement: Mapping[str, Any]) -> bytes:
    try:
        return canonical_json(dict(statement)).encode("utf-8")
    except (TypeError, ValueError) as error:  # a lone surrogate is a ValueError too
        raise InputError(
            f"the statement cannot be signed: {error}", hint="use text, whole and finite numbers"
        ) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"the key {path} cannot be read: {error.strerror}", hint=_MAKE_ONE) from error


def _write_new(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def _crypto() -> Iterator[None]:
    """Wrap late imports of the package cryptography, which the extra `sign` brings."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError("cryptography", "sign") from error
