"""Runs a command once and measures it from outside: time, memory of that one process, what else the machine did."""

import os
import select
import signal
import subprocess
import time

POLL_MS = 50
TIMEOUT_S = 3600

# Above these a run is marked noisy, as shares of all processor time there was. One other process in a busy loop takes
# half of what a machine with two processors has.
STEAL_NOISE = 0.02
OTHER_NOISE = 0.05

# A shorter run is not judged: of so few clock ticks a single one is too much.
JUDGED_S = 0.5

TICKS_S = os.sysconf("SC_CLK_TCK")


class Memory:
    """The peak memory of one process, not of its children.

    wait4() cannot tell it: the kernel folds the largest child that a process waited for into the ru_maxrss of that
    process, and a tracer's child is the job, whose compiler is far larger than the tracer. So VmHWM of
    /proc/PID/status is read while it runs, the high-water mark of its address space: a peak between two looks is not
    lost, only growth after the last look, at most POLL_MS before the end. Each exec starts a new address space, so a
    prefix such as env or taskset, or a tracer that becomes the job, cannot leave its own figure: the last program
    counts, and "program" tells which that was. Pages of shared memory that were touched (a ring) are part of VmHWM; the
    largest RssShmem seen is kept apart, to be subtracted where "besides the ring" is asked for.
    """

    def __init__(self, pid):
        self.pid = pid
        self.program = None
        self.peak_kib = None
        self.shared_kib = None

    def look(self):
        """Reads the marks once; a process that is ending has none left, which changes nothing."""
        try:
            program = os.readlink(f"/proc/{self.pid}/exe")
            with open(f"/proc/{self.pid}/status", "rb") as stream:
                fields = dict(line.split(b":", 1) for line in stream if b":" in line)
            peak = int(fields[b"VmHWM"].split()[0])
            shared = int(fields[b"RssShmem"].split()[0])
        except (OSError, KeyError):
            return
        if program != self.program:
            self.program, self.shared_kib = program, 0
        self.peak_kib = peak
        self.shared_kib = max(self.shared_kib, shared)


def processor_seconds():
    """Seconds that the processors spent so far, all together: in total, busy, and stolen by the host."""
    with open("/proc/stat") as stream:
        user, nice, system, idle, iowait, irq, softirq, steal = map(int, stream.readline().split()[1:9])
    busy = user + nice + system + irq + softirq
    return {"total": (busy + idle + iowait + steal) / TICKS_S, "busy": busy / TICKS_S, "steal": steal / TICKS_S}


def noise(before, after, used, seconds):
    """What the machine did besides, as shares of all processor time: stolen, and busy with other processes.

    The load average is told too, but as it looks back over minutes, in which the runner's own last job ran, it cannot
    judge a run. Other work can: the busy time of all processors less what our processes used.
    """
    spent = {key: after[key] - before[key] for key in before}
    total = max(spent["total"], 1 / TICKS_S)
    steal = spent["steal"] / total
    other = max(0.0, spent["busy"] - used) / total
    noisy = seconds >= JUDGED_S and (steal > STEAL_NOISE or other > OTHER_NOISE)
    return {"steal": round(steal, 4), "other": round(other, 4), "noisy": noisy}


def own_seconds():
    """Processor time that the runner itself used so far, without its children."""
    times = os.times()
    return times.user + times.system


def timed(argv, cwd, env, output, processor=None):
    """Runs argv to its end and returns what was measured, as a dictionary.

    The job gets no input and no terminal, and writes to a file: a pipe would make us part of what is measured. It has a
    session of its own, so that nothing of it is left behind when we are interrupted.
    """
    allowed = os.sched_getaffinity(0)
    load = os.getloadavg()[0]
    with open(output, "wb") as stream:
        before, own_before = processor_seconds(), own_seconds()
        if processor is not None:
            os.sched_setaffinity(0, {processor})  # inherited by the child; ours is put back below
        try:
            start = time.monotonic()
            child = subprocess.Popen(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=stream,
                                     stderr=subprocess.STDOUT, start_new_session=True)
        finally:
            os.sched_setaffinity(0, allowed)
        memory = Memory(child.pid)
        in_time = watch(child, memory, start + TIMEOUT_S)
        seconds = time.monotonic() - start
        usage, status = reap(child)
    after = processor_seconds()
    used = usage.ru_utime + usage.ru_stime + own_seconds() - own_before
    return {
        "seconds": round(seconds, 4),
        "exit": status if in_time else "timeout",
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
        "peak_kib": memory.peak_kib,
        "peak_shared_kib": memory.shared_kib,
        "peak_program": os.path.basename(memory.program or "") or None,
        "load_before": round(load, 2),
        "load_after": round(os.getloadavg()[0], 2),
        **noise(before, after, used, seconds),
    }


def watch(child, memory, deadline):
    """Waits for the child to end and looks at its memory meanwhile; whatever interrupts this ends the child too."""
    poller = select.poll()
    pidfd = os.pidfd_open(child.pid)
    poller.register(pidfd, select.POLLIN)
    try:
        memory.look()
        while not poller.poll(POLL_MS):
            memory.look()
            if time.monotonic() > deadline:
                end_session(child.pid, poller)
                return False
        return True
    except BaseException:
        end_session(child.pid, poller)
        reap(child)
        raise
    finally:
        os.close(pidfd)


def end_session(leader, poller):
    """Asks the whole process group to end, so that a tracer can close its log, then makes it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(leader, number)
        except ProcessLookupError:
            return
        poller.poll(5000)


def reap(child):
    """Takes the exit status and the processor time of the child and of all that were waited for below it."""
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return usage, child.returncode


def job_environment(home, extra):
    """The same few variables for every job: a MAKEFLAGS, CFLAGS or LD_PRELOAD of the caller's would change it.

    GIT_CEILING_DIRECTORIES: redis asks git for a commit; it must not get that of a checkout around it.
    """
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(home),
                   "LC_ALL": "C", "TERM": "dumb", "GIT_CEILING_DIRECTORIES": str(home)}
    if "TMPDIR" in os.environ:
        environment["TMPDIR"] = os.environ["TMPDIR"]
    return environment | extra
