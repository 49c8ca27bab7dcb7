# SPDX-License-Identifier: MIT
"""Processes: every way to make one and to end one, races included, and what the log says of each.

check_log() holds for any log whatever; each test adds what is special.  No test
measures time: a limit only bounds how long a fault may hang.
"""

import collections
import functools
import json
import os

import pytest
from conftest import TOP

SCHEMA = TOP / "src" / "man" / "whatfiles-log.schema.json"
LONG = 120  # a bound for the storms, also on a busy machine and under sanitizers


# --- what holds for every log ------------------------------------------------------


@functools.cache
def validators():
    """type -> validator of such lines; empty where python3-jsonschema is not installed."""
    try:
        import jsonschema
    except ImportError:
        return {}
    types = json.loads(SCHEMA.read_text())
    names = [one["$ref"].rpartition("/")[2] for one in types.pop("oneOf")]
    return {
        name: jsonschema.Draft202012Validator({**types, "$ref": f"#/$defs/{name}"})
        for name in names
    }


def check_schema(log):
    """Every line of a short log; of a long one each kind of line a few times."""
    if not validators():
        return
    shapes = collections.Counter()
    for record in log:
        shape = (record["type"], tuple(record), record.get("op"))
        shapes[shape] += 1
        if len(log) < 1000 or shapes[shape] <= 5:
            errors = [e.message for e in validators()[record["type"]].iter_errors(record)]
            assert not errors, (record, errors)


def check_log(log):
    """Whatever the command did: births, ends, parents, ids and totals fit together."""
    check_schema(log)
    assert log.header is log[0]
    born, alive, live_pids = {}, {}, {}
    for record in log[1:-1]:
        kind, proc = record["type"], record["proc"]
        if kind in ("start", "fork"):
            assert proc not in born, "a serial was used twice"
            assert proc == len(born) + 1, "serials are counted"
            assert (kind == "start") == (proc == 1)
            # an id can come again only after its owner has ended
            assert record["pid"] not in live_pids, record
            if kind == "fork":
                assert record["parent"] in born, "the parent is not known"
                assert born[record["parent"]]["pid"] == record["ppid"], record
            born[proc] = alive[proc] = record
            live_pids[record["pid"]] = proc
            continue
        assert proc in alive, f"before its birth or after its end: {record}"
        assert record["pid"] == alive[proc]["pid"], record
        if kind == "exit":
            del live_pids[alive.pop(proc)["pid"]]
            assert not ("status" in record and "signal" in record)
    assert not alive, f"no end is told: {list(alive.values())}"
    end = log.end
    assert end["processes"] == len(born)
    assert end["execs"] == len(log.of("exec"))
    assert end["written"] == end["accesses"] == len(log.of("access"))
    assert end["complete"] == (end["gaps"] == [])
    seen = [e["proc"] for e in log.of("inherited")]
    assert set(seen) <= {1}, "only the command inherits from outside"


def check_complete(log, *but):
    """Sound, and nothing is missing but for these reasons."""
    check_log(log)
    assert set(log.gaps) <= set(but), log.gaps


def exits(log):
    """proc -> how it ended."""
    return {r["proc"]: r.get("status", r.get("signal")) for r in log.of("exit")}


def real(record):
    """What an exec executes, without the links on the way there."""
    return os.path.realpath(record["exe"])


TRUE = os.path.realpath("/bin/true")


def by_name(log, name):
    """The accesses whose name was passed so."""
    return [r for r in log.of("access") if name in (r.get("name"), r["path"])]


# --- each way to make a process -------------------------------------------------------


@pytest.fixture
def scratch(tmp_path):
    """A directory with d/in-d/, where tree-clone can work."""
    path = tmp_path / "scratch"
    (path / "d" / "in-d").mkdir(parents=True)
    return path


KINDS = {  # what is shared: the working directory, the descriptors
    "fork": (False, False),
    "vfork": (False, False),
    "silent": (False, False),
    "fs": (True, False),
    "files": (False, True),
    "vm": (False, False),
    "vm-fs-files": (True, True),
    "parent": (False, False),
    "untraced": (False, False),  # A6 as well
    "clone3-64": (False, False),
    "clone3-88": (False, False),
    "clone3-4096": (False, False),
    "clone3-fs": (True, False),
    "clone3-files": (False, True),
    "clone3-vfork": (False, False),
}


@pytest.mark.parametrize("kind", KINDS)
def test_A7_A8_A9_A10_each_kind_of_child(run, probe, scratch, kind):
    fs, files = KINDS[kind]
    result = run(probe("tree-clone"), kind, cwd=scratch)
    assert result.status == 0, result
    log = result.log
    check_complete(log)
    pid = int(result.stdout)
    parent, child = log.processes().values()
    assert (child["type"], child["pid"], child["cwd"]) == ("fork", pid, str(scratch))
    assert exits(log) == {parent["proc"]: 0, child["proc"]: 7}
    own = [(r["op"], r["path"], r["tid"]) for r in log.accesses(proc=child["proc"])]
    assert own == [
        ("access", "/whatfiles-probe/child", pid),
        ("chdir", f"{scratch}/d", pid),
        ("read", f"{scratch}/d/in-d", pid),
        ("read", f"{scratch}/d/by-child", pid),
    ]
    by_parent, at = by_name(log, "by-parent"), by_name(log, "at-descriptor")
    assert [r["proc"] for r in by_parent + at] == [parent["proc"]] * 2
    assert by_parent[0]["path"] == str(scratch / ("d/by-parent" if fs else "by-parent"))
    assert at[0]["error"] == ("ENOENT" if files else "EBADF")
    if files:
        assert at[0]["path"] == str(scratch / "d/in-d/at-descriptor")


@pytest.mark.parametrize("call", ["clone", "clone3"])
def test_A6_child_that_nobody_should_trace(run, native, probe, call):
    """CLONE_UNTRACED: taken out of clone's flags; clone3 fails as where it is not known."""
    alone = native(probe("tree-untraced"), call)
    result = run(probe("tree-untraced"), call)
    log = result.log
    check_complete(log)
    [told] = log.accesses(op="notice")
    assert told["call"] == call
    if call == "clone3":
        assert (told["error"], result.stdout) == ("ENOSYS", b"Function not implemented\n")
        return
    assert (result.status, result.stdout) == (alone.status, alone.stdout)
    child = [r for r in log.of("fork") if r["pid"] == told["result"]]
    assert [r["error"] for r in log.accesses("/whatfiles-probe/untraced")] == ["ENOENT"]
    assert log.accesses("/whatfiles-probe/untraced")[0]["proc"] == child[0]["proc"]


def test_A8_children_of_a_process_that_changes_its_directory(run, probe, scratch):
    """A8: another thread's chdir is told before the fork, and came behind it."""
    result = run(probe("tree-place"), cwd=scratch, timeout=LONG)
    assert result.status == 0, result
    check_complete(result.log)
    opened = {r["pid"]: r["path"] for r in by_name(result.log, "here")}
    told = dict(line.split(" ") for line in result.stdout.decode().splitlines())
    assert len(told) == 100
    assert opened == {int(pid): f"{place}/here" for pid, place in told.items()}


def test_whose_parent_is_our_own(run, probe, scratch):
    """CLONE_PARENT below a shell: the new process is the shell's child."""
    command = '"$0" parent & wait; echo done'
    result = run("sh", "-c", command, probe("tree-clone"), cwd=scratch)
    assert result.status == 0 and b"done" in result.stdout, result
    check_complete(result.log)
    assert sorted(exits(result.log).values()) == [0, 0, 7]


def test_A5_posix_spawn(run, needs, tmp_path):
    """As glibc does it: CLONE_VM and CLONE_VFORK, then what the caller asked for, then exec."""
    needs("python3")
    (tmp_path / "here").mkdir()
    script = (
        "import os; pid = os.posix_spawn('/bin/true', ['true', 'a b'], {}, "
        "file_actions=[(os.POSIX_SPAWN_OPEN, 5, 'made', os.O_WRONLY | os.O_CREAT, 0o600)]); "
        "os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    )
    result = run("/usr/bin/python3", "-S", "-c", script, cwd=tmp_path / "here")
    assert result.status == 0, result
    check_complete(result.log)
    made = by_name(result.log, "made")
    assert [(r["op"], r["path"]) for r in made] == [("create", str(tmp_path / "here/made"))]
    execs = [e for e in result.log.of("exec") if e["proc"] == made[0]["proc"]]
    assert [(real(e), e["argv"]) for e in execs] == [(TRUE, ["true", "a b"])]


def test_A8_A9_threads_with_directories_of_their_own(run, probe, tmp_path):
    for i in range(8):
        (tmp_path / f"dir-{i}").mkdir()
    result = run(probe("tree-threads"), cwd=tmp_path)
    assert result.status == 0, result
    log = result.log
    check_complete(log)
    for what in ("outer", "inner", "child"):
        for i in range(8):
            base = tmp_path / f"dir-{i}" if i % 2 else tmp_path
            assert [r["path"] for r in by_name(log, f"{what}-{i}")] == [f"{base}/{what}-{i}"]
    assert by_name(log, "main-0")[0]["path"] == f"{tmp_path}/main-0"
    assert by_name(log, "main-1")[0]["path"] == f"{tmp_path}/dir-0/main-1"
    assert (log.end["threads"], log.end["processes"]) == (16, 9)
    tids = {r["tid"] for r in log.accesses(proc=1) if "outer" in r["path"] or "inner" in r["path"]}
    assert len(tids) == 16 and log.of("start")[0]["pid"] not in tids


def test_directory_that_nobody_can_name(run, probe, tmp_path):
    """Deeper than PATH_MAX, reached by descriptor: the right name, or a gap, but no wrong name."""
    result = run(probe("tree-deep"), cwd=tmp_path)
    assert result.status == 0
    log = result.log
    check_log(log)
    (made,) = by_name(log, "made-in-the-deep")
    right = str(tmp_path) + ("/" + "n" * 200) * 30 + "/made-in-the-deep"
    assert made["op"] == "create"
    if made["path"] != right:
        assert not made["path"].startswith("/"), "a name that is not the file's"
        assert "unresolved" in log.gaps


# --- exec ---------------------------------------------------------------------------------


@pytest.mark.parametrize("leader", ["plain", "gone"])
def test_A1_A3_exec_by_a_thread(run, probe, leader):
    """A hundred times: the thread takes over the process's id, and all others vanish."""
    loop = 'i=0; while [ $i -lt 100 ]; do "$0" "$@" $i || exit 1; i=$((i+1)); done'
    program = probe("tree-thread-exec")
    result = run("sh", "-c", loop, program, leader, "/bin/true", "x", timeout=LONG)
    assert result.status == 0, result
    log = result.log
    # a thread can be killed inside a call, and the log says so
    check_complete(log, "unfinished")
    births = log.processes()
    assert len(births) == 101
    assert log.end["threads"] == 100 * 5
    execs = collections.defaultdict(list)
    for e in log.of("exec"):
        execs[e["proc"]].append((real(e), e["argv"]))
    for i, proc in enumerate(sorted(births)[1:]):
        assert execs[proc] == [
            (os.path.realpath(program), [program, leader, "/bin/true", "x", str(i)]),
            (TRUE, ["/bin/true", "x", str(i)]),
        ]
        own = log.accesses(proc=proc)
        second = [n for n, r in enumerate(own) if r["op"] == "exec"][1]
        assert {r["process"] for r in own[:second]} == {"tree-thread-exec"}
        assert {(r["process"], r["tid"]) for r in own[second:]} == {("true", births[proc]["pid"])}
    assert set(exits(log).values()) == {0}


def test_programs_and_arguments(run, tmp_path):
    """Names and arguments as the program gets them, whatever bytes they have."""
    script = tmp_path / "script"
    script.write_text("#!/bin/sh -e\n/bin/true\n")
    script.chmod(0o755)
    odd = b"a\xff\n\"\\ b"
    result = run("sh", "-c", './script one ""; exec /bin/true "$0"', odd, cwd=tmp_path)
    assert result.status == 0
    check_complete(result.log)
    first, by_script, inner, last = result.log.of("exec")
    assert first["argv"][:2] == ["sh", "-c"]
    assert by_script["argv"] == ["/bin/sh", "-e", "./script", "one", ""]
    assert inner["argv"] == ["/bin/true"]
    assert last["argv"][0] == "/bin/true" and bytes.fromhex(last["argv"][1]["hex"]) == odd
    assert first["proc"] == last["proc"] == 1
    assert by_script["proc"] == inner["proc"] - 1 or by_script["proc"] == inner["proc"]


def test_exe_of_a_script(run, tmp_path):
    """whatfiles-log(5): for a script, the interpreter."""
    script = tmp_path / "script"
    script.write_text("#!/bin/cat\n")
    script.chmod(0o755)
    result = run(str(script))
    assert result.status == 0
    exec = result.log.of("exec")[0]
    assert real(exec) == os.path.realpath("/bin/cat")
    assert [r["path"] for r in result.log.accesses(op="exec")] == [str(script)]


def test_long_arguments_are_cut(run):
    result = run("/bin/true", *["x" * 1000] * 50)
    check_complete(result.log)
    exec = result.log.of("exec")[0]
    assert exec["argv_cut"] is True
    assert exec["argv"][:2] == ["/bin/true", "x" * 1000]


def test_A17_failed_exec_leaves_the_process_as_it_is(run, tmp_path):
    (tmp_path / "no-format").write_text("")
    (tmp_path / "no-format").chmod(0o755)
    script = "exec 2>&-; ./none; ./no-format; cat /etc/hostname; exit 4"
    result = run("bash", "-c", script, cwd=tmp_path)
    assert result.status == 4
    check_complete(result.log)
    assert [e["argv"][0] for e in result.log.of("exec")] == ["bash", "cat"]


# --- ends ---------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["group", "last"])
def test_A2_first_thread_ends_first(run, native, probe, tmp_path, how):
    here = tmp_path / "here"
    (here / "d").mkdir(parents=True)
    wanted = native(probe("tree-leader"), how, cwd=here).status
    (here / "d" / "new").unlink()
    result = run(probe("tree-leader"), how, cwd=here)
    assert result.status == wanted
    log = result.log
    check_complete(log)
    assert exits(log) == {1: wanted}
    pid = log.of("start")[0]["pid"]
    told = [(r["op"], r["path"]) for r in log.of("access") if r["path"].startswith(str(here))]
    assert told == [
        ("read", f"{here}/before"),
        ("read", f"{here}/d"),
        ("read", f"{here}/d/at"),
        ("chdir", f"{here}/d"),
        ("create", f"{here}/d/new"),
    ]
    assert {r["tid"] for r in log.of("access") if r["path"].startswith(str(here))} != {pid}


def test_A15_fifty_busy_threads_end_at_once(run, probe):
    """Each call that had returned is in the log, and at most the one more that was going on."""
    result = run(probe("tree-busy"), timeout=LONG)
    assert result.status == 0, result
    log = result.log
    # killed while they looked at a file: nothing is missing for that
    check_complete(log)
    got = collections.Counter(r["tid"] for r in log.accesses("/whatfiles-probe/busy"))
    lines = [tuple(map(int, line.split())) for line in result.stdout.splitlines()]
    assert len(lines) == 50
    for tid, returned in lines:
        assert returned <= got[tid] <= returned + 1
    assert log.end["threads"] == 50
    assert exits(log) == {1: 0, 2: 3}


def test_ends_by_signals(run):
    """Each process ends as it ended: status, signal, and whether there was a core dump."""
    script = (
        "ulimit -c 0; for s in TERM INT KILL SEGV ABRT USR1 RTMIN; do "
        "bash -c 'kill -$0 $$' $s; done 2>/dev/null; for n in 0 1 77 255; do (exit $n); done; "
        "exit 0"
    )
    result = run("bash", "-c", script)
    assert result.status == 0, result
    check_complete(result.log)
    assert [end for proc, end in sorted(exits(result.log).items())][1:] == [
        "SIGTERM", "SIGINT", "SIGKILL", "SIGSEGV", "SIGABRT", "SIGUSR1", "SIGRTMIN+0",
        0, 1, 77, 255,
    ]


# --- storms and races -----------------------------------------------------------------------


def check_forks(log, forkers, children):
    """What tree-forks promises: each child's one look, its status and its parent."""
    births, ends = log.processes(), exits(log)
    assert len(births) == 1 + forkers * (1 + children)
    looks = log.of("access")
    looks = [r for r in looks if r["path"].startswith("/whatfiles-probe/")]
    assert len(looks) == forkers * children
    parents = collections.defaultdict(set)
    for look in looks:
        f, i = map(int, look["path"].rpartition("/")[2].split("-"))
        parents[f].add(births[look["proc"]]["parent"])
        yield look["proc"], i, ends[look["proc"]]
    assert sorted(parents) == list(range(forkers))
    assert len({p for found in parents.values() for p in found}) == forkers
    assert all(births[p]["parent"] == 1 for found in parents.values() for p in found)


def test_A4_many_forks_at_once(run, probe):
    """A child's first stop mostly comes before its parent's event; its birth is told first."""
    result = run(probe("tree-forks"), "8", "500", timeout=LONG)
    assert result.status == 0, result
    check_complete(result.log)
    for _, i, end in check_forks(result.log, 8, 500):
        assert end == i % 200


def test_A5_many_vforks(run, probe):
    result = run(probe("tree-forks"), "2", "1000", "/bin/true", timeout=LONG)
    assert result.status == 0, result
    check_complete(result.log)
    argv = {e["proc"]: e["argv"] for e in result.log.of("exec")[1:]}
    for proc, i, end in check_forks(result.log, 2, 1000):
        assert end == (0 if i % 10 == 0 else i % 200)
        assert argv.get(proc) == (["/bin/true", "as", "child"] if i % 10 == 0 else None)


@pytest.mark.parametrize("what", ["fork", "open", "thread", "exec"])
def test_A4_B6_killed_at_any_moment(run, probe, tmp_path, what):
    """SIGKILL between fork and the parent's event, inside a call, in an exec, among threads."""
    result = run(probe("tree-killed"), what, "200", cwd=tmp_path, timeout=LONG)
    assert result.status == 0, result
    log = result.log
    check_complete(log, "unfinished")
    ends = exits(log)
    births = log.processes()
    workers = [p for p, b in births.items() if b.get("parent") == 1 and b["type"] == "fork"]
    assert len(workers) >= 204
    if what != "fork":
        assert len(births) == 1 + 204, "somebody who is no process was told as one"
    # orphans that the log had to adopt may be among them, and those end by themselves
    assert [ends[w] for w in workers].count("SIGKILL") == 204
    assert ends[1] == 0


def test_A16_one_pid_for_many_processes(requires_root, run, probe):
    result = run(probe("tree-reuse"), timeout=LONG)
    if result.status == 77:
        pytest.skip("this kernel lets nobody choose a pid (CAP_CHECKPOINT_RESTORE)")
    assert result.status == 0, result
    log = result.log
    check_complete(log)
    births = [r for r in log.of("fork")]
    assert {r["pid"] for r in births} == {int(result.stdout)} and len(births) == 100
    for i, birth in enumerate(births):
        own = log.accesses(proc=birth["proc"])
        assert [r["path"] for r in own] == [f"/whatfiles-probe/{i}"]
        assert exits(log)[birth["proc"]] == i


def test_A11_pid_namespace(requires_root, run, needs, tmp_path):
    """Ids are those that whatfiles sees, not those of the namespace."""
    needs("unshare")
    script = "echo $$; cat relative; (exit 3); cat /proc/self/stat"
    result = run("unshare", "-pf", "--mount-proc", "sh", "-c", script, cwd=tmp_path)
    assert result.status == 0 and result.stdout.startswith(b"1\n"), result
    inner = int(result.stdout.splitlines()[-1].split()[0])
    log = result.log
    check_complete(log)
    births = log.processes().values()
    pids = [r["pid"] for r in births]
    assert min(pids) > 1 and inner not in pids
    # the namespace's own ids are told beside them: its init, and who printed its own
    inside = [r["ns_pid"] for r in births if "ns_pid" in r]
    assert inside[0] == 1 and inner in inside and len(inside) == len(births) - 1
    assert [r["path"] for r in by_name(log, "relative")] == [str(tmp_path / "relative")]
    assert 3 in exits(log).values()


def test_A12_init_takes_all_with_it(requires_root, run, needs):
    needs("unshare")
    script = "for i in 1 2 3 4 5; do sleep 60 & done; cat /etc/hostname; exit 9"
    result = run("unshare", "-pf", "--mount-proc", "sh", "-c", script)
    assert result.status == 9, result
    check_complete(result.log, "unfinished")
    assert list(exits(result.log).values()).count("SIGKILL") == 5


def test_A11_namespace_inside_a_namespace(requires_root, run, needs):
    """The innermost id is told, for each process its own."""
    needs("unshare")
    script = "true; unshare -pf sh -c 'exit 4'; exit 0"
    result = run("unshare", "-pf", "sh", "-c", script)
    assert result.status == 0, result
    check_complete(result.log)
    births, ends = result.log.processes(), exits(result.log)
    inside = [births[p].get("ns_pid") for p in sorted(births)]
    # unshare, its sh; in there true and unshare; and in its own namespace another sh
    assert inside[:2] == [None, 1] and inside[-1] == 1 and set(inside[2:-1]) <= {2, 3}
    assert ends[max(births)] == 4


@pytest.mark.parametrize("how", ["segv", "ill", "fpe", "caught"])
def test_A12_fault_of_an_init(requires_root, run, native, probe, how):
    """It dies of it as without us, instead of running into it for ever."""
    alone = native(probe("tree-init"), how)
    result = run(probe("tree-init"), how)
    assert (result.status, result.stdout) == (alone.status, alone.stdout)
    log = result.log
    check_complete(log, "unfinished")
    ends = exits(log)
    signals = {"segv": "SIGSEGV", "ill": "SIGILL", "fpe": "SIGFPE", "caught": 5}
    assert ends == {1: 0, 2: signals[how], 3: "SIGKILL"}
    assert len(log.accesses("/whatfiles-probe/init")) == 1


# --- signals --------------------------------------------------------------------------------


def test_each_signal_is_delivered_once(run, native, probe):
    wanted = native(probe("tree-signals")).stdout
    assert wanted == b"1000 1000\n"
    result = run(probe("tree-signals"))
    assert (result.status, result.stdout) == (0, wanted)
    check_complete(result.log)


FIFO_MODES = ["restart", "fail", "apart", "handler", "stack", "inner", "both"]


@pytest.mark.parametrize("mode", FIFO_MODES)
def test_interrupted_open(run, probe, tmp_path, mode):
    """One record for each call that the program made: restarts are none, EINTR is one."""
    result = run(probe("tree-fifo"), mode, cwd=tmp_path)
    assert result.status == 0, result
    failed = int(result.stdout)
    # with SA_RESTART the program sees no failure; without it nearly every signal makes one
    assert failed > 0 if mode in ("fail", "apart", "both") else failed == 0
    log = result.log
    check_complete(log)
    opened = [r for r in log.accesses(str(tmp_path / "fifo"), op="read")]
    assert [r.get("error") for r in opened] == ["EINTR"] * failed + [None]
    if mode in ("apart", "both"):
        assert len(log.accesses("/whatfiles-probe/apart")) == failed
    if mode in ("handler", "stack"):
        assert len(log.accesses("/whatfiles-probe/handler")) == 20
    if mode in ("inner", "both"):
        inner = log.accesses(str(tmp_path / "inner"), op="read")
        assert ["error" in r for r in inner] == [False]


def test_check_log_can_fail(run):
    """The checks above are no empty words: each fault in a good log is found."""
    log = run("sh", "-c", "/bin/true; /bin/true").log
    check_log(log)
    kinds = [r["type"] for r in log]

    def without(index):
        bad = type(log)(dict(r) for r in log)
        del bad[index]
        return bad

    for kind in ("fork", "exit", "access", "exec"):
        with pytest.raises((AssertionError, KeyError)):
            check_log(without(kinds.index(kind)))
    twice = type(log)(dict(r) for r in log)
    twice.insert(kinds.index("exit"), twice[kinds.index("fork")])
    with pytest.raises(AssertionError):
        check_log(twice)
    stranger = type(log)(dict(r) for r in log)
    stranger[kinds.index("fork")]["ppid"] += 1
    with pytest.raises(AssertionError):
        check_log(stranger)
