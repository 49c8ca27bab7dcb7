# SPDX-License-Identifier: MIT
"""Two accounts of one run, brought into the same form and compared call for call.

A call is (name of the call, ABI, result, first name, second name). The result is -errno for
an error and None for a call that never returned. A name is bytes as the program passed them,
NULL where the address was NULL, UNREAD where nobody could read it and NONE where the call
takes none.
"""

import collections
import errno
import json
import os

from observe import (ABIS, BAD1, BAD2, END, ENTER, EVENT, EXIT, FORK, GONE, NULL1, NULL2,
                     REFUSED, RESTART, SIGNAL, SIGRETURN)

NONE, NULL, UNREAD = "none", "NULL", "unread"

# include/linux/errno.h: interrupted, and not yet decided whether the call is made again
INTERRUPTED = range(-516, -511)
RESTARTED_IF, RESTARTED_NEVER = -512, (-514, -516)  # by a handler with SA_RESTART, with any
SA_RESTART = 0x10000000

# A call instruction, with the jump that i386's sysenter has before it.
CALL_LEN_MAX = 16
SYSCALL_LEN = 2

# The longest name without its NUL that a call takes; longer ones are cut in both accounts.
NAME_MAX = 4095



class Whole(bytes):
    """A path from our log where it has no name: it was passed like this, or none was passed."""


# --- the kernel's account -----------------------------------------------------------------


class Held:
    """An interrupted call: the kernel makes it again, or it ends with EINTR."""

    def __init__(self, begun, why):
        self.begun = begun
        self.why = why
        self.in_handler = False
        self.ended = False
        self.left_recorder = False
        self.again_at = None

    def ends_by(self, flags):
        """Whether a handler with these flags makes it end with EINTR (signal(7))."""
        return self.why in RESTARTED_NEVER or self.why == RESTARTED_IF and not flags & SA_RESTART


class Kernel:
    """Reads the file of kernel.c: calls per thread in their order, lives of processes.

    Apart from them, those that the kernel did not even begin: whoever is killed while seccomp
    waits for the tracer's answer makes the call no more. The tracer cannot know that, and has
    a call without a result.
    """

    def __init__(self, path, table, root):
        self.table = table
        self.root = root
        self.strangers = set()  # tasks that whatfiles made for itself
        self.calls = collections.defaultdict(list)
        self.refused = collections.defaultdict(list)
        self.cut = collections.defaultdict(set)  # tid -> calls during which the thread ended
        self.lives = collections.defaultdict(list)  # pid -> [first, last] in ns
        self.begun = {}
        self.held = collections.defaultdict(list)
        self.tids = {}
        data = path.read_bytes()
        at, size = 0, EVENT.size
        unpack = EVENT.unpack_from
        self.tracer = unpack(data, len(data) - size)[2]
        handlers = {ENTER: self.enter, EXIT: self.exit, SIGNAL: self.signal, GONE: self.gone,
                    FORK: self.fork, END: lambda *_: None}
        while at < len(data):
            event = unpack(data, at)
            at += size
            first = data[at:at + event[12]]
            at += event[12]
            second = data[at:at + event[13]]
            at += event[13]
            if event[1] not in self.strangers or event[5] == FORK:
                handlers[event[5]](event, first, second)
        self.forget_launch()

    def live(self, pid, ns):
        lives = self.lives[pid]
        if not lives or lives[-1][2]:
            lives.append([ns, ns, False])
        lives[-1][1] = ns

    def fork(self, event, *_):
        """The job is what comes from the command; all else whatfiles started for itself.

        (LeakSanitizer does, in a whatfiles that is built with it.) A task's address is used
        again when it is gone.
        """
        _, task, pid, _, number, *_ = event
        parent = event[9] & (1 << 64) - 1  # an address where other events have a result
        if pid == self.tracer and number != self.root or parent in self.strangers:
            self.strangers.add(task)
        else:
            self.strangers.discard(task)

    def names(self, event, first, second):
        """Both names of an event as the comparison has them."""
        row = self.table.rows.get((event[6], event[4]), (0, 0, 0))
        flags = event[7]
        return (self.name(row[1], flags & NULL1, flags & BAD1, first),
                self.name(row[2], flags & NULL2, flags & BAD2, second))

    @staticmethod
    def name(has, null, bad, data):
        if not has:
            return NONE
        if null:
            return NULL
        return UNREAD if bad else data.split(b"\0", 1)[0]

    def enter(self, event, first, second):
        ns, task, pid, tid, nr, _, abi, _, _, _, ip, sp, *_ = event
        self.live(pid, ns)
        self.tids[task] = tid
        if (abi, nr) in SIGRETURN or ip == self.table.recorder.own:
            return
        held = self.held.get(task)
        top = held[-1] if held else None
        if (abi, nr) in RESTART:
            if top and not top.in_handler:
                self.begun[task] = held.pop().begun
            return
        if top:
            same = top.begun[:4] == (abi, nr, ip, sp)
            if top.left_recorder:
                same = top.begun[:2] == (abi, nr) and ip == top.again_at
            if same and not top.in_handler:
                held.pop()
            elif same or not top.in_handler:
                self.interrupted(task)
        self.begun[task] = (abi, nr, ip, sp, *self.names(event, first, second))

    def exit(self, event, first, second):
        ns, task, pid, tid, nr, _, abi, _, _, ret, ip, sp, *_ = event
        self.live(pid, ns)
        self.tids[task] = tid
        if (abi, nr) in SIGRETURN:
            self.sigreturn(task, ip)
            return
        if event[7] & REFUSED:
            names = self.names(event, first, second)
            self.refused[tid].append((self.table.names.get((abi, nr)), abi, ret, *names))
            return
        begun = self.begun.pop(task, None)
        if not begun:
            return
        if ret in INTERRUPTED:
            self.held[task].append(Held(begun, ret))
            return
        if UNREAD in begun:
            again = self.names(event, first, second)
            begun = (*begun[:4], *(b if a == UNREAD and b != NULL else a
                                   for a, b in zip(begun[4:], again)))
        self.put(task, begun, ret)

    def sigreturn(self, task, ip):
        """A handler returned: behind the interrupted call, or to the call itself."""
        held = self.held.get(task)
        if not held:
            return
        before = held[-1].begun[2] - ip
        if held[-1].begun[2] == self.table.recorder.job:
            # not to where it was: the thread was taken out of the recorder, to where the
            # job's own instruction stands, or one of ours that the filter does not trust
            held[-1].left_recorder = True
            held[-1].again_at = ip + SYSCALL_LEN
            held[-1].in_handler = False
            if held[-1].ended:
                self.interrupted(task)
        elif before == 0:
            self.interrupted(task)
        elif 0 < before <= CALL_LEN_MAX:
            held[-1].in_handler = False

    def signal(self, event, *_):
        held = self.held.get(event[1])
        if held:
            held[-1].in_handler = True
            held[-1].ended = held[-1].ended or held[-1].ends_by(event[9])

    def gone(self, event, *_):
        ns, task, pid, tid = event[:4]
        self.live(pid, ns)
        if pid == tid:
            self.lives[pid][-1][2] = True
        self.tids.setdefault(task, tid)
        while self.held.get(task):
            self.interrupted(task)
        begun = self.begun.pop(task, None)
        if begun:
            self.put(task, begun, None)
        last = self.tids.pop(task)
        if last in self.calls:
            self.cut[last].add(len(self.calls[last]) - 1)
        self.held.pop(task, None)

    def interrupted(self, task):
        self.put(task, self.held[task].pop().begun, -errno.EINTR)

    def put(self, task, begun, result):
        abi, nr, _, _, first, second = begun
        self.calls[self.tids[task]].append((self.table.names[abi, nr], abi, result, first, second))

    def forget_launch(self):
        """Drops what the child of whatfiles itself did before it became the command."""
        calls = self.calls.get(self.root, [])
        for i, call in enumerate(calls):
            if call[0].startswith("execve") and call[2] == 0:
                del calls[:i]
                self.cut[self.root] = {n - i for n in self.cut[self.root]}
                return


# --- whatfiles' account ---------------------------------------------------------------------


def name_of(record, key):
    """The exact bytes of a name, or None."""
    hexed = record.get(key + "_hex")
    if hexed is not None:
        return bytes.fromhex(hexed)
    value = record.get(key)
    return None if value is None else os.fsencode(value)


class Log:
    """Reads a JSONL log: calls per thread in their order, and every name in it."""

    def __init__(self, lines, table):
        self.calls = collections.defaultdict(list)
        self.names = set()
        self.links = {}
        self.renames = []
        self.nameless = False  # whether there is an O_TMPFILE
        self.executed = set()
        self.root = None
        self.end = None
        for line in lines:
            record = json.loads(line.decode())
            kind = record["type"]
            if kind == "access":
                self.access(record, table)
            elif kind == "start":
                self.root = self.root or record["pid"]
            elif kind == "exec" and "exe" in record:
                self.names.add(name_of(record, "exe"))
            elif kind == "end":
                self.end = record

    def access(self, record, table):
        path, to = name_of(record, "path"), name_of(record, "to")
        self.names.add(path)
        op = record["op"]
        if op == "symlink" and "result" in record:
            self.links[path] = to or b""
        elif to:
            self.names.add(to)
            if op == "rename" and "result" in record:
                self.renames.append((path, to))
        if op == "exec" and "result" in record:
            self.executed.add(path)
        self.nameless |= op == "tmpfile"
        if op == "notice" or "by_kernel" in record:
            return
        call, abi = record["call"], ABIS.index(record.get("abi", "x86_64"))
        result = record.get("result")
        if "errno" in record:
            result = -record["errno"]
        first = second = NONE
        if (call, abi) in table.with_path:
            first = self.passed(record, "name", path)
            if "path_unknown" in record:
                first = UNREAD
        if (call, abi) in table.with_to:
            second = self.passed(record, "to_name", to)
        self.calls[record["tid"]].append((call, abi, result, first, second))

    @staticmethod
    def passed(record, key, path):
        """The name as passed; the log has it only where it differs from the absolute one."""
        name = name_of(record, key)
        if name is not None:
            return name
        return NULL if path is None else Whole(path)


# --- the comparison -------------------------------------------------------------------------


def same_name(theirs, ours):
    """Whether the kernel's name is the one in our log."""
    if theirs == ours or theirs == UNREAD:
        return True
    if theirs == NULL:
        # the log then has the path of the descriptor's file
        return isinstance(ours, Whole)
    # too long for any call: the log does not have it
    return len(theirs) >= NAME_MAX and (ours == UNREAD or ours[:NAME_MAX] == theirs)


def same(theirs, ours, cut):
    """Whether both mean the same call; @cut: the thread ended during it or right behind it."""
    if theirs == ours:
        return True
    if theirs[:2] != ours[:2]:
        return False
    if theirs[2] != ours[2] and not (cut and ours[2] is None):
        return False
    if cut and ours[2] is None and UNREAD in ours:
        return True  # the dead have no memory to read names from
    return same_name(theirs[3], ours[3]) and same_name(theirs[4], ours[4])


class Difference:
    """What two accounts do not agree on."""

    def __init__(self, kernel, log):
        self.compared = 0
        self.unread = 0
        self.killed = 0
        self.missing = []
        self.extra = []
        self.order = []
        for tid in sorted(set(kernel.calls) | set(log.calls)):
            self.thread(tid, kernel, log.calls.get(tid, []))

    def thread(self, tid, kernel, ours):
        theirs, cut = kernel.calls.get(tid, []), kernel.cut.get(tid, ())
        self.compared += len(theirs)
        equal = len(theirs) == len(ours)
        differs = None
        if equal:
            for i, (a, b) in enumerate(zip(theirs, ours)):
                if a == b:
                    continue
                if not same(a, b, i in cut):
                    differs = i
                    break
                self.unread += UNREAD in a
                self.killed += b[2] is None
        if equal and differs is None:
            return
        missing, extra = self.sets(theirs, ours, cut)
        for call in kernel.refused.get(tid, ()):
            for i, other in enumerate(extra):
                if same(call, other, True):
                    self.killed += 1
                    del extra[i]
                    break
        self.missing += [(tid, *call) for call in missing]
        self.extra += [(tid, *call) for call in extra]
        if not missing and not extra and equal:
            self.order += [(tid, *a) for a, b in zip(theirs, ours) if not same(a, b, False)]

    @staticmethod
    def sets(theirs, ours, cut):
        """What is left of either when all pairs are taken out, whatever their order."""
        count = collections.Counter(ours)
        left = []
        for i, call in enumerate(theirs):
            if count[call] > 0:
                count[call] -= 1
            else:
                left.append((call, i in cut))
        rest = list(count.elements())
        missing = []
        for call, is_cut in left:
            for i, other in enumerate(rest):
                if same(call, other, is_cut):
                    del rest[i]
                    break
            else:
                missing.append(call)
        return missing, rest

    def __bool__(self):
        return bool(self.missing or self.extra or self.order)
