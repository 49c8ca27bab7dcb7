# SPDX-License-Identifier: MIT
"""whatfiles-report on logs of real commands, and on what is left of logs."""

import gzip
import fcntl
import json
import os
import pathlib
import pty
import re
import shutil
import struct
import subprocess
import termios

import pytest


@pytest.fixture
def report(whatfiles):
    """report(*words) -> CompletedProcess of `whatfiles-report WORDS...`."""

    def report(*words, **how):
        program = pathlib.Path(whatfiles).with_name("whatfiles-report")
        how.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run([program, *map(str, words)], capture_output=True, check=False,
                              timeout=60, **how)

    return report


JOB = r"""
cat in >out
cp out keep.tmp; mv keep.tmp keep
echo x >gone; rm gone
cat nothing 2>/dev/null
echo more >>old
mkdir dir
test -e 'od
d'
"""


@pytest.fixture
def job(run, tmp_path):
    """The log of a small job in its own directory."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "in").write_text("hello\n")
    (work / "old").write_text("old\n")
    result = run("sh", "-c", JOB, cwd=work)
    assert result.status == 1
    return result.log_path, work


def names(done):
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split(b"\0")) - {b""}


def test_lists_of_files(job, report):
    log, work = job

    def below(view):
        return {n.decode().removeprefix(f"{work}/") for n in names(report("-0", log, view))
                if n.startswith(bytes(work) + b"/") and n != bytes(work) + b"/"}

    assert below("inputs") == {"in"}
    assert below("outputs") == {"out", "keep", "old", "dir/"}
    assert below("temporaries") == {"gone", "keep.tmp"}
    assert below("missing") == {"nothing", "od\nd"}
    assert below("files") == below("inputs") | below("outputs") | below("temporaries") | \
        below("missing")
    assert b"/keep.tmp -> " + bytes(work) + b"/keep\n" in report(log, "temporaries").stdout
    assert b"/od\\nd\n" in report(log, "missing").stdout


def test_who_and_ps(job, report):
    log, work = job
    done = report(log, "who", "keep")
    assert done.returncode == 0
    text = done.stdout.decode()
    assert "output: made or written" in text
    pid = re.search(r"PID (\d+) mv +rename from " + re.escape(f"{work}/keep.tmp"), text)[1]
    assert report(log, "who", work / "keep").stdout == done.stdout
    one = report(log, "ps", pid).stdout.decode()
    assert "mv keep.tmp keep" in one and f"{work}/keep.tmp -> {work}/keep" in one
    assert report(log, "who", "/nobody/knows").returncode == 1
    assert report(log, "ps", "4194304").returncode == 1
    assert report(log, "ps", "x").returncode == 2


def test_tree(job, report):
    lines = report(job[0], "tree").stdout.decode().splitlines()[1:]
    commands = [re.split(r"\s{2,}", line.strip(), maxsplit=5)[-1] for line in lines]
    assert commands[0].startswith("sh -c")
    assert commands[1:] == ["cat in", "cp out keep.tmp", "mv keep.tmp keep", "rm gone",
                            "cat nothing", "mkdir dir"]
    assert ["exit status 1" in line for line in lines] == [True] + 4 * [False] + [True, False]


def test_summary(job, report):
    log, work = job
    done = report(log)
    text = done.stdout.decode()
    assert done.returncode == 0 and done.stderr == b"" and b"\033" not in done.stdout
    assert report(log, "summary").stdout == done.stdout
    assert re.search(r"^command +sh -c", text, re.M)
    assert re.search(rf"^ +in {re.escape(str(work))}$", text, re.M)
    assert re.search(r"^ended +exit status 1 after ", text, re.M)
    assert re.search(r"^record +complete$", text, re.M)
    assert re.search(r"^processes +7; 7 programs executed$", text, re.M)
    assert re.search(r"^ +1  modified", text, re.M)
    assert re.search(r"^ +1  temporary", text, re.M)
    assert len(text.splitlines()) <= 40
    assert "first occurrences" not in text


def terminal(command, env):
    """What @command writes to a terminal of 60 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    child = subprocess.Popen(command, stdout=theirs, stdin=subprocess.DEVNULL,
                             env={**os.environ, "TERM": "xterm", **env})
    os.close(theirs)
    data = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        data += piece
    os.close(ours)
    assert child.wait(timeout=60) == 0
    return data.decode()


def test_colours_only_where_they_are_wanted(job, whatfiles):
    program = pathlib.Path(whatfiles).with_name("whatfiles-report")
    command = [program, str(job[0])]
    env = {"NO_COLOR": ""}
    coloured = terminal(command, env)
    assert "\033[1mcommand" in coloured and "\033[32mcomplete" in coloured
    for other in ({"NO_COLOR": "1"}, {"NO_COLOR": "", "TERM": "dumb"}):
        assert "\033" not in terminal(command, other)
    plain = re.sub(r"\033\[\d+m", "", coloured)
    names = [line for line in plain.splitlines() if "/" in line]
    assert names and max(map(len, names)) <= 60


def test_live_summary(run, tmp_path):
    work = tmp_path / "w"
    work.mkdir()
    result = run("sh", "-c", "echo x >new; exit 3", options=["--summary"], log=False, cwd=work)
    text = result.stderr.decode()
    assert result.status == 3 and result.stdout == b""
    assert re.search(r"^command +sh -c echo x >new; exit 3$", text, re.M)
    assert re.search(r"^ended +exit status 3", text, re.M)
    assert re.search(r"^ +1  output", text, re.M)
    assert [p.name for p in work.iterdir()] == ["new"], "no log but those that are named"
    result = run("true", options=["--summary"], log="named.jsonl")
    assert b"complete" in result.stderr and result.log[-1]["complete"]
    # nobody to read it is no reason to fail
    with open("/dev/full", "wb") as full:
        assert run("true", options=["--summary"], log=False, stderr=full).status == 0


def test_a_log_comes_back_byte_for_byte(job, report, run, tmp_path):
    log = job[0]
    assert report(log, "jsonl").stdout == pathlib.Path(log).read_bytes()
    first = run("sh", "-c", "echo \"$0\" >'\\,\t'; cat /proc/self/stat", b"\xff", options=[],
                cwd=tmp_path)
    out = tmp_path / "again.jsonl"
    assert report(first.log_path, "-o", out).returncode == 0
    assert out.read_bytes() == first.text


def test_text_from_a_log(report, run, tmp_path):
    log, text = tmp_path / "a.jsonl", tmp_path / "a.log"
    run("sh", "-c", "cat nothing; echo >x; rm x", log=False,
        options=["-o", log, "-o", text, "-F", "-e",
                 "read,write,name,meta,probe,list,exec,dir,socket"],
        cwd=tmp_path)
    assert report(log, "text").stdout == text.read_bytes()


def test_pipes_and_compression(job, report, tmp_path):
    log = pathlib.Path(job[0])
    want = report(log).stdout
    packed = tmp_path / "log.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    assert report(packed).stdout == want
    with log.open("rb") as stdin:
        assert report("-", stdin=stdin).stdout == want
    data = subprocess.Popen(["cat", log], stdout=subprocess.PIPE)
    assert report("-", stdin=data.stdout).stdout == want
    data.communicate()
    packed.write_bytes(gzip.compress(log.read_bytes())[:-400])
    cut = report(packed)
    assert cut.returncode == 2 and b"could not decompress all of it" in cut.stderr
    assert b"INCOMPLETE" in cut.stdout
    if not shutil.which("zstd"):
        pytest.skip("zstd is not installed")
    subprocess.run(["zstd", "-q", log, "-o", tmp_path / "log.zst"], check=True, timeout=60)
    assert report(tmp_path / "log.zst").stdout == want


def test_damaged_logs(job, report, tmp_path):
    good = pathlib.Path(job[0]).read_bytes()
    lines = good.splitlines(keepends=True)
    path = tmp_path / "bad.jsonl"

    def bad(data, told, status=2):
        path.write_bytes(data)
        done = report(path)
        assert done.returncode == status, done
        assert re.search(told, done.stderr), done.stderr
        assert done.stderr.count(b"\n") == 1, done.stderr
        return done.stdout

    # cut short: everything up to there is told, and that it is not all
    out = bad(b"".join(lines[:-1]), rb"has no end")
    assert b"INCOMPLETE" in out and re.search(rb"\n +1  temporary", out)
    out = bad(b"".join(lines[:9] + [b"{broken\n"] + lines[9:]),
              rb"cannot be read: 1, the first is line 10\n")
    assert b"INCOMPLETE" in out and b"the first is line 10" in out
    gone = next(i for i, line in enumerate(lines) if b'"type":"access"' in line)
    assert b"INCOMPLETE" in bad(b"".join(lines[:gone] + lines[gone + 1:]), rb"missing: 1\n")
    assert b"not known" in bad(b"".join(lines[1:]), rb"has no header")
    # nothing to read
    assert bad(b"", rb"bad\.jsonl is empty\n") == b""
    assert bad(b"\x7fELF\0\0", rb"is no log of whatfiles\n") == b""
    assert bad(b"SQLite format 3\0" + bytes(100), rb"the database cannot be read") == b""
    assert bad(b"mode:  read, file: /a\n", rb"is a text log") == b""
    newer = good.replace(b'"version":1,', b'"version":2,', 1)
    assert bad(newer, rb"is a log of version 2, newer than this program\n") == b""


def test_what_cannot_be_opened_or_written(job, report, tmp_path):
    log = job[0]
    assert b"cannot open" in report(tmp_path / "nowhere").stderr
    assert b"Is a directory" in report(tmp_path).stderr
    assert report(tmp_path).returncode == 2
    same = report(log, "-o", log)
    assert same.returncode == 2 and b"is the log itself" in same.stderr
    with open("/dev/full", "wb") as full:
        program = report("--version").args[0]
        done = subprocess.run([program, log], stdout=full, stderr=subprocess.PIPE, check=False,
                              timeout=60)
        assert done.returncode == 2 and b"No space left" in done.stderr
    missing = report(log, "jsonl", "-o", tmp_path / "no" / "where.jsonl")
    assert missing.returncode == 2 and b"cannot write" in missing.stderr


@pytest.mark.parametrize("words, told", [
    ([], b"no log was given"),
    (["x", "dream"], b'there is no view "dream"'),
    (["x", "who"], b"who needs a PATH"),
    (["x", "tree", "y"], b'"y" is one word too many'),
    (["x", "--dream"], b"there is no option --dream"),
    (["x", "-o"], b"option -o needs a value"),
    (["x", "-0", "tree"], b"--null: only for lists"),
])
def test_wrong_command_lines(report, words, told):
    done = report(*words)
    assert done.returncode == 2 and told in done.stderr and done.stderr.count(b"\n") == 1


# --- selections -------------------------------------------------------------------


def test_selections_live_and_later(run, report, tmp_path):
    """The same words leave the same lines in a log, and in a report of a whole log."""
    for number, words in enumerate([
            ["--only", "*.tmp"], ["--ignore", "@system"],
            ["--under", "work", "--op", "create,delete"],
            ["--process", "mv"], ["--denied"], ["--only", "work/k*", "--ignore", "*.tmp"],
            ["--ignore", "/*"]]):
        folder = tmp_path / str(number)
        (folder / "work").mkdir(parents=True)
        (folder / "work" / "in").write_text("hello\n")
        whole, some = folder / "whole.jsonl", folder / "some.jsonl"
        run("sh", "-c", "cd work" + JOB, cwd=folder, options=["-o", whole, "--all"], log=False)
        shutil.rmtree(folder / "work")
        (folder / "work").mkdir()
        (folder / "work" / "in").write_text("hello\n")
        live = run("sh", "-c", "cd work" + JOB, cwd=folder, log=False,
                   options=["-o", some, "--all", *words])
        later = report(whole, "jsonl", *words)
        assert live.status == 1 and later.returncode == 0, later.stderr

        def shape(data):
            lines = [json.loads(line) for line in data.splitlines()]
            assert lines[0]["selected"] is True
            accesses = [line for line in lines if line["type"] == "access"]
            assert lines[-1]["written"] == len(accesses)
            assert len(lines) > len(accesses) + 10, "processes are told in any case"
            return sorted((a["op"], a["path"], a.get("to", ""), a.get("error", ""))
                          for a in accesses if re.match(r"/(?!proc/\d)", a["path"]))

        got = shape(some.read_bytes())
        assert got == shape(later.stdout), words
        assert bool(got) == (words not in (["--denied"], ["--ignore", "/*"])), words
        # a log that was selected is still whole
        assert report(some).returncode == 0
        assert b"that were selected" in report(some).stdout


def test_selected_views(job, report):
    log, work = job
    assert names(report("-0", log, "files", "--only", "*.tmp")) == {bytes(work / "keep.tmp")}
    assert names(report("-0", log, "temporaries", "--op", "delete")) == {bytes(work / "gone")}
    # roles are of everything, also where a name is only seen through one operation
    text = report(log, "files", "--only", "keep", "--op", "rename").stdout.decode()
    assert re.search(rf"^output .* {re.escape(str(work))}/keep$", text, re.M)
    assert report(log, "who", "keep.tmp", "--process", "cat").returncode == 1
    assert names(report("-0", log, "missing", "--under", work, "--failed")) == \
        {bytes(work / "nothing"), bytes(work / "od\nd")}
    assert b'no set "@dream"' in report(log, "--only", "@dream").stderr
    assert b'no operation "dream"' in report(log, "--op", "read,dream").stderr


def test_what_is_no_link_is_no_failure(run, report, tmp_path):
    run("sh", "-c", "readlink /etc/hostname /none; exit 0", log="log.jsonl", cwd=tmp_path)
    log = next(tmp_path.rglob("log.jsonl"))
    assert any(json.loads(line).get("error") == "EINVAL" for line in log.read_bytes().splitlines())
    failed = re.search(rb"^failed .*$", report(log).stdout, re.M)[0]
    assert b"ENOENT" in failed and b"EINVAL" not in failed


# --- two runs ----------------------------------------------------------------------

STEP = "cat in >x.tmp; mv x.tmp out; cp out $(mktemp -d)/copy; test -e n; "


def test_diff(run, report, tmp_path):
    logs = []
    for number, more in enumerate(["", "", "rm in; mkdir n; cat </dev/null"]):
        work = tmp_path / str(number)
        (work / "tmp").mkdir(parents=True)
        (work / "in").write_text("hello\n")
        job = STEP + "rm -r tmp/*; " + more
        logs.append(run("sh", "-c", job, "sh", cwd=work, options=["--all"],
                        env={**os.environ, "TMPDIR": f"{work}/tmp"}).log_path)
    same = report(logs[0], "diff", logs[1])
    assert (same.returncode, same.stdout, same.stderr) == (0, b"", b"")
    assert report(logs[0], "diff", logs[0]).returncode == 0
    other = report(logs[0], "diff", logs[2])
    assert report("diff", logs[0], logs[2]).stdout == other.stdout
    text = other.stdout.decode()
    assert other.returncode == 1 and other.stderr == b""
    assert "\n~ ./in  (input: " in text and "(removed: " in text
    assert re.search(r"^~ \./n  \(missing: .*\) -> \(output: mkdir", text, re.M)
    assert "\n+ rm in\n" in text and "\n+ mkdir n\n" in text
    assert re.search(r"^- sh -c ", text, re.M), "its argument is another one"
    back = report(logs[2], "diff", logs[0]).stdout.decode()
    assert "\n- rm in\n" in back
    # with a selection only what is selected is compared
    assert report(logs[0], "diff", logs[2], "--only", "out").stdout.count(b"./in") == 0
    assert report(logs[0], "diff", tmp_path / "nowhere").returncode == 2
    assert b"needs a LOG" in report(logs[0], "diff").stderr


def test_diff_of_pids_in_names(run, report, tmp_path):
    """A name with a pid in it is the same in both runs; a number that is none is not."""
    logs = []
    for number in range(2):
        work = tmp_path / str(number)
        work.mkdir()
        logs.append(run("sh", "-c", "echo >log.$$", cwd=work, options=["--all"]).log_path)
    assert report(logs[0], "diff", logs[1]).returncode == 0, report(logs[0], "diff", logs[1])
    work = tmp_path / "2"
    work.mkdir()
    third = run("sh", "-c", "echo >log.$$; echo >log.x", cwd=work, options=["--all"]).log_path
    assert b"\n+ ./log.x  (output: create)\n" in report(logs[0], "diff", third).stdout
