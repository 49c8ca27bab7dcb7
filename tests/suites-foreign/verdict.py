# SPDX-License-Identifier: MIT
"""Tells a test that fails under whatfiles from one that fails now and then anyway.

Pure: knows results only, so that tests/suites-foreign/test_verdict.py can try every case of it.
"""

from dataclasses import dataclass, field

# The key of the exit status among the outcomes, beside the names of cases.
STATUS = ""
SKIPPED = 77

# What judge() says of one key.  The first two are differences.
DIFFERS = "always"
SOMETIMES = "at times"
ONCE = "once, but not again"
FLAKY = "also natively"
DIFFERENCES = (DIFFERS, SOMETIMES)


@dataclass
class Result:
    """One run of one test program: its status, and for each of its cases whether it failed."""

    status: object
    failed: dict = field(default_factory=dict)

    def total(self):
        """A program that tells no cases is one itself."""
        return len(self.failed) or 1

    def passed(self):
        if self.failed:
            return sum(not bad for bad in self.failed.values())
        return int(self.status in (0, SKIPPED))

    def outcome(self, key):
        if key == STATUS:
            return f"status {self.status}"
        if key not in self.failed:
            return "missing"
        return "failed" if self.failed[key] else "passed"


def differing(native, other):
    """The keys that the two disagree about; the status only if no case explains it."""
    keys = {k for k in native.failed.keys() | other.failed.keys()
            if native.outcome(k) != other.outcome(k)}
    if not keys and native.status != other.status:
        keys = {STATUS}
    return keys


def judge(natives, others, key):
    """What outcomes of the same runs, natively and not, mean: of at least two runs each."""
    known = {result.outcome(key) for result in natives}
    new = sum(result.outcome(key) not in known for result in others)
    if not new:
        return FLAKY
    if new == len(others):
        return DIFFERS
    return SOMETIMES if new > 1 else ONCE


def describe(natives, others, key):
    """One key's outcomes in words: "NAME: failed, failed; natively passed, passed"."""
    told = ["; natively ".join(", ".join(r.outcome(key) for r in runs)
                               for runs in (others, natives))]
    return ": ".join(([key] if key else []) + told)
