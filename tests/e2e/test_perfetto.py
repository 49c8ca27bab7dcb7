# SPDX-License-Identifier: MIT
"""The trace for ui.perfetto.dev, checked against the rules of Chrome's trace event format.

https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
"""

import json
import os
import re
import shutil
import signal
import subprocess
from collections import Counter

import pytest
from conftest import Log, assert_nobody_left, name_of, wait_until

SCOPES = {"t", "p", "g"}  # of instants
METADATA = {"process_name": "name", "process_sort_index": "sort_index"}


def unique(pairs):
    """A key that comes twice is lost by every reader."""
    assert len({key for key, _ in pairs}) == len(pairs), pairs
    return dict(pairs)


def parse(data):
    """The events.  Strict: no NaN, no key twice, UTF-8, one event on each line."""

    def refuse(word):
        raise AssertionError(word)

    text = data.decode()
    events = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    assert isinstance(events, list)
    assert text.count("\n") == len(events)
    return events


def check(events, ended=True):
    """What the format asks of each event, and of those that belong together."""
    depth, starts, ends = Counter(), Counter(), Counter()
    for e in events:
        assert isinstance(e["ts"], (int, float)) and e["ts"] >= 0, e
        assert type(e["pid"]) is int and type(e["tid"]) is int, e
        assert isinstance(e.get("args", {}), dict), e
        if e["ph"] != "E":
            assert isinstance(e["name"], str) and e["name"], e
        if e["ph"] in "Bisf":
            assert isinstance(e["cat"], str) and e["cat"], e
        if e["ph"] == "B":
            depth[e["pid"], e["tid"]] += 1
        elif e["ph"] == "E":
            depth[e["pid"], e["tid"]] -= 1
            assert depth[e["pid"], e["tid"]] >= 0, "an end without a beginning"
        elif e["ph"] == "i":
            assert e["s"] in SCOPES, e
        elif e["ph"] == "M":
            assert type(e["args"][METADATA[e["name"]]]) in (int, str), e
        elif e["ph"] == "s":
            starts[e["id"]] += 1
        elif e["ph"] == "f":
            ends[e["id"]] += 1
            assert e["bp"] == "e"
        else:
            raise AssertionError(f"no such phase: {e}")
    assert set(starts.values()) <= {1}
    if ended:
        assert starts == ends
        assert not +depth, "slices that do not end"
    return events


def both(run, tmp_path, *command, options=("--all",), **how):
    """The same run as a trace and as a log."""
    log, trace = tmp_path / "x.jsonl", tmp_path / "x.perfetto.json"
    result = run(*command, log=False, options=[*options, "-o", log, "-o", trace], **how)
    return result, check(parse(trace.read_bytes())), Log.parse(log.read_bytes())


def test_processes_and_accesses(run, tmp_path):
    script = "cat /etc/hostname >/dev/null; : >made; mv made 'other name'; exit 3"
    result, events, log = both(run, tmp_path, "sh", "-c", script, cwd=tmp_path)
    assert (result.status, result.stderr) == (3, b"")
    slices = [e for e in events if e["ph"] == "B" and e["cat"] == "process"]
    assert len(slices) == len(log.of("start", "fork", "exec"))
    assert {"sh", "cat", "mv"} <= {e["name"] for e in slices}
    [mv] = [e for e in slices if e["name"] == "mv"]
    assert mv["args"]["argv"] == ["mv", "made", "other name"]
    assert mv["args"]["cwd"] == str(tmp_path)
    instants = [e for e in events if e["ph"] == "i"]
    accesses = log.of("access")
    assert [(e["name"], e["args"]["path"], e["args"]["call"]) for e in instants] == \
        [(r["op"], r["path"], r["call"]) for r in accesses]
    assert [(e["args"].get("error"), e["args"].get("result")) for e in instants] == \
        [(r.get("error"), r.get("result")) for r in accesses]
    for e, r in zip(instants, accesses):
        assert round(e["ts"] * 1000) == round(r["t"] * 1e9)
        assert (e["pid"], e["tid"]) == (r["pid"], r["tid"])
    [rename] = [e for e in instants if e["name"] == "rename"]
    assert rename["args"]["to"] == f"{tmp_path}/other name" and rename["cat"] == "name"
    assert sum(e["ph"] == "s" for e in events) == len(log.of("fork"))
    whole = [e for e in events if e["pid"] == log.header["pid"]]
    assert [e["ph"] for e in whole] == ["M", "B", "E"]
    assert whole[1]["args"]["command"] == ["sh", "-c", script]
    assert whole[2]["args"]["complete"] is True and whole[2]["args"]["status"] == 3


def test_only_the_first_of_equal_accesses(run, tmp_path):
    _, events, log = both(run, tmp_path, "sh", "-c", ": </etc/hostname; : </etc/hostname",
                          options=[])
    assert sum(e["ph"] == "i" for e in events) == len(log.of("access"))
    assert sum(e["ph"] == "i" and e["args"]["path"] == "/etc/hostname" for e in events) == 1


def test_any_name(run, tmp_path):
    """Bytes that are no UTF-8, quotes, newlines: valid JSON, and the bytes come back."""
    names = [b"a\xff\xfeb", b'q"uo\\te', b"new\nline", b"\x01\x1f\x7f", "ü\u202e\u2028".encode()]
    room = os.fsencode(tmp_path)
    program = tmp_path / os.fsdecode(b"p\xffr\"og")
    shutil.copy("/bin/cat", program)
    for name in names:
        (tmp_path / os.fsdecode(name)).touch()
    _, events, _ = both(run, tmp_path, program, *(room + b"/" + n for n in names))
    seen = {name_of(e["args"], "path") for e in events if e["ph"] == "i"}
    assert {room + b"/" + n for n in names} <= seen
    [exe] = {name_of(e["args"], "exe") for e in events if e["ph"] == "B" and
             name_of(e, "name") == b"p\xffr\"og"}
    assert exe == os.fsencode(program)


def test_threads_have_tracks(run, probe, tmp_path):
    _, events, log = both(run, tmp_path, probe("tree-threads"))
    threads = {(r["pid"], r["tid"]) for r in log.of("access")}
    assert {(e["pid"], e["tid"]) for e in events if e["ph"] == "i"} == threads
    assert any(pid != tid for pid, tid in threads)


def test_one_pid_for_many_processes(requires_root, run, probe, tmp_path):
    """In this format a process is its pid: one that comes again must become another."""
    result, events, log = both(run, tmp_path, probe("tree-reuse"))
    if result.status == 77:
        pytest.skip("this kernel lets nobody choose a pid (CAP_CHECKPOINT_RESTORE)")
    slices = [e for e in events if e["ph"] == "B" and e["cat"] == "process"]
    pids = {e["args"]["proc"]: e["pid"] for e in slices}
    real = {proc: r["pid"] for proc, r in log.processes().items()}
    assert set(pids) == set(real) and len(set(pids.values())) == len(pids) > 100
    assert all(pid % (1 << 22) == real[proc] for proc, pid in pids.items())


def test_killed_midway(start, tmp_path):
    """All that is missing is the bracket, which the format allows."""
    trace = tmp_path / "x.perfetto.json"
    live = start("sh", "-c", "cat /etc/hostname >/dev/null; echo up; read x; sleep 100",
                 log=trace.name, stdin=subprocess.PIPE)
    assert live.popen.stdout.readline() == b"up\n"
    wait_until(lambda: b'"exit' in trace.read_bytes() or
               re.search(rb'"path":"/etc/hostname"', trace.read_bytes()), what="the flush")
    live.send(signal.SIGKILL)
    live.wait()
    assert_nobody_left()
    data = trace.read_bytes()
    events = check(parse(data.rstrip(b"\n") + b"]\n"), ended=False)
    assert any(e["ph"] == "i" and e["args"]["path"] == "/etc/hostname" for e in events)


def test_full_disk(start, probe, small_disk):
    """Cut short at an event, and closed with what went wrong."""
    trace = small_disk / "x.perfetto.json"
    result = start(probe("open-names"), "20000", log=trace).wait()
    assert (result.status, result.stdout) == (125, b"done\n")
    events = check(parse(trace.read_bytes()), ended=False)
    assert events[-1]["args"]["complete"] is False and events[-1]["args"]["gaps"] == {"log": 1}


def test_compressed(run, tmp_path, needs, tool):
    needs("gzip")
    trace = tmp_path / "x.perfetto.json.gz"
    result = run("true", log=False, options=["-o", trace])
    if b"was built without" in result.stderr:
        return  # test_packed.py tells
    data = subprocess.run(["gzip", "-dc", trace], capture_output=True, check=True, timeout=60)
    check(parse(data.stdout))
