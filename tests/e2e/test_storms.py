# SPDX-License-Identifier: MIT
"""A little of each part of tests/storms/run, which can go on for longer."""

import os
import resource
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
    storm("deaths", 4)


def test_H3_disks(storm, requires_root):
    storm("disks", 3)


def test_H2_64_descriptors(run, tmp_path):
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    job = "for i in $(seq 150); do (sleep 1; : >file-$i) & done; wait; exit 7"
    result = run("sh", "-c", job, cwd=tmp_path, preexec_fn=few)
    assert result.status == 7, result
    assert result.log.end["complete"], result.log.gaps
    assert len(result.log.processes()) > 150
    assert len([r for r in result.log.accesses() if "/file-" in r["path"]]) == 150
