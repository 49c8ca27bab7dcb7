# SPDX-License-Identifier: MIT
"""What a hostile job, or a careless administrator, could do with whatfiles itself."""

import os
import re
import shutil
import struct
import subprocess

import pytest
from conftest import NOBODY, Log, assert_nobody_left

# what tracing needs of root's: CAP_DAC_OVERRIDE, CAP_KILL, CAP_SYS_PTRACE
NEEDED = 1 << 1 | 1 << 5 | 1 << 19

LOOK_AT_PARENT = """
import os
for name in ("mem", "maps", "environ", "fd/3"):
    try:
        os.open(f"/proc/{os.getppid()}/{name}", os.O_RDONLY)
        print(name, "opened")
    except OSError as e:
        print(name, e.strerror)
"""


def readelf(*words):
    return subprocess.run(["readelf", *words], capture_output=True, text=True, check=True,
                          timeout=60).stdout


def is_sanitized(program):
    return "__asan_init" in readelf("-Ws", program)


@pytest.fixture
def nobody(public, native):
    """nobody(*words) -> Result of the copy of whatfiles in a directory of NOBODY's, run by him."""
    return lambda *words: native(public / "whatfiles", *words, cwd=public, **NOBODY)


def test_G7_the_job_cannot_look_at_whatfiles(nobody, public, requires_root):
    """Though both are the same user's: not its memory, its logs or where its code is."""
    result = nobody("-o", "x.log", "/usr/bin/python3", "-S", "-c", LOOK_AT_PARENT)
    assert result.status == 0, result
    assert result.stdout.decode().splitlines() == [
        f"{name} Permission denied" for name in ("mem", "maps", "environ", "fd/3")]


def test_G7_the_log_is_not_inherited(run):
    assert run("ls", "/proc/self/fd").stdout == b"0\n1\n2\n3\n"


def test_G7_the_job_may_kill_whatfiles_and_dies_with_it(start):
    live = start("sh", "-c", "cat /etc/hostname >/dev/null; kill -KILL $PPID; sleep 1000")
    assert live.wait().status == -9
    assert_nobody_left()


def test_G2_capabilities_are_dropped(run, requires_root):
    """While the job, which had them all, has them still."""
    script = "grep -h Cap /proc/$PPID/task/*/status; grep Cap /proc/self/status"
    lines = run("sh", "-c", script).stdout.decode().splitlines()
    plain = subprocess.run(["grep", "Cap", "/proc/self/status"], capture_output=True, text=True,
                           check=True, timeout=30).stdout.splitlines()
    own = int(plain[2].split()[1], 16)
    ours, jobs = lines[:-5], lines[-5:]
    assert jobs == plain
    assert len(ours) == 10, "two threads"
    for name in ("CapPrm", "CapEff"):
        assert {int(x.split()[1], 16) for x in ours if x.startswith(name)} == {NEEDED & own}


def test_G3_processes_of_another_user(run, public, requires_root):
    """What is left is enough for them: their names, their directories, and their end."""
    (public / "d").mkdir(mode=0o700)
    os.chown(public / "d", NOBODY["user"], NOBODY["group"])
    shutil.copy("/bin/sleep", public / "sleep")
    (public / "sleep").chmod(0o711)
    script = f"cd {public}/d; echo > f; mv f g; trap '' TERM; exec {public}/sleep 1000"
    result = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all",
                 "sh", "-c", script, options=["--all", "--timeout=1s", "--grace=100ms"])
    assert result.status == 124, result
    log = result.log
    assert log.accesses(public / "d" / "f", op="create") and log.accesses(public / "d/f", op="rename")
    assert log.accesses(public / "sleep", op="exec")
    assert set(log.gaps) == {"timeout", "killed"}


def test_G6_set_uid_is_refused(nobody, public, requires_root, needs):
    needs("readelf")
    if is_sanitized(public / "whatfiles"):
        pytest.skip("a sanitized program looks for leaks, which fails where it is set-uid")
    os.chown(public / "whatfiles", 0, 0)
    for mode in (0o4755, 0o2755):
        (public / "whatfiles").chmod(mode)
        if os.statvfs(public).f_flag & os.ST_NOSUID:
            pytest.skip("the file system of temporary files is mounted nosuid")
        result = nobody("-o", "x.log", "touch", "ran")
        assert result.status == 125 and b"must not be set-uid" in result.stderr
    assert os.listdir(public) == ["whatfiles"]


def test_G6_file_capabilities_are_refused(nobody, public, requires_root):
    value = struct.pack("<5I", 0x02000001, NEEDED, 0, 0, 0)  # struct vfs_cap_data, effective
    try:
        os.setxattr(public / "whatfiles", "security.capability", value)
    except OSError as error:
        pytest.skip(f"no file capabilities can be set here: {error.strerror}")
    result = nobody("-o", "x.log", "touch", "ran")
    assert result.status == 125 and b"capabilities" in result.stderr
    assert os.listdir(public) == ["whatfiles"]


def test_sudo_is_not_refused(native, whatfiles, tmp_path, needs, requires_root):
    """Being root is one thing, a program file that makes others root another."""
    needs("setpriv")
    result = native("setpriv", "--clear-groups", "--inh-caps=-all", whatfiles, "-o",
                    tmp_path / "x.jsonl", "true")
    assert (result.status, result.stderr) == (0, b"")
    assert Log.parse((tmp_path / "x.jsonl").read_bytes()).end["complete"]


# --- the binary -----------------------------------------------------------------------------


def test_G6_the_binary_is_hardened(whatfiles, needs):
    """Position-independent, all of its tables read-only, stack and memory calls checked."""
    needs("readelf")
    if is_sanitized(whatfiles):
        pytest.skip("a sanitized build has other checks")
    segments = readelf("-Wl", whatfiles)
    assert "Elf file type is DYN" in segments and "GNU_RELRO" in segments
    stack = re.search(r"GNU_STACK.*", segments)[0]
    assert " RW " in stack and "RWE" not in segments
    # no segment may be written and executed
    assert not re.search(r"LOAD.* (RWE|WE) ", segments)
    dynamic = readelf("-Wd", whatfiles)
    assert "BIND_NOW" in dynamic and re.search(r"FLAGS_1.*NOW.*PIE", dynamic)
    assert "TEXTREL" not in dynamic and "RPATH" not in dynamic and "RUNPATH" not in dynamic
    symbols = readelf("-Ws", whatfiles)
    assert "__stack_chk_fail" in symbols
    assert re.search(r"__(v?snprintf|vsnprintf|memcpy|read|realpath)_chk", symbols)
