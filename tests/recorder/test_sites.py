# SPDX-License-Identifier: MIT
"""The recorder's decoder and windows against objdump, on real programs."""

import os
import shutil
import subprocess
from glob import glob
from pathlib import Path

import pytest

ORACLE = Path(os.environ.get("WHATFILES", "build/whatfiles")).resolve().parent / "tests" / "oracle"

# Name, where it may be, and the least share in percent of the syscalls with a file call's
# number right before them that the bytes alone must prove to be sites. Without such
# syscalls only the instructions are compared.
PROGRAMS = {
    "glibc": ("/lib/x86_64-linux-gnu/libc.so.6", 95),
    "ld.so": ("/lib64/ld-linux-x86-64.so.2", 95),
    "busybox": ("/usr/bin/busybox", 90),
    "musl": ("/usr/lib/x86_64-linux-musl/libc.so", 65),
    "python": ("/usr/bin/python3.*[0-9]", None),
    "go": ("/usr/lib/go-*/pkg/tool/linux_amd64/compile", None),
    "gcc": ("/usr/lib/gcc/x86_64-linux-gnu/*/lto-wrapper", None),
}


def disassembled(command):
    objdump = shutil.which("objdump")
    if not objdump or not ORACLE.exists():
        pytest.skip("no objdump, or no build with tests")
    with subprocess.Popen([objdump, *command], stdout=subprocess.PIPE) as dump:
        done = subprocess.run([ORACLE, command[-1]], stdin=dump.stdout, capture_output=True,
                              text=True, check=False, timeout=600)
    return done


def figures(text):
    return {key: float(value) for key, value in
            (word.split("=") for word in text.splitlines()[-1].split())}


def find(pattern):
    found = sorted(glob(pattern))
    if not found:
        pytest.skip(f"no {pattern}")
    return found[0]


@pytest.mark.parametrize("name", PROGRAMS)
def test_objdump_agrees(name):
    pattern, least = PROGRAMS[name]
    path = find(pattern)
    done = disassembled(["-d", "-w", path])
    print(name, done.stdout)
    assert done.returncode == 0, done.stdout[-3000:]
    seen = figures(done.stdout)
    assert seen["instructions"] > 1000
    assert seen["known"] / seen["instructions"] > 0.95
    if least is not None:
        assert seen["files_sure"] * 100 >= least * seen["files"]


def test_the_one_syscall_of_go_is_a_site():
    """Syscall6 makes every file call of a Go program, with a number from its caller."""
    path = find(PROGRAMS["go"][0])
    if not ORACLE.exists():
        pytest.skip("no build with tests")
    listed = subprocess.run([ORACLE, "--list", path], capture_output=True, text=True, check=True,
                            timeout=60).stdout.splitlines()
    unknown = [line.split()[1:] for line in listed if line.split()[3] == "-1"]
    assert unknown == [["0", "sure", "-1", "8"]]
