# SPDX-License-Identifier: MIT
"""The smallest part of tests/suites-foreign/run."""

import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
WHATFILES = os.environ.get("WHATFILES", HERE.parents[1] / "build/whatfiles")


@pytest.mark.parametrize("suite", ["python", "stress-ng"])
def test_tiny(suite, tmp_path):
    done = subprocess.run([HERE / "run", "--tiny", "--suite", suite, "--work", tmp_path,
                           "--whatfiles", WHATFILES], capture_output=True, text=True, timeout=900)
    if "skipped: " in done.stdout:
        pytest.skip(done.stdout.partition("skipped: ")[2].splitlines()[0])
    assert done.returncode == 0, done.stdout + done.stderr
