"""What tells one model from another, and one question from another: without the switches of how it is asked.

A switch changes what an answer costs or how it travels, and never what it says. In identities it stands at its default,
so that switching it asks nothing anew, and a suite that never touched it keeps the identity that it always had.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from gatekeeper.suite.spec_api import RequestParams

_LATER = ("max_completion_tokens",)
"""Parameters that came after the first stores; where they are not set, a suite is what it was without them."""


def identity_params(params: BaseModel) -> dict[str, Any]:
    """Return the parameters of a model as JSON values, as they enter its fingerprint and the key of each request."""
    return _unswitched(params.model_dump(mode="json", exclude_none=True), params)


def model_identity(spec: BaseModel, exclude: Iterable[str] = ()) -> dict[str, Any]:
    """Return a model of a suite as JSON values for an identity.

    Args:
        spec: a teacher, judge or baseline.
        exclude: keys that are left out.
    """
    return unswitched(spec.model_dump(mode="json", exclude=set(exclude)), spec)


def unswitched(dumped: dict[str, Any], spec: BaseModel) -> dict[str, Any]:
    """Return what `spec` was dumped as, with each switch of its parameters at its default, and without later ones."""
    params = getattr(spec, "params", None)
    if not isinstance(params, RequestParams):
        return dumped
    return {**dumped, "params": _unswitched(dumped["params"], params)}


def _unswitched(dumped: dict[str, Any], params: BaseModel) -> dict[str, Any]:
    switches = params.switches if isinstance(params, RequestParams) else frozenset[str]()
    fields = type(params).model_fields
    return {
        key: fields[key].default if key in switches else value
        for key, value in dumped.items()
        if value is not None or key not in _LATER
    }
