# SPDX-License-Identifier: MIT
"""The quick jobs of tests/equivalence/run, and that it can tell a difference."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
WHATFILES = os.environ.get("WHATFILES", TOP / "build/whatfiles")


def load():
    spec = importlib.util.spec_from_file_location("equivalence_compare", HERE / "compare.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


compare = load()


def test_quick_jobs():
    done = subprocess.run([HERE / "run", "--quick", "--whatfiles", WHATFILES],
                          capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr


def account(tmp_path, *accesses, **how):
    """The Account of a log with these (path, result) in a process that was forked."""
    records = [{"type": "header"}, {"type": "start", "proc": 1, "pid": 4000, "ppid": 3999},
               {"type": "fork", "proc": 2, "pid": 4001, "ppid": 4000, "parent": 1}]
    for path, result in accesses:
        records.append({"type": "access", "proc": 2, "pid": 4001, "tid": 4001, "op": "stat",
                        "call": "stat", "path": path, "result": result})
    log = tmp_path / "log"
    log.write_text("".join(json.dumps(r) + "\n" for r in [*records, {"type": "end"}]))
    return compare.Account(log, **how)


def test_what_is_missing_or_new_is_told(tmp_path):
    strict = compare.Range([account(tmp_path, ("/a", 0), ("/b", 0))])
    found = strict.outside(account(tmp_path, ("/a", 0), ("/c", 0)))
    assert sorted((event[4], n) for event, n in found.items()) == [("/b", -1), ("/c", 1)]
    assert not strict.outside(account(tmp_path, ("/a", 0), ("/b", 0)))


def test_another_result_is_told(tmp_path):
    strict = compare.Range([account(tmp_path, ("/a", 0))])
    assert len(strict.outside(account(tmp_path, ("/a", 1)))) == 2


def test_another_order_is_told(tmp_path):
    strict = compare.Range([account(tmp_path, ("/a", 0), ("/b", 0))])
    assert strict.disordered(account(tmp_path, ("/b", 0), ("/a", 0))) == [(0,)]
    assert strict.disordered(account(tmp_path, ("/a", 0), ("/b", 0))) == []


def test_what_varies_by_itself_may_vary(tmp_path):
    strict = compare.Range([account(tmp_path, ("/a", 0)), account(tmp_path, ("/a", 0), ("/a", 0))])
    assert not strict.outside(account(tmp_path, ("/a", 0)))
    assert strict.outside(account(tmp_path, ("/a", 0), ("/a", 0), ("/a", 0)))


def test_names_that_are_new_each_time(tmp_path):
    first = account(tmp_path, ("/proc/77/fd", 0), ("/t/x.4001", 0), ("/t/abcdef", 0),
                    temporary=["/t/[a-f]{6}"])
    names = {event[4] for event in first.events if len(event) > 4}
    assert names == {"/proc/PID/fd", "/t/x.PID", "TEMPORARY"}
