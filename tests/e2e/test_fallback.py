# SPDX-License-Identifier: MIT
"""Where the fast engine cannot work, calls go on by stops: the job does not notice and the
record is the strict engine's."""

import os
import re
import subprocess

import pytest

OURS = re.compile(r"hz-[^t]")


def facts(log):
    """Who cares which engine told it: call, name and result, in their order."""
    return [
        (r["call"], r["path"], r.get("errno"), r["op"])
        for r in log.accesses()
        if OURS.match(os.path.basename(r.get("path", "")))
    ]


@pytest.fixture
def same(run, native, tmp_path):
    """same(command...) -> Result by the fast engine, equal to that of the strict one."""

    def same(*command, options=(), **how):
        rooms = {}
        for engine in "native", "strict", "fast":
            rooms[engine] = tmp_path / "room"
            if rooms[engine].exists():
                subprocess.run(["rm", "-rf", rooms[engine]], check=True)
            rooms[engine].mkdir()
            if engine == "native":
                plain = native(*command, cwd=rooms[engine], **how)
                continue
            words = ["--all", f"--engine={engine}", *options]
            result = run(*command, options=words, cwd=rooms[engine], **how)
            assert (result.status, result.stdout) == (plain.status, plain.stdout), result
            assert result.log.end["complete"], result.log.gaps
            if engine == "strict":
                strict = facts(result.log)
        assert plain.status == 7, plain
        assert strict
        assert facts(result.log) == strict
        return result

    return same


MODES = ["calls", "limit", "unmap", "cover", "jit", "places", "close_range", "mlockall",
         "dumpable", "tsc", "filter", "tsync", "window", "descriptors", "threads"]


@pytest.mark.parametrize("mode", MODES)
def test_hazard(same, probe, mode):
    same(probe("hazards"), mode)


@pytest.mark.parametrize("mode", ["calls", "unmap", "cover", "tsc", "tsync", "places", "window"])
def test_hazard_of_a_static_program(same, probe, mode):
    same(probe("hazards", "-static"), mode)


@pytest.mark.parametrize("mode", ["chroot", "setuid", "pidns", "rootproc"])
def test_hazard_of_root(same, probe, mode, requires_root):
    same(probe("hazards"), mode)
