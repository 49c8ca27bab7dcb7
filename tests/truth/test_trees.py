# SPDX-License-Identifier: MIT
"""Random process trees in three accounts, and that a wrong account is found out."""

import collections
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

import observe
import trees

SEEDS = 40


@pytest.fixture(scope="module")
def whatfiles():
    path = os.path.abspath(os.environ.get("WHATFILES", TOP / "build" / "whatfiles"))
    assert os.access(path, os.X_OK), f"{path} is not there: build it, or set WHATFILES"
    return path


def test_trees(whatfiles):
    """What tests/truth/trees says of a few."""
    done = subprocess.run([HERE / "trees", "--seeds", f"1-{SEEDS}", "--whatfiles", whatfiles],
                          capture_output=True, text=True, timeout=600, check=False)
    if done.returncode == 77:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{SEEDS} trees" in done.stdout and "\n0 trees with a difference" in done.stdout


class Observed:
    """One run of some trees, whose log can be compared as it is and as it is not."""

    def __init__(self, generator):
        self.generator = generator
        self.run = generator.observe(1, 8)
        self.lines = self.run.log.read_bytes().splitlines()
        self.records = [json.loads(line) for line in self.lines]

    def against(self, lines):
        return self.generator.compare(self.run, lines)[1]

    def find(self, wanted):
        """The place of the first record that is wanted, not of the beginning."""
        return next(i for i, record in enumerate(self.records) if i > 100 and wanted(record))

    def changed(self, at, **members):
        """What is found wrong with other members in one record."""
        record = {**self.records[at], **members}
        return self.against([*self.lines[:at], json.dumps(record).encode(), *self.lines[at + 1:]])

    def known(self, op):
        """The place of an access whose absolute name the program lived to tell too."""
        account = self.generator.compare(self.run, self.lines)[0]
        known = {(told.tid, told.names[0].absolute())
                 for calls in account.calls.values() for told in calls if told.names[0].text}
        return self.find(lambda r: r["type"] == "access" and "name" in r and
                         (r["tid"], r["path"].encode()) in known and r["op"] == op)


    def waited(self):
        """The place of an end for which a parent lived to wait; of a pid that came once."""
        waited = self.generator.compare(self.run, self.lines)[0].waited
        ends = collections.Counter(r["pid"] for r in self.records if r["type"] == "exit")
        return self.find(lambda r: r["type"] == "exit" and r.get("status", 0) > 0 and
                         waited.get(r["pid"]) is not None and ends[r["pid"]] == 1)


@pytest.fixture(scope="module")
def observed(whatfiles, tmp_path_factory):
    room = tmp_path_factory.mktemp("trees")
    try:
        observer = observe.Observer(whatfiles, room, "strict")
    except observe.Unable as why:
        pytest.skip(str(why))
    return Observed(trees.Generator(observer, room))


def test_a_true_log_is_found_true(observed):
    difference = observed.against(observed.lines)
    assert not difference.wrong
    assert difference.compared > 500 and difference.named > 500


def test_a_missing_record_is_found_out(observed):
    at = observed.find(lambda r: r.get("op") == "mkdir")
    difference = observed.against(observed.lines[:at] + observed.lines[at + 1:])
    assert any("the program and the log differ" in text for _, text in difference.wrong)


def test_another_result_is_found_out(observed):
    at = observed.find(lambda r: r.get("error") == "ENOENT")
    assert observed.changed(at, errno=1).wrong


def test_another_name_is_found_out(observed):
    at = observed.known("rename")
    assert observed.changed(at, name="other").wrong


def test_another_place_is_found_out(observed):
    """The right name behind the wrong directory: only the program knows better."""
    at = observed.known("mkdir")
    [(_, text)] = observed.changed(at, path="/elsewhere").wrong
    assert "path is b'/elsewhere'" in text


def test_another_parent_is_found_out(observed):
    at = observed.find(lambda r: r["type"] == "fork" and r["parent"] > 1)
    [(_, text)] = observed.changed(at, parent=observed.records[at]["proc"]).wrong
    assert "the log does not know" in text


def test_other_arguments_are_found_out(observed):
    at = observed.find(lambda r: r["type"] == "exec")
    [(_, text)] = observed.changed(at, argv=["tree", "@1"]).wrong
    assert "executed" in text


def test_another_end_is_found_out(observed):
    at = observed.waited()
    difference = observed.changed(at, status=0)
    assert len(difference.wrong) == 1 and "it ended with" in difference.wrong[0][1]


def test_a_wrong_program_is_found_out(observed, tmp_path):
    """One byte of a name in the program's own account."""
    generator, account = observed.generator, observed.generator.account
    whole = account.read_bytes()
    at = whole.index(b"d0/d1\0", trees.HEADER.unpack_from(whole)[0])
    generator.account = tmp_path / "account"
    generator.account.write_bytes(whole[:at + 4] + b"9" + whole[at + 5:])
    try:
        found = [text for _, text in observed.against(observed.lines).wrong]
    finally:
        generator.account = account
    assert any("the program and the kernel differ" in text for text in found)
