"""From files to a `Suite`: every problem of every file in one error."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gatekeeper.errors import Problem, SuiteError
from gatekeeper.scorers import Exact, build_scorer
from gatekeeper.suite.checks import Checker
from gatekeeper.suite.paths import suite_root
from gatekeeper.suite.problems import translate
from gatekeeper.suite.secrets import find_secrets
from gatekeeper.suite.spec import EvalSpec, SuiteSpec
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
    eval_document, eval_spec = _eval_of(document, spec, checker)

    labels = checker.labels(eval_document)
    system, user = checker.prompt(document, labels)
    checker.data_files(eval_document)
    checker.students(document)
    weights = checker.weights(document, ("teacher", "init"))
    answers = checker.file(document, ("teacher", "answers", "jsonl"))
    prices = checker.file(document, ("prices",))
    base_url = checker.base_url(document)
    if eval_document.tree is not None:
        checker.gold_rows(document, eval_document)

    evaluation = _build_eval(eval_document, eval_spec, labels, checker) if eval_spec and labels else None
    if checker.problems or spec is None or eval_spec is None or evaluation is None:
        raise SuiteError(_in_order(checker.problems, path))
    default_user = spec.prompt.user if spec.prompt and isinstance(spec.prompt.user, str) else ""
    return Suite(
        name=spec.suite,
        path=path,
        root=checker.root,
        spec=spec,
        eval=evaluation,
        prompt=Prompt(system, default_user if user is None else user) if spec.prompt else None,
        teacher=_resolved(spec.teacher, init=weights, answers=answers, base_url=base_url),
        students=tuple(
            _resolved(student, init=checker.weights(document, ("students", index, "init")))
            for index, student in enumerate(spec.students)
        ),
        prices=prices,
        assumed=find_assumed(spec, eval_spec),
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


def _eval_of(document: Document, spec: SuiteSpec | None, checker: Checker) -> tuple[Document, EvalSpec | None]:
    """Return the eval's document and spec; an inline eval has been checked with the suite."""
    key: KeyPath = ("evals", 0)
    if isinstance(document.dig(*key), dict):
        inline = spec.evals[0] if spec else None
        return document.at(*key), inline if isinstance(inline, EvalSpec) else None
    file = checker.eval_file(document)
    if file is None:
        return Document(document.file, None), None
    eval_document, problems = read_yaml(file)
    checker.problems += problems
    return eval_document, _validate(eval_document, EvalSpec, checker)


def _build_eval(document: Document, spec: EvalSpec, labels: tuple[str, ...], checker: Checker) -> Eval:
    scorers = {name: build_scorer(name, scorer) for name, scorer in spec.scorers.items()}
    primary = spec.primary or next(iter(scorers))
    scorer = scorers[primary]
    seen: dict[str, str] = {}
    for label in labels:
        normal = scorer.normalize(label) if isinstance(scorer, Exact) else label
        if normal in seen:
            message = f"the scorer {primary!r} cannot tell the labels {seen[normal]!r} and {label!r} apart"
            hint = "rename one, or drop a normalisation"
            checker.problems.append(document.problem(("task", "labels"), message, hint=hint))
        seen[normal] = label
    return Eval(spec.eval, spec, document.file, labels, scorers, primary)


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
