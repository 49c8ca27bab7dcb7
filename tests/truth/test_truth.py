# SPDX-License-Identifier: MIT
"""The smoke part of tests/truth, and that a log which is wrong would be found out."""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

import compare
import files
import observe

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}

SCRIPT = """
mkdir d; i=0
while [ $i -lt 30 ]; do
    echo $i >d/f$i; cat d/f$i none >/dev/null 2>&1 || mv d/f$i d/g$i; i=$((i+1))
done
ln -s d/g1 l; cat l; rm -r d l
"""


@pytest.fixture(scope="module")
def whatfiles():
    path = os.path.abspath(os.environ.get("WHATFILES", TOP / "build" / "whatfiles"))
    assert os.access(path, os.X_OK), f"{path} is not there: build it, or set WHATFILES"
    return path


@pytest.fixture(scope="module")
def observer(whatfiles, tmp_path_factory):
    try:
        return observe.Observer(whatfiles, tmp_path_factory.mktemp("observers"))
    except observe.Unable as why:
        pytest.skip(str(why))


def test_smoke(whatfiles, tmp_path):
    """What tests/truth/run --smoke says of a few small jobs."""
    done = subprocess.run([HERE / "run", "--smoke", "--whatfiles", whatfiles, "--work", tmp_path],
                          capture_output=True, text=True, timeout=300, check=False)
    if done.returncode == 77:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr


class Observed:
    """One run, whose log can be compared as it is and as it is not."""

    def __init__(self, observer, cwd):
        self.table = observer.table
        with open(cwd / "output", "wb") as output:
            self.run = observer.run(["sh", "-ec", SCRIPT], lambda: None, cwd, ENVIRONMENT, 60,
                                    output)
        self.lines = self.run.log.read_bytes().splitlines()

    def against(self, lines):
        """What the kernel's account and fanotify's say of a log with these lines."""
        log = compare.Log(lines, self.table)
        kernel = compare.Kernel(self.run.events, self.table, log.root)
        return compare.Difference(kernel, log), files.Files(self.run.names, kernel, log)

    def find(self, **want):
        """The places of access records with these members."""
        for i, line in enumerate(self.lines):
            record = json.loads(line)
            if record["type"] == "access" and all(record.get(k) == v for k, v in want.items()):
                yield i, record


@pytest.fixture(scope="module")
def observed(observer, tmp_path_factory):
    seen = Observed(observer, tmp_path_factory.mktemp("job"))
    assert seen.run.status == 0
    return seen


def changed(observed, at, **members):
    """The log with other members in one record."""
    record = dict(json.loads(observed.lines[at]), **members)
    return [*observed.lines[:at], json.dumps(record).encode(), *observed.lines[at + 1:]]


def test_a_true_log_is_found_true(observed):
    difference, witness = observed.against(observed.lines)
    assert not difference and not witness.absent
    assert difference.compared > 1000 and witness.seen > 50
    assert difference.unread == 0


def test_any_missing_record_is_found_out(observed):
    """Each hundredth record dropped, as a tracer that misses some would."""
    for at, record in list(observed.find())[::100]:
        if record["op"] == "notice" or "by_kernel" in record:
            continue
        difference, _ = observed.against(observed.lines[:at] + observed.lines[at + 1:])
        assert len(difference.missing) == 1 and not difference.extra, record
        assert difference.missing[0][:2] == (record["tid"], record["call"])


def test_an_invented_record_is_found_out(observed):
    at, record = next(observed.find(op="delete"))
    difference, _ = observed.against(observed.lines[:at] + observed.lines[at:at + 1]
                                     + observed.lines[at:])
    assert [call[:2] for call in difference.extra] == [(record["tid"], record["call"])]
    assert not difference.missing


def test_another_result_is_found_out(observed):
    at, record = next(observed.find(error="ENOENT"))
    difference, _ = observed.against(changed(observed, at, errno=record["errno"] + 11))
    assert len(difference.missing) == len(difference.extra) == 1


def test_another_name_is_found_out(observed):
    at, _ = next(observed.find(op="rename"))
    for key in ("name", "to_name"):
        difference, _ = observed.against(changed(observed, at, **{key: "d/other"}))
        assert len(difference.missing) == len(difference.extra) == 1, key


def test_another_thread_is_found_out(observed):
    at, record = next(observed.find(op="rename"))
    difference, _ = observed.against(changed(observed, at, tid=record["tid"] + 1))
    assert len(difference.missing) == len(difference.extra) == 1


def test_another_order_is_found_out(observed):
    """Two different calls of one thread, the one behind the other."""
    places = list(observed.find())
    at, then = next((a, b) for (a, first), (b, second) in zip(places, places[1:])
                    if first["tid"] == second["tid"] and first["path"] != second["path"]
                    and "by_kernel" not in {**first, **second})
    lines = list(observed.lines)
    lines[at], lines[then] = lines[then], lines[at]
    difference, _ = observed.against(lines)
    assert len(difference.order) == 2
    assert not difference.missing and not difference.extra


def test_an_unnamed_file_is_found_out(observed):
    """All that tells of one file taken away: fanotify still knows it."""
    lines = [line for line in observed.lines if b"/g7\"" not in line]
    _, witness = observed.against(lines)
    assert [os.path.basename(name) for name in witness.absent] == [b"g7"]


def test_a_nameless_file_of_a_directory_that_is_gone(observed, tmp_path):
    """fanotify knows it by a number; the log has an O_TMPFILE, or the file is absent."""
    at, _ = next(observed.find(op="delete"))
    root = compare.Log(observed.lines, observed.table).root
    kernel = compare.Kernel(observed.run.events, observed.table, root)
    names = tmp_path / "names"
    names.write_bytes(b"%d %d 8000000 ?/#17\0" % (kernel.lives[root][0][0], root))
    for lines, absent in ((observed.lines, [b"?/#17"]), (changed(observed, at, op="tmpfile"), [])):
        log = compare.Log(lines, observed.table)
        assert files.Files(names, kernel, log).absent == absent


def test_a_full_ring_makes_the_run_void(observer, tmp_path, monkeypatch):
    """A loss is counted, and without room for all there is no result."""
    monkeypatch.setattr(observe, "RING_KIB", 4)
    monkeypatch.setattr(observe, "RING_KIB_MAX", 4)
    monkeypatch.setattr(observe, "NAP_MS", 200)
    with open(tmp_path / "output", "wb") as output, pytest.raises(observe.Lost):
        observer.run(["sh", "-ec", SCRIPT], lambda: None, tmp_path, ENVIRONMENT, 60, output)


@contextlib.contextmanager
def tracefs():
    """A mount of our own, only read from, and gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="whatfiles-tracefs-") as top:
        done = subprocess.run(["mount", "-t", "tracefs", "-o", "ro", "none", top],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"tracefs cannot be mounted: {done.stderr.strip()}")
        try:
            yield Path(top)
        finally:
            subprocess.run(["umount", top], check=True)


def test_names_stand_where_the_kernel_has_them(observer):
    """Both accounts take from one table where a name stands; the kernel knows by itself."""
    wrong, checked = [], 0
    with tracefs() as top:
        for (abi, number), name in observer.table.names.items():
            path = top / f"events/syscalls/sys_enter_{name}/format"
            shape, *places = observer.table.rows[abi, number]
            if abi or shape or not path.exists():
                continue
            fields = re.findall(r"field:([^;]*);", path.read_text())[5:]
            strings = [i + 1 for i, field in enumerate(fields) if "char *" in field]
            checked += 1
            for place in filter(None, places):
                if place not in strings:
                    wrong.append((name, place, fields))
    if not checked:
        pytest.skip("this kernel has no tracepoints for syscalls")
    assert not wrong
