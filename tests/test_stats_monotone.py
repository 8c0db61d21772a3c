"""A better student and Fieller's bound: where one more point can never hurt, and where it can.

For the score tests of right or wrong answers it never hurts (`test_stats_paired`, `test_stats_difference`).
"""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gatekeeper.stats.scored import fieller

pairs = st.integers(8, 40).flatmap(
    lambda n: st.tuples(
        arrays(np.int64, n, elements=st.integers(0, 20)), arrays(np.int64, n, elements=st.integers(0, 20))
    )
)


@settings(deadline=None, max_examples=200)
@given(pairs, st.integers(0, 7), st.integers(1, 20))
def test_a_better_score_never_lowers_the_bound_unless_it_is_an_outlier(pair, item, gain):
    """t rises in one value as long as that value times the sum of the others stays below the sum of their squares.

    So a better score can lower the bound only where it makes x = s - r t an outlier above all others: with n items, not
    while x is below about mean(x) (1 + n / quantile^2).
    """
    student, teacher = pair[0] / 20, pair[1] / 20
    better = student.copy()
    better[item] = min(1.0, student[item] + gain / 20)
    before = fieller(student, teacher, r0=0.9, alpha=0.05).estimate
    after = fieller(better, teacher, r0=0.9, alpha=0.05).estimate
    # At lower = value there is no spread, and no t.
    assume(before.lower is not None and 0 < before.lower < before.value - 1e-9 and after.lower is not None)
    others = np.delete(student - before.lower * teacher, item)
    assume((better[item] - before.lower * teacher[item]) * others.sum() <= (others**2).sum())
    assert after.lower >= before.lower - 1e-9


def test_the_limit_of_that_rule():
    """A student that copies the teacher shows no spread; one item that only the student gets right brings some."""
    teacher = np.repeat([1.0, 0.0], [57, 3])
    copied = fieller(teacher, teacher, r0=0.95, alpha=0.05).estimate
    better = teacher.copy()
    better[59] = 1.0
    raised = fieller(better, teacher, r0=0.95, alpha=0.05).estimate
    assert raised.value > copied.value == 1.0
    assert 0.98 < raised.lower < copied.lower
