"""What the teacher sees of an item, and a judge of an answer: templates, rendered in a sandbox.

Templates know two names: `input` (the item's text) and `labels` (the list of labels). A judge's rubric knows `output`
as well (the answer that is judged). An unknown name is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from gatekeeper.errors import InputError
from gatekeeper.records import Item, Message

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    from gatekeeper.suite.suite import Suite

VARIABLES = ("input", "labels")


def render(suite: Suite, item: Item) -> tuple[Message, ...]:
    """Return the chat that asks the teacher about `item`; without a prompt in the suite, the item's own messages.

    Raises:
        InputError: a template fails on this item.
    """
    if suite.prompt is None:
        return item.messages
    messages = []
    for role, text in (("system", suite.prompt.system), ("user", suite.prompt.user)):
        if text is None:
            continue
        try:
            content = _compile(text).render(input=item.text, labels=suite.eval.labels)
        except Exception as error:  # a template may raise anything
            raise InputError(f"prompt.{role} fails on item {item.id!r}: {error}", hint="mend the template") from error
        messages.append(Message.model_validate({"role": role, "content": content}))
    return tuple(messages)


def render_rubric(rubric: str, item: Item, output: str, labels: Sequence[str]) -> str:
    """Return what a judge is asked about the answer `output` to `item`.

    Raises:
        InputError: the rubric fails on this item.
    """
    try:
        return _compile(rubric).render(input=item.text, output=output, labels=tuple(labels))
    except Exception as error:  # a template may raise anything
        raise InputError(f"the rubric fails on item {item.id!r}: {error}", hint="mend the rubric") from error


def template_fault(text: str, labels: Sequence[str], variables: Sequence[str] = VARIABLES) -> str | None:
    """Return what is wrong with a template, or None. It is parsed, its names are checked, and it is rendered once."""
    from jinja2 import TemplateError, meta

    try:
        unknown = meta.find_undeclared_variables(_environment().parse(text)) - set(variables)
        if unknown:
            known = f"{', '.join(variables[:-1])} and {variables[-1]}"
            return f"the template names {', '.join(sorted(unknown))}, and only {known} exist"
        values = {"input": "a text", "output": "an answer", "labels": tuple(labels)}
        _compile(text).render({name: values[name] for name in variables})
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        return f"the template is not valid{f' (its line {line})' if line else ''}: {error.message or error}"
    except Exception as error:  # a template may raise anything
        return f"the template fails: {type(error).__name__}: {error}"
    return None


def names_in(text: str) -> set[str]:
    """Return the names that a valid template uses."""
    from jinja2 import meta

    return set(meta.find_undeclared_variables(_environment().parse(text)))


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


@lru_cache(maxsize=64)
def _compile(text: str) -> Template:
    return _environment().from_string(text)
