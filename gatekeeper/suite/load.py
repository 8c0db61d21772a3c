"""From files to a `Suite`: every problem of every file in one error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gatekeeper.errors import Problem, SuiteError
from gatekeeper.scorers import Exact, Judge, Scorer, build_scorer
from gatekeeper.suite.check_baselines import check_baselines
from gatekeeper.suite.check_judge import judge_model, rubrics
from gatekeeper.suite.checks import Checker
from gatekeeper.suite.paths import suite_root
from gatekeeper.suite.problems import translate
from gatekeeper.suite.secrets import find_secrets
from gatekeeper.suite.spec import BaselineSpec, EvalSpec, JudgeModelSpec, SuiteSpec
from gatekeeper.suite.suite import Eval, Prompt, Suite, find_assumed
from gatekeeper.suite.yaml_lines import Document, KeyPath, read_yaml

__all__ = ["Eval", "Prompt", "Suite", "load_suite"]

_Spec = TypeVar("_Spec", bound=BaseModel)


def load_suite(path: Path, *, allow_outside: bool = False) -> Suite:
    """Read and check a suite, its eval, and the small files that both name. No row of data is read.

    Args:
        path: the suite's YAML file.
        allow_outside: accept absolute paths and paths that leave the suite's root (see `gatekeeper.suite.paths`).

    Raises:
        SuiteError: with all problems of all files, each with file, line, key path, value and fix.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder, not a suite file" if path.is_dir() else "the file does not exist"
        raise SuiteError([Problem(str(path), None, "", what, hint="name the suite's YAML file")])
    checker = Checker(suite_root(path), allow_outside)
    document, problems = read_yaml(path)
    checker.problems += problems
    spec = _validate(document, SuiteSpec, checker)
    found = _evals_of(document, spec, checker)
    specs = [one.spec for one in found if one.spec is not None]
    if len(specs) == len(found):
        checker.roles(document, specs)
    main = next((one for one in found if one.spec is None or one.spec.role == "main"), found[0])

    system, user = checker.prompt(document, main.labels)
    checker.students(document)
    weights = checker.weights(document, ("teacher", "init"))
    answers = checker.file(document, ("teacher", "answers", "jsonl"))
    prices = checker.file(document, ("prices",))
    base_url = checker.base_url(document, "teacher")
    judge = _judge(document, spec, checker)
    baselines = _baselines(document, spec, checker)
    check_baselines(checker, document, main.document, spec)
    if main.document.tree is not None:
        checker.gold_rows(document, main.document)
        judge_model(checker, document, main.document)

    evals = [_build_eval(one, one.spec, checker) for one in found if one.spec and one.labels]
    _same_labels(found, main, checker)
    if checker.problems or spec is None or len(evals) != len(found):
        raise SuiteError(_in_order(checker.problems, path))
    evaluation = next(one for one in evals if one.spec.role == "main")
    default_user = spec.prompt.user if spec.prompt and isinstance(spec.prompt.user, str) else ""
    return Suite(
        name=spec.suite,
        path=path,
        root=checker.root,
        spec=spec,
        eval=evaluation,
        others=tuple(one for one in evals if one is not evaluation),
        prompt=Prompt(system, default_user if user is None else user) if spec.prompt else None,
        teacher=_resolved(spec.teacher, init=weights, answers=answers, base_url=base_url),
        students=tuple(
            _resolved(student, init=checker.weights(document, ("students", index, "init")))
            for index, student in enumerate(spec.students)
        ),
        prices=prices,
        files=tuple(sorted({path, *checker.files})),
        assumed=find_assumed(spec, evaluation.spec),
        judge=judge,
        baselines=baselines,
    )


def _validate(document: Document, model: type[_Spec], checker: Checker) -> _Spec | None:
    """Return `document` as `model`, or None after noting its problems."""
    if document.tree is None:
        return None
    if not isinstance(document.tree, dict):
        what = f"should be a mapping, and is a {'list' if isinstance(document.tree, list) else 'single value'}"
        checker.problems.append(document.problem((), what, hint="write `key: value` lines"))
        return None
    secrets = find_secrets(document)
    checker.problems += [problem for _, problem in secrets]
    try:
        return model.model_validate(document.tree)
    except ValidationError as error:
        told = {(problem.line, problem.path) for _, problem in secrets}
        found = translate(error, document, model)
        checker.problems += [problem for problem in found if (problem.line, problem.path) not in told]
        return None


def _judge(document: Document, spec: SuiteSpec | None, checker: Checker) -> JudgeModelSpec | None:
    """Return the suite's judge with its paths and its `base_url` resolved, after noting what is wrong with them."""
    weights = checker.weights(document, ("judge", "init"))
    answers = checker.file(document, ("judge", "answers", "jsonl"))
    base_url = checker.base_url(document, "judge")
    if spec is None or spec.judge is None:
        return None
    judge: JudgeModelSpec = _resolved(spec.judge, init=weights, answers=answers, base_url=base_url)
    return judge


def _baselines(document: Document, spec: SuiteSpec | None, checker: Checker) -> tuple[BaselineSpec, ...]:
    """Return the suite's baselines with their paths and each `base_url` resolved, after noting what is wrong."""
    listed = document.dig("baselines")
    resolved = []
    for index in range(len(listed) if isinstance(listed, list) else 0):
        key: KeyPath = ("baselines", index)
        weights = checker.weights(document, (*key, "init"))
        answers = checker.file(document, (*key, "answers", "jsonl"))
        base_url = checker.base_url(document, *key)
        if spec is not None:
            resolved.append(_resolved(spec.baselines[index], init=weights, answers=answers, base_url=base_url))
    return tuple(resolved)


@dataclass(frozen=True)
class _Found:
    """One eval as far as it could be read; `labels` is empty and `spec` None where something is wrong."""

    document: Document
    spec: EvalSpec | None
    labels: tuple[str, ...]
    rubrics: dict[str, str] = field(default_factory=dict)


def _evals_of(document: Document, spec: SuiteSpec | None, checker: Checker) -> list[_Found]:
    """Return the documents and specs of all evals, at least one; an inline eval has been checked with the suite."""
    listed = document.dig("evals")
    count = len(listed) if isinstance(listed, list) else 0
    found = [_eval_of(document, index, spec, checker) for index in range(max(count, 1))]
    return found


def _eval_of(document: Document, index: int, spec: SuiteSpec | None, checker: Checker) -> _Found:
    key: KeyPath = ("evals", index)
    if isinstance(document.dig(*key), dict):
        inline = spec.evals[index] if spec else None
        inner, eval_spec = document.at(*key), inline if isinstance(inline, EvalSpec) else None
    else:
        file = checker.eval_file(document, index)
        if file is None:
            return _Found(Document(document.file, None), None, ())
        inner, problems = read_yaml(file)
        checker.problems += problems
        eval_spec = _validate(inner, EvalSpec, checker)
    labels = checker.labels(inner)
    checker.data_files(inner)
    return _Found(inner, eval_spec, labels, rubrics(checker, inner, labels))


def _same_labels(found: Sequence[_Found], main: _Found, checker: Checker) -> None:
    """A student answers with the main eval's labels, so other evals can ask for these only."""
    for one in found:
        strange = [label for label in one.labels if label not in main.labels]
        if strange and main.labels:
            message = f"{strange[0]!r} is no label of the main eval, so no student can answer it"
            hint = "name labels of the main eval; rows that belong to none of them need no `target`"
            checker.problems.append(one.document.problem(("task", "labels"), message, hint=hint))


def _build_eval(found: _Found, spec: EvalSpec, checker: Checker) -> Eval:
    scorers: dict[str, Scorer | Judge] = {}
    for name, scorer in spec.scorers.items():
        if scorer.judge is None:
            scorers[name] = build_scorer(name, scorer)
        else:
            scorers[name] = Judge(name, found.rubrics.get(name, ""), scorer.judge.people)
    primary = spec.primary or next(iter(scorers))
    decides = scorers[primary]
    _check_labels(found, scorers.get(decides.people) if isinstance(decides, Judge) else decides, checker)
    return Eval(spec.eval, spec, found.document.file, found.labels, scorers, primary)


def _check_labels(found: _Found, scorer: Scorer | Judge | None, checker: Checker) -> None:
    """The scorer that rests on right answers must be able to tell any two labels apart."""
    if not isinstance(scorer, Exact):
        return
    seen: dict[str, str] = {}
    for label in found.labels:
        normal = scorer.normalize(label)
        if normal in seen:
            message = f"the scorer {scorer.name!r} cannot tell the labels {seen[normal]!r} and {label!r} apart"
            hint = "rename one, or drop a normalisation"
            checker.problems.append(found.document.problem(("task", "labels"), message, hint=hint))
        seen[normal] = label


def _resolved(part: Any, *, init: Path | None = None, answers: Path | None = None, base_url: str | None = None) -> Any:
    """Return a teacher or student with its local paths absolute and its `base_url` expanded."""
    changes: dict[str, Any] = {}
    if init is not None:
        changes["init"] = str(init.absolute())
    if answers is not None:
        changes["answers"] = part.answers.model_copy(update={"jsonl": str(answers.absolute())})
    if base_url is not None:
        changes["base_url"] = base_url
    return part.model_copy(update=changes) if changes else part


def _in_order(problems: list[Problem], suite: Path) -> list[Problem]:
    """Return the problems once each, the suite's own file first, then by file and line."""
    unique = list(dict.fromkeys(problems))
    return sorted(unique, key=lambda problem: (problem.file != str(suite), problem.file, problem.line or 0))
