# SPDX-License-Identifier: MIT
"""Random names of bytes come back from both logs, and a log that lost one would be found out."""

import os
import re
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

import bytenames
import logs

COUNT, FEW, SEED = 20_000, 300, 1


def observed(room, count):
    whatfiles = os.path.abspath(os.environ.get("WHATFILES", TOP / "build" / "whatfiles"))
    assert os.access(whatfiles, os.X_OK), f"{whatfiles} is not there: build it, or set WHATFILES"
    run = bytenames.Run(whatfiles, room, count, SEED)
    run.run(timeout=300)
    return run


def test_names_come_back(tmp_path):
    """A small part of what tests/truth/names does."""
    run = observed(tmp_path, COUNT)
    check = run.check()
    assert not check.wrong, check.wrong[:bytenames.SHOWN]
    assert check.lines == check.records + 2 > COUNT / 2
    assert run.plan.count >= COUNT


# --- a log that is wrong ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    return observed(tmp_path_factory.mktemp("few"), FEW)


def first(lines, pattern, behind=20):
    """The number of a line that matches, somewhere in the middle."""
    return next(i for i, line in enumerate(lines) if i > behind and re.search(pattern, line))


def is_found_out(run, log, change):
    """Whether a log whose lines were changed is refused or differs."""
    path = run.room / "changed"
    lines = (run.jsonl if log == "jsonl" else run.text).read_bytes().splitlines(keepends=True)
    change(lines)
    path.write_bytes(b"".join(lines))
    try:
        return bool(run.check(**{log: path}).wrong)
    except logs.Forged:
        return True


def substitute(pattern, by):
    """A change: in the first line that matches."""
    def change(lines):
        at = first(lines, pattern)
        lines[at] = re.sub(pattern, by, lines[at], count=1)
    return change


def drop(lines):
    del lines[30]


def double(lines):
    lines.insert(30, lines[30])


def swap(lines):
    lines[30], lines[31] = lines[31], lines[30]


CHANGES = {
    "text": {
        "dropped": drop, "doubled": double, "swapped": swap,
        "newline": substitute(rb"\\n", b"\n"),
        "escape": substitute(rb"\\x1b", b"\x1b"),
        "no UTF-8": substitute(rb"\\x(f[89a-f])", b"\xff"),
        "direction": substitute(rb"\\u202e", "\u202e".encode()),
        "backslash": substitute(rb"\\\\", rb"\\"),
        "comma": substitute(rb"\\x2c ", b", "),
        "no escape": substitute(rb"\\x([0-9a-f])", rb"\\y\1"),
        "one byte": substitute(rb"\\x(f[89a-f])", rb"\\xf7"),
        "error": substitute(rb", error: ENOENT", b""),
        "process": substitute(rb", process: .*?, ", b", process: x, "),
    },
    "jsonl": {
        "dropped": drop, "doubled": double, "swapped": swap,
        "newline": substitute(rb"\\n", b"\n"),
        "escape": substitute(rb"\\u001b", b"\x1b"),
        "direction": substitute(rb"\\u202e", "\u202e".encode()),
        "quote": substitute(rb'\\"', b'"'),
        "hex lost": substitute(rb',"path_hex":"[0-9a-f]*"', b""),
        "hex differs": substitute(rb'(_hex":"[0-9a-f]*)ff', rb"\1fe"),
        "string differs": substitute("\ufffd".encode(), b"?"),
        "key twice": substitute(rb'"path":', b'"op":"x","path":'),
        "result": substitute(rb'"errno":2', b'"errno":13'),
        "two objects": substitute(rb"}\n", b"}{}\n"),
    },
}


@pytest.mark.parametrize("log, what", [(log, what) for log in CHANGES for what in CHANGES[log]])
def test_a_change_is_found_out(few, log, what):
    assert is_found_out(few, log, CHANGES[log][what])


def test_no_change_is_none(few):
    assert not is_found_out(few, "text", lambda lines: None)
    assert not is_found_out(few, "jsonl", lambda lines: None)
