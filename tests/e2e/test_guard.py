"""Calls after which others could go unseen: filters of the job's own, io_uring, lost children."""

import collections

import pytest

LONG = 60


def opened(log, path):
    return [r for r in log.accesses(path) if r["call"] == "openat"]


# What the filter answers, and what the record says of the call then.
ACTIONS = {
    "errno": {"error": "EPERM"},
    "prctl": {"error": "EPERM"},
    "child": {"error": "EPERM"},
    "log": {"error": "ENOENT"},
    "notify": {"error": "ENOENT"},
    "trace": {"error": "ENOSYS"},
    "trap": {},
    "kill": {},
}


@pytest.mark.parametrize("mode", ACTIONS)
def test_D1_filter_of_the_jobs_own(run, native, probe, mode):
    """Its answer outranks our stop: the call is seen all the same, and ends as without us."""
    program = probe("guard-filter", "-pthread")
    alone = native(program, mode, "/whatfiles-probe/secret")
    result = run(program, mode, "/whatfiles-probe/secret")
    assert (result.status, result.stdout) == (alone.status, alone.stdout)
    [record] = opened(result.log, "/whatfiles-probe/secret")
    for key, value in ACTIONS[mode].items():
        assert record.get(key) == value
    assert result.log.end["complete"]


def test_D1_filter_is_inherited_by_a_program(run, native, probe, tmp_path):
    """No openat works, so the program must be static; its failure is seen."""
    program = probe("guard-filter", "-pthread", "-static")
    alone = native(program, "exec", "/whatfiles-probe/again", program)
    result = run(program, "exec", "/whatfiles-probe/again", program)
    assert (result.status, result.stdout) == (alone.status, alone.stdout)
    assert len(result.log.of("exec")) == 2


def test_D1_filter_for_all_threads_at_once(run, probe):
    """SECCOMP_FILTER_FLAG_TSYNC: not one open of the other thread is lost, before or after."""
    program = probe("guard-filter", "-pthread")
    for _ in range(5):
        result = run(program, "tsync", "/whatfiles-probe/loop", timeout=LONG)
        assert result.status == 0
        records = opened(result.log, "/whatfiles-probe/loop")
        assert len(records) == int(result.stdout)
        answers = collections.Counter(r["error"] for r in records)
        assert set(answers) == {"ENOENT", "EPERM"} and answers["EPERM"] >= 100
        # once the filter is there it stays
        errors = [r["error"] for r in records]
        assert errors == sorted(errors)


def test_D3_a_stop_that_another_filter_asked_for_is_not_ours(run, probe):
    """RET_TRACE of the job's own answers ENOSYS, as where nobody traces."""
    program = probe("guard-filter", "-pthread")
    result = run(program, "trace", "/whatfiles-probe/secret")
    assert result.stdout == b"Function not implemented\n"


@pytest.mark.parametrize("mode", ["get", "bad", "trace", "dispatch", "speculation"])
def test_D5_D6_D10_D11_what_seccomp_answers(run, native, probe, mode):
    """The same as without us: D5 RET_TRACE of its own, for a call of ours and for one that is none;
    D6 PR_GET_SECCOMP; D10 mitigations that a filter would switch on; D11 syscall user dispatch."""
    program = probe("guard-seccomp", "-pthread")
    alone = native(program, mode)
    result = run(program, mode)
    assert (result.status, result.stdout) == (alone.status, alone.stdout)
    assert alone.stdout, "it says nothing"
    assert result.log.end["complete"]
    expected = {"bad": ["ENOENT"], "trace": ["ENOSYS"], "dispatch": ["ENOENT"] * 3}
    if b"no dispatch" not in alone.stdout:
        answers = [r["error"] for r in opened(result.log, "/whatfiles-probe/secret")]
        assert answers == expected.get(mode, [])


def test_D6_status_shows_the_filter(run):
    """What cannot be hidden, and is documented: Seccomp and TracerPid of /proc/self/status."""
    result = run("cat", "/proc/self/status")
    assert b"\nSeccomp:\t2\n" in result.stdout and b"\nTracerPid:\t0\n" not in result.stdout


def test_strict_mode_is_refused_as_below_any_filter(run, probe):
    """Argued in tests/README.md: the kernel has one mode for a task, and ours is taken."""
    result = run(probe("guard-seccomp", "-pthread"), "strict")
    assert result.stdout == b"strict EINVAL\n"


def test_D2_filter_that_kills_for_seccomp(run, native, probe):
    program = probe("guard-seccomp", "-pthread")
    alone = native(program, "no-seccomp")
    result = run(program, "no-seccomp")
    assert (result.status, result.stdout) == (alone.status, alone.stdout)
    assert result.status == -31, "SIGSYS"
    assert [r.get("signal") for r in result.log.of("exit")] == ["SIGSYS"]


def test_D4_kernel_that_is_too_old(native, whatfiles, needs):
    """The order of stops changed with 4.8; what whatfiles needs came with 5.3."""
    needs("setarch")
    result = native("setarch", "--uname-2.6", whatfiles, "-s", "echo", "ran")
    if b"ran" in result.stdout and b"end:" in result.stdout:
        pytest.skip("this kernel does not tell an older version (UNAME26)")
    assert (result.status, result.stdout) == (125, b"")
    assert b"too old" in result.stderr and b"5.3" in result.stderr


@pytest.mark.parametrize("count", [1, 100])
def test_D7_filters_on_top_of_each_other(run, native, probe, count):
    program = probe("guard-seccomp", "-pthread")
    alone = native(program, "stack", str(count))
    result = run(program, "stack", str(count))
    assert (result.status, result.stdout) == (alone.status, alone.stdout)
    assert result.stdout == b"%d filters, open ENOENT\n" % count
    assert [r["error"] for r in opened(result.log, "/whatfiles-probe/secret")] == ["ENOENT"]


@pytest.mark.parametrize("mode, error", [("ring", "EINVAL"), ("clone3", "EFAULT")])
def test_a_supervisor_of_its_own_opens_no_way_out(run, native, probe, mode, error):
    """USER_NOTIF outranks our stop, and lets a call go on that we refuse: it fails all the same."""
    program = probe("guard-seccomp", "-pthread")
    if native(program, mode).stdout != b"%s done\n" % mode.encode():
        pytest.skip("the kernel does not make this call here")
    result = run(program, mode)
    assert result.stdout == f"{mode} {error}\n".encode()
    [record] = result.log.accesses(op="notice", error=error)
    assert record["call"].startswith("io_uring" if mode == "ring" else "clone3")
    assert result.log.end["complete"]


def test_io_uring_is_denied(run, probe):
    result = run(probe("guard-uring"))
    assert (result.status, result.stdout) == (0, b"Function not implemented\n")
    [record] = result.log.accesses(call="io_uring_setup")
    assert (record["op"], record["error"]) == ("notice", "ENOSYS")
    assert result.log.end["complete"]
    assert [n["kind"] for n in result.log.end["notes"]] == ["io_uring_denied"]


def test_io_uring_is_allowed_and_told(run, native, probe):
    program = probe("guard-uring")
    alone = native(program)
    result = run(program, options=["--io-uring=allow"])
    assert result.stdout == alone.stdout
    if alone.stdout != b"a ring\n":
        pytest.skip("the kernel gives no io_uring here")
    assert not result.log.end["complete"]
    assert "io_uring" in result.log.gaps


def kernel_reads(log, proc=1):
    return [r["path"] for r in log.opened_by_kernel(proc=proc)]


def test_what_the_kernel_opens_for_a_script(run, tmp_path):
    """The interpreter of a script, that one's interpreter, and the loader of the last."""
    (tmp_path / "outer").write_text("#! ./inner an-argument\n")
    (tmp_path / "inner").write_text("#!/bin/cat\n")
    for name in ("outer", "inner"):
        (tmp_path / name).chmod(0o755)
    result = run("./outer", cwd=tmp_path)
    assert result.status in (0, 1)
    paths = kernel_reads(result.log)
    assert paths[:2] == [str(tmp_path / "inner"), "/bin/cat"]
    assert len(paths) == 3 and "/ld-linux" in paths[2]
    assert {r["op"] for r in result.log.opened_by_kernel()} == {"read"}


def test_what_the_kernel_opens_for_static_programs(run, probe):
    result = run(probe("guard-uring", "-static"))
    assert kernel_reads(result.log) == []


def test_classes_without_read_have_no_interpreters(run):
    result = run("/bin/true", options=["--events", "exec"])
    assert kernel_reads(result.log) == []
