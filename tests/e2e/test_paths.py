# SPDX-License-Identifier: MIT
"""What a path means: section F of the catalogue, each case by its number."""

import os
import time

import pytest
from conftest import name_of


def told(record):
    """What the log says was really opened."""
    return name_of(record, "opened") or name_of(record, "path")


def doubted(log):
    return [r for r in log.accesses() if {"raced", "opened", "path_after"} & set(r)]


def let_rest():
    """What was changed just now could have been changed during a call."""
    time.sleep(0.1)


@pytest.fixture
def pair(tmp_path):
    """Two files whose names differ in their last letter; the prefix of both."""
    for letter in "AB":
        (tmp_path / f"file.{letter}").touch()
    let_rest()
    return tmp_path / "file"


@pytest.mark.parametrize("how", ["absolute", "relative", "by_a_link"])
def test_F1_name_changed_on_its_way(run, probe, pair, how):
    """The descriptor is the truth: for every open the log names the file that the probe got."""
    (pair.parent / "link").symlink_to(".")
    prefix = {"absolute": pair, "relative": "file", "by_a_link": pair.parent / "link" / "file"}[how]
    seen = 0
    for _ in range(5):
        result = run(probe("path-race"), "open", str(prefix), cwd=pair.parent)
        assert result.status == 0, result
        opens = [r for r in result.log.accesses(call="openat", op="read")
                 if told(r)[-6:-1] == b"file."]
        assert "".join(told(r)[-1:].decode() for r in opens) == result.stdout.decode()
        for record in doubted(result.log):
            assert record["raced"] is True
            assert record["opened"] in (f"{pair}.A", f"{pair}.B")
            assert record["opened"][-1] != record["path"][-1]
        assert result.log.end["complete"]
        seen += len(doubted(result.log))
        if seen:
            break
    assert seen, "the race was never lost: this proves nothing"


def test_F1_first_occurrences_show_races(run, probe, pair):
    """Without --all a raced open is no repetition of one that was not."""
    for _ in range(5):
        log = run(probe("path-race"), "open", str(pair), options=[]).log
        if doubted(log):
            return
    pytest.fail("no raced open in the log")


def test_F2_descriptor_replaced_before_the_look(run, probe, tmp_path):
    """Nobody can tell whether it was the name or the descriptor: both files are told."""
    for name in ("wanted", "other"):
        (tmp_path / name).touch()
    let_rest()
    found = []
    for _ in range(5):
        result = run(probe("path-race"), "dup", str(tmp_path / "wanted"), str(tmp_path / "other"))
        assert result.status == 0, result
        found = doubted(result.log)
        assert {(r["path"], r.get("opened")) for r in found} <= {
            (str(tmp_path / "wanted"), str(tmp_path / "other"))}
        if found:
            break
    assert found, "the race was never lost: this proves nothing"
    assert all(r["raced"] for r in found)


def test_F2_names_of_calls_without_a_descriptor(run, probe, pair):
    """Read again when the call returns; what stands there then is told as well."""
    found = []
    for _ in range(5):
        result = run(probe("path-race"), "unlink", str(pair))
        found = [r for r in result.log.accesses(op="rmdir") if "raced" in r]
        if found:
            break
    assert found
    for record in found:
        assert {record["path"], record["path_after"]} == {f"{pair}.A", f"{pair}.B"}


def test_F2_moved_files_are_no_race(run, probe, tmp_path):
    """Only the file is told, by the name that it has when the call returns."""
    (tmp_path / "f").touch()
    result = run(probe("path-race"), "moved", str(tmp_path))
    assert result.status == 0, result
    assert not [r for r in result.log.accesses() if "raced" in r]
    assert {r["opened"] for r in doubted(result.log)} <= {str(tmp_path / "g")}


@pytest.mark.parametrize("options", [["--all"], ["--all", "--resolve"]])
def test_F2_no_false_races(run, probe, tmp_path, options):
    """Links, "..", magic links, descriptors, new and nameless files: what was meant."""
    room = tmp_path / "room"
    room.mkdir()
    result = run(probe("path-race"), "quiet", str(room), options=options)
    assert result.status == 0, result
    assert len(result.log.accesses(op="read")) > 15
    assert doubted(result.log) == []
