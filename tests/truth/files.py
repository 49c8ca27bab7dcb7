# SPDX-License-Identifier: MIT
"""fanotify's account: every file that it saw in the job's hands must be named in our log.

fanotify names a file by the directory that it is in and its last part, whatever symbolic
links led there; so the names of our log are made real first. Links that are gone by then are
known from the log itself.
"""

import collections
import os
import re

from observe import Lost

OPEN_EXEC = 0x1000
SLACK_NS = 1_500_000_000  # between an event and its being read
LINKS_MAX = 40
PARTS_MAX = 100  # deeper names are taken apart one by one


class Real:
    """Makes names real: no symbolic link, no dots."""

    def __init__(self, links, targets=None):
        """@targets: what another one knows of the file system already."""
        self.targets = {} if targets is None else targets
        self.directories = {}
        self.gone = {}
        for path, target in links.items():
            self.gone[self.name(path)] = target

    def name(self, path):
        """The name itself, where its directories really are."""
        head, tail = os.path.split(path.rstrip(b"/") or b"/")
        if tail in (b"", b".", b".."):
            return self.file(path)
        if head not in self.directories:
            self.directories[head] = self.file(head)
        return os.path.join(self.directories[head], tail)

    def file(self, path):
        """What the name leads to."""
        if os.path.basename(path) not in (b"", b".", b"..") and path.count(b"/") < PARTS_MAX:
            whole = self.name(path)
            if not self.target(whole):
                return whole
        return self.walk(path)

    def walk(self, path):
        """What the name leads to, part by part."""
        todo = path.split(b"/")[::-1]
        here, links = b"", 0
        while todo:
            part = todo.pop()
            if part == b"..":
                here = here.rpartition(b"/")[0]
            elif part not in (b"", b"."):
                whole = here + b"/" + part
                target = self.target(whole)
                links += bool(target)
                if not target or links > LINKS_MAX:
                    here = whole
                    continue
                if target.startswith(b"/"):
                    here = b""
                todo += target.split(b"/")[::-1]
        return here or b"/"

    def target(self, path):
        """Where a symbolic link leads, None if it is none; as the log says if it is gone."""
        if path not in self.targets:
            try:
                self.targets[path] = os.readlink(path)
            except OSError:
                self.targets[path] = None
        return self.targets[path] or self.gone.get(path)


def interpreters(paths, real):
    """What the kernel opens by itself when it executes one of @paths: #! and PT_INTERP."""
    found = set()
    todo = list(paths)
    while todo:
        path = todo.pop()
        try:
            with open(path, "rb") as file:
                head = file.read(4096)
        except OSError:
            continue
        match = re.match(rb"#![ \t]*([^\s\0]+)", head)
        if not match and head.startswith(b"\x7fELF"):
            match = re.search(rb"(/[^\0]*/ld-[^\0]*)\0", head)
        if match and real.file(match[1]) not in found:
            found.add(real.file(match[1]))
            todo.append(real.file(match[1]))
    return found


def seen(path, kernel):
    """(real name, whether by an exec) of each file in the hands of the kernel's processes."""
    found = collections.defaultdict(bool)
    for record in path.read_bytes().split(b"\0")[:-1]:
        ns, pid, mask, name = record.split(b" ", 3)
        if mask == b"overflow":
            raise Lost("fanotify's queue was too small")
        if any(first - SLACK_NS <= int(ns) <= last + SLACK_NS
               for first, last, _ in kernel.lives.get(int(pid), ())):
            if name.endswith(b"/."):
                name = name[:-2] or b"/"
            name = name.replace(b"//", b"/")
            found[name] = found[name] or bool(int(mask, 16) & OPEN_EXEC)
    return found


class Files:
    """fanotify's files, and which of them our log does not name."""

    def __init__(self, path, kernel, log):
        real = Real(log.links)
        named = set()
        # what is gone was a link at one time and may have been a directory at another
        for either in (real, Real({}, real.targets)):
            for name in filter(None, log.names):
                named.add(either.name(name))
                named.add(either.file(name))
        # a directory that was given another name before fanotify's event was read
        renames = [(real.name(old), real.name(new)) for old, new in log.renames]
        last = {os.path.basename(name) for name in named}
        by_kernel = None
        self.by_exec = []
        self.unplaced = 0
        self.absent = []
        found = seen(path, kernel)
        self.seen = len(found)
        for name, executed in found.items():
            if name in named or self.formerly(name, renames, named):
                continue
            head, tail = os.path.split(name)
            # O_TMPFILE: named by the kernel, after the directory that was asked for
            is_nameless = log.nameless and re.fullmatch(rb"#\d+", tail)
            # the directory itself was gone before its event was read
            if name == b"?" or head == b"?" and (tail in last or is_nameless):
                self.unplaced += 1
                continue
            if is_nameless and head in named:
                continue
            if executed and by_kernel is None:
                by_kernel = interpreters(log.executed, real)
            if executed and name in by_kernel:
                self.by_exec.append(name)
            else:
                self.absent.append(name)

    @staticmethod
    def formerly(name, renames, named):
        """Whether the log has the name that it had before a directory above it was renamed."""
        tried, todo = set(), [name]
        while todo:
            name = todo.pop()
            if name in named:
                return True
            tried.add(name)
            for old, new in renames:
                for a, b in ((old, new), (new, old)):
                    if name.startswith(a + b"/"):
                        other = b + name[len(a):]
                        if other not in tried:
                            todo.append(other)
        return False
