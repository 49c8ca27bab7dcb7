# SPDX-License-Identifier: MIT
"""The job cannot tell: what a process finds is the same with whatfiles and without.

What must differ is dropped in same_for_both(), and nothing else: the ids of the
process and its parent, what counts memory and switches, and that it is traced and
filtered, which the kernel shows to whoever asks; for an ordinary user also
no_new_privs, without which the kernel takes no filter from one.
"""

import contextlib
import ctypes
import fcntl
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import termios

import pytest
from conftest import NOBODY, TIMEOUT, Log, assert_nobody_left, kill_everybody, wait_until

DIFFERENT = re.compile(
    r"/proc/self/status: (Tgid|Pid|PPid|NStgid|NSpid|TracerPid|Seccomp|Seccomp_filters|SigQ|"
    r"Vm\w+|Rss\w+|HugetlbPages|FDSize|(non)?voluntary_ctxt_switches"
    + ("" if os.geteuid() == 0 else "|NoNewPrivs")
    + "):"
)


def same_for_both(path):
    """What dump-state wrote, without what must differ."""
    text = pathlib.Path(path).read_text(errors="surrogateescape")
    # each run of ours has pipes of its own, with numbers of their own
    text = re.sub(r"(pipe|socket):\[\d+\]", r"\1", text)
    return [line for line in text.splitlines() if not DIFFERENT.match(line)]


@pytest.fixture
def compare(probe, whatfiles, native, tmp_path):
    """compare(**popen) -> the dump, after it proved equal with and without whatfiles.

    Both are started by the same parent in the same way, in its session.
    """

    def compare(*words, before=(), **popen):
        command = [probe("dump-state"), tmp_path / "dump", *words]
        dumps = []
        for tracer in ([], [whatfiles, "--all", "--overwrite", "-o", tmp_path / "log.jsonl",
                            "--"]):
            (tmp_path / "dump").unlink(missing_ok=True)
            result = native(*before, *tracer, *command, session=False, **popen)
            assert (result.status, result.stderr) == (0, b""), result
            dumps.append(same_for_both(tmp_path / "dump"))
            assert_nobody_left()
        assert dumps[1] == dumps[0]
        log = Log.parse((tmp_path / "log.jsonl").read_bytes())
        assert log.end["complete"], log.end
        assert log.end["status"] == 0
        return dumps[0]

    return compare


def test_plain(compare):
    dump = compare()
    # the comparison must not be of nothing
    for part in ("argument 0: ", "variable PATH=", "signal 64: ", "umask: ", "fd 0: ",
                 "/proc/self/fd/1 -> ", "children: -1 10", "/proc/self/status: CapEff:",
                 "/proc/self/status: SigIgn:", "/proc/self/limits: Max open files"):
        assert any(line.startswith(part) for line in dump), part


def test_no_new_privs_is_not_set(compare, requires_root):
    assert "/proc/self/status: NoNewPrivs:\t0" in compare()


def test_arguments_and_environment(compare):
    odd = ["", " ", "a\nb", "-o", "--", "\udcff", "ä"]
    env = {"PATH": "/usr/bin", "EMPTY": "", "LINES": "a\nb", "BYTES": "\udcff", "_": "x",
           "LD_PRELOAD": "", "WHATFILES": "no"}
    compare(*odd, env=env)
    compare(env={})


def test_descriptors(compare, tmp_path):
    """Files, pipes, sockets, at odd numbers and with their own offsets and flags."""
    file = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    os.write(file, b"12345")
    read, write = os.pipe()
    high = fcntl.fcntl(read, fcntl.F_DUPFD, 200)
    os.set_blocking(read, False)
    try:
        dump = compare(pass_fds=[file, read, write, high], stdin=file)
    finally:
        for fd in (file, read, write, high):
            os.close(fd)
    assert "/proc/self/fd/200 -> pipe" in dump


def test_no_new_descriptor_number(run, native):
    """The lowest free descriptor is the same: nothing of ours lies below it."""
    script = "exec 3</dev/null 4</dev/null; ls /proc/self/fd | tr '\\n' ' '; ulimit -n"
    assert run("sh", "-c", script).stdout == native("sh", "-c", script).stdout


@pytest.mark.parametrize("closed", [(0,), (1,), (0, 1), (0, 2), (0, 1, 2)], ids=str)
def test_closed_standard_files(compare, closed):
    """They stay closed in the job, and the log does not suffer."""

    def close():
        for fd in closed:
            os.close(fd)

    dump = compare(preexec_fn=close)
    for fd in closed:
        assert not any(line.startswith(f"/proc/self/fd/{fd} ") for line in dump)


def test_closed_stderr_alone(native, probe, whatfiles, tmp_path):
    """As above; the messages have nowhere to go, and must not go into another file."""
    words = [whatfiles, "-o", tmp_path / "log.jsonl", probe("dump-state"), tmp_path / "dump"]
    assert native(*words, preexec_fn=lambda: os.close(2)).status == 0
    assert not any(x.startswith("/proc/self/fd/2 ") for x in same_for_both(tmp_path / "dump"))
    assert Log.parse((tmp_path / "log.jsonl").read_bytes()).end["complete"]


@pytest.mark.parametrize("closed", [(0,), (1,), (0, 1), (0, 1, 2)], ids=str)
def test_closed_standard_files_and_the_log(run, native, closed, tmp_path):
    """Names are absolute and statuses told, whichever descriptors ours were given."""

    def close():
        for fd in closed:
            os.close(fd)

    (tmp_path / "file").touch()
    result = run("sh", "-c", "exec 3< file; cd /; exit 6", cwd=tmp_path, preexec_fn=close)
    assert result.status == 6
    assert result.log.of("start")[0]["cwd"] == str(tmp_path)
    assert result.log.accesses(tmp_path / "file", op="read")
    assert result.log.end["complete"], result.log.end
    assert run("/nonexistent/program", preexec_fn=close).status == 127


def test_log_on_a_closed_stdout(tool):
    result = tool("-s", "true", preexec_fn=lambda: os.close(1))
    assert result.status == 125
    assert re.fullmatch(rb"whatfiles: cannot write to standard output: [^\n]+\n", result.stderr)


ALL_SIGNALS = set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}


def ignore(*signals):
    def set_up():
        for signum in signals:
            signal.signal(signum, signal.SIG_IGN)

    return set_up


@pytest.mark.parametrize(
    "signals",
    [[signal.SIGCHLD], [signal.SIGPIPE], [signal.SIGINT, signal.SIGQUIT], [signal.SIGHUP],
     [signal.SIGTERM], [signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU], sorted(ALL_SIGNALS)],
    ids=lambda s: "-".join(signal.Signals(x).name for x in s[:3] if x in list(signal.Signals)),
)
def test_ignored_signals_stay_ignored(compare, signals):
    dump = compare(preexec_fn=ignore(*signals))
    for signum in signals:
        assert any(line.startswith(f"signal {int(signum)}: ignored") for line in dump)


@pytest.mark.parametrize(
    "signals", [[signal.SIGCHLD], [signal.SIGINT, signal.SIGTERM], sorted(ALL_SIGNALS)],
    ids=["CHLD", "INT-TERM", "all"])
def test_blocked_signals_stay_blocked(compare, signals):
    block = lambda: signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # noqa: E731
    assert "/proc/self/status: SigBlk:\t0000000000000000" not in compare(preexec_fn=block)


def test_status_with_sigchld_ignored(run):
    """The kernel forgets children of such a parent at once: not so the command's status."""
    result = run("sh", "-c", "true; exit 7", preexec_fn=ignore(signal.SIGCHLD))
    assert result.status == 7 and result.log.end["status"] == 7


def test_umask_limits_and_priorities(compare):
    """The umask is the job's; the log has been made by then."""

    def set_up():
        os.umask(0o123)
        os.nice(3)
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        for what, limit in ((resource.RLIMIT_NOFILE, (100, 200)), (resource.RLIMIT_CORE, (5, 7)),
                            (resource.RLIMIT_FSIZE, (10**7, 10**8)),
                            (resource.RLIMIT_STACK, (2**22, 2**23)),
                            (resource.RLIMIT_CPU, (100, 200))):
            resource.setrlimit(what, limit)
        pathlib.Path("/proc/self/oom_score_adj").write_text("500")
        pathlib.Path("/proc/self/coredump_filter").write_text("0x7")
        libc = ctypes.CDLL(None)
        libc.personality(0x0040000)  # ADDR_NO_RANDOMIZE
        libc.prctl(29, 123456, 0, 0, 0)  # PR_SET_TIMERSLACK

    dump = compare(preexec_fn=set_up)
    for line in ("umask: 123", "nice: 3", "personality: 40000", "timer slack: 123456",
                 "/proc/self/oom_score_adj: 500"):
        assert line in dump


def test_working_directory_and_name(compare, tmp_path):
    (tmp_path / "here").mkdir()
    assert f"/proc/self/cwd -> {tmp_path}/here" in compare(cwd=tmp_path / "here")


def test_deleted_working_directory(native, whatfiles, probe, tmp_path):
    """A job may run where no directory is any more; so may we."""
    script = 'mkdir gone; cd gone; rmdir ../gone; exec "$@"'
    dumps = []
    for words in ([], [whatfiles, "-o", tmp_path / "log.jsonl"]):
        result = native("sh", "-c", script, "sh", *words, probe("dump-state"), tmp_path / "dump",
                        cwd=tmp_path, session=False)
        assert (result.status, result.stderr) == (0, b""), result
        dumps.append(same_for_both(tmp_path / "dump"))
    assert dumps[0] == dumps[1]


def test_argv0_is_as_given(run, tmp_path, probe):
    """Found by PATH or named, argv[0] and the executed name are what execvp makes of them."""
    os.symlink(probe("dump-state"), tmp_path / "by-link")
    env = {"PATH": str(tmp_path)}
    for word, executed in (("by-link", f"{tmp_path}/by-link"), ("./by-link", "./by-link")):
        run(word, tmp_path / "dump", cwd=tmp_path, env=env)
        dump = same_for_both(tmp_path / "dump")
        assert f"argument 0: {word}" in dump and f"executed as: {executed}" in dump


def test_ordinary_user(public, probe, native, requires_root):
    """As root's, but for no_new_privs: as one who has no privileges to do without it."""
    dump = shutil.copy(probe("dump-state"), public / "dump-state")
    texts = []
    for words in ([], [public / "whatfiles", "-o", public / "log.jsonl"]):
        result = native(*words, dump, public / "dump", cwd=public, session=False, **NOBODY)
        assert (result.status, result.stderr) == (0, b""), result
        texts.append(same_for_both(public / "dump"))
    plain, traced = texts
    at = plain.index("/proc/self/status: NoNewPrivs:\t0")
    assert traced[at] == "/proc/self/status: NoNewPrivs:\t1"
    del plain[at], traced[at]
    assert traced == plain


# --- terminal -----------------------------------------------------------------------


def run_in_pty(words, **popen):
    """Runs it as the leader of a session on a new terminal; (status, output)."""
    ours, theirs = os.openpty()

    def set_up():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    child = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs,
                             preexec_fn=set_up, **popen)
    os.close(theirs)
    with contextlib.closing(os.fdopen(ours, "rb", 0)) as terminal:
        try:
            status = child.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            kill_everybody()
            child.wait(TIMEOUT)
            pytest.fail("not over in time")
        output = b""
        with contextlib.suppress(OSError):
            while data := terminal.read(65536):
                output += data
    return status, output


def test_terminal(probe, whatfiles, tmp_path):
    """In a session on a terminal: controlling terminal, foreground group, modes, session."""
    script = '"$@"; exit $?'  # so that the command is not the session's leader itself
    dumps = []
    for words in ([], [whatfiles, "-o", tmp_path / "log.jsonl"]):
        command = [*words, probe("dump-state"), tmp_path / "dump"]
        status, output = run_in_pty(["sh", "-c", script, "sh", *command])
        assert (status, output) == (0, b"")
        text = "\n".join(same_for_both(tmp_path / "dump"))
        group, session = re.search(r"group (\d+) session (\d+)", text).groups()
        assert group == session, "the shell's group and session"
        ids = re.compile(rf"(?m)^(group|/proc/self/status: NS(?:pgid|sid):).*\b{session}$")
        assert len(ids.findall(text)) == 3
        dumps.append(ids.sub(r"\1 the session's", text))
    # a pty of its own for each: which one says nothing
    dumps = [re.sub(r"/dev/pts/\d+", "/dev/pts/N", text) for text in dumps]
    assert dumps[0] == dumps[1]
    assert "controlling terminal: there" in dumps[0] and "foreground: 1" in dumps[0]


def test_nothing_on_the_terminal(whatfiles, tmp_path):
    """What the terminal shows is what the command wrote, and nothing of ours."""
    script = "echo one; tty -s && echo tty; cat /etc/hostname > /dev/null; echo two >&2"
    plain = run_in_pty(["sh", "-c", script])
    traced = run_in_pty([whatfiles, "-o", tmp_path / "x.log", "sh", "-c", script])
    assert plain == traced == (0, b"one\r\ntty\r\ntwo\r\n")


# --- pipes ----------------------------------------------------------------------------


def test_a_reader_that_goes_away(native, whatfiles, tmp_path):
    """`whatfiles yes | head -1` ends, and by the signal that yes ends by."""
    script = 'set -o pipefail; "$@" yes | head -1; echo ${PIPESTATUS[0]}'
    plain = native("bash", "-c", script, "bash", "env")
    traced = native("bash", "-c", script, "bash", whatfiles, "-o", tmp_path / "x.jsonl")
    assert (plain.stdout, traced.stdout) == (b"y\n141\n", b"y\n141\n")
    assert Log.parse((tmp_path / "x.jsonl").read_bytes()).end["signal"] == "SIGPIPE"
    assert_nobody_left()


def test_the_end_of_the_output_is_seen(start):
    """Who reads the job's output to its end does not wait for whatfiles, nor for a daemon."""
    live = start("sh", "-c", "echo out; exec >/dev/null 2>&1 </dev/null; exec sleep 20",
                 stderr=subprocess.DEVNULL)
    assert live.popen.stdout.read() == b"out\n"
    assert live.popen.poll() is None
    live.send(signal.SIGTERM)
    live.wait()


def test_a_writer_sees_that_its_reader_is_gone(start):
    """Nor does who writes into the job's input."""
    live = start("sh", "-c", "exec <&-; echo closed; exec sleep 20", stdin=subprocess.PIPE)
    assert live.popen.stdout.readline() == b"closed\n"

    def is_broken():
        try:
            os.write(live.popen.stdin.fileno(), b"x")
        except BrokenPipeError:
            return True

    wait_until(is_broken, what="EPIPE")
    live.popen.stdin = None
    live.send(signal.SIGTERM)
    live.wait()


# --- privileges -----------------------------------------------------------------------


def set_uid_copy(public, owner):
    path = public / f"id-{owner}"
    shutil.copy("/usr/bin/id", path)
    os.chown(path, owner, owner)
    path.chmod(0o4755)
    if os.statvfs(path).f_flag & os.ST_NOSUID:
        pytest.skip("set-uid programs have no effect in the temporary directory")
    return path


def test_set_uid_program(run, native, requires_root, public):
    path = set_uid_copy(public, 65534)
    plain = native(path)
    assert b"euid=65534" in plain.stdout
    assert run(path).stdout == plain.stdout


def test_set_uid_root_below_an_ordinary_user(run, native, requires_root, public):
    """The job gave its privileges up; sudo and its like still work in it."""
    path = set_uid_copy(public, 0)
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", path]
    plain = native(*command)
    assert plain.status == 0 and b"euid=0" in plain.stdout
    result = run(*command)
    assert (result.status, result.stdout) == (0, plain.stdout)
    assert result.log.end["complete"] and result.log.accesses(path, op="exec")


def test_su(run, native, requires_root):
    command = ["su", "nobody", "-s", "/bin/sh", "-c", "id; exit 3"]
    plain = native(*command)
    if plain.status != 3:
        pytest.skip("su does not work here")
    result = run(*command)
    assert (result.status, result.stdout, result.stderr) == (3, plain.stdout, plain.stderr)


# --- the end ----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [0, 1, 2, 3, 42, 63, 64, 65, 77, 99, 100, 124, 125, 126, 127,
                                    128, 129, 130, 137, 143, 200, 254, 255])
def test_exit_status(run, status):
    result = run("sh", "-c", f"exit {status}")
    assert (result.status, result.stderr) == (status, b"")
    assert result.log.end["status"] == status
    assert result.log.of("exit")[-1]["status"] == status
    assert result.log.end["complete"]


FATAL = sorted(
    ALL_SIGNALS - {signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH,
                   signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU} | {signal.SIGKILL}
)


def test_fatal_signals(start, tmp_path):
    """Our parent sees the signal that the command died of, every one of them."""

    def no_core():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for signum in ALL_SIGNALS:
            signal.signal(signum, signal.SIG_DFL)

    runs = [(s, start("sh", "-c", f"kill -{int(s)} $$", preexec_fn=no_core)) for s in FATAL]
    assert {s: r.wait().status for s, r in runs} == {s: -s for s in FATAL}
    for signum, live in runs:
        end = live.log_so_far().end
        # SIGKILL may have come from outside and in the middle of anything
        assert end["complete"] == (signum != signal.SIGKILL)
        if signum == signal.SIGIO:
            assert end["signal"] in ("SIGIO", "SIGPOLL")  # one signal, two names
        elif signum < 32:
            assert end["signal"] == signal.Signals(signum).name
        else:
            assert end["signal"].startswith("SIGRT")
    assert_nobody_left()


def test_one_core_file(start, native, whatfiles, tmp_path):
    """The command's, and no second one of ours."""
    if not re.fullmatch(r"core[%.\w]*\n", pathlib.Path("/proc/sys/kernel/core_pattern").read_text()):
        pytest.skip("cores go elsewhere (/proc/sys/kernel/core_pattern)")

    def cores():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)

    for name in ("plain", "traced"):
        (tmp_path / name).mkdir()
    command = ["sh", "-c", "kill -ABRT $$"]
    status = native(*command, cwd=tmp_path / "plain", preexec_fn=cores).status
    if not os.listdir(tmp_path / "plain"):
        pytest.skip("no core is written here")
    # the name of our binary must be in no memory but our own
    env = {"PATH": "/usr/bin:/bin", "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}
    live = start(*command, cwd=tmp_path / "traced", preexec_fn=cores, env=env)
    assert status == live.wait().status == -signal.SIGABRT
    assert len(os.listdir(tmp_path / "traced")) == len(os.listdir(tmp_path / "plain"))
    [core] = (tmp_path / "traced").iterdir()
    data = core.read_bytes()
    assert b"kill -ABRT $$" in data and os.fsencode(whatfiles) not in data, "ours, not its"
    [end] = live.log_so_far().of("exit")
    assert (end["signal"], end["core"]) == ("SIGABRT", True)


def test_file_size_limit(run, native, tmp_path):
    """The job is killed for its own big file as without us, not for our log."""

    def small():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)

    command = ["sh", "-c", "head -c 2M /dev/zero > big"]
    plain = native(*command, cwd=tmp_path, preexec_fn=small)
    assert os.stat(tmp_path / "big").st_size == 1 << 20
    result = run(*command, cwd=tmp_path, preexec_fn=small)
    assert result.status == plain.status and result.stderr == plain.stderr
    assert os.stat(tmp_path / "big").st_size == 1 << 20
    assert result.log.end["complete"]


@pytest.mark.parametrize(
    "name", ["SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR",
             "SIGRTMIN", "SIGWINCH"])
def test_signal_sent_to_us_is_the_commands(start, name):
    """Who started `whatfiles command` knows one pid, and signals it: the job must not be
    killed with us instead (it would be: a dead tracer takes its tracees along)."""
    signum = getattr(signal, name)
    script = f"trap 'echo got it; exit 4' {int(signum)}; echo up; while :; do read x; done"
    live = start("bash", "-c", script, stdin=subprocess.PIPE)
    assert live.popen.stdout.readline() == b"up\n"
    live.send(signum)
    result = live.wait()
    assert (result.status, result.stdout) == (4, b"got it\n")
    assert result.log.end["status"] == 4


def test_alarm_set_by_whoever_started_us(start, native):
    """A pending alarm outlives exec: `alarm 1; exec whatfiles ...` ends the command."""
    soon = lambda: signal.setitimer(signal.ITIMER_REAL, 0.3)  # noqa: E731
    assert native("sleep", "20", preexec_fn=soon).status == -signal.SIGALRM
    assert start("sleep", "20", preexec_fn=soon).wait().status == -signal.SIGALRM
