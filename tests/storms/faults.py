# SPDX-License-Identifier: MIT
"""System calls of whatfiles that fail, each in every way that it could."""

import errno
import re
import shutil
import signal

from storms import ENGINES, Wrong, expect, expect_nobody, kill_everybody, read_jsonl

SHORT = "short"  # a write that takes half
MEMORY = ["ENOMEM"]
NEVER = []  # these do not fail where their arguments are right, or nobody could go on

# Each call that whatfiles makes, and how it may fail.  One that is not here fails the test.
WAYS = {
    "access": ["ENOENT", "EACCES"], "brk": MEMORY, "capget": ["EPERM"], "capset": ["EPERM"],
    "clock_gettime": NEVER, "clock_nanosleep": ["EINTR"], "clone": ["EAGAIN", "ENOMEM"],
    "clone3": ["EAGAIN", "ENOMEM", "EPERM"], "close": ["EINTR", "EIO"], "dup2": ["EMFILE", "EINTR"],
    "execve": NEVER, "exit": NEVER, "exit_group": NEVER, "fcntl": ["EMFILE", "ENOLCK"],
    "fdatasync": ["EIO", "ENOSPC"], "fstat": ["EIO", "ENOMEM"], "fstatfs": ["EIO"], "fsync": ["EIO"],
    "ftruncate": ["EIO", "EPERM", "EINTR"], "futex": ["EINTR", "EAGAIN"], "getcwd": ["ENOENT", "ENOMEM"],
    "getdents64": ["ENOENT", "EIO", "ENOMEM"], "getegid": NEVER, "geteuid": NEVER, "getgid": NEVER,
    "getpgid": ["ESRCH"], "getpid": NEVER, "getppid": NEVER, "getrandom": ["ENOSYS", "EINTR", "EAGAIN"],
    "gettid": NEVER, "getuid": NEVER, "ioctl": ["ENOTTY", "EIO"], "kcmp": ["EPERM", "ESRCH", "ENOSYS"],
    "kill": ["EPERM"], "lseek": ["ESPIPE"], "madvise": ["EAGAIN", "ENOMEM"],
    "memfd_create": ["EMFILE", "ENOMEM", "ENOSYS"], "mmap": MEMORY, "mprotect": MEMORY, "mremap": MEMORY,
    "munmap": MEMORY, "newfstatat": ["ENOENT", "EACCES", "ENOMEM"],
    "openat": ["EMFILE", "ENFILE", "ENOMEM"], "pipe2": ["EMFILE", "ENFILE"],
    "poll": ["EINTR", "ENOMEM"], "prctl": ["EINVAL", "EPERM"], "pread64": ["EIO", "EINTR"],
    "prlimit64": ["ESRCH", "EPERM"], "process_vm_readv": ["EPERM", "EFAULT", "ESRCH", "ENOMEM", "ENOSYS"],
    "process_vm_writev": ["EPERM", "EFAULT", "ESRCH", "ENOMEM", "ENOSYS"],
    "ptrace": ["ESRCH", "EPERM", "EIO"], "pwrite64": ["EIO", "ENOMEM", "ENOSPC", SHORT],
    "pwritev2": ["EAGAIN", "EPIPE", "EINTR", "ENOSYS"], "read": ["EIO", "EINTR", "ESRCH"],
    "readlink": ["ENOENT", "EACCES", "ENOMEM"], "readlinkat": ["ENOENT", "EACCES", "ENOMEM"],
    "rseq": NEVER, "rt_sigaction": NEVER, "rt_sigprocmask": NEVER, "rt_sigreturn": NEVER,
    "sched_getaffinity": ["EPERM"], "sched_yield": NEVER, "seccomp": ["EINVAL", "ENOSYS"],
    "set_robust_list": NEVER, "setrlimit": ["EPERM"], "shmat": ["ENOMEM", "EACCES"],
    "shmctl": ["EPERM"], "shmdt": NEVER, "shmget": ["ENOSPC", "ENOMEM", "ENOSYS", "EPERM"],
    "sigaltstack": NEVER, "statx": ["ENOENT", "ENOMEM"], "sysinfo": NEVER, "tgkill": ["EPERM"],
    "timer_create": ["EAGAIN", "ENOMEM"], "timer_delete": NEVER, "timer_settime": NEVER,
    "uname": NEVER, "unlink": ["EACCES", "EROFS"], "wait4": ["EINTR"], "waitid": ["EINTR"],
    "write": ["ENOSPC", "EDQUOT", "EIO", "EPIPE", "EINTR", "EFBIG", SHORT],
}
# a sanitizer's own calls, which it may take its life for
SANITIZERS = {"brk", "madvise", "mmap", "mprotect", "mremap", "munmap", "prlimit64", "getrandom",
              "sched_getaffinity", "sched_yield", "sigaltstack", "readlink", "clone", "futex"}
FUTEX_WAITS = {0, 9}  # FUTEX_WAKE does not fail
FCNTL_DUPFD = {0, 1030, 63}

FORMS = {
    "fast": ["--engine=fast"],
    "strict": ["--engine=strict"],
    "resolve": ["--engine=strict", "--resolve"],
}
LIMIT = 20
STATUS_OURS = 125


def call_names():
    """number -> name, from the kernel's header as the C compiler has it."""
    names = {}
    for line in open("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", encoding="ascii"):
        match = re.match(r"#define __NR_(\w+) (\d+)", line)
        if match:
            names[int(match[2])] = match[1]
    return names


def normal(record):
    """A record without what is different in every run."""
    kept = ("type", "proc", "parent", "op", "path", "to", "name", "call", "errno", "result", "exe", "argv",
            "by_kernel", "status", "signal", "flags", "opened", "raced")
    # numbers of pipes and of processes
    return tuple((k, re.sub(r"\[\d+\]|/proc/\d+/", "", str(record[k]))) for k in kept if k in record)


class Form:
    """One way to run whatfiles, what it makes of the errand when nothing fails, and its calls."""

    def __init__(self, bench, name):
        self.bench, self.name = bench, name
        self.reference = None
        status, out, err, records, stats, _ = self.run([])
        expect(status == 7 << 8 and out == "done\n", "without faults:", status, out, err)
        expect(records[-1]["complete"], "without faults:", records[-1]["gaps"])
        self.reference = [normal(r) for r in records[1:-1]]
        self.counts = stats
        again = self.run([])[3]
        again = [normal(r) for r in again[1:-1]]
        expect(again == self.reference, name, "two runs differ:",
               [pair for pair in zip(again, self.reference) if pair[0] != pair[1]][:2])

    def run(self, plans):
        """(status as waitpid gives it, out, err, records or None, counts, faults)."""
        bench, place = self.bench, self.bench.place()
        log, stats = bench.room / "fault.jsonl", bench.room / "stats"
        for file in log, stats:
            file.unlink(missing_ok=True)
        process = bench.start(
            [bench.program("inject"), stats, *plans, "--", bench.whatfiles, *FORMS[self.name], "--all",
             "-o", log, "--", bench.program("errand")], place, env=bench.crashing)
        _, out, err = bench.finish(process, LIMIT)
        expect_nobody()
        counts, faults, status = {}, 0, None
        for line in stats.read_text().splitlines():
            words = line.split()
            if words[0] == "faults":
                faults = int(words[1])
            elif words[0] == "status":
                status = int(words[1])
            else:
                counts[int(words[0]), int(words[1])] = int(words[2])
        self.began = (place / "begun").exists()
        shutil.rmtree(place)
        # the place has another name each time
        data = log.read_bytes().replace(str(place).encode(), b"/place") if log.exists() else None
        return status, out, err, None if data is None else read_jsonl(data, torn=True), counts, faults

    def judge(self, plans):
        """How a run with faults ended; raises where that must not be."""
        status, out, err, records, _, faults = self.run(plans)
        signalled, code = status & 0x7f, status >> 8
        expect(not signalled, "died of signal", signalled, err[-300:])
        end = records[-1] if records and records[-1]["type"] == "end" else None
        if out == "done\n":
            expect(self.began, "the job has done nothing")
            expect(code in (7, STATUS_OURS), "status", code, err[-300:])
            return self.judge_whole(code, err, records, end), faults
        expect(code not in (0, 7), "the job did not come to its end, and the status is", code)
        expect(err.strip(), "the job did not come to its end, and nothing is said")
        expect("!" not in out, "the job went another way:", out)
        expect(not end or not end["complete"], "the job did not come to its end, and is called complete", err[-300:])
        return ("ended" if self.began else "refused"), faults

    def judge_whole(self, code, err, records, end):
        if end is None or code == STATUS_OURS:
            expect(code == STATUS_OURS and err.strip(), "no end, status", code, err[-300:])
            expect(not end or not end["complete"], "a log that failed is called complete")
            return "log"
        if not end["complete"]:
            expect(end["gaps"] and "incomplete" in err, "incomplete without a reason", end, err[-300:])
            return "told"
        made = [normal(r) for r in records[1:-1]]
        if made != self.reference:
            lost = [r for r in self.reference if r not in made]
            more = [r for r in made if r not in self.reference]
            raise Wrong(f"complete, but not the same: lost {lost[:2]}, more {more[:2]}, "
                        f"{len(made)} of {len(self.reference)}")
        return "same"


def single(forms, names, sanitized):
    """Every call in every way once: (form, plan, what it is called)."""
    for form in forms:
        for (nr, request), count in form.counts.items():
            name = names.get(nr, str(nr))
            if name not in WAYS:
                raise Wrong(f"whatfiles calls {name}, and nobody says how that may fail")
            if sanitized and name in SANITIZERS or name == "futex" and request not in FUTEX_WAITS:
                continue
            for way in WAYS[name]:
                if name == "fcntl" and way == "EMFILE" and request not in FCNTL_DUPFD:
                    continue
                yield form, nr, request, count, name, way


def plan_word(nr, request, way, first, step):
    number = 0 if way == SHORT else getattr(errno, way)
    return f"{nr}:{request}:{number}:{first}:{step}"


def choose(rng, count):
    """When: one call of the many, mostly; or several; or from then on all."""
    kind = rng.random()
    first = rng.randint(1, count) if rng.random() < 0.7 else min(count, rng.randint(1, 8))
    if kind < 0.5:
        return first, 0
    if kind < 0.85:
        return first, rng.choice([2, 3, 5, 7, 11, 23, 47])
    return first, 1


def one_fault(bench, form, plan, what, sums):
    try:
        verdict, faults = form.judge([plan])
    except Wrong as wrong:
        kill_everybody()
        print(f"faults: WRONG: {form.name} {what}: {wrong}\n"
              f"    again: tests/storms/run faults --again {form.name}:{plan}", flush=True)
        sums["wrong"] += 1
        return 1
    sums[verdict] = sums.get(verdict, 0) + 1
    return faults


def again(bench, word, sums):
    name, _, plan = word.partition(":")
    one_fault(bench, Form(bench, name), plan, plan, sums)


def faults(bench, args):
    import random
    import time

    sums = {"wrong": 0}
    if args.again:
        again(bench, args.again, sums)
        print(f"faults: {sums}")
        return sums["wrong"]
    rng, names = random.Random(f"faults-{args.seed}"), call_names()
    forms = [Form(bench, name) for name, words in FORMS.items()
             if any(f"--engine={engine}" in words for engine in ENGINES)]
    todo = list(single(forms, names, bench.sanitized))
    injected, runs, seen = 0, 0, set()
    end = time.monotonic() + args.seconds if args.seconds else None
    while (args.count is None or injected < args.count) and (end is None or time.monotonic() < end):
        # every call in every way before any a second time
        if runs % len(todo) == 0:
            rng.shuffle(todo)
        form, nr, request, count, name, way = todo[runs % len(todo)]
        runs += 1
        first, step = choose(rng, count)
        what = f"{name}({request}) {way} at {first}" + (f" and each {step}" if step else "")
        injected += one_fault(bench, form, plan_word(nr, request, way, first, step), what, sums)
        seen.add((form.name, nr, request, way))
        if sums["wrong"] >= args.give_up:
            break
    print(f"faults: {injected} in {runs} runs, {len(seen)} of {len(todo)} kinds; " +
          ", ".join(f"{count} {what}" for what, count in sorted(sums.items())))
    return sums["wrong"]
