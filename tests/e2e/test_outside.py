# SPDX-License-Identifier: MIT
"""What the command has from outside, and what others do for it: told, noted, or a gap.

Descriptors that were open at its start or came over a socket (F14), services that work on
files for whoever asks (A14), a tracer that would be the second one (E1), and how the last
line of a log says all this.
"""

import os
import re
import socket

import pytest
from conftest import Log
from test_tree import check_log

PYTHON = "/usr/bin/python3"


def notes(log):
    return {note["kind"]: note for note in log.end["notes"]}


# --- descriptors from the start --------------------------------------------------------


def test_F14_descriptors_at_the_start_are_told(start, native, tmp_path):
    """All that the command has, and nothing else: as it sees them itself without us."""
    secret = tmp_path / "a, secret\n"
    secret.write_text("x")
    out = tmp_path / "out"
    room = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    fds = [os.open("/dev/null", os.O_RDWR), room]
    listing = [PYTHON, "-S", "-c", "import os\nfor fd in range(256):\n try: os.fstat(fd)\n"
               " except OSError: continue\n os.write(2, b' %d' % fd)"]
    with open(secret, "rb") as stdin, open(out, "ab") as stdout:
        how = {"stdin": stdin, "stdout": stdout, "pass_fds": fds}
        alone = native(*listing, **how)
        result = start(*listing, **how).wait()
    for fd in fds:
        os.close(fd)
    assert result.status == alone.status == 0
    log = result.log
    check_log(log)
    seen = set(map(int, re.findall(rb" (\d+)", alone.stderr)))
    told = {r["fd"]: r for r in log.of("inherited")}
    assert set(told) == seen and len(log.of("inherited")) == len(seen)
    assert (told[0]["path"], told[0]["kind"], told[0]["flags"]) == (
        str(secret), "file", "O_RDONLY")
    assert (told[1]["path"], told[1]["flags"]) == (str(out), "O_WRONLY|O_APPEND")
    assert told[2]["kind"] == "pipe"
    assert [told[fd]["kind"] for fd in fds] == ["device", "directory"]
    assert "O_DIRECTORY" in told[room]["flags"]


def test_F14_text_shows_the_files_among_them(tool, tmp_path):
    secret = tmp_path / "a, secret\n"
    secret.write_text("x")
    for words, shown in ((["-s"], True), (["-s", "-e", "write"], False)):
        with open(secret, "rb") as stdin:
            result = tool(*words, "true", stdin=stdin)
        lines = [l for l in result.stdout.decode().splitlines() if "inherit" in l]
        assert len(lines) == shown
        if shown:
            assert re.fullmatch(r"mode: inherit, file: .*/a\\x2c secret\\n, syscall: execve\(\), "
                                r"PID: \d+, process: true, fd: 0", lines[0])


def test_F14_descriptor_that_another_process_sent(start, tmp_path):
    """A file that nobody in the job opened: with --audit the log has its name and flags."""
    secret = tmp_path / "secret"
    secret.write_text("the text")
    script = (
        "import os, socket; s = socket.socket(fileno=int(os.environ['SOCKET'])); "
        "fds = socket.recv_fds(s, 10, 2)[1]; print(os.read(fds[0], 20))"
    )
    for options, told in ((["--all", "--audit"], True), (["--all"], False)):
        ours, its = socket.socketpair()
        with ours, its, open(secret, "rb") as file:
            os.set_inheritable(its.fileno(), True)
            env = dict(os.environ, SOCKET=str(its.fileno()))
            live = start(PYTHON, "-S", "-c", script, options=options, env=env,
                         pass_fds=[its.fileno()])
            socket.send_fds(ours, [b"x"], [file.fileno()])
            result = live.wait()
        assert (result.status, result.stdout) == (0, b"b'the text'\n"), result
        received = result.log.accesses(op="receive")
        assert [(r["path"], r["call"], r["flags"]) for r in received] == (
            [(str(secret), "recvmsg", received[0]["flags"])] if told else [])
        assert not received or received[0]["flags"].startswith("O_RDONLY")
        # told either way is that there was a socket to send it over
        assert "socket" in {r["kind"] for r in result.log.of("inherited")}


# --- those who work for it --------------------------------------------------------------

SERVER = """
import os, socket, subprocess, sys
servers = []
for path in sys.argv[1].split(","):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen(5)
    servers.append(s)
sys.exit(subprocess.run(sys.argv[2:]).returncode)
"""

CLIENT = """
import socket, sys
for path in sys.argv[1].split(","):
    socket.socket(socket.AF_UNIX).connect(path)
"""


def ask(native, whatfiles, log, paths, options=("--all",)):
    """Connects to sockets of these names, which are there in a /run of our own."""
    command = [whatfiles, *options, "-o", log, "--", PYTHON, "-S", "-c", CLIENT, paths]
    inside = "mount -t tmpfs none /run && exec \"$@\""
    result = native("unshare", "-m", "--propagation=private", "sh", "-c", inside, "sh",
                    PYTHON, "-S", "-c", SERVER, paths, *command)
    if b"unshare: " in result.stderr or b"mount: " in result.stderr:
        pytest.skip("no mount namespace of our own")
    assert result.status == 0, result
    return result


@pytest.mark.parametrize("options", [["--all"], ["--events", "read"]])
def test_A14_service_that_works_for_others(requires_root, native, whatfiles, needs, tmp_path,
                                           options):
    """docker build and the like: what the daemon does is not seen, so nothing is complete."""
    needs("unshare")
    log_file = tmp_path / "log.jsonl"
    result = ask(native, whatfiles, log_file, "/run/docker.sock,/run/podman/podman.sock", options)
    log = Log.parse(log_file.read_bytes())
    check_log(log)
    gap = log.gaps["delegated"]
    assert gap["count"] == 2
    assert re.fullmatch(r"docker \(/run/docker\.sock\) by PID \d+ \(python3\)", gap["example"])
    assert not log.end["complete"]
    assert b"incomplete" in result.stderr and b"docker" in result.stderr


def test_A14_service_that_answers(requires_root, native, whatfiles, needs, tmp_path):
    """D-Bus and the like are asked by every second program: noted, and complete."""
    needs("unshare")
    log_file = tmp_path / "log.jsonl"
    result = ask(native, whatfiles, log_file, "/run/dbus/system_bus_socket,/run/none/socket")
    log = Log.parse(log_file.read_bytes())
    check_log(log)
    assert log.end["complete"] and result.stderr == b""
    note = notes(log)["asked"]
    assert note["count"] == 1 and note["example"].startswith("D-Bus (/run/dbus/")


# --- tracers ----------------------------------------------------------------------------


def test_E1_tracer_of_the_command(run, probe):
    """A tracer outside of the job cannot have one of it, and the user is told why."""
    result = run("sh", "-c", f"exec {PYTHON} -c 'import ctypes; "
                 "print(ctypes.CDLL(None).ptrace(0, 0, 0, 0))'")
    assert result.stdout == b"-1\n"
    assert b"could not be traced" in result.stderr
    note = notes(result.log)["ptrace"]
    assert note["count"] == 1 and "(python3" in note["example"]
    assert result.log.end["complete"]
    refused = [r for r in result.log.accesses(op="notice") if r["call"] == "ptrace"]
    assert [r.get("error") for r in refused] == ["EPERM"]


def test_nothing_is_said_where_nobody_traces(run):
    result = run("sh", "-c", "kill -0 $$")
    assert result.stderr == b"" and result.log.end["notes"] == []


# --- the last line ----------------------------------------------------------------------


def test_last_line_of_a_text_log_has_examples(run, probe, tmp_path):
    """Each kind with its count and an example, whatever the process is called."""
    program = tmp_path / "x), shown: 9\nend: complete"
    os.link(probe("guard-uring"), program)
    options = ["--io-uring=allow"]
    result = run(program, options=options, log="a.log")
    if result.stdout != b"a ring\n":
        pytest.skip("the kernel gives no io_uring here")
    last = result.text.decode().splitlines()[-1]
    assert re.fullmatch(
        r"end: INCOMPLETE \(io_uring: 1\), status: 0, processes: 1, calls: \d+, accesses: \d+, "
        r"shown: \d+, gap: io_uring 1 \(io_uring_setup by PID \d+ \(x\)\\x2c shown: 9\\nend: "
        r"complete\)\)", last)
    result = run(program, log="b.log", options=[])
    last = result.text.decode().splitlines()[-1]
    assert last.startswith("end: complete, status: 0, ")
    assert re.search(r", note: io_uring_denied 1 \(io_uring_setup by PID \d+ \(x\)", last)
