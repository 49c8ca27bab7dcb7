# SPDX-License-Identifier: MIT
"""The faults of the older tool of the same name (DESIGN.md section 1), each a test.

Every one of these fails on that tool.
"""

import os
import re
import signal

from conftest import Log, assert_nobody_left, descendants, wait_until

LINE = re.compile(
    r"mode: +(?P<mode>\S+), file: (?P<file>.*?), syscall: (?P<call>\w+)\(\), "
    r"PID: (?P<pid>\d+), process: (?P<process>[^,]*)"
    r"(, to: (?P<to>.*?))?(, error: (?P<error>\w+))?"
)


def text_lines(data):
    """The access lines of a text log, as match objects; every line must be one, or the end."""
    lines = data.decode().splitlines()
    assert lines[-1].startswith("end: ")
    matches = [LINE.fullmatch(line) for line in lines[:-1]]
    assert None not in matches, lines[matches.index(None)]
    return matches


MODES = [  # the file, what is done, whether the call is creat()
    ("there", "read"),
    ("there", "write"),
    ("there", "rdwr"),
    ("there", "append"),
    ("there", "truncate"),
    ("made-0", "create"),
    ("made-1", "create"),
    ("made-2", "create"),
    ("made-644", "create"),
    ("made-755", "create"),
    ("made-by-creat", "create"),
]


def test_mode_is_taken_from_the_flags(run, probe, tmp_path):
    """Fault: the mode was computed from the permission argument of open().

    O_WRONLY was told as a read, O_CREAT with 0644 as "0x1A4", with 0666 as rd/wr.
    """
    (tmp_path / "d").mkdir()
    (tmp_path / "d/there").touch()
    result = run(probe("open-modes"), tmp_path / "d")
    assert result.status == 0, result
    below = str(tmp_path / "d") + "/"
    seen = [
        (r["path"][len(below):], r["op"])
        for r in result.log.accesses()
        if r["path"].startswith(below)
    ]
    assert seen == MODES


def test_mode_word_of_the_text_line(run, probe, tmp_path):
    """The same fault in the text log, whose line keeps the old one's shape."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d/there").touch()
    result = run(probe("open-modes"), tmp_path / "d", log="log.txt")
    below = str(tmp_path / "d") + "/"
    words = {"rdwr": "rd/wr"}
    seen = [
        (m["file"][len(below):], m["mode"])
        for m in text_lines(result.text)
        if m["file"].startswith(below)
    ]
    assert seen == [(name, words.get(op, op)) for name, op in MODES]
    assert b"\nmode:  read, file: /" in result.text, "the old line's columns"


def test_user_signal_reaches_the_job(run):
    """Fault: every signal to the job was swallowed, so a trap never ran."""
    result = run("sh", "-c", "trap 'echo got USR1' USR1; kill -USR1 $$; echo on; exit 4")
    assert (result.status, result.stdout) == (4, b"got USR1\non\n")


def test_term_reaches_the_job(run):
    """Fault: `kill -TERM $$` survived, trap or not."""
    result = run("sh", "-c", "trap 'echo got TERM; exit 5' TERM; kill -TERM $$; echo no")
    assert (result.status, result.stdout) == (5, b"got TERM\n")
    result = run("sh", "-c", "kill -TERM $$; echo survived")
    assert (result.status, result.stdout) == (-signal.SIGTERM, b"")


def test_each_signal_arrives_once(run, probe, tmp_path):
    """Faults: SIGALRM was swallowed; one that came in user code made the tool let go
    of the process silently, so that all its later accesses were missed."""
    file = tmp_path / "file"
    file.touch()
    result = run(probe("signal-timer"), file)
    signals, opens = map(int, re.findall(rb"\d+", result.stdout))
    assert (result.status, signals) == (0, 10)
    assert len(result.log.accesses(file, op="read")) == opens


def test_five_opens_are_five_records(run, probe, tmp_path):
    """Fault: of equal calls in a row all but the first were lost; 5 opens logged 1."""
    file = tmp_path / "file"
    file.touch()
    log = run(probe("open-repeat"), file, "5", "1", "1").log
    assert len(log.accesses(file)) == 5
    assert len(log.accesses("/nonexistent/name", op="delete", error="ENOENT")) == 5
    assert log.end["complete"]


def test_parallel_opens_are_not_doubled(run, probe, tmp_path):
    """Fault: parallel calls were logged twice; 4 threads of 50 opens logged 335."""
    file = tmp_path / "file"
    file.touch()
    log = run(probe("open-repeat"), file, "50", "4", "4").log
    found = log.accesses(file)
    assert len(found) == 4 * 4 * 50
    of_thread = {}
    for r in found:
        of_thread[r["pid"], r["tid"]] = of_thread.get((r["pid"], r["tid"]), 0) + 1
    assert list(of_thread.values()) == [50] * 16
    assert len({pid for pid, _ in of_thread}) == 4


def test_results_are_read(run, tmp_path):
    """Fault: results were never read, so failed calls looked like successes."""
    (tmp_path / "file").touch()
    script = "cat nothing; cat file/below; : > here; rmdir here; cat here"
    result = run("sh", "-c", script, cwd=tmp_path)
    log = result.log

    def outcomes(name):
        found = log.accesses(tmp_path / name)
        return [r.get("error", "ok") for r in found if r["op"] not in ("stat", "access")]

    assert outcomes("nothing") == ["ENOENT"]
    assert outcomes("file/below") == ["ENOTDIR"]
    assert outcomes("here") == ["ok", "ENOTDIR", "ok"]
    for r in log.accesses():
        assert ("result" in r) != ("error" in r and "errno" in r)


def test_errors_stand_in_the_text_line(run, tmp_path):
    """The same fault in the text log."""
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir/file").touch()
    options = ["--all", "--failed"]
    result = run("sh", "-c", "cat nothing; rmdir dir; mv dir moved", cwd=tmp_path,
                 options=options, log="log.txt")
    lines = text_lines(result.text)
    seen = {(m["mode"], m["file"], m["to"], m["error"]) for m in lines}
    assert ("read", f"{tmp_path}/nothing", None, "ENOENT") in seen
    assert ("rmdir", f"{tmp_path}/dir", None, "ENOTEMPTY") in seen
    assert ("rename", f"{tmp_path}/dir", f"{tmp_path}/moved", None) in seen


def test_relative_names_become_absolute(run, probe, tmp_path):
    """Fault: relative names stayed relative, and dirfd-relative ones too."""
    top = tmp_path / "top"
    top.mkdir()
    result = run(probe("open-relative"), top)
    assert result.status == 0, result
    assert all(r["path"].startswith("/") for r in result.log.accesses())
    made = [r["path"] for r in result.log.accesses(op="create")]
    assert made == [
        f"{top}/by-dirfd",
        f"{top}/by-dirfd-dotdot",
        f"{top}/after-chdir",
        f"{top}/sub/after-chdir-sub",
        f"{top}/sub/after-chdir-twice",
        f"{top}/after-fchdir",
        f"{top}/sub/in-child",
        f"{top}/in-parent",
    ]
    [moved] = result.log.accesses(op="rename")
    assert (moved["path"], moved["to"]) == (f"{top}/after-fchdir", f"{top}/sub/moved")
    [gone] = result.log.accesses(op="delete")
    assert gone["path"] == f"{top}/sub/moved"


def test_exit_status_is_the_commands(run):
    """Fault: the exit status was always 0."""
    assert run("sh", "-c", "exit 3").status == 3
    assert run("false").status == 1
    assert run("sh", "-c", "kill -SEGV $$").status == -signal.SIGSEGV
    assert run("/nonexistent/program").status == 127


FORGED = b"x\nmode:  read, file: /etc/shadow, syscall: openat(), PID: 1, process: init\n"
NAMES = [
    b"plain",
    b"a\nb",
    b"a, syscall: open(), PID: 1, process: x",
    b", to: ",
    b"tail,",
    b"back\\slash\\n",
    b"quote\"brace}",
    b"\xff\xfe not utf-8",
    b"tab\tescape\x1b[2Jbell\x07",
    "umlaut-\u00e4-\u202e-turned".encode(),
    FORGED.replace(b"/", b"-"),
]


def test_a_name_cannot_forge_a_log_line(run, tmp_path):
    """Fault: a name with a newline or with ", syscall: " in it forged whole records."""
    for name in NAMES:
        (tmp_path / "d").mkdir(exist_ok=True)
        with open(os.path.join(os.fsencode(tmp_path), b"d", name), "wb"):
            pass
    result = run("cat", *NAMES, cwd=tmp_path / "d", log="log.txt")
    assert result.status == 0, result
    below = f"{tmp_path}/d/"
    lines = text_lines(result.text)
    mine = [m for m in lines if m["file"].startswith(below)]
    assert len(mine) == len(NAMES)
    for m, name in zip(mine, NAMES):
        assert m["process"] == "cat" and m["call"] == "openat" and m["mode"] == "read"
        assert m["to"] is None and m["error"] is None
        fields = [field.partition(": ")[0] for field in m[0].split(", ")]
        assert fields == ["mode", "file", "syscall", "PID", "process"]
        shown = m["file"][len(below):]
        assert shown.isprintable()
        raw = re.sub(r"\\u([0-9a-f]{4})", lambda u: chr(int(u[1], 16)), shown)
        assert raw.encode().decode("unicode_escape").encode("latin-1") == name
    assert not re.search(r"(?m)^mode: .*/etc/shadow", result.text.decode())


def test_names_round_trip_in_jsonl(run, tmp_path):
    """The same fault, in JSONL: each name comes back byte for byte."""
    room = os.fsencode(tmp_path / "d")
    os.mkdir(room)
    for name in NAMES:
        with open(os.path.join(room, name), "wb"):
            pass
    result = run("cat", *NAMES, cwd=room)
    for name in NAMES:
        assert len(result.log.accesses(os.path.join(room, name), op="read")) == 1, name
    [command] = result.log.of("exec")
    words = [bytes.fromhex(a["hex"]) if isinstance(a, dict) else os.fsencode(a)
             for a in command["argv"]]
    assert words == [b"cat", *NAMES]


def test_interrupt_leaves_a_whole_log(start, tmp_path):
    """Fault: Ctrl-C left an empty log."""
    for log in ("log.jsonl", "log.txt"):
        script = "cat /etc/passwd > /dev/null; echo up; sleep 100"
        live = start("sh", "-c", script, log=log)
        assert live.popen.stdout.readline() == b"up\n"
        # a shell that is just making its child may die alone of a signal to both (vfork)
        wait_until(lambda: ("S", "sleep") in [d[1:] for d in descendants(live.pid)], what="sleep")
        os.killpg(live.pid, signal.SIGINT)
        result = live.wait()
        assert_nobody_left()
        assert result.status == -signal.SIGINT
        if log == "log.txt":
            assert any(m["file"] == "/etc/passwd" for m in text_lines(result.text))
            assert result.text.splitlines()[-1].startswith(b"end: INCOMPLETE (signalled: 1)")
        else:
            assert result.log.accesses("/etc/passwd", op="read")
            assert not result.log.end["complete"] and "signalled" in result.log.gaps


def test_the_logs_descriptor_is_not_in_the_job(run, native):
    """Fault: the log's descriptor leaked into the job."""
    script = "ls -l /proc/self/fd | grep -c -- '->'; ls -l /proc/self/fd | grep log; true"
    plain = native("sh", "-c", script)
    assert run("sh", "-c", script).stdout == plain.stdout
    assert run("sh", "-c", script, options=["--all", "-o", "/dev/null"]).stdout == plain.stdout


def test_log_is_there_while_the_job_runs(start):
    """What is known is on disk soon, not only at the end: the job may be killed."""
    live = start("sh", "-c", "cat /etc/passwd > /dev/null; echo up; read line", stdin=-1)
    assert live.popen.stdout.readline() == b"up\n"
    wait_until(lambda: live.log_so_far().accesses("/etc/passwd"), what="the record on disk")
    assert isinstance(live.log_so_far(), Log)
    assert live.wait(input=b"\n").status == 0
