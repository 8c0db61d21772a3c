"""The worksheet as the JSON document that the calculator's script reads, with all that it must not know by itself.

Defaults, codes, kinds and the meanings of inputs stand in Python once; the script gets them with the numbers.
"""

from __future__ import annotations

from typing import Any

from gatekeeper.cost.defaults import DEFAULTS
from gatekeeper.whatif.names import GENERAL, OF_OPTION
from gatekeeper.whatif.table import TO_GIVE
from gatekeeper.whatif.worksheet import (
    AT_THE_TEACHER,
    CODES,
    DISTILLED,
    ON_MACHINES,
    SAME_ANSWERS,
    WITH_TEACHER,
    Worksheet,
)


def constants() -> dict[str, Any]:
    """Return what table.js takes from Python: defaults, codes and kinds of options, meanings of inputs."""
    return {
        "defaults": {name: str(default.value) for name, default in DEFAULTS.items()},
        "codes": dict(CODES),
        "to_give": dict(TO_GIVE),
        "kinds": {
            "at_the_teacher": sorted(AT_THE_TEACHER),
            "distilled": sorted(DISTILLED),
            "on_machines": sorted(ON_MACHINES),
            "same_answers": sorted(SAME_ANSWERS),
            "with_teacher": sorted(WITH_TEACHER),
        },
        "meanings": {
            "general": {name: meaning._asdict() for name, meaning in GENERAL.items()},
            "of_option": {name: meaning._asdict() for name, meaning in OF_OPTION.items()},
        },
    }


def document_of(worksheet: Worksheet) -> dict[str, Any]:
    """Return the worksheet with its constants as plain JSON values; decimals are texts, so that no digit is lost.

    Single requests are left out where no price has tiers: without them they change nothing.
    """
    tiers = any(option.tiers for option in worksheet.options)
    shown = worksheet if tiers else worksheet.model_copy(update={"requests": ()})
    return {**shown.model_dump(mode="json"), "constants": constants()}
