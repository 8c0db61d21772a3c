"""Loading a suite: what is accepted, what is assumed, and that every mistake is told with its place and its fix."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.errors import ExitCode, InputError, Problem, SuiteError
from gatekeeper.records import Item, Message
from gatekeeper.suite import Suite, load_suite
from gatekeeper.suite.prompt import render
from gatekeeper.suite.spec import EncoderTeacher, OpenAITeacher, ReplayTeacher

EVAL = """\
version: 1
eval: routing
data:
  source: {jsonl: rows.jsonl}
  input: text
  target: label
task: {labels: [card, loan, "no"]}
"""
SUITE = """\
version: 1
suite: small
evals: [../evals/routing]
teacher: {model: openai/gpt-x}
students: [{name: linear, recipe: linear}]
traffic: {requests_per_month: 30_000_000}
"""


class Project:
    """A folder with one suite and one eval, which tests break in one place."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.suite = root / "suites" / "small.yaml"
        self.eval = root / "evals" / "routing" / "eval.yaml"
        for file, text in ((self.suite, SUITE), (self.eval, EVAL)):
            file.parent.mkdir(parents=True)
            file.write_text(text, encoding="utf-8")
        (self.eval.parent / "rows.jsonl").write_text('{"text": "a", "label": "card"}\n', encoding="utf-8")

    def load(self, **options: bool) -> Suite:
        return load_suite(self.suite, **options)

    def replace(self, old: str, new: str, *, file: Path | None = None) -> Project:
        file = file or (self.suite if old in self.suite.read_text(encoding="utf-8") else self.eval)
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1
        file.write_text(text.replace(old, new), encoding="utf-8")
        return self

    def problems(self, **options: bool) -> tuple[Problem, ...]:
        with pytest.raises(SuiteError) as caught:
            self.load(**options)
        return caught.value.problems

    def problem(self, **options: bool) -> Problem:
        problems = self.problems(**options)
        assert len(problems) == 1, [str(problem) for problem in problems]
        return problems[0]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "shop")


def _item(text: str = "where is my card") -> Item:
    message = Message(role="user", content=text)
    return Item(id="1", eval="routing", split="dev", cluster="1", text=text, messages=(message,))


def test_a_ten_line_suite_loads_and_says_what_it_assumed(project: Project) -> None:
    suite = project.load()
    assert (suite.name, suite.eval.name, suite.eval.labels) == ("small", "routing", ("card", "loan", "no"))
    assert suite.traffic.requests_per_month == 30_000_000
    assert (suite.root, suite.eval.folder.resolve()) == (project.root.resolve(), project.eval.parent.resolve())
    assert isinstance(suite.teacher, OpenAITeacher)
    assert suite.eval.scorer.version == "exact/1:strip,casefold"
    assumed = dict(suite.assumed)
    assert assumed["serving.redundancy"] == 1
    assert assumed["serving.target_utilisation"] == 0.6
    assert assumed["traffic.peak_to_average"] == 4
    assert assumed["serving.cpu.usd_per_hour"] == "0.20"
    assert assumed["data.splits.gate"] == 0.3
    assert "traffic.requests_per_month" not in assumed


def test_what_the_user_sets_is_not_assumed(project: Project) -> None:
    project.replace("30_000_000}", "30_000_000, peak_to_average: 4}\nserving: {cpu: {cores: 4}, redundancy: 1}")
    assumed = dict(project.load().assumed)
    for path in ("traffic.peak_to_average", "serving.cpu.cores", "serving.redundancy"):
        assert path not in assumed
    assert {"serving.cpu.usd_per_hour", "serving.min_replicas"} <= set(assumed)


def test_money_is_exact(project: Project) -> None:
    project.replace("30_000_000}", "5}\nserving: {cpu: {usd_per_hour: 0.1}}\nloop: {budget_usd: 1e2}")
    suite = project.load()
    assert suite.serving.cpu.usd_per_hour == Decimal("0.1")
    assert suite.loop.budget_usd == Decimal("100")


def test_an_inline_eval_makes_a_suite_of_one_file(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "a"}\n', encoding="utf-8")
    inline = "evals:\n  - " + EVAL.strip().replace("\n", "\n    ")
    file = tmp_path / "suite.yaml"
    file.write_text(SUITE.replace("evals: [../evals/routing]", inline), encoding="utf-8")
    suite = load_suite(file)
    assert suite.eval.file == file
    assert suite.eval.labels == ("card", "loan", "no")
    file.write_text(file.read_text(encoding="utf-8").replace("input: text", "inputt: text"), encoding="utf-8")
    with pytest.raises(SuiteError) as caught:
        load_suite(file)
    (problem,) = caught.value.problems
    assert (problem.file, problem.path, problem.line) == (str(file), "evals[0].data.inputt", 8)
    assert "`input`" in (problem.hint or "")


MISTAKES: list[tuple[str, str, str, str, str]] = [
    # old text, new text, key path, words of the message, words of the hint
    ("version: 1\nsuite", "version: 2\nsuite", "version", "valid choice", "valid: 1"),
    ("version: 1\nsuite", "version: true\nsuite", "version", "valid choice", "valid: 1"),
    ("version: 1\nsuite: small", "suite: small", "version", "missing", "file format"),
    ("suite: small", "suite: my small suite", "suite", "a name", "letters"),
    ("students:", "studnets: 1\nstudents:", "studnets", "unknown key", "`students`"),
    ("recipe: linear", "recipe: liner", "students[0].recipe", "unknown recipe", "`linear`"),
    ("recipe: linear", "recipe: linear, labls: soft", "students[0].labls", "unknown key", "`labels`"),
    ("recipe: linear", "recipe: linear, labels: softt", "students[0].labels", "valid choice", "`soft`"),
    ("{name: linear, recipe: linear}", "", "students", "at least 1", ""),
    ("{name: linear, recipe: linear}", "linear", "students[0]", "mapping", ""),
    ("[{name: linear, recipe: linear}]", "", "students", "should be a list, and has no value", ""),
    (", recipe: linear", "", "students[0].recipe", "missing", "valid: linear, static"),
    ("openai/gpt-x", "gpt-x", "teacher.model", "unknown model", "encoder, chat, replay, openai/<name>"),
    ("openai/gpt-x", "mistral/large", "teacher.model", "unknown model", "litellm"),
    ("openai/gpt-x", "enkoder", "teacher.model", "unknown model", "did you mean `encoder`"),
    ("{model: openai/gpt-x}", "openai/gpt-x", "teacher", "mapping", ""),
    ("openai/gpt-x", "openai/gpt-x, params: {temperature: -1}", "teacher.params.temperature", "at least 0", ""),
    ("openai/gpt-x", "openai/gpt-x, params: {stream: 1}", "teacher.params", "stream cannot be set", ""),
    ("openai/gpt-x", "openai/gpt-x, priced_as: opus", "teacher.priced_as", "wrong form", ""),
    ("openai/gpt-x", 'openai/gpt-x, base_url: "ftp://h"', "teacher.base_url", "http", ""),
    ("30_000_000", "-5", "traffic.requests_per_month", "at least 1", ""),
    ("30_000_000", "1.5", "traffic.requests_per_month", "whole number", ""),
    ("30_000_000", '"5"', "traffic.requests_per_month", "whole number, without quotes", ""),
    ("30_000_000", "true", "traffic.requests_per_month", "whole number", ""),
    ("30_000_000", "5, peak_to_average: 0.5", "traffic.peak_to_average", "at least 1", ""),
    ("30_000_000", "5, peak_to_average: .nan", "traffic.peak_to_average", "finite", ""),
    ("30_000_000}", "5}\nserving: {cpu: {usd_per_hour: -1}}", "serving.cpu.usd_per_hour", "at least 0", ""),
    ("30_000_000}", "5}\nserving: {target_utilisation: 1.2}", "serving.target_utilisation", "at most 1", ""),
    ("30_000_000}", "5}\ngates: {quality: {retention: 1}}", "gates.quality.retention", "below 1", ""),
    ("30_000_000}", "5}\ngates: {quality: {retention: 0}}", "gates.quality.retention", "above 0", ""),
    ("30_000_000}", "5}\ngates: {qualty: {}}", "gates.qualty", "unknown key", "`quality`"),
    ("30_000_000}", "5}\nloop: {mine: {share: 2}}", "loop.mine.share", "at most 1", ""),
    ("30_000_000}", '5}\nloop: {budget_usd: "many"}', "loop.budget_usd", "US dollars", ""),
    ("30_000_000}", "5}\nprompt: {user: 5}", "prompt.user", "should be a text", "quotes"),
    ("30_000_000}", '5}\nprompt: {user: "{{ inptu }}"}', "prompt.user", "names inptu", ""),
    ("30_000_000}", '5}\nprompt: {user: "{{ input"}', "prompt.user", "not valid", ""),
    ("30_000_000}", "5}\nprompt: {user: hello}", "prompt.user", "no template uses `input`", "{{ input }}"),
    ("30_000_000}", '5}\nprompt: {user: "{{ input.__class__.__mro__ }}"}', "prompt.user", "not valid", ""),
    ("30_000_000}", '5}\nprompt: {user: "{{ input / 0 }}"}', "prompt.user", "fails", ""),
    ("30_000_000}", '5}\nprompt: {user: "{{ input.lenght }}"}', "prompt.user", "not valid", ""),
    ("30_000_000}", "5}\nprompt: {system: {file: p.md}}", "prompt.system.file", "does not exist", ""),
    ("../evals/routing", "../evals/rooting", "evals[0]", "does not exist", "`routing`"),
    ("[../evals/routing]", "[../evals/routing, ../evals/routing]", "evals[1]", "of this name is in the suite", ""),
    ("jsonl: rows.jsonl", "jsnl: rows.jsonl", "data.source.jsnl", "unknown key", "`jsonl`"),
    ("jsonl: rows.jsonl", "jsonl: rows.jsonl, csv: rows.jsonl", "data.source", "exactly one", ""),
    ("jsonl: rows.jsonl", "jsonl: none.jsonl", "data.source.jsonl", "does not exist", ""),
    ("jsonl: rows.jsonl", "jsonl: .", "data.source.jsonl", "is a folder", ""),
    ("jsonl: rows.jsonl", "hf: {path: org/set}", "data.source.hf.revision", "revision", "commit"),
    ("jsonl: rows.jsonl", "hf: {path: json}", "data.source.hf.data_files", "data_files", ""),
    ("input: text", "splits: {pool: 0.9}", "data.splits", "sum to 1, but teacher 0 + pool 0.9", ""),
    ("input: text", "splits: {pool: 0.7, dev: 0, gate: 0.3}", "data.splits", "share of dev must be above 0", ""),
    ("input: text", "splits: {pool: 0.5, dev: -0.1, gate: 0.6}", "data.splits.dev", "at least 0", ""),
    ("  source: {jsonl: rows.jsonl}\n", "", "data", "needs `source`", ""),
    ('[card, loan, "no"]', "[card]", "task.labels", "one label only", "two"),
    ('[card, loan, "no"]', "[]", "task.labels", "no labels", ""),
    ('[card, loan, "no"]', "[card, loan, card]", "task.labels", "twice", ""),
    ('[card, loan, "no"]', "[card, Card]", "task.labels", "cannot tell", ""),
    ('[card, loan, "no"]', "[0, card]", "task.labels[0]", "should be a text", "quotes"),
    ('[card, loan, "no"]', "{file: none.txt}", "task.labels.file", "does not exist", ""),
    ("task: {", "scorers: {a: exat}\ntask: {", "scorers.a", "mapping", "`exact`"),
    ("task: {", "scorers: {a: {exact: {normalize: [trim]}}}\ntask: {", "scorers.a.exact.normalize[0]", "choice", ""),
    ("task: {", "scorers: {a: exact, b: exact}\ntask: {", "", "needs `primary`", ""),
    ("task: {", "primary: route\ntask: {", "", "`primary` is 'route'", ""),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "path", "message", "hint"), MISTAKES)
def test_a_mistake_is_one_problem_with_place_and_fix(
    project: Project, old: str, new: str, path: str, message: str, hint: str
) -> None:
    problem = project.replace(old, new).problem()
    assert problem.path == path
    assert message in problem.message
    assert hint in (problem.hint or "")
    assert problem.file in (str(project.suite), str(project.eval))
    text = f"{problem.message} {problem.hint}"
    assert not re.search(r"<\w+>(?!`)|pydantic|Input should|_tag\(\)", re.sub(r"\w+/(<provider>/)?<name>", "", text))


def test_a_mistake_has_the_line_of_its_key(project: Project) -> None:
    project.replace("30_000_000}", "5}\ngates:\n  quality:\n    looks: 2\n    retenton: 0.9")
    problem = project.problem()
    assert (problem.line, problem.path) == (10, "gates.quality.retenton")
    assert str(problem).startswith(f"{project.suite}:10: gates.quality.retenton: unknown key")


def test_all_problems_of_all_files_come_at_once(project: Project) -> None:
    project.replace("30_000_000", "-1").replace("recipe: linear", "recipe: liner").replace("suite: small", "suite: ''")
    project.replace("input: text", "inptu: text").replace('[card, loan, "no"]', "[card]")
    project.replace("rows.jsonl", "none.jsonl")
    problems = project.problems()
    assert [problem.path for problem in problems] == [
        "suite",
        "students[0].recipe",
        "traffic.requests_per_month",
        "data.source.jsonl",
        "data.inptu",
        "task.labels",
    ]
    assert {problem.file for problem in problems} == {str(project.suite), str(project.eval)}
    error = SuiteError(list(problems))
    assert isinstance(error, InputError)
    assert (error.exit_code, str(error).splitlines()[0]) == (ExitCode.USAGE, "6 problems in the suite:")


SYNTAX: list[tuple[bytes, int | None, str]] = [
    (b"", 1, "empty"),
    (b"# only a comment\n", 1, "empty"),
    (b"- a\n- b\n", 1, "should be a mapping, and is a list"),
    (b"hello\n", 1, "should be a mapping"),
    (b"version: 1\nloop:\n\trounds: 2\n", 3, "a tab"),
    (b"version: 1\nloop: {rounds: 2\nsuite: x\n", 3, "not valid YAML"),
    (b"version: 1\n---\nversion: 1\n", 2, "not valid YAML"),
    (b"version: 1\nsuite: \xff\n", None, "not UTF-8"),
    (b"[" * 600, None, "nested too deeply"),
]


@pytest.mark.parametrize(("content", "line", "message"), SYNTAX)
def test_a_file_that_is_no_suite_is_one_problem(
    project: Project, content: bytes, line: int | None, message: str
) -> None:
    project.suite.write_bytes(content)
    problem = project.problem()
    assert (problem.file, problem.line) == (str(project.suite), line)
    assert message in problem.message


def test_a_missing_suite_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="does not exist"):
        load_suite(tmp_path / "none.yaml")
    with pytest.raises(SuiteError, match="is a folder"):
        load_suite(tmp_path)


def test_a_key_given_twice_is_an_error_with_both_lines(project: Project) -> None:
    problem = project.replace("suite: small", "suite: small\nsuite: other").problem()
    assert (problem.line, problem.path) == (3, "suite")
    assert "first in line 2" in problem.message


def test_yaml_makes_no_objects_and_no_surprises(project: Project) -> None:
    project.replace('[card, loan, "no"]', "[no, on, 12:30, 2024-01-01]")
    assert project.load().eval.labels == ("no", "on", "12:30", "2024-01-01")
    project.replace("suite: small", "suite: !!python/object/apply:os.getcwd []")
    problems = project.problems()
    assert any("suite" in problem.path for problem in problems)
    project.replace("!!python/object/apply:os.getcwd []", "!!python/name:os.getcwd x")
    assert any("the tag" in problem.message for problem in project.problems())


def test_aliases_that_grow_without_end_are_refused(project: Project) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    project.suite.write_text("\n".join(lines), encoding="utf-8")
    assert "more than 200,000 values" in project.problem().message
    project.suite.write_text(SUITE + "policy: &p {teacher_terms: *p}\n", encoding="utf-8")
    assert any("holds itself" in problem.message for problem in project.problems())


def test_names_of_students_are_unique(project: Project) -> None:
    project.replace("recipe: linear}", "recipe: linear}, {name: linear, recipe: linear, labels: soft}")
    problem = project.problem()
    assert (problem.path, problem.value) == ("students[1].name", '"linear"')


KEYS = ["sk-proj-abcdefghij0123456789", "AKIAABCDEFGHIJKLMNOP", "hf_abcdefghijklmnopqrstuvwxyz012345"]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("api_key: {}", "teacher.api_key"),
        ("api_key_env: {}", "teacher.api_key_env"),
        ("params: {{extra: {}}}", "teacher.params.extra"),
        ("params: {{headers: [{{Authorization: {}}}]}}", "teacher.params.headers[0].Authorization"),
        ('base_url: "https://h/v1?k={}"', "teacher.base_url"),
    ],
)
def test_a_literal_key_is_refused_and_never_shown(project: Project, key: str, place: str, path: str) -> None:
    problems = project.replace("openai/gpt-x", "openai/gpt-x, " + place.format(key)).problems()
    assert [problem.path for problem in problems] == [path]
    assert "api_key_env" in (problems[0].hint or "")
    assert key not in "".join(map(str, problems))


def test_a_short_key_in_api_key_is_refused_and_never_shown(project: Project) -> None:
    problem = project.replace("openai/gpt-x", "openai/gpt-x, api_key: hunter2").problem()
    assert problem.path == "teacher.api_key"
    assert "hunter2" not in str(problem)


def test_what_stands_in_the_place_of_a_key_name_is_never_shown(project: Project) -> None:
    problem = project.replace("openai/gpt-x", 'openai/gpt-x, api_key_env: "my private/key"').problem()
    assert problem.path == "teacher.api_key_env"
    assert "private" not in str(problem)


def test_a_key_in_the_place_of_a_path_is_never_shown(project: Project) -> None:
    problems = project.replace("rows.jsonl", KEYS[0]).problems()
    assert {problem.path for problem in problems} == {"data.source.jsonl"}
    assert KEYS[0] not in "".join(map(str, problems))


def test_a_key_in_the_place_of_a_label_is_never_shown(project: Project) -> None:
    problems = project.replace('[card, loan, "no"]', f"[card, {KEYS[0]}, {KEYS[0]}]").problems()
    assert any(problem.value == "(hidden)" for problem in problems)
    assert KEYS[0] not in "".join(map(str, problems))


def test_env_is_expanded_in_base_url_only(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.replace("openai/gpt-x", 'openai/gpt-x, base_url: "${MY_HOST}/v1"')
    project.replace("30_000_000}", '5}\npolicy: {teacher_terms: "${MY_HOST}"}')
    monkeypatch.delenv("MY_HOST", raising=False)
    problem = project.problem()
    assert (problem.path, "MY_HOST is not set" in problem.message) == ("teacher.base_url", True)
    monkeypatch.setenv("MY_HOST", "http://localhost:9")
    suite = project.load()
    assert isinstance(suite.teacher, OpenAITeacher)
    assert isinstance(suite.spec.teacher, OpenAITeacher)
    assert suite.teacher.base_url == "http://localhost:9/v1"
    assert suite.spec.teacher.base_url == "${MY_HOST}/v1"
    assert suite.policy.teacher_terms == "${MY_HOST}"


def test_paths_stay_inside_the_root_unless_allowed(project: Project, tmp_path: Path) -> None:
    outside = tmp_path / "outside.jsonl"
    outside.write_text('{"text": "a", "label": "card"}\n', encoding="utf-8")
    (project.eval.parent / "link.jsonl").symlink_to(outside)
    for given, words in (
        ("../../../outside.jsonl", "leaves the suite's root"),
        (str(outside), "absolute path"),
        ("link.jsonl", "leaves the suite's root"),
    ):
        before = project.eval.read_text(encoding="utf-8")
        problem = project.replace("rows.jsonl", given).problem()
        assert problem.path == "data.source.jsonl"
        assert words in problem.message
        assert "--allow-outside" in (problem.hint or "")
        assert project.load(allow_outside=True).name == "small"
        project.eval.write_text(before, encoding="utf-8")


def test_outside_a_suites_folder_the_root_is_the_suites_own_folder(project: Project) -> None:
    moved = project.root / "other" / "small.yaml"
    moved.parent.mkdir()
    moved.write_text(SUITE, encoding="utf-8")
    with pytest.raises(SuiteError, match="leaves the suite's root other/"):
        load_suite(moved)
    assert load_suite(moved, allow_outside=True).root == moved.parent.resolve()


def test_missing_data_names_the_command_that_fetches_it(project: Project) -> None:
    problem = project.replace("  input: text", "  get: make data\n  input: text").replace("rows", "none").problem()
    assert problem.hint == "run `make data`"


def test_labels_from_a_file(project: Project) -> None:
    labels = project.eval.parent / "labels.txt"
    project.replace('[card, loan, "no"]', "{file: labels.txt}")
    labels.write_text("card\n\n loan \nno\n", encoding="utf-8")
    assert project.load().eval.labels == ("card", "loan", "no")
    labels.write_text("card\nloan\ncard\n", encoding="utf-8")
    problem = project.problem()
    assert (problem.file, problem.line, problem.value) == (str(labels), 3, '"card"')
    labels.write_text("\n", encoding="utf-8")
    assert "no labels" in project.problem().message
    labels.write_bytes(b"card\n\xe9\n")
    assert "UTF-8" in project.problem().message


def test_an_encoder_teacher_needs_gold_rows(project: Project) -> None:
    project.replace("openai/gpt-x", "encoder, init: ./weights").replace("  target: label\n", "")
    paths = {problem.path: problem.message for problem in project.problems()}
    assert set(paths) == {"teacher.init", "data.target", "data.splits.teacher"}
    (project.suite.parent / "weights").mkdir()
    project.replace("  input: text", "  input: text\n  target: label\n  splits: {teacher: 0.3, pool: 0.2}")
    teacher = project.load().teacher
    assert isinstance(teacher, EncoderTeacher)
    assert teacher.init == str((project.suite.parent / "weights").absolute())


def test_a_replay_teacher_gets_the_path_of_its_answers(project: Project) -> None:
    project.replace("openai/gpt-x", "replay, answers: {jsonl: answers.jsonl}")
    assert project.problem().path == "teacher.answers.jsonl"
    (project.suite.parent / "answers.jsonl").write_text("", encoding="utf-8")
    teacher = project.load().teacher
    assert isinstance(teacher, ReplayTeacher)
    assert teacher.answers.jsonl == str((project.suite.parent / "answers.jsonl").absolute())


def test_prompts_are_rendered_with_input_and_labels(project: Project) -> None:
    assert [message.content for message in render(project.load(), _item())] == ["where is my card"]
    (project.suite.parent / "p.md").write_text("One of {{ labels | join('/') }}.\n", encoding="utf-8")
    project.replace("30_000_000}", '5}\nprompt: {system: {file: p.md}, user: "Q: {{ input }}"}')
    rendered = render(project.load(), _item("a <b> {{ labels }}"))
    assert [(message.role, message.content) for message in rendered] == [
        ("system", "One of card/loan/no."),
        ("user", "Q: a <b> {{ labels }}"),
    ]
    project.replace(', user: "Q: {{ input }}"', "")
    assert [message.content for message in render(project.load(), _item("hi"))] == ["One of card/loan/no.", "hi"]


def _fingerprint(project: Project, old: str, new: str) -> str:
    saved: dict[Path, str] = {file: file.read_text(encoding="utf-8") for file in (project.suite, project.eval)}
    value = project.replace(old, new).load().fingerprint("b2:items")
    for file, text in saved.items():
        file.write_text(text, encoding="utf-8")
    return value


def test_the_fingerprint_moves_with_what_changes_scores_or_rules(project: Project) -> None:
    base = project.load().fingerprint("b2:items")
    assert project.load().fingerprint("b2:items") == base
    assert project.load().fingerprint("b2:other") != base
    moving: list[tuple[str, str]] = [
        ("30_000_000}", '5}\nprompt: {user: "Q: {{ input }}"}'),
        ("openai/gpt-x", "openai/gpt-y"),
        ("openai/gpt-x", "openai/gpt-x, params: {temperature: 0}"),
        ("openai/gpt-x", "openai/gpt-x, params: {top_p: 0.5}"),
        ("30_000_000}", "5}\ngates: {quality: {looks: 3}}"),
        ("task: {", "scorers: {exact: {exact: {normalize: [strip]}}}\ntask: {"),
        ('"no"', '"no", fee'),
    ]
    assert len({base, *(_fingerprint(project, old, new) for old, new in moving)}) == len(moving) + 1
    still: list[tuple[str, str]] = [
        ("30_000_000", "5"),
        ("name: linear", "name: other"),
        ("openai/gpt-x", "openai/gpt-x, concurrency: 3"),
        ("openai/gpt-x", "openai/gpt-x, priced_as: openai/gpt-y"),
        ("30_000_000}", "5}\nloop: {rounds: 2}"),
    ]
    assert {_fingerprint(project, old, new) for old, new in still} == {base}


def test_a_loaded_suite_cannot_be_changed(project: Project) -> None:
    suite: Any = project.load()
    with pytest.raises(AttributeError):
        suite.name = "other"
    with pytest.raises(ValueError, match="frozen"):
        suite.spec.suite = "other"


def test_the_projects_own_suite_loads(project_root: Path) -> None:
    suite = load_suite(project_root / "suites" / "support_routing.yaml")
    assert suite.eval.labels == tuple(sorted(suite.eval.labels))
    assert len(suite.eval.labels) == 14
    assert "wrong_charge" in render(suite, _item())[0].content
