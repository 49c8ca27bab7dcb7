# SPDX-License-Identifier: MIT
"""Other ways into the kernel: i386, int 0x80, x32, static programs, other libcs, Go.

The probes say themselves what the log must hold, as those of test_ops.py do.
"""

import os
import shutil
import subprocess

import pytest
from conftest import PROBES
from test_ops import between_marks, cases, expected, told


@pytest.fixture
def scratch(tmp_path):
    path = tmp_path / "scratch"
    path.mkdir()
    return path


def check(result):
    """All is as the probe says; returns the ABI of each call, None for x86_64."""
    assert result.status == 0, result
    got = list(between_marks(result.log))
    assert [told(r) for r in got] == expected(result.stdout)
    assert result.log.end["complete"], result.log.gaps
    return [r.get("abi") for r in got]


# --- i386 ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name, case", cases("abi-i386"))
def test_calls_of_i386(run, probe, scratch, name, case):
    assert set(check(run(probe(name, "-m32"), case, cwd=scratch))) == {"i386"}


# 64-bit values in registers, and addresses above 4 GiB
ONLY_64 = {"at_descriptors", "upper_half_of_flags", "bad_pointers"}


@pytest.mark.parametrize(
    "name, case",
    [
        case
        for name in ("open", "names", "place", "odd", "exec")
        for case in cases(f"ops-{name}")
        if case.values[1] not in ONLY_64
    ],
)
def test_i386_does_as_x86_64_does(run, probe, scratch, name, case):
    """The probes of test_ops.py, built for i386."""
    result = run(probe(name, "-m32", "-D_FILE_OFFSET_BITS=64"), case, cwd=scratch)
    assert set(check(result)) == {"i386"}


@pytest.mark.parametrize("name, case", cases("abi-int80"))
def test_int_0x80_of_64_bit_code(run, probe, scratch, name, case):
    """The filter sees another architecture; numbers and arguments are that one's."""
    result = run(probe(name), case, cwd=scratch)
    if result.status < 0:
        pytest.skip("this kernel has no int 0x80 (CONFIG_IA32_EMULATION)")
    abis = check(result)
    if case == "numbers_are_not_mixed_up":
        assert abis == [None, "i386"]
    else:
        assert set(abis) == {"i386"}


# --- x32 -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name, case", cases("abi-x32"))
def test_x32_calls(run, native, probe, scratch, name, case):
    """Also where the kernel has none of them: ENOSYS, and no SIGSYS."""
    (scratch / "native").mkdir()
    plain = native(probe(name), case, cwd=scratch / "native")
    assert plain.status == 0
    result = run(probe(name), case, cwd=scratch)
    assert set(check(result)) == {"x32"}
    results = [[r[-1] for r in expected(each.stdout)] for each in (plain, result)]
    assert results[0] == results[1], "the program sees something else than without us"


# --- other libcs, none, other languages -------------------------------------------------------


PLAIN = [  # what abi-plain.c does, whichever calls its libc uses for it
    ("mkdir", "d"),
    ("create", "d/new"),
    ("stat", "d/new"),
    ("access", "d/none"),
    ("rename", "d/new"),
    ("chdir", "d"),
    ("read", "d/other"),
    ("read", "d"),
    ("list", "d"),
    ("delete", "d/other"),
    ("chdir", ""),
    ("rmdir", "d"),
]


def check_plain(result, scratch, abi=None):
    assert result.status == 5, result
    log = result.log
    assert log.end["complete"], log.gaps
    # newer libcs look at the descriptor of a directory that they open, by an empty name
    inside = [
        r for r in log.accesses()
        if (r["path"] + "/").startswith(f"{scratch}/") and r.get("name") != ""
    ]
    told = [(r["op"], os.path.relpath(r["path"], scratch).replace(".", "")) for r in inside]
    assert told == PLAIN
    assert {r.get("abi") for r in log.accesses(proc=1)[1:]} == {abi}
    assert sorted(r["status"] for r in log.of("exit")) == [5, 7]


def test_dynamic_program(run, probe, scratch):
    check_plain(run(probe("abi-plain"), cwd=scratch), scratch)


def test_static_program(run, probe, scratch):
    check_plain(run(probe("abi-plain", "-static"), cwd=scratch), scratch)


def test_i386_program(run, probe, scratch):
    check_plain(run(probe("abi-plain", "-m32"), cwd=scratch), scratch, "i386")


def test_static_i386_program(run, probe, scratch):
    check_plain(run(probe("abi-plain", "-m32", "-static"), cwd=scratch), scratch, "i386")


@pytest.mark.parametrize("link", ["-static", "-dynamic"])
def test_musl_program(run, needs, tmp_path, scratch, link):
    needs("musl-gcc")
    program = tmp_path / "plain"
    subprocess.run(
        ["musl-gcc", link, "-O1", "-D_GNU_SOURCE", "-o", program, PROBES / "abi-plain.c"],
        check=True, timeout=60,
    )
    check_plain(run(str(program), cwd=scratch), scratch)


def test_program_without_libc(run, probe, scratch):
    program = probe("abi-raw", "-static", "-nostdlib", "-fno-stack-protector")
    result = run(program, cwd=scratch)
    assert result.status == 5, result
    assert [told(r)[:2] for r in result.log.accesses()] == [
        ("exec", os.fsencode(program)),
        ("create", os.fsencode(scratch / "made")),
    ]


def test_busybox(run, needs, scratch):
    needs("busybox")
    script = "mkdir d; echo x > d/f; mv d/f d/g; cat d/g; ln -s g d/l; rm -r d; exit 3"
    result = run("busybox", "sh", "-c", script, cwd=scratch)
    assert (result.status, result.stdout) == (3, b"x\n"), result
    log = result.log
    assert log.end["complete"], log.gaps
    changes = {"mkdir", "create", "rename", "symlink", "delete", "rmdir"}
    made = [r for r in log.accesses() if r["op"] in changes and "error" not in r]
    got = [(r["op"], r["path"]) for r in made]
    assert got[:4] == [
        ("mkdir", f"{scratch}/d"),
        ("create", f"{scratch}/d/f"),
        ("rename", f"{scratch}/d/f"),
        ("symlink", f"{scratch}/d/l"),
    ]
    assert sorted(got[4:]) == [
        ("delete", f"{scratch}/d/g"),
        ("delete", f"{scratch}/d/l"),
        ("rmdir", f"{scratch}/d"),
    ]
    assert log.accesses(f"{scratch}/d/g", op="read")


GO = """
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
)

func main() {
	var all sync.WaitGroup
	for i := 0; i < 8; i++ {
		all.Add(1)
		go func(i int) {
			runtime.LockOSThread()
			name := fmt.Sprintf("go-%d", i)
			if os.WriteFile(name, []byte("x"), 0644) != nil {
				os.Exit(1)
			}
			if text, err := os.ReadFile(name); err != nil || string(text) != "x" {
				os.Exit(2)
			}
			all.Done()
		}(i)
	}
	all.Wait()
	os.Exit(5)
}
"""


@pytest.fixture(scope="session")
def go_program(tmp_path_factory):
    if not shutil.which("go"):
        pytest.skip("needs go, which is not installed")
    room = tmp_path_factory.mktemp("go")
    (room / "main.go").write_text(GO)
    env = dict(os.environ, GO111MODULE="off", GOPATH=str(room), CGO_ENABLED="0", GOFLAGS="")
    env.setdefault("HOME", str(room))
    done = subprocess.run(["go", "build", "-o", room / "program", "main.go"], cwd=room, env=env,
                          capture_output=True, timeout=110)
    assert done.returncode == 0, done.stderr.decode()
    return str(room / "program")


def test_go_program(run, go_program, scratch):
    """Static, with threads of its own making and signals that interrupt its calls."""
    result = run(go_program, cwd=scratch)
    assert result.status == 5, result
    log = result.log
    # a thread may be killed inside a call when the program ends
    assert set(log.gaps) <= {"unfinished"}, log.gaps
    for i in range(8):
        path = f"{scratch}/go-{i}"
        good = [(r["op"], r["process"]) for r in log.accesses(path) if "result" in r]
        assert good == [("create", "program"), ("read", "program")]
    assert log.end["threads"] > 0
