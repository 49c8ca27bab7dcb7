# SPDX-License-Identifier: MIT
"""Call for call what others see: strace, in its own way, and the kernel's tracepoints.

A command is worth comparing only if it does the same every time, so that is
proven first, by two runs of strace.
"""

import collections
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest
from conftest import TOP, Log, name_of

ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "TMPDIR": "/tmp",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "PYTHONHASHSEED": "0",
}

LINE = re.compile(rb"^(\d+) +(?:<\.\.\. )?(\w+)(\(| resumed>)(.*)$")


@pytest.fixture(scope="session")
def table(whatfiles):
    """number -> name of each call that is traced, on x86_64.

    Without the operation "notice": of clone, prctl, seccomp and the like only
    those calls are traced that could hide a file access, and they are none.
    """
    done = subprocess.run([whatfiles, "--list-syscalls"], capture_output=True, timeout=60)
    rows = [line.split() for line in done.stdout.decode().splitlines()[1:]]
    found = {int(row[2]): row[0] for row in rows if row[2] != "-" and row[1] != "notice"}
    assert len(found) > 70
    return found


def path_arguments():
    """call -> which argument is its name, from the table itself."""
    found = {}
    for path in (TOP / "bpf-filters").glob("*.def"):
        for row in re.finditer(r"^SYS\((\w+), +\d+,.*", path.read_text(), re.M):
            where = re.search(r"[ ,]\.path = A(\d)", row[0])
            found[row[1]] = int(where[1]) if where else None
    return found


PATH_ARGUMENT = path_arguments()


# --- reading strace ---------------------------------------------------------------------


def whole_calls(text):
    """(call, its arguments and result) of each call, the two halves of a broken line joined."""
    begun = {}
    for line in text.splitlines():
        match = LINE.match(line)
        if not match:
            assert re.match(rb"^\d+ +(---|\+\+\+)", line), line
            continue
        pid, call, kind, rest = match.groups()
        if rest.endswith(b"<unfinished ...>"):
            assert kind == b"("
            begun[pid, call] = rest[: -len(b"<unfinished ...>")]
            continue
        if kind != b"(":
            rest = begun.pop((pid, call)) + rest
        yield call.decode(), rest
    for (_, call), rest in begun.items():
        yield call.decode(), rest + b" = ?"


def names_no_file(call, rest):
    """Sockets without a path, which are no accesses (see the table's README)."""
    return call in ("bind", "connect") and not re.search(rb'AF_UNIX, sun_path="', rest)


def unhex(text):
    return bytes.fromhex(text.replace(b"\\x", b"").decode())


def name_passed(call, rest):
    """The bytes of the name, or None where the call takes or got none."""
    index = PATH_ARGUMENT[call]
    if index is None or call in ("bind", "connect"):
        return None
    argument = rest.split(b", ")[index].rstrip(b")") if index < 2 else b""
    match = re.match(rb'^"((?:\\x[0-9a-f]{2})*)"$', argument.split(b")")[0])
    return unhex(match[1]) if match else None


def steady(name):
    """Temporary names are others in each run."""
    return name and re.sub(rb"/cc\w{6}\b", b"/ccXXXXXX", name)


def strace_calls(command, cwd, names):
    """Counter of (call, name as passed, error)."""
    found = collections.Counter()
    with tempfile.NamedTemporaryFile(prefix="whatfiles-strace-") as out:
        done = subprocess.run(
            ["strace", "-f", "-qq", "-xx", "-s", "8192", "-o", out.name, *command],
            cwd=cwd, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            timeout=60, stderr=subprocess.DEVNULL,
        )
        assert done.returncode == 0
        text = out.read()
    for call, rest in whole_calls(text):
        by_number = re.fullmatch(r"syscall_0x([0-9a-f]+)", call)
        if by_number:
            call = names.get(int(by_number[1], 16), call)
        if call not in names.values() or names_no_file(call, rest):
            continue
        result = rest.rpartition(b" = ")[2]
        if b"ERESTART" in result:
            continue  # the kernel makes the call again, and strace shows it again
        error = re.match(rb"-1 (E\w+)", result)
        found[call, steady(name_passed(call, rest)), error and error[1].decode()] += 1
    return found


# --- ours, in the same form --------------------------------------------------------------


def our_calls(log):
    found = collections.Counter()
    for record in log.accesses():
        if record["op"] == "notice":
            continue
        name = name_of(record, "name")
        if name is None and PATH_ARGUMENT[record["call"]] is not None:
            name = name_of(record, "path")
        if record["call"] in ("bind", "connect"):
            name = None
        found[record["call"], steady(name), record.get("error")] += 1
    return found


def per_call(calls):
    counts = collections.Counter()
    for (call, _, _), count in calls.items():
        counts[call] += count
    return counts


def without_null_names(calls, nulls):
    """Where strace saw a NULL name our log has the file's own; only how many is comparable."""
    return collections.Counter(
        {key: n for key, n in calls.items() if (key[0], key[2]) not in nulls}
    )


# --- commands ----------------------------------------------------------------------------


def make_tree(top):
    for i in range(5):
        folder = top / f"dir {i}" / "sub"
        folder.mkdir(parents=True)
        for j in range(6):
            (folder / f"file-{j}").write_bytes(b"x" * (1000 * j))
        (folder / "link").symlink_to("file-1")
        os.link(folder / "file-2", folder / "hard")
        (folder / "gone").symlink_to("nothing")
    for path in sorted(top.rglob("*"), reverse=True):
        os.utime(path, (1_600_000_000, 1_600_000_000), follow_symlinks=False)


def tar(here):
    make_tree(here / "tree")
    return ["tar", "-c", "-f", "tree.tar", "tree"]


def cp(here):
    make_tree(here / "tree")
    return ["cp", "-a", "tree", "copy"]


def find(here):
    make_tree(here / "tree")
    return ["find", "tree", "-type", "f", "-newer", "tree", "-o", "-name", "*-1"]


def gcc(here):
    (here / "one.c").write_text('#include <stdio.h>\nint main(void) { return puts("x"); }\n')
    return ["gcc", "-c", "-o", "one.o", "one.c"]


def git(here):
    make_tree(here / "tree")
    plain = dict(ENVIRONMENT, GIT_AUTHOR_DATE="@1600000000 +0000")
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"], ["status"]):
        subprocess.run(["git", *who, *words], cwd=here, env=plain, check=True, timeout=30,
                       stdout=subprocess.DEVNULL)
    # as it would be in a repository that is not just now made
    os.utime(here / ".git" / "index", (1_700_000_000, 1_700_000_000))
    return ["git", "status"]


def python(here):
    return ["/usr/bin/python3", "-S", "-B", "-E", "-c", "import json, email.message, this"]


def dpkg(here):
    return ["dpkg-query", "-l"]


def shell(here):
    """Many processes one after the other, failing look-ups, redirections."""
    script = ("for i in 1 2 3 4 5; do cat none$i; echo $i >out$i; ls out$i | wc -l; done; "
              "PATH=/none:/usr/none:$PATH; env true; rm out*; exit 0")
    return ["sh", "-c", script]


COMMANDS = {f.__name__: f for f in (tar, cp, find, gcc, git, python, dpkg, shell)}
PROGRAMS = {"dpkg": "dpkg-query", "python": "/usr/bin/python3", "shell": "sh"}


@pytest.fixture
def prepared(tmp_path):
    """prepared(kind) -> command, its directory made afresh, always the same one."""
    here = tmp_path / "here"

    def prepared(kind):
        if kind.__name__ == "git" and here.exists():
            return ["git", "status"]
        shutil.rmtree(here, ignore_errors=True)
        here.mkdir()
        return kind(here)

    prepared.cwd = here
    return prepared


@pytest.mark.parametrize("name", COMMANDS)
def test_as_many_calls_as_strace(run, needs, prepared, table, name):
    kind = COMMANDS[name]
    needs("strace", PROGRAMS.get(name, name))
    # warms the caches, and what a first run leaves behind
    subprocess.run(prepared(kind), cwd=prepared.cwd, env=ENVIRONMENT, timeout=60,
                   stdin=subprocess.DEVNULL, capture_output=True)
    theirs = strace_calls(prepared(kind), prepared.cwd, table)
    again = strace_calls(prepared(kind), prepared.cwd, table)
    assert theirs == again, "not the same twice by itself: choose another command"
    assert sum(theirs.values()) >= 20
    result = run(*prepared(kind), cwd=prepared.cwd, env=ENVIRONMENT, timeout=60)
    assert result.status == 0, result
    log = result.log
    assert log.end["complete"], log.gaps
    ours = our_calls(log)
    assert per_call(ours) == per_call(theirs)
    # name for name as well
    nulls = {(call, error) for call, passed, error in theirs
             if passed is None and PATH_ARGUMENT[call] is not None}
    assert without_null_names(ours, nulls) == without_null_names(theirs, nulls)


def test_the_comparison_can_fail(run, needs, prepared, table):
    """One look-up more is one call more."""
    needs("strace")
    theirs = strace_calls(["cat", "/etc/hostname"], "/", table)
    ours = our_calls(run("cat", "/etc/hostname", "/etc/passwd", cwd="/", env=ENVIRONMENT).log)
    assert per_call(ours)["openat"] == per_call(theirs)["openat"] + 1
    assert set(ours - theirs) == {("openat", b"/etc/passwd", None), ("newfstatat", b"", None)}


# --- the kernel's own count ----------------------------------------------------------------


@contextlib.contextmanager
def tracefs():
    """An instance of our own, so that nobody's settings are touched; gone afterwards."""
    with contextlib.ExitStack() as stack:
        top = pathlib.Path(tempfile.mkdtemp(prefix="whatfiles-tracefs-"))
        stack.callback(top.rmdir)
        done = subprocess.run(["mount", "-t", "tracefs", "none", top], capture_output=True)
        if done.returncode:
            pytest.skip(f"tracefs cannot be mounted: {done.stderr.decode().strip()}")
        stack.callback(subprocess.run, ["umount", top])
        instance = top / "instances" / f"whatfiles-{os.getpid()}"
        try:
            instance.mkdir()
        except OSError as error:
            pytest.skip(f"tracefs lets us make no instance: {error.strerror}")
        stack.callback(instance.rmdir)
        if not (instance / "events/raw_syscalls/sys_enter/enable").exists():
            pytest.skip("this kernel has no tracepoints for syscalls")
        yield instance


# Where newfstatat, readlinkat and fstat take an address.  Only these are looked at: the tracepoint
# prints six registers, and those that a call does not take hold anything, numbers of this size too.
ADDRESSES = {262: (1, 2), 267: (1, 2), 5: (1,)}


def by_recorder(number, arguments):
    """Whether the fast engine's recorder makes the call for itself: into memory of its own."""
    words = [int(word, 16) for word in arguments.split(", ")]
    return any(0x70000000 <= words[i] < 0x7f000000 for i in ADDRESSES.get(number, ()))


def test_a_register_that_a_call_does_not_take_says_nothing():
    foreign = "ffffff9c, 7ffe12345678, 7ffe12345600, 100, 71234567, 71234567"
    assert not by_recorder(262, foreign)
    assert by_recorder(262, "3, 70012340, 70012380, 1000, 0, 0")
    assert not by_recorder(257, "3, 70012340, 0, 0, 0, 0")


def kernel_calls(instance, command, cwd, numbers):
    """Counter of (tid, number) of all file calls made by @command and its children."""
    event = instance / "events" / "raw_syscalls" / "sys_enter"

    def only_me():
        (instance / "set_event_pid").write_text(str(os.getpid()))

    (instance / "buffer_size_kb").write_text("8192")
    (instance / "options" / "event-fork").write_text("1")
    (event / "filter").write_text(" || ".join(f"id == {n}" for n in sorted(numbers)))
    (event / "enable").write_text("1")
    try:
        done = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, preexec_fn=only_me, timeout=60,
                              stdin=subprocess.DEVNULL, capture_output=True)
    finally:
        (event / "enable").write_text("0")
    assert done.returncode == 0, done
    for stats in instance.glob("per_cpu/cpu*/stats"):
        lost = re.search(r"overrun: (\d+)\n[^$]*dropped events: (\d+)", stats.read_text())
        assert lost.groups() == ("0", "0"), "the kernel's own buffer was too small"
    found = collections.Counter()
    for line in (instance / "trace").read_text(errors="replace").splitlines():
        match = re.search(r"-(\d+) +\[\d+\].*: sys_enter: NR (\d+) \(([^)]*)", line)
        if match and not by_recorder(int(match[2]), match[3]):
            found[int(match[1]), int(match[2])] += 1
    return found


@pytest.mark.parametrize("name", ["cp", "gcc", "shell"])
def test_as_many_calls_as_the_kernel_counts(
    requires_root, whatfiles, needs, prepared, table, tmp_path, name
):
    """The same run, thread by thread: what the kernel saw being called is in the log."""
    needs(PROGRAMS.get(name, name))
    kind = COMMANDS[name]
    log_path = tmp_path / "log.jsonl"
    command = prepared(kind)
    # an absolute name: else the launcher's own search is in the kernel's count
    command[0] = shutil.which(command[0], path=ENVIRONMENT["PATH"])
    with tracefs() as instance:
        theirs = kernel_calls(
            instance, [whatfiles, "--all", "-o", log_path, "--", *command], prepared.cwd, table
        )
    log = Log.parse(log_path.read_bytes())
    assert log.end["complete"], log.gaps
    numbers = {name: number for number, name in table.items()}
    files = [r for r in log.accesses() if r["op"] != "notice"]
    ours = collections.Counter((r["tid"], numbers[r["call"]]) for r in files)
    # the kernel counts whatfiles' own calls too: only the job's threads are compared
    job = {r["pid"] for r in log.of("start", "fork")} | {r["tid"] for r in log.accesses()}
    theirs = {key: n for key, n in theirs.items() if key[0] in job}
    # which addresses are paths the kernel's count does not tell
    sockets = {numbers["bind"], numbers["connect"]}
    named = {key: n for key, n in ours.items() if key[1] not in sockets}
    assert named == {key: n for key, n in theirs.items() if key[1] not in sockets}
    assert sum(theirs.values()) > 50
