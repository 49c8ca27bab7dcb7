# SPDX-License-Identifier: MIT
"""What a path means: section F of the catalogue, each case by its number."""

import os
import time

import pytest
from conftest import name_of
from test_ops import between_marks, check, scratch  # noqa: F401: a fixture


@pytest.fixture(autouse=True)
def _strict(monkeypatch):
    """What the descriptor and memory are at the exit of a call, only a stop there can tell."""
    monkeypatch.setenv("WHATFILES_ENGINE", "strict")


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
    let_rest()
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


@pytest.mark.parametrize("case", ["at_page_ends", "across_pages", "bad_pointers"])
def test_F3_names_at_the_ends_of_pages(run, probe, scratch, case):
    check(run(probe("ops-odd"), case, cwd=scratch))


def test_F4_names_of_any_bytes_are_read(run, probe, scratch):
    """Eight bytes of 0xff, which PEEKDATA could not tell from an error, among them."""
    check(run(probe("ops-odd"), "all_bytes", cwd=scratch))


def test_F5_longest_names(run, probe, scratch):
    check(run(probe("ops-odd"), "longest_names", cwd=scratch))


def test_F5_too_long_names_are_told_cut(run, probe, scratch):
    """No call takes them; the log has the beginning, and says that it is one."""
    result = run(probe("ops-odd"), "too_long", cwd=scratch)
    check(result)
    long = list(between_marks(result.log))
    assert all(r["truncated"] and r["error"] == "ENAMETOOLONG" for r in long)
    assert {len(r["name"]) for r in long} == {4095}


def test_F5_too_long_names_in_text(run, probe, scratch):
    text = run(probe("ops-odd"), "too_long", cwd=scratch, log="log.txt").text
    assert text.count(b", error: ENAMETOOLONG, note: too long\n") == 3


DEEP = """
import os
for _ in range(125):
    os.mkdir(100 * "n")
    os.chdir(100 * "n")
fd = os.open(".", os.O_RDONLY)
os.chdir("/")
os.fchdir(fd)
os.close(os.open("new", os.O_CREAT | os.O_WRONLY))
os.close(os.open("new", os.O_RDONLY, dir_fd=fd))
for _ in range(3):
    os.chdir("..")
os.rename(100 * "n", "moved")
os.close(os.open("moved", os.O_RDONLY))
os.mkdir(100 * "n")
os.chdir(100 * "n")
os.close(os.open("last", os.O_CREAT | os.O_WRONLY))
"""


def test_F5_directories_deeper_than_any_name(run, needs, scratch):
    """What the kernel has no name for, by descriptor and by "..": told all the same."""
    needs("python3")
    log = run("/usr/bin/python3", "-c", DEEP, cwd=scratch).log
    assert log.end["complete"], log.gaps
    below = os.fsencode(scratch) + 125 * (b"/" + 100 * b"n")
    assert len(log.accesses(below + b"/new")) == 2
    above = os.fsencode(scratch) + 122 * (b"/" + 100 * b"n")
    assert log.accesses(above + b"/moved", op="read")
    assert len(log.accesses(above + b"/" + 100 * b"n" + b"/last")) == 1


def test_F5_rm_of_a_deep_tree(run, native, needs, scratch):
    """Each level by descriptors of its own."""
    needs("python3", "rm")
    native("/usr/bin/python3", "-c", DEEP, cwd=scratch)
    log = run("rm", "-r", 100 * "n", cwd=scratch).log
    assert log.end["complete"], log.gaps
    made = {os.fsencode(scratch) + n * (b"/" + 100 * b"n") for n in range(1, 124)}
    assert made <= {name_of(r, "path") for r in log.accesses(op="rmdir")}


def test_F6_names_cannot_forge_a_line(run, tmp_path):
    """A file name that looks like a record is one name, in either format."""
    name = "x\nmode:  read, file: /etc/shadow, syscall: open(), PID: 1, process: sh\x1b\xff"
    raw = os.fsencode(tmp_path) + b"/" + name.encode("latin-1")
    os.makedirs(os.path.dirname(raw))
    open(raw, "w").close()
    assert len(run("cat", raw).log.accesses(raw, op="read")) == 1
    lines = run("cat", raw, log="log.txt").text.split(b"\n")
    assert len([line for line in lines if b"/etc/shadow" in line]) == 1
    assert not [line for line in lines if line.startswith(b"mode:  read, file: /etc/shadow")]


def marks(log):
    """deleted or not, of each access between the probe's marks."""
    return ["deleted" in r for r in between_marks(log)]


def test_F7_deleted_told_apart_from_a_file_of_that_name(run, probe, scratch):
    result = run(probe("ops-truth"), "deleted", cwd=scratch)
    assert result.status == 0, result
    told = [(name_of(r, "path"), "deleted" in r) for r in between_marks(result.log)
            if r["op"] == "truncate" and r["call"] == "ftruncate"]
    here = os.fsencode(scratch)
    assert told == [
        (here + b"/gone", True), (here + b"/named (deleted)", False),
        (here + b"/both (deleted)", True), (here + b"/twin", True), (here + b"/gone", True),
    ]


def test_F7_deleted_in_text(run, probe, scratch):
    text = run(probe("ops-truth"), "deleted", cwd=scratch, log="log.txt").text
    assert text.count(b", note: deleted\n") == 4


def test_F7_deleted_directory(run, probe, scratch):
    result = run(probe("ops-truth"), "deleted_directory", cwd=scratch)
    check(result)
    assert marks(result.log) == [False, True, False]


def test_F8_nameless_file_gets_a_name(run, probe, scratch):
    """By device and inode it is the same file: nameless, linked, and by its new name."""
    result = run(probe("ops-truth"), "nameless", cwd=scratch, options=["--all", "--resolve"])
    check(result)
    assert marks(result.log) == [False, True, False, False]
    assert len({(r["file"]["dev"], r["file"]["ino"]) for r in between_marks(result.log)}) == 1


def test_F8_nameless_file_gets_a_name_by_descriptor(requires_root, run, probe, scratch):
    result = run(probe("ops-truth"), "nameless_by_descriptor", cwd=scratch,
                 options=["--all", "--resolve"])
    check(result)
    assert marks(result.log) == [False, True]


def test_F8_memfd(run, probe, scratch):
    result = run(probe("ops-truth"), "memfd", cwd=scratch)
    check(result)
    assert marks(result.log) == [False, False]


def test_F9_renamed_while_open(run, probe, scratch):
    """The descriptor's name is the newest; the file stays the same, and what it replaced is told."""
    before = (scratch.parent / "other")
    before.touch()
    result = run(probe("ops-truth"), "renamed_while_open", cwd=scratch,
                 options=["--all", "--resolve"])
    check(result)
    records = list(between_marks(result.log))
    assert len({r["file"]["ino"] for r in records}) == 1
    replaced = [r.get("replaced") for r in records]
    assert replaced[3]["ino"] != records[0]["file"]["ino"]
    assert [bool(r) for r in replaced] == [False, False, False, True, False]


def test_F10_other_mounts_are_marked(requires_root, run, probe, scratch):
    """By the number of their namespace, on accesses and on process events, until it is left."""
    result = run(probe("ops-truth"), "other_mounts", cwd=scratch)
    assert result.status == 0, result
    log = result.log
    ns = [r.get("mnt_ns") for r in between_marks(log)]
    # each as it was when the call began
    assert ns[:2] == [None, None] and ns[-1] is None
    [other] = set(ns[2:-1])
    assert other and other != os.stat("/proc/self/ns/mnt").st_ino
    [child] = log.of("fork")
    assert child["mnt_ns"]
    [read] = [r for r in log.accesses(proc=child["proc"])]
    assert read["mnt_ns"] == child["mnt_ns"]
    assert log.end["complete"], log.gaps


def test_F10_same_name_elsewhere_is_another_file(requires_root, run, probe, scratch):
    """Without --all as well: it is no repetition of the one in our mounts."""
    log = run(probe("ops-truth"), "other_mounts", cwd=scratch, options=[]).log
    reads = log.accesses(str(scratch / "f"), op="read", proc=1)
    assert [bool(r.get("mnt_ns")) for r in reads] == [False, True]


def test_F10_other_roots_are_marked(requires_root, run, probe, scratch):
    log = run(probe("ops-root"), "other_root", cwd=scratch).log
    inside = [r for r in log.accesses() if r.get("root") == str(scratch / "jail")]
    assert len(inside) > 10 and not [r for r in inside if "mnt_ns" in r]
    assert not [r for r in log.accesses(str(scratch / "jail"), op="chroot") if "root" in r]


def test_F11_own_names_are_the_tracees(run, probe, scratch):
    result = run(probe("ops-truth"), "own_names", cwd=scratch)
    check(result)
    passed = {r["name"] for r in between_marks(result.log) if "name" in r}
    assert {"/proc/self/comm", "/proc/thread-self/comm", "/dev/stdin", "self/comm"} <= passed


def test_F11_the_name_as_passed_stays(run, needs, tmp_path):
    """Also without --all."""
    (tmp_path / "in").touch()
    with open(tmp_path / "in") as file:
        log = run("cat", "/dev/stdin", options=[], stdin=file).log
    [record] = [r for r in log.accesses(op="read") if r.get("name") == "/dev/stdin"]
    assert record["path"] == f"/proc/{record['pid']}/fd/0"


def test_F11_files_that_own_names_lead_to(run, tmp_path):
    """With --resolve it is the tracee's file, not ours, also behind a link to /proc/self."""
    (tmp_path / "in").touch()
    with open(tmp_path / "in") as file:
        log = run("cat", "/dev/stdin", "/etc/mtab", options=["--resolve"], stdin=file).log
    [record] = [r for r in log.accesses(op="read") if r.get("name") == "/dev/stdin"]
    assert record["file"]["path"] == str(tmp_path / "in")
    if os.path.realpath("/etc/mtab").startswith("/proc/"):
        [record] = log.accesses("/etc/mtab", op="read")
        assert record["file"]["path"] == f"/proc/{record['pid']}/mounts"


def test_F11_own_names_in_another_root(requires_root, run, probe, scratch):
    """There they are names like any other."""
    check(run(probe("ops-truth"), "own_names_in_another_root", cwd=scratch))


def test_F12_odd_ways_to_a_file(run, probe, scratch):
    result = run(probe("ops-truth"), "odd_ways", cwd=scratch, options=["--all", "--resolve"])
    check(result)
    led = [r.get("file", {}).get("path") for r in between_marks(result.log)]
    there = str(scratch / "d")
    assert led == [None, None, there, None, None, None, there, None]


def test_F12_as_other_tests_have_it(run, probe, scratch):
    for case in ("openat2_as_openat", "openat2_resolve", "openat2_in_root", "openat2_sizes"):
        room = scratch / case
        room.mkdir()
        check(run(probe("ops-open"), case, cwd=room))


def test_F13_numbers_without_a_call(run, native, needs):
    """Traced, answered by the kernel with ENOSYS as ever, and no gap."""
    needs("python3")
    code = ("import ctypes; libc = ctypes.CDLL(None, use_errno=True)\n"
            "for nr in (340, 470, 520, 1000, 5000, -1):\n"
            "    print(nr, libc.syscall(nr, 0), ctypes.get_errno())")
    alone = native("/usr/bin/python3", "-c", code)
    result = run("/usr/bin/python3", "-c", code)
    assert (result.status, result.stdout) == (0, alone.stdout)
    assert result.log.end["complete"], result.log.gaps


IDENTITIES = """
import os
os.mkdir("d")
open("d/a", "w").close()
open("d/b", "w").close()
os.symlink("d", "link")
def show(fd):
    st = os.fstat(fd)
    print(f"{os.major(st.st_dev)}:{os.minor(st.st_dev)}", st.st_ino)
show(os.open("d/a", os.O_RDONLY))
show(os.open("link/a", os.O_RDONLY))
os.rename("d/b", "d/a")
show(os.open("d/a", os.O_RDONLY))
os.unlink("link")
os.symlink("/", "link")
show(os.open("link", os.O_RDONLY))
dir = os.open("d", os.O_RDONLY)
show(dir)
show(os.open("a", os.O_RDWR, dir_fd=dir))
show(os.open("d/new", os.O_RDWR | os.O_CREAT))
"""


def test_F16_device_and_inode_of_every_descriptor(run, needs, scratch):
    needs("python3")
    result = run("/usr/bin/python3", "-c", IDENTITIES, cwd=scratch,
                 options=["--all", "--resolve"])
    assert result.status == 0, result
    opens = [r for r in result.log.accesses(call="openat")
             if name_of(r, "path").startswith(os.fsencode(scratch)) and "result" in r]
    got = [f"{r['file']['dev']} {r['file']['ino']}" for r in opens[2:]]
    assert got == result.stdout.decode().splitlines()
    assert [r["file"].get("path") for r in opens[2:]] == [
        None, f"{scratch}/d/a", None, "/", None, None, None]
    [unlink] = result.log.accesses(op="delete")
    assert unlink["path"] == f"{scratch}/link" and "path" not in unlink["file"]


def test_F16_in_text(run, scratch):
    (scratch / "f").write_text("x")
    (scratch / "link").symlink_to("f")
    st = os.stat(scratch / "f")
    text = run("cat", "link", cwd=scratch, options=["--resolve"], log="log.txt").text.decode()
    [line] = [line for line in text.splitlines() if f"file: {scratch}/link," in line]
    assert line.endswith(f", real: {scratch}/f, dev: {os.major(st.st_dev)}:"
                         f"{os.minor(st.st_dev)}, ino: {st.st_ino}")


def test_F16_without_the_option_nothing_is_looked_up(run, scratch):
    log = run("cat", "/etc/passwd").log
    assert not [r for r in log.accesses() if "file" in r or "opened" in r]


def test_F16_the_engine_is_strict_then(run, tool, monkeypatch):
    monkeypatch.delenv("WHATFILES_ENGINE")
    assert run("true", options=["--resolve"]).log.header["engine"] == "strict"
    refused = tool("--resolve", "--engine=fast", "true")
    assert refused.status == 2 and b"--engine=strict" in refused.stderr
