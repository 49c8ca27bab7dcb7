# SPDX-License-Identifier: MIT
"""A few seconds of each part of tests/torture/run, which can go on for longer."""

import os
import subprocess

import pytest
from conftest import TOP


@pytest.mark.parametrize("part", ["step", "scribble", "storm"])
def test_torture(whatfiles, part, needs):
    needs("gcc", "objdump")
    done = subprocess.run(
        ["/usr/bin/python3", TOP / "tests/torture/run", "--seconds", "3", "--seed", "1", part],
        env=dict(os.environ, WHATFILES=whatfiles), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
