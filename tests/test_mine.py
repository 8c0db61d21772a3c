"""Mining: where the student is unsure or was wrong comes first, nothing twice, the same seed gives the same choice."""

from __future__ import annotations

import numpy as np
import pytest

from gatekeeper.stages.mine import SPREAD, choose

TEXTS = [f"message number {index} about {'refunds' if index % 10 == 0 else 'delivery'}" for index in range(200)]


def _probabilities(unsure: set[int]) -> np.ndarray:
    rows = np.tile([0.9, 0.08, 0.02], (len(TEXTS), 1))
    rows[sorted(unsure)] = [0.4, 0.39, 0.21]
    return rows


def _choose(seed: int = 1, **changes: object) -> list[tuple[int, str]]:
    arguments: dict[str, object] = {
        "probabilities": _probabilities(set(range(50, 80))),
        "failures": ["message about refunds"],
        "count": 40,
        "share": 0.5,
    }
    arguments |= changes
    picks = choose(TEXTS, rng=np.random.default_rng(seed), **arguments)  # type: ignore[arg-type]
    return [(pick.index, pick.source) for pick in picks]


def test_without_a_student_the_choice_is_random_and_of_the_right_size() -> None:
    picks = _choose(probabilities=None, failures=[])
    assert len({index for index, _ in picks}) == 40
    assert {source for _, source in picks} == {"random"}


def test_half_of_the_mined_share_is_near_failures_and_half_is_unsure() -> None:
    mined = [index for index, source in _choose(share=0.25) if source == "mined"]
    assert len(mined) == 10
    assert all(index % 10 == 0 for index in mined[:5]), "the texts about refunds are the nearest to the failure"
    assert all(50 <= index < 80 for index in mined[5:])


def test_mined_texts_come_from_the_head_of_the_ranking() -> None:
    mined = [index for index, source in _choose(failures=[], share=0.25) if source == "mined"]
    assert len(mined) == 10
    assert set(mined) <= set(range(50, 50 + SPREAD * 10))


def test_nothing_is_chosen_twice_and_never_more_than_there_is() -> None:
    picks = _choose(count=500, share=1.0)
    assert sorted(index for index, _ in picks) == list(range(len(TEXTS)))


def test_the_seed_decides() -> None:
    assert _choose(seed=3) == _choose(seed=3)
    assert _choose(seed=3) != _choose(seed=4)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_share_is_kept_at_its_ends(share: float) -> None:
    picks = _choose(share=share)
    assert sum(source == "mined" for _, source in picks) == round(40 * share)
