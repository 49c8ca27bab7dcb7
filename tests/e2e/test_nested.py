# SPDX-License-Identifier: MIT
"""
Tracers inside of the command: whatever ptrace(2) and the waits answer is what they answer
without whatfiles, LeakSanitizer checks for leaks, and nobody else sees that anybody stood
still.  WHATFILES_LEAK_CHECKS=1000 makes so many checks in place of a few.
"""

import os
import re
import subprocess
import sys

import pytest
from conftest import PROBES, Log
from test_tree import check_log

CHECKS = int(os.environ.get("WHATFILES_LEAK_CHECKS", "8"))
FILES = "/etc/hostname"

def lines(output):
    return sorted(output.decode().splitlines())


# --- ptrace(2) ------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["attach", "traceme", "seize", "syscall", "step", "follow",
                                  "sibling", "leave", "refused", "other-user"])
def test_E1_a_tracer_finds_what_the_kernel_would_answer(native, run, probe, case, request):
    if case == "other-user":
        request.getfixturevalue("requires_root")
    program = probe("nest")
    first = native(program, case)
    assert first.status == 0 and len(first.stdout) > 40, first
    result = run(program, case)
    assert lines(result.stdout) == lines(first.stdout)
    assert (result.status, result.stderr) == (0, b"")
    check_log(result.log)
    assert result.log.end["complete"] and result.log.end["notes"] == []


def test_E1_in_a_pid_namespace(native, run, probe, needs, requires_root):
    needs("unshare")
    command = ["unshare", "--pid", "--fork", "--mount-proc", probe("nest")]
    for case in "follow", "sibling":
        first, result = native(*command, case), run(*command, case)
        assert (result.status, lines(result.stdout)) == (first.status, lines(first.stdout))


def test_E1_strace(native, run, needs, tmp_path):
    """Every call of everybody, also by a filter of strace's own."""
    needs("strace")
    script = f"cat {FILES} >/dev/null; (exit 3); ls /etc/hostname >/dev/null; exit 5"

    def told(how, *options):
        out = tmp_path / f"{how.__name__}{len(options)}"
        done = how("strace", "-f", "-o", out, *options, "sh", "-c", script)
        assert done.status == 5, done
        return sorted(re.findall(r"\+\+\+ exited with \d+|\bexecve\(", out.read_text())), done

    for options in [], ["--seccomp-bpf", "-e", "trace=execve,exit_group"]:
        first, _ = told(native, *options)
        traced, result = told(run, *options)
        assert traced == first and len(first) == 7
        assert result.log.end["complete"]
        assert FILES in {r["path"] for r in result.log.accesses(op="read")}


def test_E1_gdb(native, run, probe, needs):
    """Breakpoints, steps, calls, a backtrace; and a look at a process that runs already."""
    needs("gdb")
    program = probe("nest-debug", "-g", "-O0")
    words = ["break twice", "run", "bt", "print x", "continue", "print twice(21)", "finish",
             "delete", "next", "continue"]
    command = ["gdb", "-nx", "-q", "-batch", *[w for e in words for w in ("-ex", e)], program]

    def without_pids(output):
        return re.sub(rb"process \d+", b"process N", output)

    first, result = native(*command), run(*command)
    assert b"$2 = 42" in first.stdout and b"exited with code 06" in first.stdout, first.stdout
    assert without_pids(result.stdout) == without_pids(first.stdout)
    assert len(result.log.accesses(FILES)) == 3 and result.log.end["complete"]


def test_E1_gdb_looks_at_a_process(run, needs):
    needs("gdb")
    script = ("sleep 60 & gdb -nx -q -batch -p $! -ex 'print 6*7' -ex detach 2>&1; "
              "kill $!; wait $!; echo $?")
    result = run("sh", "-c", script)
    assert b"$1 = 42" in result.stdout and result.stdout.endswith(b"143\n"), result.stdout


def test_E1_whatfiles_in_whatfiles(run, whatfiles, tmp_path):
    """Both see the same, whichever engine the outer one has."""
    inner = tmp_path / "inner.jsonl"
    result = run(whatfiles, "--all", "-o", inner, "sh", "-c", f"cat {FILES}; ls /etc >/dev/null",
                 cwd=tmp_path)
    assert result.status == 0 and result.log.end["complete"]
    log = Log.parse(inner.read_bytes())
    assert log.end["complete"]

    def accesses(log):
        return [(r["op"], r["path"]) for r in log.accesses()
                if r["op"] in ("read", "execute", "list")]

    of_inner, of_outer = accesses(log), accesses(result.log)
    assert len(of_inner) > 15
    for access in of_inner:
        of_outer.remove(access)


def test_E1_an_old_tracer_is_refused(run, probe):
    """Structures of 32-bit tracers are others: these the kernel refuses, and that is told."""
    result = run(probe("nest-traceme", "-m32"))
    assert result.stdout == b"EPERM\n"
    assert b"could not be traced" in result.stderr
    note = [n for n in result.log.end["notes"] if n["kind"] == "ptrace"]
    assert len(note) == 1 and "(nest-traceme--m32)" in note[0]["example"]


# --- LeakSanitizer --------------------------------------------------------------------


@pytest.fixture(scope="module")
def leaky(tmp_path_factory):
    out = tmp_path_factory.mktemp("leak") / "leaky"
    done = subprocess.run(["gcc", "-D_GNU_SOURCE", "-g", "-O0", "-pthread", "-fsanitize=address",
                           "-o", out, PROBES / "nest-leak.c"], capture_output=True, timeout=60)
    if done.returncode:
        pytest.skip(f"this gcc has no AddressSanitizer: {done.stderr.decode()[-100:]}")
    return str(out)


def plain(*command):
    """@command without the options that the tests give to a sanitized whatfiles."""
    return ["env", "-u", "ASAN_OPTIONS", "-u", "LSAN_OPTIONS", "-u", "UBSAN_OPTIONS", *command]


def test_E2_a_leak_check_passes(run, leaky):
    """With four threads that open files all the time, none of whose calls fails."""
    for _ in range(CHECKS):
        result = run(*plain(leaky))
        assert (result.status, result.stdout, result.stderr) == (0, b"done\n", b"")
    assert result.log.end["complete"]


def test_E2_a_leak_is_found(native, run, leaky):
    first, result = native(*plain(leaky, "leaks")), run(*plain(leaky, "leaks"))
    assert first.status == result.status == 1
    summary = b"SUMMARY: AddressSanitizer: 77 byte(s) leaked in 1 allocation(s)."
    assert summary in first.stderr and summary in result.stderr


WATCH = """
import os, signal, sys
seen = []
signal.signal(signal.SIGCHLD, lambda *_: seen.append("SIGCHLD"))
pid = os.fork()
if not pid:
    os.execvp(sys.argv[1], sys.argv[1:])
while True:
    _, status = os.waitpid(pid, os.WUNTRACED | os.WCONTINUED)
    print(os.WIFSTOPPED(status), os.WIFCONTINUED(status), status)
    if os.WIFEXITED(status) or os.WIFSIGNALED(status):
        break
print(seen)
"""


def test_E2_the_parent_sees_no_stop(native, run, leaky):
    command = [sys.executable, "-c", WATCH, *plain(leaky)]
    first, result = native(*command), run(*command)
    assert first.stdout == b"done\nFalse False 0\n['SIGCHLD']\n"
    assert result.stdout == first.stdout


def test_E2_attached(leaky, whatfiles, tmp_path):
    """Of a process that is attached to as well."""
    target = subprocess.Popen(plain(leaky, "leaks", "3000"), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
    log = tmp_path / "attached.jsonl"
    done = subprocess.run([whatfiles, "-p", str(target.pid), "--all", "-o", log],
                          capture_output=True, timeout=90)
    out, err = target.communicate(timeout=60)
    assert target.returncode == 1 and b"77 byte(s) leaked" in err, err
    assert (done.returncode, done.stderr) == (0, b"")
    records = Log.parse(log.read_bytes())
    assert records.end["complete"] and records.accesses(FILES)
