# SPDX-License-Identifier: MIT
"""What is called a difference, and what is not."""

import pytest
import verdict
from verdict import DIFFERS, FLAKY, ONCE, SOMETIMES, STATUS, Result

GOOD = Result(0, {"a": False, "b": False})
BAD = Result(1, {"a": True, "b": False})
SHORT = Result(124, {"a": False})


def test_a_failed_case_explains_the_status():
    assert verdict.differing(GOOD, BAD) == {"a"}
    assert verdict.differing(GOOD, SHORT) == {"b"}


def test_equal_failures_are_no_difference():
    assert verdict.differing(BAD, BAD) == set()


def test_the_status_counts_where_no_case_tells():
    assert verdict.differing(Result(0), Result(-11)) == {STATUS}
    assert verdict.differing(GOOD, Result(1, GOOD.failed)) == {STATUS}


@pytest.mark.parametrize(("natives", "others", "said"), [
    ([GOOD, GOOD, GOOD], [BAD, BAD, BAD], DIFFERS),
    ([GOOD, GOOD, GOOD], [BAD, BAD, GOOD], SOMETIMES),
    ([GOOD, GOOD, GOOD], [BAD, GOOD, GOOD], ONCE),
    ([GOOD, GOOD, BAD], [BAD, BAD, BAD], FLAKY),
    ([BAD, BAD, BAD], [GOOD, GOOD, GOOD], DIFFERS),
])
def test_judge(natives, others, said):
    assert verdict.judge(natives, others, "a") == said


def test_missing_is_an_outcome():
    assert verdict.judge([GOOD, GOOD], [SHORT, SHORT], "b") == DIFFERS


def test_figures():
    assert (BAD.total(), BAD.passed()) == (2, 1)
    assert (Result(77).total(), Result(77).passed()) == (1, 1)
    assert (Result(3).total(), Result(3).passed()) == (1, 0)


def test_describe():
    assert verdict.describe([GOOD, GOOD], [BAD, GOOD], "a") == "a: failed, passed; natively passed, passed"
    assert verdict.describe([Result(0)], [Result(-9)], STATUS) == "status -9; natively status 0"
