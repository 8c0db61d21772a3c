"""What changed between two versions of the rules of a gate, and whether a change may make it easier to pass. Pure.

A change is a loosening unless it is provably a tightening: all rules must pass for a promotion, so a rule that is new
or demands more can only turn a pass into something else. Anything whose effect nobody can tell from the values alone,
such as another prompt or scorer version, counts as a loosening.
"""

from __future__ import annotations

from typing import Any, Literal

from gatekeeper.hashing import canonical_json
from gatekeeper.records import Record

Direction = Literal["up", "down"]

TIGHTER: dict[tuple[str, str], Direction] = {
    ("quality", "retention"): "up",
    ("quality", "confidence"): "up",
    ("quality", "looks"): "down",
    ("quality", "max_failed"): "down",
    ("cost", "reduction"): "up",
    ("cost", "payback_months"): "down",
    ("latency", "p95_ms"): "down",
    ("latency", "concurrency"): "up",
    ("slices", "min"): "up",
    ("slices", "prove"): "up",
    ("ood", "retention"): "up",
    ("ood", "auroc"): "up",
    ("guards", "margin"): "down",
    ("format", "parses"): "up",
    ("leakage", "max_share"): "down",
}
"""By section of `gates` and name: which way a value moves when the rule demands more."""

NEUTRAL = {("quality", "look_when")}
"""Values that decide when a look is spent, and nothing about how it goes."""

SETTINGS = {("quality", "confidence"), ("quality", "looks"), ("quality", "max_failed"), ("latency", "concurrency")}
"""Values that say how a rule is applied: giving one that was not there adds no rule. The rest of TIGHTER are rules."""

CONTAINERS = {"gates", "scorers", "evals", "baselines"}
"""Keys whose entries are rules, scorers, evals, baselines: each that is added or removed is a change of its own."""

ADDS_A_RULE = {"ood", "guard"}
"""Roles of evals that can only add rules."""

_LONGEST = 80


class Change(Record):
    """One difference between two versions of a gate's rules."""

    key: str
    was: Any = None
    now: Any = None
    loosening: bool

    @property
    def sentence(self) -> str:
        """The change in plain words: "gates.quality.retention was 0.97 and is 0.95"."""
        was, now = _shown(self.was), _shown(self.now)
        if self.was is None:
            return f"{self.key} is new" + (f": {now}" if now else "")
        if self.now is None:
            return f"{self.key} is gone" + (f"; it was {was}" if was else "")
        return f"{self.key} was {was} and is {now}" if was and now else f"{self.key} is not what it was"


def changes_between(old: Any, new: Any, *, ignore: tuple[str, ...] = ()) -> list[Change]:
    """Return what differs between the content of two seals, by key.

    Args:
        old: nested mappings of JSON values: ``{gates: {...}, scorers: {name: version}, primary, prompt, labels,
            evals: {...}, split_digest}``. None, empty and absent are the same. A list of mappings that each name an
            `eval` of their own is read as a mapping by that name.
        new: the same, of now.
        ignore: keys of the top level to leave out, such as ``split_digest`` where the seal of an overlapping split is
            compared.

    Raises:
        TypeError: a value has no JSON form.
        ValueError: a value is NaN or infinite.
    """
    keys = sorted((old.keys() | new.keys()) - set(ignore))
    added = _added_evals(old, new)
    return [one for key in keys for one in _differences((key,), old.get(key), new.get(key), added)]


def _added_evals(old: Any, new: Any) -> frozenset[str]:
    """Return the names of evals that are new and can only add rules."""
    before, after = (_as_mapping(one.get("evals")) or {} for one in (old, new))
    return frozenset(name for name in after if name not in before and after[name].get("role") in ADDS_A_RULE)


def _differences(path: tuple[str, ...], old: Any, new: Any, added: frozenset[str]) -> list[Change]:
    old, new = _as_mapping(old), _as_mapping(new)
    if len(path) == 1 and path[0] in CONTAINERS:
        old, new = old or {}, new or {}
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted(old.keys() | new.keys())
        return [one for key in keys for one in _differences((*path, key), old.get(key), new.get(key), added)]
    if _same(old, new):
        return []
    return [Change(key=".".join(path), was=old, now=new, loosening=not _harmless(path, old, new, added))]


def _harmless(path: tuple[str, ...], old: Any, new: Any, added: frozenset[str]) -> bool:
    """Whether a change is provably no loosening."""
    if path == ("partial",):
        return new is None  # all traffic or none again
    if path[0] in ("evals", "scorers") and len(path) == 2:
        return old is None and path[1].partition("/")[0] in added  # a scorer is named after its eval: eval/scorer
    if path[0] == "baselines":
        return old is None and len(path) == 2  # one more model to be cheaper than
    if path[0] != "gates" or len(path) < 2:
        return False
    if path[1:] == ("cost", "vs"):  # without baselines it is absent, and stands for the teacher
        return old in (None, "teacher") or new == "best_passing"
    rule = (path[1], path[-1])
    if rule in NEUTRAL:
        return True
    if new is None:
        return False
    if old is None:
        return _adds_a_rule(path, new)
    direction = TIGHTER.get(rule)
    if direction is None or not _comparable(old, new):
        return False
    return bool(new > old) if direction == "up" else bool(new < old)


def _adds_a_rule(path: tuple[str, ...], new: Any) -> bool:
    section, name = path[1], path[-1]
    if isinstance(new, dict):  # a section, or one eval of a section
        return section in {known for known, _ in TIGHTER} and len(path) <= 3
    return (section, name) in TIGHTER.keys() - SETTINGS and new is not False


def _as_mapping(value: Any) -> Any:
    """Return a list of rules, each on an eval of its own, by eval; nothing for what is empty; else `value`."""
    if isinstance(value, dict | list | tuple) and not value:
        return None
    if isinstance(value, list | tuple) and all(isinstance(one, dict) and "eval" in one for one in value):
        named = {str(one["eval"]): {key: part for key, part in one.items() if key != "eval"} for one in value}
        return named if len(named) == len(value) else value
    return value


def _comparable(old: Any, new: Any) -> bool:
    """Whether both are numbers, or both are truth values, where false is below true."""
    numbers = all(isinstance(one, int | float) for one in (old, new))
    return numbers and isinstance(old, bool) == isinstance(new, bool)


def _same(old: Any, new: Any) -> bool:
    return bool(old == new) if _comparable(old, new) else canonical_json(old) == canonical_json(new)


def _shown(value: Any) -> str:
    """Return a value as a person reads it; empty where it is too long for a sentence."""
    text = value if isinstance(value, str) else canonical_json(value)
    return text if len(text) <= _LONGEST and "\n" not in text else ""
