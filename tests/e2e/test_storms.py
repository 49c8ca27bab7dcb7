# SPDX-License-Identifier: MIT
"""A little of each part of tests/storms/run, which can go on for longer."""

import os
import subprocess

import pytest
from conftest import TOP


@pytest.fixture
def storm(whatfiles, needs):
    """storm("part", COUNT): so much of that part, which must all go well."""
    needs("gcc")

    def storm(part, count):
        done = subprocess.run(
            ["/usr/bin/python3", TOP / "tests/storms/run", part, "--count", str(count), "--seed", "1"],
            env=dict(os.environ, WHATFILES=whatfiles), capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr

    return storm


def test_B6_kills(storm):
    storm("kills", 300)


def test_C1_C3_deaths(storm):
    storm("deaths", 6)
