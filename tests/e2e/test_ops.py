# SPDX-License-Identifier: MIT
"""Every operation: what a probe says that it did is what the log holds, in order, and no more.

Each probe prints the access that each of its calls is (tests/probes/ops-expect.h);
nothing here knows what the calls mean.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest
from conftest import PROBES, Log, name_of

BEGIN, END = b"/whatfiles-probe/begin", b"/whatfiles-probe/end"


def cases(name):
    """The tests of a probe, as its source declares them."""
    found = re.findall(r"^TEST\((\w+)\)", (PROBES / f"{name}.c").read_text(), re.M)
    assert found
    return [pytest.param(name, case, id=f"{name[4:]}-{case}") for case in found]


def error_name(result):
    return f"errno {-result}" if result < 0 else result


def expected(stdout):
    """(op, path, to, call, result) of each line that a probe printed."""
    found = []
    for line in stdout.splitlines():
        want = json.loads(line)
        path, to = (want[k] if want[k] is None else bytes.fromhex(want[k]) for k in ("path", "to"))
        found.append((want["op"], path, to, want["call"], error_name(want["result"])))
    return found


def told(record):
    result = f"errno {record['errno']}" if "error" in record else record["result"]
    return (record["op"], name_of(record, "path"), name_of(record, "to"), record["call"], result)


def between_marks(log):
    """Accesses between the probe's marks, but for those of programs that it executed."""
    names = [name_of(r, "name") or name_of(r, "path") for r in log]
    assert names.count(BEGIN) == 1 and names.count(END) == 1
    other_programs = set()
    for record in log[names.index(BEGIN) + 1 : names.index(END)]:
        if record["type"] != "access" or record["proc"] in other_programs:
            continue
        if record["op"] == "exec" and "error" not in record:
            other_programs.add(record["proc"])
        yield record


def check(result):
    assert result.status == 0, result
    want = expected(result.stdout)
    got = [told(r) for r in between_marks(result.log)]
    assert got == want
    assert result.log.end["complete"], result.log.end["gaps"]


@pytest.fixture
def scratch(tmp_path):
    path = tmp_path / "scratch"
    path.mkdir()
    return path


@pytest.mark.parametrize(
    "name, case",
    [
        case
        for name in ("open", "names", "meta", "look", "content", "place", "odd", "socket", "exec")
        for case in cases(f"ops-{name}")
    ],
)
def test_each_call_is_told(run, probe, scratch, name, case):
    check(run(probe(name), case, cwd=scratch))


@pytest.mark.parametrize("name, case", cases("ops-root"))
def test_each_call_of_root_is_told(requires_root, run, probe, scratch, name, case):
    check(run(probe(name), case, cwd=scratch))


@pytest.mark.parametrize("name, case", cases("ops-share"))
def test_F14_F15_each_call_of_audit_is_told(run, probe, scratch, name, case):
    """Descriptors received with messages, and files mapped shared for writing."""
    check(run(probe(name), case, cwd=scratch, options=["--all", "--audit"]))


@pytest.mark.parametrize("name, case", cases("ops-share"))
def test_F14_F15_without_audit_these_cost_nothing(run, probe, scratch, name, case):
    result = run(probe(name), case, cwd=scratch)
    assert result.status == 0, result
    got = [told(r) for r in between_marks(result.log)]
    rare = {"open", "pidfd_getfd"}
    assert got == [w for w in expected(result.stdout) if w[3] in rare]


@pytest.mark.parametrize("name, case", cases("ops-open"))
def test_probe_does_the_same_untraced(native, run, probe, tmp_path, name, case):
    """The results that the probe saw are those that it sees without us."""
    results = []
    for i, how in enumerate((native, run)):
        here = tmp_path / f"scratch-{i}"
        here.mkdir()
        done = how(probe(name), case, cwd=here)
        assert done.status == 0, done
        results.append([(op, call, result) for op, _, _, call, result in expected(done.stdout)])
    assert results[0] == results[1]


def test_marks_are_needed(run, probe, scratch):
    """The comparison can fail: what the probe does before its mark is in the log as well."""
    result = run(probe("ops-names"), "makes", cwd=scratch)
    inside = list(between_marks(result.log))
    assert len(inside) < len(result.log.accesses())
    assert [told(r) for r in inside][:-1] != expected(result.stdout)


def test_every_operation_is_covered(whatfiles):
    """The probes name every operation of the table that can be made here."""
    table = (PROBES.parents[1] / "bpf-filters" / "ops.def").read_text()
    words = set(re.findall(r'^OP\(\w+, +"(\w+)"', table, re.M))
    source = "".join(p.read_text() for p in PROBES.glob("ops-*.c"))
    missing = {word for word in words if f'"{word}"' not in source}
    # swap and accounting belong to the whole machine; ptrace and io_uring have tests of their own
    assert missing == {"system", "notice"}


def test_every_call_of_the_table_is_covered(whatfiles):
    """As many calls of this ABI as can be made here; the rest is listed with its reason.

    Calls of the operation "notice" are no accesses and have tests of their own.
    """
    listing = subprocess.run([whatfiles, "--list-syscalls"], capture_output=True, timeout=60)
    rows = [line.split() for line in listing.stdout.decode().splitlines()]
    names = {row[0] for row in rows if row[2].isdigit() and row[1] != "notice"}
    source = "".join(p.read_text() for p in PROBES.glob("ops-*.c"))
    missing = {n for n in names if not re.search(rf'[ ("]{n}[,"]', source)}
    assert missing == {
        # belong to the whole machine
        "acct", "swapon", "swapoff", "quotactl", "quotactl_fd",
        # not for probes: they need another namespace, a new root or a program
        "pivot_root", "bpf", "fanotify_mark",
        # the newer mount calls: move_mount and open_tree stand for them
        "fspick", "fsconfig", "fsmount", "mount_setattr", "open_tree_attr", "statmount",
        "listmount",
        # no x86_64 kernel has it any more
        "uselib",
    }


@pytest.fixture
def open_room(whatfiles):
    """A directory that everybody may write to, with a whatfiles that everybody may run."""
    room = pathlib.Path(tempfile.mkdtemp(prefix="whatfiles-", dir="/tmp"))
    room.chmod(0o777)
    shutil.copy(whatfiles, room / "whatfiles")
    yield room
    shutil.rmtree(room)


def test_F17_names_that_may_not_be_read(requires_root, native, needs, open_room):
    """A program whose memory an ordinary user may not read: said so, and nothing else suffers."""
    needs("setpriv", "mv")
    shutil.copy("/bin/mv", open_room / "secret-mv")
    (open_room / "secret-mv").chmod(0o711)
    (open_room / "before").touch()
    (open_room / "relative").write_text("x")
    result = native(
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
        "./whatfiles", "--all", "-o", "log.jsonl",
        "sh", "-c", "./secret-mv before after; cat relative", cwd=open_room,
    )
    assert (result.status, result.stdout) == (0, b"x"), result
    assert (open_room / "after").exists()
    log = Log.parse((open_room / "log.jsonl").read_bytes())
    unknown = log.accesses("", process="secret-mv", op="rename", path_unknown=True)
    assert [(r["result"], r["path_error"]) for r in unknown] == [(0, "EPERM")]
    assert "unreadable" in log.gaps and not log.end["complete"]
    assert [told(r) for r in log.accesses(process="cat") if r.get("name") == "relative"] == [
        ("read", os.fsencode(open_room / "relative"), None, "openat", 3)
    ]
