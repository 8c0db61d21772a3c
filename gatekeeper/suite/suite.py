"""The suite as the rest of the package sees it: checked, with its paths, labels and templates resolved."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from gatekeeper.hashing import content_hash
from gatekeeper.scorers import Judge, Scorer
from gatekeeper.suite.identity import model_identity, unswitched
from gatekeeper.suite.spec import (
    BaselineSpec,
    CostsSpec,
    EvalSpec,
    GatesSpec,
    JudgeModelSpec,
    LoopSpec,
    PartialSpec,
    PolicySpec,
    ServingSpec,
    StudentSpec,
    SuiteSpec,
    TeacherSpec,
    TrafficSpec,
)
from gatekeeper.suite.spec_api import HOW_ASKED

_ASSUMED_SECTIONS = ("traffic", "serving", "costs", "gates", "loop")
_NOT_IN_IDENTITY = {*HOW_ASKED, "priced_as"}
_LATER: tuple[tuple[tuple[str, ...], Any], ...] = (
    (("baselines",), []),
    (("costs", "deployment_hours"), None),
    (("costs", "horizon_months"), 12),
    (("costs", "discount_per_year"), 0.1),
    (("serving", "overhead"), 0.0),
    (("gates", "cost", "vs"), "best_passing"),
)
"""Keys that came after the first stores, with the value at which a suite means what it meant without them."""


@dataclass(frozen=True)
class Eval:
    """How answers are judged, and where the rows are."""

    name: str
    spec: EvalSpec
    file: Path
    """The file that holds the eval: an eval.yaml, or the suite itself."""
    labels: tuple[str, ...]
    scorers: dict[str, Scorer | Judge]
    primary: str

    @property
    def folder(self) -> Path:
        """Where the eval's relative paths start."""
        return self.file.parent

    @property
    def scorer(self) -> Scorer | Judge:
        """The scorer that decides."""
        return self.scorers[self.primary]

    @property
    def gold(self) -> Scorer:
        """The scorer that rests on right answers: the one that decides, or the one that corrects the judge."""
        scorer = self.scorer
        found = self.scorers[scorer.people] if isinstance(scorer, Judge) else scorer
        assert not isinstance(found, Judge), "a judge is corrected by another kind of scorer"
        return found

    def resolve(self, path: str) -> Path:
        """Return a path of the eval's file as one that can be opened."""
        return self.folder / path


@dataclass(frozen=True)
class Prompt:
    """Template texts of the suite; a `{file: ...}` has been read."""

    system: str | None
    user: str


@dataclass(frozen=True)
class Suite:
    """What must hold, for which traffic, between which models.

    `eval` is the one that decides, `others` are those of the roles ood and guard.
    `teacher`, `baselines`, `judge` and `students` are the file's, with local paths made absolute and `${ENV}` in
    `base_url` expanded; `spec` is the file as it was written, `files` are all files that it names, itself included.
    `assumed` lists (key path, default) of what the user left open and a verdict or bill rests on; money is text.
    """

    name: str
    path: Path
    root: Path
    spec: SuiteSpec
    eval: Eval
    others: tuple[Eval, ...]
    prompt: Prompt | None
    teacher: TeacherSpec
    students: tuple[StudentSpec, ...]
    prices: Path | None
    files: tuple[Path, ...]
    assumed: tuple[tuple[str, Any], ...]
    judge: JudgeModelSpec | None = None
    baselines: tuple[BaselineSpec, ...] = ()

    @property
    def traffic(self) -> TrafficSpec:
        """The volume that the verdict is about."""
        return self.spec.traffic

    @property
    def serving(self) -> ServingSpec:
        """How a student would be served."""
        return self.spec.serving

    @property
    def costs(self) -> CostsSpec:
        """Human effort."""
        return self.spec.costs

    @property
    def gates(self) -> GatesSpec:
        """What must hold."""
        return self.spec.gates

    @property
    def loop(self) -> LoopSpec:
        """Rounds and money of the loop."""
        return self.spec.loop

    @property
    def partial(self) -> PartialSpec | None:
        """Whether, and how, a student may take over a part of the traffic."""
        return self.spec.partial

    @property
    def evals(self) -> tuple[Eval, ...]:
        """All evals, the one that decides first."""
        return (self.eval, *self.others)

    def eval_named(self, name: str) -> Eval:
        """Return one eval of the suite."""
        return next(one for one in self.evals if one.name == name)

    @property
    def policy(self) -> PolicySpec:
        """What people decided, for the record."""
        return self.spec.policy

    def fingerprint(self, items_digest: str) -> str:
        """Return the identity under which results may be paired.

        It covers prompt, labels, scorers with their versions, teacher and judge with their parameters, the gates and
        the items (`ItemSet.digest`). It leaves out what cannot change a score or a rule on quality: students,
        baselines, traffic, serving, costs, loop, how fast a model is asked (`HOW_ASKED`), switches of
        its parameters (`RequestParams.switches`) and `priced_as`.
        """
        prompt = None if self.prompt is None else [self.prompt.system, self.prompt.user]
        judge = self.spec.judge
        judged = {} if judge is None else {"judge": model_identity(judge, _NOT_IN_IDENTITY)}
        return content_hash(
            judged
            | {
                "format": self.spec.version,
                "items": items_digest,
                "task": [self.eval.spec.task.kind, list(self.eval.labels)],
                "prompt": prompt,
                "scorers": {name: scorer.version for name, scorer in self.eval.scorers.items()},
                "primary": self.eval.primary,
                "samples": self.eval.spec.samples.teacher,
                "others": [[one.name, one.spec.role, one.primary, one.scorer.version] for one in self.others],
                "teacher": model_identity(self.spec.teacher, _NOT_IN_IDENTITY),
                "gates": spec_identity(self.spec)["gates"],
            }
        )


def spec_identity(spec: SuiteSpec) -> dict[str, Any]:
    """Return a suite as JSON values for its identity: keys that came later are left out where they change nothing.

    So a run that an earlier version began stays the same run. How fast and how patiently models are asked is left out,
    too, but for `concurrency`, which always was a part.
    """
    dumped = spec.model_dump(mode="json")
    dumped["teacher"] = unswitched(dumped["teacher"], spec.teacher)
    dumped["baselines"] = [unswitched(*both) for both in zip(dumped["baselines"], spec.baselines, strict=True)]
    if spec.judge is not None:
        dumped["judge"] = unswitched(dumped["judge"], spec.judge)
    for model in (dumped["teacher"], dumped.get("judge") or {}, *dumped["baselines"]):
        for key in HOW_ASKED - {"concurrency"}:
            model.pop(key, None)
    for path, unchanged in _LATER:
        section = dumped
        for part in path[:-1]:
            section = section[part]
        if section[path[-1]] == unchanged:
            del section[path[-1]]
    return dumped


def find_assumed(spec: SuiteSpec, spec_of_eval: EvalSpec) -> tuple[tuple[str, Any], ...]:
    """Return (key path, default) for each open key of the sections that a verdict or a bill rests on."""
    found: list[tuple[str, Any]] = []
    for section in _ASSUMED_SECTIONS:
        _open_keys(getattr(spec, section), section, found)
    models: list[tuple[str, object]] = [("teacher", spec.teacher), ("judge", spec.judge)]
    for name, model in [*models, *((f"baselines.{one.name}", one) for one in spec.baselines)]:
        params = getattr(model, "params", None)
        if params is not None:
            _open_keys(params, f"{name}.params", found)
    _open_keys(spec_of_eval.data.splits, "data.splits", found)
    return tuple(found)


def _open_keys(part: BaseModel, path: str, found: list[tuple[str, Any]]) -> None:
    # A section that the user left out is a default instance, in which no field counts as set.
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, BaseModel):
            _open_keys(value, f"{path}.{name}", found)
        elif name not in part.model_fields_set and value not in (None, ()):
            found.append((f"{path}.{name}", str(value) if isinstance(value, Decimal) else value))
