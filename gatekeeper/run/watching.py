"""What a view may know of a stage that asks a model."""

from __future__ import annotations

from collections.abc import Iterable

from gatekeeper.run.progress import Watch
from gatekeeper.run.session import JUDGE, TEACHER, PricedModel, Session


def watch_of(session: Session, asked: PricedModel, item_ids: Iterable[str]) -> Watch:
    """Return what a view may read while `asked` answers requests about these items.

    Args:
        session: the run.
        asked: the model; local ones have no traffic.
        item_ids: of the items; one gate row makes it a stage on the gate.
    """
    gate = {item.id for item in session.items.items if item.split == "gate"}
    model = asked.model
    return Watch(
        role=_role(session, asked),
        purse=session.budget,
        assumed=model.info.price_assumed,
        on_gate=any(item_id in gate for item_id in item_ids),
        traffic=lambda: getattr(model, "traffic", None),
    )


def _role(session: Session, asked: PricedModel) -> str:
    if session.judge is not None and asked.model is session.judge.model:
        return JUDGE
    names = [one.name for one in session.baselines if one.asked is not None and one.asked.model is asked.model]
    return f"baselines.{names[0]}" if names else TEACHER
