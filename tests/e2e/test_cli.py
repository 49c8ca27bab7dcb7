# SPDX-License-Identifier: MIT
"""The command line: every option, and every way to get it wrong."""

import errno
import os
import pathlib
import re
import resource
import stat
import subprocess

import pytest
from conftest import NOBODY, TOP, Log, assert_nobody_left

ROW = re.compile(r"^OPT\((\w+), +(0|'(.)'), +\"([\w-]+)\", +(NULL|\"[^\"]+\"), +\"(.+)\"\)$", re.M)
OPTIONS = [
    (m[3], m[4], None if m[5] == "NULL" else m[5].strip('"'), m[6])
    for m in ROW.finditer((TOP / "src/cli/options.def").read_text())
]
CLASSES = re.findall(r'^CLASS\(\w+, +"(\w+)"', (TOP / "bpf-filters/classes.def").read_text(), re.M)
OPS = {  # word of an operation -> word of its class
    m[1]: m[2].lower()
    for m in re.finditer(
        r'^OP\(\w+, +"(\w+)", +"[^"]+", +(\w+),', (TOP / "bpf-filters/ops.def").read_text(), re.M
    )
}


def one_line(result, status, *words):
    """One clear line on stderr, nothing on stdout, this status, and these words in it."""
    assert result.status == status, result
    assert result.stdout == b"", result
    assert re.fullmatch(rb"whatfiles: [^\n]+\n", result.stderr), result
    for word in words:
        assert word.encode() in result.stderr, result


@pytest.fixture
def never_ran(tmp_path):
    """A command that leaves a trace when it runs; checked at the end that it did not."""
    marker = tmp_path / "it-ran"
    yield ["touch", str(marker)]
    assert not marker.exists(), "the command ran"


# --- every option ------------------------------------------------------------


def test_tables_are_read():
    """The tests below are made from these: an empty table would pass them all."""
    assert len(OPTIONS) == (TOP / "src/cli/options.def").read_text().count("\nOPT(")
    assert {long for _, long, _, _ in OPTIONS} >= {"output", "format", "all", "help"}
    assert len(CLASSES) == 11 and set(OPS.values()) == set(CLASSES)


USES = {  # long option -> a value for it; each works with --version behind it
    "output": "/dev/null",
    "format": "jsonl",
    "events": "read,write",
    "engine": "strict",
    "ring-size": "1",
    "io-uring": "deny",
    "target": "x",
    "relative-to": "/",
    "only": "@git",
    "ignore": "*.o",
    "under": "/",
    "process": "cc1",
    "detach": "cc1",
    "op": "read,delete",
    "pid": "1",
    "for": "1.5m",
    "detach-after": "500ms",
    "until-exec": "cc*",
    "timeout": "1h",
    "grace": "1.5s",
    "on-exit": "wait",
    "on-log-error": "continue",
}


@pytest.mark.parametrize("short, long, value, what", OPTIONS, ids=[o[1] for o in OPTIONS])
def test_each_option_is_taken_and_told_by_help(tool, tmp_path, short, long, value, what):
    """--long, --long=VALUE, --long VALUE, -x, -xVALUE, -x VALUE; and a line of --help."""
    assert not value or long in USES, "a new option: say what value it takes"
    forms = [[f"--{long}={USES[long]}"], [f"--{long}", USES[long]]] if value else [[f"--{long}"]]
    if short and value:
        forms += [[f"-{short}{USES[long]}"], [f"-{short}", USES[long]]]
    elif short:
        forms += [[f"-{short}"]]
    for form in forms:
        result = tool(*form, "--version", cwd=tmp_path)
        assert (result.status, result.stderr) == (0, b""), form
        assert result.stdout == tool("--version").stdout
    help_text = " ".join(tool("--help").stdout.decode().split())
    left = (f"-{short}, " if short else "") + f"--{long}" + (f"={value}" if value else "")
    assert f"{left} {what}" in help_text


def test_help(tool):
    result = tool("--help")
    assert (result.status, result.stderr) == (0, b"")
    assert result.stdout == tool("-h").stdout
    lines = result.stdout.decode().splitlines()
    assert lines[0].startswith("usage: whatfiles [options] [--] command")
    for word in CLASSES + ["text", "jsonl"]:
        assert any(re.match(rf"  {word} +\w", line) for line in lines), word
    assert max(map(len, lines)) <= 80


def test_help_has_no_trailing_blanks(tool):
    lines = tool("--help").stdout.decode().splitlines()
    assert [line for line in lines if line != line.rstrip()] == []


def test_version_and_about(tool):
    version = tool("--version")
    declared = re.search(r"version: '([\d.]+)'", (TOP / "meson.build").read_text())[1]
    assert (version.status, version.stdout) == (0, f"whatfiles {declared}\n".encode())
    assert tool("-V").stdout == version.stdout
    about = tool("-a")
    assert about.status == 0 and about.stdout.startswith(version.stdout.rstrip() + b":")
    assert b"MIT" in about.stdout and tool("--about").stdout == about.stdout


@pytest.mark.parametrize("word", ["--help", "--version", "-a", "--list-syscalls", "--print-filter"])
def test_asking_runs_nothing_and_leaves_nothing(tool, never_ran, tmp_path, word):
    room = tmp_path / "room"
    room.mkdir()
    result = tool(word, *never_ran, cwd=room)
    assert (result.status, result.stderr) == (0, b"") and result.stdout
    assert os.listdir(room) == []


@pytest.mark.parametrize("word", ["--help", "--version", "-a", "--list-syscalls", "--print-filter"])
def test_an_answer_that_cannot_be_written(tool, word):
    with open("/dev/full", "wb") as full:
        result = tool(word, stdout=full)
    one_line(result, 125, "standard output")


def listed(result):
    """call -> classes, of --list-syscalls."""
    lines = result.stdout.decode().splitlines()
    rows = [re.fullmatch(r"(\w+) +(\w+)((?: +(?:\d+|-)){3})  ([\w,]+)( \(always\))?", line)
            for line in lines[1:]]
    assert None not in rows
    return {m[1]: (m[4].split(","), bool(m[5]), m[3].split()) for m in rows}


def test_list_syscalls(tool):
    default = listed(tool("--list-syscalls"))
    everything = listed(tool("--list-syscalls", "--audit"))
    assert everything == listed(tool("--list-syscalls", "--audit", "--events", "all"))
    assert set(everything) - set(default) == {
        "recvmsg", "recvmmsg", "recvmmsg_time64", "mmap", "mmap2"}
    assert {"open", "openat2", "execveat", "renameat2", "bind", "statx"} <= set(everything)
    assert everything["openat"][2] == ["257", "295", "257"]
    for word in CLASSES:
        some = listed(tool("--list-syscalls", "--events", word))
        assert set(some) == {
            call for call, (classes, always, _) in everything.items() if always or word in classes
        }
        assert set(some) < set(everything)


def test_print_filter(tool):
    """A line for each instruction, numbered; fewer for fewer classes, other ones for others."""
    sizes = {}
    for words in ["all", *CLASSES]:
        lines = tool("--print-filter", "--events", words).stdout.decode().splitlines()
        count = int(re.match(r"seccomp filter: (\d+) instructions; classes: ", lines[0])[1])
        numbered = [int(m[1]) for m in (re.match(r" *(\d+)  ", line) for line in lines[1:]) if m]
        assert numbered == list(range(count))
        sizes[words] = count
    assert tool("--print-filter").stdout.count(b"\n") == sizes["all"] + 1
    assert all(sizes["process"] <= sizes[word] < sizes["all"] for word in CLASSES)


# --- outputs ----------------------------------------------------------------------


def format_of(data):
    if data.startswith(b'{"type":"header"'):
        Log.parse(data).end
        return "jsonl"
    assert data.startswith(b"mode:  exec, file: ") and b"\nend: complete" in data
    return "text"


def test_format_by_ending(tool, tmp_path):
    """-o several times; the ending of each picks its format."""
    endings = {"a.jsonl": "jsonl", "b.log": "text", "c.txt": "text", "d": "text",
               "e.ndjson": "jsonl", "f.jsonl.txt": "text", "g.JSON": "text"}
    words = [word for name in endings for word in ("-o", name)]
    assert tool(*words, "true", cwd=tmp_path).status == 0
    assert {name: format_of((tmp_path / name).read_bytes()) for name in endings} == endings


@pytest.mark.parametrize("fmt", ["text", "jsonl"])
def test_format_option_beats_the_ending(tool, tmp_path, fmt):
    for words in (["--overwrite", f"--format={fmt}", "-o", "a.jsonl", "-o", "a.log"],
                  ["--overwrite", "-o", "a.jsonl", "-o", "a.log", "-f", fmt]):
        assert tool(*words, "true", cwd=tmp_path).status == 0
        for name in ("a.jsonl", "a.log"):
            assert format_of((tmp_path / name).read_bytes()) == fmt


@pytest.mark.parametrize("words", [["-s"], ["--stdout"], ["-o", "-"], ["-o-"]])
def test_log_on_stdout(tool, words, tmp_path):
    result = tool(*words, "sh", "-c", ":", cwd=tmp_path)
    assert (result.status, result.stderr) == (0, b"")
    assert format_of(result.stdout) == "text"
    assert os.listdir(tmp_path) == []
    assert format_of(tool(*words, "-f", "jsonl", "true").stdout) == "jsonl"


def test_stdout_is_shared_with_the_command(tool, tmp_path):
    """Also when both are one file, neither writes over the other."""
    # cat to that file would be copy_file_range(2), which moves the offset of others back
    script = "echo one; cat /etc/hostname >/dev/null; echo two"
    with open(tmp_path / "both", "wb") as both:
        status = tool("-s", "sh", "-c", script, stdout=both).status
    data = (tmp_path / "both").read_bytes().splitlines()
    assert status == 0 and {b"one", b"two"} <= set(data)
    assert any(line.startswith(b"mode:  read, file: /etc/hostname, ") for line in data)
    assert data[-1].startswith(b"end: complete")


def test_two_outputs(tool, tmp_path):
    """A log on stdout and one in a file tell the same."""
    result = tool("-s", "-o", "x.txt", "cat", "/etc/hostname", cwd=tmp_path)
    log = (tmp_path / "x.txt").read_bytes()
    host = open("/etc/hostname", "rb").read()
    assert result.stdout.replace(host, b"", 1) == log


def test_an_old_log_is_emptied(tool, tmp_path):
    """With --overwrite, also through a link; the file keeps its mode."""
    (tmp_path / "x.txt").write_text("old\n" * 100000)
    (tmp_path / "x.txt").chmod(0o640)
    (tmp_path / "link").symlink_to("x.txt")
    for name in ("x.txt", "link"):
        assert tool("--overwrite", "-o", name, "true", cwd=tmp_path).status == 0
        data = (tmp_path / "x.txt").read_bytes()
        assert b"old" not in data and format_of(data) == "text"
        assert stat.S_IMODE(os.stat(tmp_path / "x.txt").st_mode) == 0o640
        (tmp_path / "x.txt").write_text("old\n" * 100000)


@pytest.mark.parametrize("kind", ["file", "link", "dangling"])
def test_G6_an_old_log_is_refused(tool, never_ran, tmp_path, kind):
    """Neither it nor where a link leads is touched, and the logs before it are taken away."""
    (tmp_path / "old").write_text("old")
    name = "old"
    if kind != "file":
        name = "link"
        (tmp_path / name).symlink_to("old" if kind == "link" else "nothing")
    result = tool("-o", "first.txt", "-o", name, *never_ran, cwd=tmp_path)
    one_line(result, 125, name, "is there already", "--overwrite")
    assert (tmp_path / "old").read_text() == "old"
    assert set(os.listdir(tmp_path)) == {"old", name}


def test_G6_a_log_is_for_its_owner(tool, tmp_path):
    assert tool("-o", "x.txt", "true", cwd=tmp_path, umask=0).status == 0
    assert tool("true", cwd=tmp_path, umask=0).status == 0
    modes = {stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in os.listdir(tmp_path)}
    assert len(os.listdir(tmp_path)) == 2 and modes == {0o600}


def test_logs_to_what_is_no_file(start, tmp_path):
    """Pipes, with and without a name, and devices need no --overwrite."""
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    read, write = os.pipe()
    try:
        words = ["-o", tmp_path / "fifo", "-o", f"/dev/fd/{write}", "-o", "/dev/null"]
        result = start("true", options=words, log=False, pass_fds=[write]).wait()
        assert (result.status, result.stderr) == (0, b"")
        assert format_of(os.read(reader, 65536)) == format_of(os.read(read, 65536)) == "text"
    finally:
        for fd in (reader, read, write):
            os.close(fd)


@pytest.mark.parametrize("name, fd", [("/dev/stdout", "stdout"), ("/dev/stderr", "stderr")])
def test_log_to_a_standard_file_by_name(tool, tmp_path, name, fd):
    """What the command writes there stays, also where it is a file that was there."""
    with open(tmp_path / "both", "wb") as both:
        both.write(b"before\n")
        both.flush()
        script = "echo one; echo one >&2"
        status = tool("-o", name, "sh", "-c", script, **{fd: both}).status
    lines = (tmp_path / "both").read_bytes().splitlines()
    assert status == 0 and lines[0] == b"before" and b"one" in lines
    assert lines[-1].startswith(b"end: complete")


def test_default_log(tool, tmp_path):
    result = tool("true", cwd=tmp_path)
    assert (result.status, result.stdout) == (0, b"")
    told = re.fullmatch(rb"whatfiles: log: (whatfiles-\d{8}T\d{6}-\d+\.log)\n", result.stderr)
    assert told, result
    assert os.listdir(os.fsencode(tmp_path)) == [told[1]]
    assert format_of((tmp_path / told[1].decode()).read_bytes()) == "text"


def test_default_log_of_another_format(tool, tmp_path):
    result = tool("--format", "jsonl", "true", cwd=tmp_path)
    [name] = os.listdir(tmp_path)
    assert re.fullmatch(r"whatfiles-\d{8}T\d{6}-\d+\.jsonl", name)
    assert result.stderr == f"whatfiles: log: {name}\n".encode()
    assert format_of((tmp_path / name).read_bytes()) == "jsonl"


def test_default_logs_do_not_overwrite_each_other(start, tmp_path):
    runs = [start("true", options=[], log=False, cwd=tmp_path) for _ in range(5)]
    assert [r.wait().status for r in runs] == [0] * 5
    assert len(os.listdir(tmp_path)) == 5


def test_umask_takes_from_the_logs_mode(tool, tmp_path):
    tool("-o", tmp_path / "a.log", "true", umask=0o277)
    assert stat.S_IMODE(os.stat(tmp_path / "a.log").st_mode) == 0o400


# --- what is traced and shown ---------------------------------------------------------


@pytest.fixture
def in_classes(run, probe, tmp_path):
    """in_classes(*options) -> Log of the probe that makes a call of each class."""
    count = 0

    def in_classes(*options):
        nonlocal count
        count += 1
        room = tmp_path / f"room-{count}"
        room.mkdir()
        (room / "file").touch()
        result = run(probe("every-class"), room, options=["--all", *options])
        assert result.status == 0
        return result.log, room

    return in_classes


ONE_OF_EACH = {  # class -> operation and name in the probe's directory
    "read": ("read", "/file"),
    "write": ("write", "/file"),
    "name": ("mkdir", "/name"),
    "meta": ("chmod", "/file"),
    "probe": ("stat", "/file"),
    "list": ("list", ""),
    "exec": ("exec", None),
    "dir": ("chdir", ""),
    "socket": ("bind", "/socket"),
    "audit": ("map", "/file"),
    "process": (None, None),
}


@pytest.mark.parametrize("word", CLASSES)
def test_one_class(in_classes, word):
    """Only its accesses are in the log, and nothing else stopped but what always does."""
    log, room = in_classes("--events", word)
    assert log.header["classes"] == sorted({word, "process"}, key=CLASSES.index)
    accesses = log.accesses()
    assert {OPS[r["op"]] for r in accesses} <= {word}
    op, name = ONE_OF_EACH[word]
    if name is not None:
        assert len(log.accesses(f"{room}{name}", op=op)) == 1
    # the process class is always on, and needs to know of these
    assert [len(log.of(t)) for t in ("start", "fork", "exec", "exit")] == [1, 1, 2, 2]
    always = {"exec": 2, "dir": 1}
    always.pop(word, None)
    assert sum(log.end["calls"].values()) == len(accesses) + sum(always.values())
    assert len(log.accesses(op="exec")) == (2 if word == "exec" else 0)


def test_several_classes_and_all(in_classes):
    log, room = in_classes("--events=meta,socket")
    assert {r["op"] for r in log.accesses()} == {"chmod", "bind"}
    everything, _ = in_classes()
    assert {OPS[r["op"]] for r in everything.of("access")} == set(CLASSES) - {"process", "audit"}
    assert everything.header["classes"] == [c for c in CLASSES if c != "audit"]
    audited, _ = in_classes("--audit")
    assert {OPS[r["op"]] for r in audited.of("access")} == set(CLASSES) - {"process"}
    assert audited.header["classes"] == CLASSES
    by_word, _ = in_classes("--events", "all")
    assert [r["op"] for r in by_word.of("access")] == [r["op"] for r in everything.of("access")]
    last_wins, _ = in_classes("-e", "read", "-e", "meta")
    assert {r["op"] for r in last_wins.of("access")} == {"chmod"}


def test_all(run, probe, tmp_path):
    """Without --all a line is written at the first occurrence only; the counts are the same."""
    (tmp_path / "file").touch()
    command = [probe("open-repeat"), tmp_path / "file", "5", "2", "1"]
    for options, each in (([], 1), (["--all"], 5), (["-A"], 5)):
        log = run(*command, options=options).log
        assert log.header["all"] == bool(options)
        assert len(log.accesses(tmp_path / "file", op="read")) == 2 * each
        assert len(log.accesses("/nonexistent/name", error="ENOENT")) == 2 * each
        assert log.end["written"] == len(log.of("access"))
        by_calls = log.end["accesses"] - len(log.opened_by_kernel())
        assert sum(log.end["calls"].values()) >= by_calls >= 22


def test_failed(tool, tmp_path):
    """Text leaves failed look-ups and the probe class out, but never what was denied."""
    command = ["sh", "-c", "cat nothing; cat there/below; test -e there; mkdir there"]
    (tmp_path / "there").touch()

    def shown(*options):
        lines = tool("-s", *options, *command, cwd=tmp_path).stdout.decode().splitlines()
        found = [re.match(r"mode: +(\S+), file: (\S+?), .*?(error: (\w+))?$", x) for x in lines]
        return {(m[1], m[2].replace(str(tmp_path) + "/", ""), m[4]) for m in found if m}

    plain, failed = shown(), shown("--failed")
    assert ("mkdir", "there", "EEXIST") in plain
    denied = ("EACCES", "EPERM")  # whatever is in this PATH
    assert not {m for m in plain if m[2] in ("ENOENT", "ENOTDIR")}
    assert not {m for m in plain if m[0] in ("stat", "access") and m[2] not in denied}
    assert {("read", "nothing", "ENOENT"), ("read", "there/below", "ENOTDIR")} <= failed
    assert shown("-F") == failed
    probes = shown("--events", "all")
    assert any(m[:2] == ("stat", "there") or m[:2] == ("access", "there") for m in probes)
    assert len(shown("--all", "--failed", "--events=all")) > len(probes)


def test_denied_is_always_shown(native, public):
    """What was not allowed is what a reader looks for."""
    secret = public / "secret"
    secret.mkdir()
    secret.chmod(0)
    result = native(public / "whatfiles", "-s", "cat", secret / "file", **NOBODY)
    assert re.search(rb"mode:  read, file: \S+/secret/file, .*, error: EACCES\n", result.stdout)
    secret.chmod(0o700)  # to be removed


@pytest.mark.parametrize("engine", ["auto", "fast", "strict"])
def test_engine(run, engine):
    """The header says which engine it was, and each call who saw it."""
    log = run("cat", "/etc/hostname", options=["--all", "--engine", engine]).log
    if log.header["engine"] == "strict":
        assert engine != "fast"
        assert log.end["calls"]["strict"] > 0 and log.end["calls"]["fast"] == 0
        assert "stopped" not in log.end
        return
    assert engine != "strict"
    assert log.end["calls"]["fast"] > log.end["calls"]["strict"] > 0
    assert log.end["stopped"]["site"] > 0
    assert {r.get("engine") for r in log.accesses("/etc/hostname")} == {"fast"}


def test_ring_size(run, probe, tmp_path):
    """The smallest ring holds a record at a time, but loses none."""
    (tmp_path / "file").touch()
    log = run(probe("open-repeat"), tmp_path / "file", "2000", "2", "2",
              options=["--all", "--ring-size", "1"]).log
    assert len(log.accesses(tmp_path / "file")) == 8000 and log.end["complete"]


def test_debug_goes_to_stderr(tool, tmp_path):
    """-d tells what whatfiles does, on stderr; the log and the job's output stay as they are."""
    plain = tool("-o", "a.log", "echo", "hello", cwd=tmp_path)
    debug = tool("-d", "-o", "b.log", "echo", "hello", cwd=tmp_path)
    assert (plain.stderr, debug.stdout, debug.status) == (b"", b"hello\n", 0)
    assert debug.stderr, "-d says nothing"
    assert all(line.startswith(b"whatfiles: ") for line in debug.stderr.splitlines())
    pid = re.compile(rb"PID: \d+")
    a, b = (pid.sub(b"", (tmp_path / name).read_bytes()) for name in ("a.log", "b.log"))
    assert a == b


# --- where the command begins -----------------------------------------------------------


def test_the_first_other_word_starts_the_command(tool, tmp_path):
    """Its own options are its own, whatever they look like."""
    (tmp_path / "file").touch()
    result = tool("-s", "ls", "-l", "-s", "--all", cwd=tmp_path)
    assert result.status == 0 and b"file" in result.stdout.splitlines()[-2]
    assert not any(x.startswith(b"whatfiles") for x in result.stderr.splitlines())
    assert tool("-o", "x", "echo", "--help", "-V", cwd=tmp_path).stdout == b"--help -V\n"
    assert tool("-o", "y", "echo", "--", "-s", cwd=tmp_path).stdout == b"-- -s\n"


def test_the_words_after_two_dashes(tool, tmp_path):
    os.symlink("/bin/echo", tmp_path / "-s")
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    assert tool("-o", "x", "--", "echo", "a", cwd=tmp_path).stdout == b"a\n"
    assert tool("-o", "y", "--", "-s", "b", cwd=tmp_path, env=env).stdout == b"b\n"
    assert tool("-o", "z", "--", "echo", "--", cwd=tmp_path).stdout == b"--\n"


def test_an_option_that_ends_in_o(tool, tmp_path):
    """The old tool took the word behind -oinfo for its value and ran the next one."""
    assert tool("-oinfo", "echo", "x", cwd=tmp_path).stdout == b"x\n"
    assert (tmp_path / "info").exists()


def test_short_options_together(tool, tmp_path):
    result = tool("-AFso", "x.jsonl", "echo", "x", cwd=tmp_path)
    assert result.status == 0 and b"end: complete" in result.stdout
    assert Log.parse((tmp_path / "x.jsonl").read_bytes()).header["all"]


# --- bad input ------------------------------------------------------------------------


BAD = [  # words of the command line, words of the message
    (["-x"], ["-x", "--help"]),
    (["-sx"], ["-x", "--help"]),
    (["--wrong"], ["--wrong", "--help"]),
    (["--wrong=1"], ["--wrong", "--help"]),
    (["--f"], ["--f", "--help"]),  # format or failed?
    (["--all=yes"], ["--all", "--help"]),
    (["-o"], ["-o", "value", "--help"]),
    (["--output"], ["--output", "value", "--help"]),
    (["--events"], ["--events", "value", "--help"]),
    (["--events", "reed"], ["--events", '"reed"', "--help"]),
    (["--events", "read,wright"], ["--events", '"wright"', "--help"]),
    (["--events", ""], ["--events", '""', "--help"]),
    (["--events", "read,"], ["--events", '""', "--help"]),
    (["--events", "read,,write"], ["--events", '""', "--help"]),
    (["--events", "Read"], ["--events", '"Read"', "--help"]),
    (["--events", "x" * 5000], ["--events", "--help"]),
    (["--format", "yaml"], ["--format", '"yaml"', "--help"]),
    (["--format", ""], ["--format", '""', "--help"]),
    (["--engine", "warp"], ["--engine", '"warp"', "fast", "strict"]),
    (["--engine", ""], ["--engine", '""', "strict"]),
    (["--ring-size", "0"], ["--ring-size", '"0"']),
    (["--ring-size", "-1"], ["--ring-size", '"-1"']),
    (["--ring-size", "1x"], ["--ring-size", '"1x"']),
    (["--ring-size", ""], ["--ring-size", '""']),
    (["--ring-size", "99999999999999999999"], ["--ring-size"]),
    (["--io-uring", "maybe"], ["--io-uring", '"maybe"', "deny", "allow"]),
    (["--timeout", "soon"], ["--timeout", '"soon"', "1h30m"]),
    (["--timeout", "-1"], ["--timeout", '"-1"']),
    (["--timeout", ""], ["--timeout", '""']),
    (["--grace", "1 s"], ["--grace", '"1 s"']),
    (["--pid", "1", "--timeout", "1"], ["--timeout", "--pid"]),
    (["--on-exit", "leave"], ["--on-exit", '"leave"', "wait", "kill"]),
    (["--on-log-error", ""], ["--on-log-error", '""', "continue", "kill"]),
    (["-o", ""], ["--output", "empty"]),
    (["-s", "-s"], ["two outputs", "standard output"]),
    (["-s", "-o", "-"], ["two outputs", "standard output"]),
    (["-o", "a.log", "-o", "a.log"], ["two outputs", "a.log"]),
    (["-o", "a.log", "-o", "./a.log"], ["two outputs", "a.log", "./a.log"]),
    (["-o", "a.log", "-s", "-o", "link"], ["two outputs", "a.log", "link"]),
    (["--overwrite", "-o", "old", "-o", "old"], ["two outputs", "old"]),
]


@pytest.mark.parametrize("words, told", BAD, ids=[" ".join(w)[:40] or "none" for w, _ in BAD])
def test_bad_word(tool, never_ran, tmp_path, words, told):
    """One line, status 2, nothing run, no file touched."""
    (tmp_path / "old").write_text("precious")
    os.symlink("a.log", tmp_path / "link")
    one_line(tool(*words, *(never_ran if told[1:2] != ["value"] else []), cwd=tmp_path), 2, *told)
    assert (tmp_path / "old").read_text() == "precious"
    assert not [name for name in os.listdir(tmp_path) if name.startswith("whatfiles-")]


def test_two_outputs_to_one_file_leave_no_new_file(tool, tmp_path):
    tool("-o", "a.log", "-o", "a.log", "true", cwd=tmp_path)
    assert os.listdir(tmp_path) == []


def test_stdout_and_an_output_are_one_file(tool, never_ran, tmp_path):
    with open(tmp_path / "a.log", "wb") as file:
        result = tool("-s", "-o", "a.log", *never_ran, cwd=tmp_path, stdout=file)
    one_line(result, 2, "two outputs", "a.log", "standard output")


@pytest.mark.parametrize("words", [[], ["-s"], ["--"], ["-o", "x", "--"]])
def test_no_command(tool, tmp_path, words):
    one_line(tool(*words, cwd=tmp_path), 2, "no command", "--help")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("command", ["no-such-program", "/nonexistent/program", "./missing"])
def test_command_not_found(tool, tmp_path, command):
    result = tool("-o", "x.log", command, cwd=tmp_path, env={"PATH": "/usr/bin:/bin"})
    one_line(result, 127, command, "No such file")


def test_interpreter_not_found(tool, tmp_path):
    (tmp_path / "script").write_text("#!/nonexistent/interpreter\n")
    (tmp_path / "script").chmod(0o755)
    one_line(tool("-o", "x.log", "./script", cwd=tmp_path), 127, "./script", "No such file")


def test_empty_command(tool, tmp_path):
    """The message must not be "cannot run :", which names nothing."""
    result = tool("-o", "x.log", "", cwd=tmp_path)
    one_line(result, 127)
    assert b"cannot run :" not in result.stderr


def test_command_not_executable(tool, tmp_path):
    (tmp_path / "file").write_text("text\n")
    one_line(tool("-o", "x.log", "./file", cwd=tmp_path), 126, "./file", "Permission denied")
    one_line(tool("-o", "x.log", tmp_path, cwd=tmp_path), 126, str(tmp_path), "Permission denied")
    one_line(tool("-o", "x.log", "./file/below", cwd=tmp_path), 126, "./file/below")
    long = "./" + "x" * 300
    one_line(tool("-o", "x.log", long, cwd=tmp_path), 126, "File name too long")


def test_statuses_of_failed_execs_are_envs(tool, native, tmp_path):
    """As env(1) reports it, whatever the reason; a script without #! runs, as there."""
    (tmp_path / "file").write_text("text\n")
    (tmp_path / "plain").write_text("exit 9\n")
    (tmp_path / "plain").chmod(0o755)
    (tmp_path / "script").write_text("#!/nonexistent\n")
    (tmp_path / "script").chmod(0o755)
    os.symlink("loop", tmp_path / "loop")
    for command in ("nothing", "./plain", "./file", "./script", "./loop", "./file/x", "/", "./" + "y" * 300):
        wanted = native("env", command, cwd=tmp_path).status
        got = tool("--overwrite", "-o", "x.log", command, cwd=tmp_path).status
        assert got == wanted, command


@pytest.mark.parametrize("command, status", [("no-such-program", 127), ("/etc/passwd", 126)])
def test_no_default_log_of_a_command_that_never_ran(tool, tmp_path, command, status):
    # a directory of PATH that one may not search makes 127 a 126, as in env
    result = tool(command, cwd=tmp_path, env={"PATH": "/usr/bin:/bin"})
    assert result.status == status
    assert os.listdir(tmp_path) == []
    assert b"whatfiles: cannot run " in result.stderr


def test_a_log_that_is_gone_is_not_told(tool, tmp_path):
    """One line: naming a log that was deleted again sends the user looking for it."""
    one_line(tool("/nonexistent/program", cwd=tmp_path), 127, "/nonexistent/program")


@pytest.mark.parametrize("name", ["x.jsonl", "x.log"])
def test_log_of_a_command_that_never_ran(tool, tmp_path, name):
    """It is taken away again, for the next try; but not one that was there before."""
    tool("-o", name, "/nonexistent/program", cwd=tmp_path)
    assert os.listdir(tmp_path) == []
    (tmp_path / name).write_text("old")
    tool("--overwrite", "-o", name, "/nonexistent/program", cwd=tmp_path)
    data = (tmp_path / name).read_bytes()
    if data:
        last = data.splitlines()[-1]
        assert last.startswith((b'{"type":"end"', b"end: ")), "the log has no end"


@pytest.mark.parametrize(
    "name, why",
    [
        ("missing/x.log", "No such file or directory"),
        ("dir", "Is a directory"),
        ("file/x.log", "Not a directory"),
        ("dangling/", "directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_unwritable_log(tool, never_ran, tmp_path, name, why):
    (tmp_path / "dir").mkdir()
    (tmp_path / "file").touch()
    one_line(tool("-o", name, *never_ran, cwd=tmp_path), 125, "cannot write", name[:100], why)


def test_a_message_stays_one_line(tool, never_ran, tmp_path):
    """Whatever is in a name: it cannot forge a second message or write to the terminal."""
    name = "no/x\nwhatfiles: forged\x1b[2J\x9b\u202e"
    one_line(tool("-o", name, *never_ran, cwd=tmp_path), 125, "cannot write")
    result = tool("-o", "x.log", name, cwd=tmp_path)
    one_line(result, 127)
    assert result.stderr.rstrip(b"\n").decode().isprintable()


def test_directory_that_one_may_not_write(never_ran, public):
    """The default log in a directory that one may not write: the message says -o."""
    result = subprocess.run([public / "whatfiles", *never_ran], cwd="/", capture_output=True,
                            timeout=30, **NOBODY)
    assert (result.returncode, result.stdout) == (125, b"")
    assert re.fullmatch(rb"whatfiles: cannot write whatfiles-\S+ here; name a log with -o: "
                        rb"Permission denied\n", result.stderr)


# --- refused by kernel or container --------------------------------------------------------


@pytest.fixture
def no_leak_check(monkeypatch):
    """A sanitized whatfiles looks for leaks when it ends, and needs ptrace for that itself."""
    options = os.environ.get("ASAN_OPTIONS", "")
    monkeypatch.setenv("ASAN_OPTIONS", f"{options}:detect_leaks=0".lstrip(":"))


@pytest.mark.parametrize(
    "call, error, told",
    [
        ("ptrace", errno.EPERM, ["ptrace", "SYS_PTRACE"]),
        ("ptrace", errno.ENOSYS, ["ptrace"]),
        ("seccomp", errno.EPERM, ["seccomp", "seccomp=unconfined"]),
        ("seccomp", errno.EACCES, ["seccomp", "seccomp=unconfined"]),
        ("seccomp", errno.ENOSYS, ["seccomp", "CONFIG_SECCOMP_FILTER"]),
    ],
)
def test_refused(no_leak_check, native, probe, whatfiles, never_ran, tmp_path, call, error, told):
    """One line that says what to do, status 125, no log, and the command never ran."""
    room = tmp_path / "room"
    room.mkdir()
    command = [probe("refuse-call"), call, str(error), whatfiles, "-o", "/dev/null", *never_ran]
    one_line(native(*command, cwd=room), 125, *told)
    assert_nobody_left()
    plain = native(*command[:4], *never_ran, cwd=room)
    assert plain.status == 125 and os.listdir(room) == []


def test_under_another_tracer(no_leak_check, native, needs, whatfiles, never_ran, tmp_path):
    """strace -f has the command already: two cannot have it."""
    needs("strace")
    result = native("strace", "-f", "-o", "/dev/null", whatfiles, "-o", tmp_path / "x", *never_ran)
    one_line(result, 125, "another tracer", "strace")


# --- as an ordinary user ------------------------------------------------------------------


def test_ordinary_user(public):
    """All of it works without root."""
    log = public / "x.jsonl"
    result = subprocess.run(
        [public / "whatfiles", "--all", "-o", log, "sh", "-c", "cat /etc/hostname; exit 7"],
        cwd=public, capture_output=True, timeout=30, **NOBODY)
    assert (result.returncode, result.stderr) == (7, b"")
    parsed = Log.parse(log.read_bytes())
    assert parsed.end["complete"] and parsed.end["status"] == 7
    assert len(parsed.accesses("/etc/hostname", op="read")) == 1


def test_unwritable_file_of_another_user(public, never_ran, requires_root):
    log = public / "x.log"
    log.write_text("precious")
    result = subprocess.run([public / "whatfiles", "--overwrite", "-o", log, *never_ran],
                            capture_output=True, cwd=public, timeout=30, **NOBODY)
    assert result.returncode == 125 and b"Permission denied" in result.stderr
    assert log.read_text() == "precious"


def test_few_descriptors(run):
    """whatfiles needs no descriptor for each process, and works with few."""
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))

    result = run("sh", "-c", "for i in $(seq 40); do sleep 0.2 & done; wait", preexec_fn=few)
    assert result.status == 0 and result.log.end["processes"] == 42
    assert result.log.end["complete"]


# --- programs that are left out ---------------------------------------------------------

FAMILY = "cat in; env sh -c 'cat in2; (cat in3); exec cat in4'; cat in5"


def test_detach(run, tmp_path):
    """What a program and all below it do is not told, and that is."""
    for name in ("in", "in2", "in3", "in4", "in5"):
        (tmp_path / name).write_text("")
    whole = run("sh", "-c", FAMILY, cwd=tmp_path).log
    log = run("sh", "-c", FAMILY, cwd=tmp_path, options=["--all", "--detach", "en[v]"]).log
    assert log.end["complete"] and whole.end["complete"]
    (note,) = [n for n in log.end["notes"] if n["kind"] == "left_out"]
    assert note["count"] == 1 and re.search(r"\(env\)$", note["example"])
    assert not [n for n in whole.end["notes"] if n["kind"] == "left_out"]

    def read(log):
        return {pathlib.Path(r["path"]).name for r in log.accesses() if r["op"] == "read"
                and r["path"].startswith(f"{tmp_path}/in")}

    assert read(whole) == {"in", "in2", "in3", "in4", "in5"}
    assert read(log) == {"in", "in5"}
    # that it was executed is told, and its end; its children are not
    (left,) = {r["proc"] for r in log.of("exec") if r["exe"].endswith("/env")}
    assert [r["proc"] for r in log.of("exit")].count(left) == 1
    assert not [r for r in log.of("fork") if r["parent"] == left]
    assert len(log.of("exit")) == len(log.of("fork")) + 1
    shown = {r["proc"] for r in log.of("start", "fork")}
    assert {r["proc"] for r in log.accesses()} <= shown


def test_detach_by_absolute_name(run, tmp_path):
    by_path = run("sh", "-c", "cat /etc/hostname; ls /", cwd=tmp_path,
                  options=["--all", "--detach", "*/bin/cat", "--detach", "/none/ls"]).log
    assert not by_path.accesses("/etc/hostname") and by_path.accesses("/", op="list")
