"""What a schema cannot see: whether files exist and are allowed, templates work, labels and names are unique.

The checks read the trees of the files, not the pydantic models, so that they also run where another part of the file
is wrong: a user sees all problems at once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gatekeeper.errors import Problem
from gatekeeper.suite.paths import SUITES_FOLDER, inside, joined, local_init
from gatekeeper.suite.problems import choice_hint, show_value
from gatekeeper.suite.prompt import VARIABLES, names_in, template_fault
from gatekeeper.suite.spec_eval import SPLITS, EvalSpec
from gatekeeper.suite.yaml_lines import Document, KeyPath

HF_BUILDERS = ("json", "csv", "parquet")
EVAL_FILE = "eval.yaml"
_ENV = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass
class Checker:
    """Runs the checks of one suite and keeps what they find."""

    root: Path
    allow_outside: bool
    problems: list[Problem] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)
    """What exists and is read: every file that the suite names."""

    def file(self, document: Document, key: KeyPath, *, hint: str | None = None, folder: bool = False) -> Path | None:
        """Return the existing file that `document` names at `key`, or None after noting what is wrong."""
        value = document.dig(*key)
        if not isinstance(value, str) or not value:
            return None
        path = joined(document.file.parent, value)
        if not self.allow_outside and (Path(value).is_absolute() or not inside(path, self.root)):
            where = "is an absolute path" if Path(value).is_absolute() else f"leaves the suite's root {self.root.name}/"
            fix = f"move the file, put the suite into a folder `{SUITES_FOLDER}/` beside it, or pass --allow-outside"
            self.problems.append(document.problem(key, where, value=show_value(value), hint=fix))
            return None
        if not (path.is_dir() if folder else path.is_file()):
            what = "the folder does not exist" if folder else "the file does not exist"
            what = what if not path.exists() else f"is a {'file' if folder else 'folder'}"
            self.problems.append(document.problem(key, what, value=show_value(str(path)), hint=hint))
            return None
        if not folder:
            self.files.add(path)
        return path

    def eval_file(self, document: Document, index: int) -> Path | None:
        """Return an eval.yaml that the suite names, given as a folder or as a file."""
        key: KeyPath = ("evals", index)
        value = document.dig(*key)
        if not isinstance(value, str) or not value:
            return None
        path = joined(document.file.parent, value)
        beside = path.parent
        found = sorted(f.name for f in beside.iterdir() if (f / EVAL_FILE).is_file()) if beside.is_dir() else []
        hint = choice_hint(path.name, found) if found else None
        if path.is_dir():
            named: list[str | None] = [None] * index + [f"{value.rstrip('/')}/{EVAL_FILE}"]
            return self.file(Document(document.file, {"evals": named}, document.lines), key, hint=hint)
        return self.file(document, key, hint=hint)

    def data_files(self, document: Document) -> None:
        """Check every source of an eval."""
        get = document.dig("data", "get")
        hint = f"run `{get}`" if isinstance(get, str) else None
        for key in (("data", "source"), *(("data", "splits", name) for name in SPLITS)):
            for kind in ("jsonl", "csv", "parquet"):
                self.file(document, (*key, kind), hint=hint)
            self.file(document, (*key, "duckdb", "file"), hint=hint)
            self._hf(document, (*key, "hf"), hint)

    def _hf(self, document: Document, key: KeyPath, hint: str | None) -> None:
        path = document.dig(*key, "path")
        if not isinstance(path, str):
            return
        if path in HF_BUILDERS:
            files = document.dig(*key, "data_files")
            if not files:
                message = f"the builder {path} needs `data_files`"
                self.problems.append(document.problem((*key, "data_files"), message))
            for index in range(len(files) if isinstance(files, list) else 0):
                self.file(document, (*key, "data_files", index), hint=hint)
        elif local_init(path, document.file.parent) is not None:
            self.file(document, (*key, "path"), hint=hint, folder=True)
        elif not document.dig(*key, "revision"):
            message = "a data set of the hub needs a `revision`, so that its rows stay the same"
            self.problems.append(document.problem((*key, "revision"), message, hint="name a commit"))

    def labels(self, document: Document) -> tuple[str, ...]:
        """Return the labels of an eval; empty after noting what is wrong."""
        key: KeyPath = ("task", "labels")
        given = document.dig(*key)
        if isinstance(given, list):
            if not all(isinstance(label, str) for label in given):
                return ()
            rows = [(document.line((*key, index)), label) for index, label in enumerate(given)]
            return self._check_labels(rows, document.problem(key, ""))
        path = self.file(document, (*key, "file"))
        if path is None:
            return ()
        text = self._text(path, document, (*key, "file"))
        lines = enumerate((text or "").splitlines(), start=1)
        found = [(number, line.strip()) for number, line in lines if line.strip()]
        return self._check_labels(list(found), Problem(str(path), None, "", "")) if text is not None else ()

    def _check_labels(self, rows: list[tuple[int | None, str]], at: Problem) -> tuple[str, ...]:
        count = len(self.problems)
        first: dict[str, int | None] = {}
        for line, label in rows:
            if not label.strip():
                self.problems.append(Problem(at.file, line, at.path, "a label is empty"))
            elif label in first:
                message = f"the label is given twice, first in line {first[label]}"
                self.problems.append(Problem(at.file, line, at.path, message, show_value(label), "remove one"))
            first.setdefault(label, line)
        if len(first) < 2:
            message = "there are no labels" if not first else "there is one label only, so nothing is to be decided"
            self.problems.append(Problem(at.file, at.line, at.path, message, hint="give at least two"))
        return tuple(first) if len(self.problems) == count else ()

    def prompt(self, document: Document, labels: tuple[str, ...]) -> tuple[str | None, str | None]:
        """Return the template texts of system and user turn, None where there is none or it is wrong."""
        texts = {role: self.template(document, ("prompt", role), labels) for role in ("system", "user")}
        self._uses_input(document, texts)
        return texts["system"], texts["user"]

    def template(
        self, document: Document, key: KeyPath, labels: Sequence[str], variables: Sequence[str] = VARIABLES
    ) -> str | None:
        """Return the text of a template, given as a text or {file: path}, None where there is none or it is wrong."""
        given = document.dig(*key)
        if isinstance(given, dict):
            key = (*key, "file")
            path = self.file(document, key)
            given = self._text(path, document, key) if path else None
        if not isinstance(given, str):
            return None
        fault = template_fault(given, labels, variables)
        if fault:
            self.problems.append(document.problem(key, fault))
        return None if fault else given

    def _uses_input(self, document: Document, texts: dict[str, str | None]) -> None:
        user = texts["user"]
        if user is not None and not any("input" in names_in(text) for text in texts.values() if text):
            message = "no template uses `input`, so every item would ask the same"
            self.problems.append(document.problem(("prompt", "user"), message, hint='write "{{ input }}"'))

    def _text(self, path: Path, document: Document, key: KeyPath) -> str | None:
        try:
            return path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            message = f"{path.name} is not UTF-8 (byte {error.start})"
            self.problems.append(document.problem(key, message, hint="save it as UTF-8"))
            return None

    def students(self, document: Document) -> None:
        """Check that names are unique and local weights exist."""
        first: dict[str, int | None] = {}
        students = document.dig("students")
        for index, student in enumerate(students if isinstance(students, list) else []):
            name = student.get("name") if isinstance(student, dict) else None
            if isinstance(name, str) and name in first:
                message = f"the name is given twice, first in line {first[name]}"
                self.problems.append(document.problem(("students", index, "name"), message, value=show_value(name)))
            elif isinstance(name, str):
                first[name] = document.line(("students", index, "name"))
            self.weights(document, ("students", index, "init"))

    def weights(self, document: Document, key: KeyPath) -> Path | None:
        """Return the local folder of weights at `key`, None for a package or a hub id."""
        init = document.dig(*key)
        if not isinstance(init, str) or local_init(init, document.file.parent) is None:
            return None
        return self.file(document, key, folder=True)

    def gold_rows(self, suite: Document, document: Document) -> None:
        """An encoder teacher learns its head from gold rows, so the eval must have some."""
        if suite.dig("teacher", "model") != "encoder":
            return
        if document.dig("data", "target") is None:
            message = "the encoder teacher learns from right answers, and the eval names no `target` column"
            self.problems.append(document.problem(("data", "target"), message))
        if not document.dig("data", "splits", "teacher"):
            message = "the encoder teacher learns from rows of its own, and their share is 0"
            key: KeyPath = ("data", "splits", "teacher")
            self.problems.append(document.problem(key, message, hint="for example {teacher: 0.3, pool: 0.4}"))

    def roles(self, document: Document, evals: Sequence[EvalSpec]) -> None:
        """Check that one eval decides, that names are unique, and that the gates name evals and columns that exist."""
        names = [spec.eval for spec in evals]
        repeated = [index for index, name in enumerate(names) if name in names[:index]]
        for index in repeated:
            message = "an eval of this name is in the suite already"
            self.problems.append(document.problem(("evals", index), message, value=show_value(names[index])))
        main = sum(spec.role == "main" for spec in evals)
        if main != 1 and not repeated:
            message = f"{main or 'none'} of the evals {'are' if main > 1 else 'is'} of `role: main`"
            self.problems.append(document.problem(("evals",), message, hint="one decides; the others are ood or guard"))
        self._gates(document, evals)

    def _gates(self, document: Document, evals: Sequence[EvalSpec]) -> None:
        ood = document.dig("gates", "ood")
        known = [spec.eval for spec in evals if spec.role == "ood"]
        for index, one in enumerate(ood if isinstance(ood, list) else []):
            name = one.get("eval") if isinstance(one, dict) else None
            if isinstance(name, str) and name not in known:
                key: KeyPath = ("gates", "ood", index, "eval")
                hint = choice_hint(name, known) if known else "add an eval of `role: ood` to `evals`"
                message = "the suite has no eval of `role: ood` with this name"
                self.problems.append(document.problem(key, message, value=show_value(name), hint=hint))
        columns = [column for spec in evals if spec.role == "main" for column in spec.data.slices]
        by = document.dig("gates", "slices", "by")
        for index, name in enumerate(by if isinstance(by, list) else []):
            if isinstance(name, str) and name not in columns:
                hint = choice_hint(name, columns) if columns else "name the column in the eval's `data.slices`"
                message = "is not one of the eval's `data.slices`"
                self.problems.append(
                    document.problem(("gates", "slices", "by", index), message, value=show_value(name), hint=hint)
                )

    def base_url(self, document: Document, *section: str | int) -> str | None:
        """Return the `base_url` of the teacher, the judge or a baseline with `${ENV}` expanded."""
        key: KeyPath = (*section, "base_url")
        url = document.dig(*key)
        if not isinstance(url, str):
            return None
        unset = sorted({name for name in _ENV.findall(url) if not os.environ.get(name)})
        for name in unset:
            message = f"the environment variable {name} is not set"
            self.problems.append(document.problem(key, message, hint=f"export {name}=http://..."))
        expanded = _ENV.sub(lambda match: os.environ.get(match[1], ""), url)
        if not unset and not expanded.startswith(("http://", "https://")):
            message = "should start with http:// or https://"
            self.problems.append(document.problem(key, message, value=show_value(url)))
        return expanded
