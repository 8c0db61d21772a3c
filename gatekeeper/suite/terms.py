"""Terms of providers that restrict training on their models' answers, and whether a person has decided about them.

Not legal advice: it says that there is something to read, where, and as of when it was looked up. A student learns from
the teacher's answers, which is what these clauses are about, so nothing is spent on such a teacher before somebody has
written down what was decided. Judges and baselines are asked, and nothing is trained on what they say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from gatekeeper.errors import InputError
from gatekeeper.suite.spec_models import AnthropicTeacher, LiteLLMTeacher, OpenAITeacher, TeacherSpec
from gatekeeper.suite.suite import Suite

LOOKED_UP = "2026-11-25"


@dataclass(frozen=True)
class Terms:
    """What one provider's terms say of training on its models' answers.

    Attributes:
        owner: the provider.
        document, effective, url: where the clause stands, and the date on the document.
        says: the clause in short, in its own words where they are in quotes.
    """

    owner: str
    document: str
    effective: str
    url: str
    says: str


TERMS: dict[str, Terms] = {
    "anthropic": Terms(
        "Anthropic",
        "Commercial Terms of Service, D.4",
        "2025-06-17",
        "https://www.anthropic.com/legal/commercial-terms",
        'no use "to build a competing product or service, including to train competing AI models" unless approved; the '
        "Usage Policy (https://www.anthropic.com/legal/aup) asks for authorization before outputs train a model",
    ),
    "openai": Terms(
        "OpenAI",
        "Services Agreement, 3.3",
        "2026-01-01",
        "https://openai.com/policies/services-agreement/",
        'no use of output "to develop artificial intelligence models that compete"; excepted are models "to '
        'categorize, classify, or organize data" that are not distributed or sold',
    ),
    "google": Terms(
        "Google",
        "Gemini API Additional Terms of Service",
        "2026-03-23",
        "https://ai.google.dev/gemini-api/terms",
        'no use "to develop models that compete with the Services"',
    ),
}

_HOSTS = {"anthropic.com": "anthropic", "openai.com": "openai", "googleapis.com": "google"}
_WORDS = {
    "anthropic": "anthropic",
    "claude": "anthropic",
    "openai": "openai",
    "gemini": "google",
    "google": "google",
}
"""Words of a litellm name, such as `bedrock/anthropic.claude-opus-5` or `openrouter/google/gemini-3`."""


def terms_of(teacher: TeacherSpec) -> Terms | None:
    """Return the terms that a teacher's answers come under, None where none of those listed here.

    An endpoint is judged by its host. A stand-in (`priced_as`) at another address is taken for what it says it is.
    """
    if not isinstance(teacher, OpenAITeacher | AnthropicTeacher | LiteLLMTeacher):
        return None
    if teacher.base_url is not None:
        host = urlsplit(teacher.base_url).hostname or ""
        known = next((owner for name, owner in _HOSTS.items() if f".{host}".endswith(f".{name}")), None)
        any_model = teacher.model.startswith(("openai/", "litellm/openai/"))  # the protocol of every local server
        if known is not None or teacher.priced_as is not None or any_model:
            return None if known is None else TERMS[known]
    if isinstance(teacher, LiteLLMTeacher):
        words = re.split(r"[^a-z]+", teacher.model.removeprefix("litellm/").casefold())
        return next((TERMS[_WORDS[word]] for word in words if word in _WORDS), None)
    return TERMS["anthropic" if isinstance(teacher, AnthropicTeacher) else "openai"]


def terms_problem(suite: Suite) -> str | None:
    """Return what is undecided about the teacher's terms, None where there is nothing, or where it is decided."""
    terms = terms_of(suite.teacher)
    if terms is None or (suite.policy.teacher_terms or "").strip():
        return None
    return (
        f"{terms.owner}'s terms restrict training on the answers of {suite.teacher.model}: {terms.says} "
        f"({terms.document}, of {terms.effective}, looked up {LOOKED_UP}: {terms.url})"
    )


def require_terms(suite: Suite) -> None:
    """Refuse a teacher whose terms restrict training while the suite does not say what was decided about them.

    Raises:
        InputError: it does not.
    """
    problem = terms_problem(suite)
    if problem is not None:
        raise InputError(
            f"{suite.path}: policy.teacher_terms: {problem}",
            hint="read them, decide whether this use is allowed, and write what you decided, for example "
            '`policy: {teacher_terms: "accepted: internal classifier, reviewed 2026-11"}`; this is not legal advice',
        )
