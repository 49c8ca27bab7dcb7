# SPDX-License-Identifier: MIT
"""Many processes and threads: nothing is lost, and nothing grows with them.

Small versions of what tests/scale/run does at full size, with figures.
"""

import os
import re
import resource
import subprocess

import pytest
from conftest import assert_nobody_left, engine_words, wait_until


def figures(result):
    """What scale-crowd printed, as a dict of numbers."""
    assert result.status == 0, result
    return {k: int(v) for k, v in re.findall(rb"(\w+)=(\d+)", result.stdout)}


@pytest.mark.parametrize("order", [[], ["late"]])
def test_H1_nothing_is_lost_in_a_crowd(run, probe, order):
    """So many live tracees that whatfiles does not look at all of them at each stop."""
    result = run(probe("scale-crowd"), "600", "8", "fork", "60", *order, timeout=300)
    got = figures(result)
    assert got[b"most"] >= 60 and got[b"least"] > 0
    forks = len(result.log.of("fork"))
    assert forks == 600 + 8 + got[b"all"]
    assert len(result.log.of("exit")) == forks + 1
    assert result.log.end["complete"]


def test_H1_calls_in_a_crowd(run, probe):
    """Each open of each busy process is told once."""
    result = run(probe("scale-crowd"), "400", "4", "open", "200", timeout=300)
    opens = {}
    for access in result.log.accesses("/dev/null", op="read"):
        opens[access["proc"]] = opens.get(access["proc"], 0) + 1
    got = figures(result)
    assert (max(opens.values()), min(opens.values())) == (got[b"most"], got[b"least"])
    assert len(opens) == 4 and sum(opens.values()) == got[b"all"]
    assert result.log.end["complete"]


def peak_of(words):
    """The most memory that whatfiles had for this command, in KiB."""
    popen = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    peak = []

    def ended():
        try:
            with open(f"/proc/{popen.pid}/status") as status:
                peak.extend(int(x) for x in re.findall(r"VmHWM:\s*(\d+)", status.read()))
        except FileNotFoundError:
            pass
        return popen.poll() is not None

    wait_until(ended, 300, "its end")
    assert popen.returncode == 0
    return peak[-1]


def test_H1_memory_stays_the_same(whatfiles, probe):
    """The state of a process is freed with it: ten times the processes need no more."""
    with open(whatfiles, "rb") as binary:
        if b"__asan_init" in binary.read():
            pytest.skip("AddressSanitizer keeps what was freed for a while")
    crowd = probe("scale-crowd")
    options = [*engine_words(()), "-o", "/dev/null", "--overwrite", "--"]
    few, many = (peak_of([whatfiles, *options, crowd, "0", "1", "fork", count])
                 for count in ("300", "3000"))
    assert_nobody_left()
    assert many - few < 1500


def test_H2_descriptors(start, probe):
    """None for each tracee: 64 are enough for whatfiles and 300 processes."""
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    live = start(probe("scale-crowd"), "300", "2", "fork", "100", preexec_fn=limit)
    result = live.wait(300)
    assert_nobody_left()
    assert figures(result)[b"most"] == 100
    assert result.log.end["complete"] and len(result.log.of("fork")) >= 400


def test_H2_no_descriptor_for_a_tracee(start, probe):
    """As many descriptors with two processes as with 200."""
    counts = []
    for idle in "0", "200":
        live = start(probe("scale-crowd"), idle, "1", "fork", "100000000")
        wait_until(lambda: len(live.log_so_far().of("fork")) > int(idle) + 50, what="forks")
        # one that is just being looked into may be open
        counts.append(min(len(os.listdir(f"/proc/{live.pid}/fd")) for _ in range(50)))
        live.send(9)
        live.wait()
        assert_nobody_left()
    assert counts[0] == counts[1]


def test_H1_many_threads(run, probe):
    """They all live at once, each opens a file, and each is told with its end."""
    result = run(probe("scale-threads"), "800", timeout=300)
    assert result.status == 0
    assert result.log.end["threads"] == 800
    assert len(result.log.accesses("/dev/null", op="read")) >= 800
    assert result.log.end["complete"]
