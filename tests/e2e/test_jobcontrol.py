# SPDX-License-Identifier: MIT
"""Stopping and going on: a shell, its user and a parent see what they would see.

The shells here are interactive ones on a pseudo terminal of their own.
"""

import contextlib
import fcntl
import os
import re
import select
import signal
import subprocess
import termios
import time

import pytest
from conftest import Log, assert_nobody_left, descendants, process_table, wait_until

LIMIT = 60


class Terminal:
    """A program on a terminal of its own: what is typed, and what is shown."""

    def __init__(self, words, **popen):
        self.ours, theirs = os.openpty()
        self.shown = b""
        self.at = 0  # up to where expect() has looked

        def set_up():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.popen = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs,
                                      preexec_fn=set_up, **popen)
        os.close(theirs)

    def type(self, text):
        os.write(self.ours, text)

    def _read(self, seconds):
        if not select.select([self.ours], [], [], seconds)[0]:
            return
        with contextlib.suppress(OSError):  # EIO: nobody has it open any more
            self.shown += os.read(self.ours, 65536)

    def expect(self, pattern):
        """Waits until what was shown since the last time matches; returns the match."""
        end = time.monotonic() + LIMIT
        while True:
            if match := re.search(pattern, self.shown[self.at:]):
                self.at += match.end()
                return match
            if time.monotonic() > end:
                pytest.fail(f"{pattern!r} was not shown but {self.shown[self.at:]!r}; "
                            f"processes: {descendants()}")
            self._read(0.05)

    def end(self):
        """Reads on until the program has ended; its status."""
        end = time.monotonic() + LIMIT
        while self.popen.poll() is None:
            assert time.monotonic() < end, f"it did not end: {self.shown!r}, {descendants()}"
            self._read(0.02)
        self._read(0)
        os.close(self.ours)
        return self.popen.returncode


class Shell(Terminal):
    """An interactive bash with the prompt "> "."""

    def __init__(self, tracer, cwd):
        env = {"PATH": os.environ["PATH"], "PS1": "> ", "HISTFILE": "", "LC_ALL": "C",
               "TERM": "dumb"}
        super().__init__([*tracer, "bash", "--norc", "--noprofile", "--noediting", "-i"],
                         cwd=cwd, env=env)
        self.prompt()

    def prompt(self):
        self.expect(rb"(^|\n)> $")

    def line(self, text):
        """Types a command line and skips its echo."""
        self.type(text.encode() + b"\n")
        self.expect(re.escape(text.encode()) + rb"\r\n")

    def run(self, text):
        """Runs a command line; what it showed."""
        start = self.at
        self.line(text)
        self.prompt()
        return self.shown[start:self.at].split(b"\r\n", 1)[1].rpartition(b"> ")[0]


@pytest.fixture
def shell(tmp_path):
    """shell(*tracer) -> Shell in tmp_path."""
    return lambda *tracer: Shell(tracer, tmp_path)


def states(comm):
    """The states of our descendants of this name, as letters."""
    return "".join(state for _, state, name in descendants() if name == comm)


def wait_for(comm, wanted):
    """Until there is one of this name and it is in one of these states."""
    wait_until(lambda: states(comm) and states(comm) in wanted, what=f"{comm} in {wanted}")


@pytest.fixture
def name(whatfiles):
    """What whatfiles is called in the process table."""
    return os.path.basename(whatfiles)[:15]


# --- a parent and its child, both in the job ------------------------------------------------


@pytest.mark.parametrize("threads", [1, 4])
def test_parent_sees_the_stops_of_its_child(run, native, probe, threads):
    command = [probe("stop-continue"), str(threads)]
    plain = native(*command)
    assert plain.status == 0 and plain.stdout.count(b"stood still: 1") == 5
    result = run(*command)
    assert (result.status, result.stdout) == (0, plain.stdout)
    assert result.log.accesses("/dev/null", op="read")


def test_stopped_children_of_a_shell_script(run, native, tmp_path):
    """kill -STOP and -CONT of a whole group, from outside of it."""
    script = """
        set -m
        sh -c 'echo a; sleep 0.1; echo b' > out & one=$!
        sleep 100 & two=$!
        kill -STOP -- -$two; wait $two; echo stopped $?
        kill -CONT -- -$two; kill -TERM -- -$two; wait $two; echo ended $?
        wait $one; echo $?
    """
    plain = native("bash", "-c", script, cwd=tmp_path)
    assert plain.stdout.splitlines() == [b"stopped 147", b"ended 143", b"0"]
    assert run("bash", "-c", script, cwd=tmp_path).stdout == plain.stdout


# --- whatfiles and its own parent -------------------------------------------------------


def wait_for_stop(pid, options):
    """os.waitpid with a limit of time."""
    got = wait_until(lambda: (r := os.waitpid(pid, options | os.WNOHANG))[0] and r,
                     what="a report of wait")
    return got[1]


def test_whatfiles_stops_with_the_command(start):
    """Its parent sees the stop, may let it go on by its pid, and sees the end."""
    live = start("sh", "-c", "kill -STOP $$; cat /etc/hostname; exit 3", session=False)
    status = wait_for_stop(live.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGSTOP
    assert not live.log_so_far().accesses("/etc/hostname")
    live.send(signal.SIGCONT)
    status = wait_for_stop(live.pid, os.WCONTINUED)
    assert os.WIFCONTINUED(status)
    result = live.wait()
    assert_nobody_left()
    assert result.status == 3 and result.log.end["complete"]
    assert len(result.log.accesses("/etc/hostname", op="read")) == 1


def test_command_that_is_continued_directly(start):
    """Somebody wakes the command and not us: then we go on as well, by its next stop."""
    live = start("sh", "-c", "kill -STOP $$; exit 3")
    wait_for_stop(live.pid, os.WUNTRACED)
    [command] = [p for p, (ppid, _, _) in process_table().items() if ppid == live.pid]
    os.kill(command, signal.SIGCONT)
    live.send(signal.SIGCONT)
    assert live.wait().status == 3


def test_stopped_again_and_again(start):
    live = start("sh", "-c", "for i in 1 2 3 4 5; do kill -STOP $$; done; exit 3")
    for _ in range(5):
        status = wait_for_stop(live.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        os.killpg(live.pid, signal.SIGCONT)
    assert live.wait().status == 3


def test_stopped_command_can_be_killed(start):
    live = start("sh", "-c", "kill -STOP $$; exit 3")
    wait_for_stop(live.pid, os.WUNTRACED)
    live.send(signal.SIGKILL)
    assert live.wait().status == -signal.SIGKILL
    assert_nobody_left()


def test_stopped_command_is_terminated(start):
    """SIGTERM and then SIGCONT is how supervisors end what may be stopped."""
    live = start("sh", "-c", "kill -STOP $$; exit 3")
    wait_for_stop(live.pid, os.WUNTRACED)
    live.send(signal.SIGTERM)
    live.send(signal.SIGCONT)
    result = live.wait()
    assert_nobody_left()
    assert result.status == -signal.SIGTERM and "signalled" in result.log.gaps


def test_stop_of_whatfiles_itself(start, name):
    """It cannot be refused: the job waits at its next stop and goes on with us."""
    live = start("sh", "-c", "read x; cat /etc/hostname; exit 3", stdin=subprocess.PIPE)
    wait_until(lambda: live.log_so_far().of("exec"), what="its start")
    live.send(signal.SIGSTOP)
    assert os.WIFSTOPPED(wait_for_stop(live.pid, os.WUNTRACED))
    live.popen.stdin.write(b"\n")
    live.popen.stdin.flush()
    live.send(signal.SIGCONT)
    result = live.wait()
    assert result.status == 3 and result.log.accesses("/etc/hostname", op="read")


# --- a user at a shell -----------------------------------------------------------------


def test_ctrl_z_fg_ctrl_c(shell, whatfiles, name, tmp_path):
    sh = shell()
    sh.line(f"{whatfiles} -o log.jsonl sleep 100")
    wait_for("sleep", "S")
    sh.type(b"\x1a")
    sh.expect(rb"\[1\]\+  Stopped +[^\n]* sleep 100\r\n> ")
    assert states("sleep") in ("T", "t") and states(name) == "T"
    assert b"Stopped" in sh.run("jobs")
    sh.line("fg")
    sh.expect(rb"sleep 100\r\n")
    wait_for("sleep", "S")
    sh.type(b"\x03")
    sh.prompt()
    assert sh.run("echo status=$?") == b"status=130\r\n"
    log = Log.parse((tmp_path / "log.jsonl").read_bytes())
    assert log.end["signal"] == "SIGINT" and "signalled" in log.gaps
    sh.line("exit")
    assert sh.end() == 0
    assert_nobody_left()


def test_the_user_sees_the_same(shell, whatfiles, tmp_path):
    """The same dialogue without whatfiles shows the same, line by line."""
    shown = []
    for words in ("env", f"{whatfiles} -o log.jsonl --"):
        sh = shell()
        sh.line(f"{words} sleep 100")
        wait_for("sleep", "S")
        sh.type(b"\x1a")
        sh.expect(rb"Stopped[^\n]*\n> $")
        sh.run("jobs")
        sh.line("bg")
        sh.prompt()
        wait_for("sleep", "S")
        sh.run("jobs")
        sh.run("kill -STOP %1; sleep 0.2")
        sh.run("jobs")
        sh.line("fg")
        wait_for("sleep", "S")
        sh.type(b"\x03")
        sh.prompt()
        sh.run("echo status=$?")
        sh.line("exit 4")
        assert sh.end() == 4
        text = sh.shown.replace(words.encode(), b"TRACER")
        text = re.sub(rb"(?m)^> whatfiles: the record is incomplete[^\n]*\n", b"", text)
        text = re.sub(rb"(?m)^\^?C?whatfiles: the record is incomplete[^\n]*\n", b"^C", text)
        shown.append(text.replace(b"\r", b"").split(b"\n"))
    assert shown[0] == shown[1]


def test_background_job_that_reads_the_terminal(shell, whatfiles, name, tmp_path):
    """SIGTTIN stops the command, the shell hears of it, and fg gives it the terminal."""
    sh = shell()
    sh.run(f"{whatfiles} -o log.jsonl cat > copy &")
    wait_for("cat", ("T", "t"))
    wait_for(name, "T")
    assert re.search(rb"Stopped", sh.run("jobs"))
    sh.line("fg")
    wait_for("cat", "S")
    sh.type(b"hello\n\x04")
    sh.prompt()
    assert sh.run("echo status=$?").endswith(b"status=0\r\n")
    assert (tmp_path / "copy").read_text() == "hello\n"
    sh.line("exit")
    sh.end()
    assert Log.parse((tmp_path / "log.jsonl").read_bytes()).end["complete"]


def test_pipeline(shell, whatfiles, name, tmp_path):
    """One command of several is traced: they stop and go on together."""
    sh = shell()
    sh.line(f"{whatfiles} -o log.jsonl sh -c 'sleep 0.5; sleep 100; echo no' | cat")
    wait_for("sleep", "S")
    sh.type(b"\x1a")
    sh.expect(rb"Stopped[^\n]*\n> $")
    assert states(name) == "T" and states("cat") == "T"
    sh.line("fg")
    wait_until(lambda: states("cat") == states("sleep") == "S", what="both to go on")
    sh.type(b"\x03")
    sh.prompt()
    assert_only_the_shell(sh)
    sh.line("exit")
    sh.end()
    Log.parse((tmp_path / "log.jsonl").read_bytes()).end


def assert_only_the_shell(sh):
    wait_until(lambda: [p for p, _, _ in descendants()] == [sh.popen.pid], what="an empty shell")


def test_command_that_catches_ctrl_z(shell, whatfiles, name):
    """It does not stop, so we do not."""
    sh = shell()
    script = "trap \"echo caught\" TSTP; echo up; read x; echo read $x"
    sh.line(f"{whatfiles} -o log.jsonl bash -c '{script}'")
    sh.expect(rb"up\r\n")
    sh.type(b"\x1a")
    sh.expect(rb"caught\r\n")
    assert set(states(name) + states("bash")) <= set("SR")
    sh.type(b"x\n")
    sh.expect(rb"read x\r\n")
    sh.prompt()
    sh.line("exit")
    sh.end()
    assert b"Stopped" not in sh.shown
    assert_nobody_left()


def test_ctrl_backslash(shell, whatfiles, tmp_path):
    sh = shell()
    sh.run("ulimit -c 0")
    sh.line(f"{whatfiles} -o log.jsonl sleep 100")
    wait_for("sleep", "S")
    sh.type(b"\x1c")
    sh.expect(rb"Quit")
    sh.prompt()
    assert sh.run("echo status=$?") == b"status=131\r\n"
    sh.line("exit")
    sh.end()
    assert Log.parse((tmp_path / "log.jsonl").read_bytes()).end["signal"] == "SIGQUIT"


def test_hangup_of_the_terminal(shell, whatfiles, name, tmp_path):
    """The window is closed: the command gets its SIGHUP, the log its end."""
    sh = shell()
    sh.line(f"{whatfiles} -o log.jsonl sleep 100")
    wait_for("sleep", "S")
    os.close(sh.ours)
    sh.popen.wait(LIMIT)
    assert_nobody_left(LIMIT)
    log = Log.parse((tmp_path / "log.jsonl").read_bytes())
    assert not log.end["complete"] and "signalled" in log.gaps
    assert log.end["signal"] == "SIGHUP"


# --- a shell in the job ---------------------------------------------------------------


def test_job_control_inside(shell, whatfiles, name, tmp_path):
    """An interactive shell below whatfiles has its own jobs, and we stay out of it."""
    sh = shell(whatfiles, "--all", "-o", tmp_path / "log.jsonl", "--")
    assert b"no job control" not in sh.shown
    sh.line("sleep 100")
    wait_for("sleep", "S")
    sh.type(b"\x1a")
    sh.expect(rb"\[1\]\+  Stopped +sleep 100\r\n> $")
    assert states(name) == "S", "only the shell's job has stopped"
    assert b"Stopped" in sh.run("jobs")
    sh.line("fg")
    wait_for("sleep", "S")
    sh.type(b"\x03")
    sh.prompt()
    assert sh.run("echo status=$?") == b"status=130\r\n"
    assert sh.run("cat /etc/hostname > /dev/null; echo on") == b"on\r\n"
    sh.line("exit 7")
    assert sh.end() == 7
    assert_nobody_left()
    log = Log.parse((tmp_path / "log.jsonl").read_bytes())
    assert log.end["status"] == 7
    # the Ctrl-C was the inner job's, which the terminal did not send to us
    assert log.end["complete"] and log.accesses("/etc/hostname", op="read")
    assert b"whatfiles:" not in sh.shown


def test_dialogue_inside_is_the_same(shell, whatfiles, tmp_path):
    """What an interactive shell shows is the same below whatfiles, byte by byte."""
    shown = []
    for tracer in ([], [whatfiles, "-o", tmp_path / "log.jsonl", "--"]):
        sh = shell(*tracer)
        sh.line("cat")
        wait_for("cat", "S")
        sh.type(b"one\n")
        sh.expect(rb"one\r\none\r\n")
        sh.type(b"\x1a")
        sh.expect(rb"Stopped[^\n]*\n> $")
        sh.run("jobs")
        sh.line("fg")
        wait_for("cat", "S")
        sh.type(b"two\n\x04")
        sh.prompt()
        sh.run("(exit 9)")
        sh.run("echo status=$?; stty -a | head -1; [ -t 0 ] && echo terminal")
        sh.line("exit 4")
        assert sh.end() == 4
        shown.append(sh.shown)
    assert shown[0] == shown[1]


@pytest.mark.parametrize("traced", [False, True], ids=["native", "traced"])
def test_suspend_of_the_shell_inside(shell, whatfiles, name, tmp_path, traced):
    """A shell in a shell: `suspend` of the inner one gives the outer one its prompt, and fg
    gives the inner one, whose group is not ours, the terminal back."""
    sh = shell()
    tracer = f"{whatfiles} -o log.jsonl " if traced else ""
    sh.line(f"PS1='inner> ' {tracer}bash --norc --noprofile --noediting -i")
    sh.expect(rb"inner> $")
    sh.line("suspend")
    sh.expect(rb"Stopped[^\n]*\n> $")
    if traced:
        assert states(name) == "T"
    sh.line("fg")
    sh.type(b"\n")
    sh.expect(rb"inner> $")
    sh.line("echo in=$PS1; exit 5")
    sh.expect(rb"in=inner>\r\n")
    sh.prompt()
    assert sh.run("echo status=$?") == b"status=5\r\n"
    sh.line("exit")
    sh.end()
    if traced:
        assert Log.parse((tmp_path / "log.jsonl").read_bytes()).end["complete"]


def test_nothing_is_said_while_the_job_runs(shell, whatfiles, tmp_path):
    """The terminal is the job's until it has ended, also when the log cannot be written."""
    sh = shell()
    sh.line(f"{whatfiles} -o /dev/full sh -c 'echo up; cat /etc/hostname >/dev/null; read x; echo bye'")
    sh.expect(rb"up\r\n")
    wait_for("sh", "S")
    time.sleep(0.3)
    sh._read(0)
    assert sh.shown.endswith(b"\nup\r\n")
    sh.type(b"\n")
    sh.expect(rb"bye\r\nwhatfiles: ")
    sh.prompt()
    assert sh.run("echo status=$?") == b"status=125\r\n"
    sh.line("exit")
    sh.end()
