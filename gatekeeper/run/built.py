"""The models of a suite that can be built without a key, weights or money: enough to know the keys of their answers."""

from __future__ import annotations

import os
from collections.abc import Iterator

from gatekeeper.errors import GatekeeperError
from gatekeeper.models import build_judge, build_teacher
from gatekeeper.models.base import Model
from gatekeeper.run.session import JUDGE, TEACHER
from gatekeeper.suite.spec import AskedBaseline, TeacherSpec
from gatekeeper.suite.spec_api import ApiSpec
from gatekeeper.suite.spec_models import ReplayTeacher, ScriptedTeacher
from gatekeeper.suite.suite import Suite

_NO_KEY = "none: nothing is sent"


def built_models(suite: Suite) -> tuple[dict[str, Model], dict[str, str]]:
    """Return (models by role, for each API model that could not be built: why).

    Local encoders and chat models are left out, since building them takes their weights. A key that is not set is no
    obstacle: nothing is sent, and no identity depends on it.
    """
    models: dict[str, Model] = {}
    problems: dict[str, str] = {}
    for role, spec in roles_of(suite):
        if not isinstance(spec, ApiSpec | ReplayTeacher | ScriptedTeacher):
            continue
        environ = {**os.environ}
        if isinstance(spec, ApiSpec) and spec.api_key_env is not None:
            environ[spec.api_key_env] = environ.get(spec.api_key_env) or _NO_KEY
        try:
            models[role] = (
                build_judge(spec, seed=suite.loop.seed, environ=environ)
                if role == JUDGE
                else build_teacher(spec, labels=suite.eval.labels, seed=suite.loop.seed, environ=environ)
            )
        except GatekeeperError as error:
            problems[role] = f"stored answers of {role} are not counted: {error}"
    return models, problems


def roles_of(suite: Suite) -> Iterator[tuple[str, TeacherSpec]]:
    """Yield (role, model as the suite names it): teacher, judge, and baselines that are models, by their names."""
    yield TEACHER, suite.teacher
    if suite.judge is not None:
        yield JUDGE, suite.judge
    for one in suite.baselines:
        if isinstance(one, AskedBaseline):
            yield one.name, one
