# SPDX-License-Identifier: MIT
"""The syscall table against the kernel: its headers, and the running one for what is newer."""

import ctypes
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter, namedtuple
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "bpf-filters"
NOT_FILES = Path(__file__).with_name("not-files.txt")

ABIS = {"x86_64": "unistd_64.h", "i386": "unistd_32.h", "x32": "unistd_x32.h"}

# Numbers from here on are the same on every architecture (kernel rule since 5.1).
SAME_FROM = 424

# No file calls, but newer than Debian 12's headers: not stale in not-files.txt.
NEWER_NOT_FILES = {
    "cachestat": 451, "map_shadow_stack": 453, "futex_wake": 454, "futex_wait": 455,
    "futex_requeue": 456, "lsm_get_self_attr": 459, "lsm_set_self_attr": 460,
    "lsm_list_modules": 461, "mseal": 462, "uretprobe": 335, "uprobe": 336,
}

# The kernel names its functions after the oldest spelling.
EVENT_NAMES = {
    "newstat": "stat", "newlstat": "lstat", "newfstat": "fstat", "newuname": "uname",
    "umount": "umount2", "sendfile64": "sendfile",
}

ALWAYS = {
    "chdir", "fchdir", "chroot", "pivot_root", "unshare", "setns", "execve", "execveat",
    "io_uring_setup", "ptrace", "seccomp", "prctl", "clone", "clone3", "pidfd_getfd",
    "connect", "socketcall",
}

Row = namedtuple("Row", "file name nr classes op shape args")

ROW = re.compile(
    r"SYS\((\w+), +(\d+|NA), +(\d+|NA), +(\d+|NA), +(\w+), +(\w+), +(\w+)(?:, +(.+))?\)"
)


def number(text):
    return None if text == "NA" else int(text)


def read_rows():
    rows = []
    for path in sorted(TABLE.glob("*.def")):
        for line in path.read_text().splitlines():
            if not line.lstrip().startswith("SYS"):
                continue
            match = ROW.fullmatch(line)
            assert match, f"{path.name}: {line}"
            name, *numbers, classes, op, shape, args = match.groups()
            fields = dict(part.split(" = ") for part in args.split(", ")) if args else {}
            assert all(field.startswith(".") for field in fields), line
            nr = dict(zip(ABIS, map(number, numbers)))
            rows.append(Row(path.name, name, nr, classes, op, shape, fields))
    return rows


def read_not_files():
    lines = NOT_FILES.read_text().splitlines()
    reasons = dict(re.findall(r"^# (\w+) {2,}(\S.*)$", "\n".join(lines), re.M))
    names = [line.split() for line in lines if line and not line.startswith("#")]
    return reasons, names


def words(file, macro):
    """The ids of classes.def or ops.def, with the fourth column where there is one."""
    text = (TABLE / file).read_text()
    return re.findall(rf"^{macro}\((\w+),(.*)\)$", text, re.M)


ROWS = read_rows()
NAMES = {row.name for row in ROWS}
REASONS, NOT_FILE_LINES = read_not_files()
NOT_FILE_NAMES = {line[0] for line in NOT_FILE_LINES}


@pytest.fixture(scope="module")
def headers():
    """{abi: {name: number}} as the compiler sees <asm/unistd_*.h>."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not compiler:
        pytest.skip("no C compiler to read the kernel's headers with")
    found = {}
    for abi, header in ABIS.items():
        run = subprocess.run(
            [compiler, "-E", "-dM", "-"], input=f"#include <asm/{header}>\n",
            capture_output=True, text=True, check=False,
        )
        if run.returncode:
            pytest.skip(f"no <asm/{header}>: install linux-libc-dev")
        pattern = r"^#define __NR_(\w+) (?:\(__X32_SYSCALL_BIT \+ (\d+)\)|(\d+))$"
        found[abi] = {
            name: int(x32 or plain)
            for name, x32, plain in re.findall(pattern, run.stdout, re.M)
        }
        assert len(found[abi]) > 300
    return found


@pytest.fixture(scope="module")
def tracefs():
    """An instance of the running kernel's tracer, ours alone."""
    if os.geteuid() != 0:
        pytest.skip("reading the running kernel's syscalls takes root")
    top, mounted = Path("/sys/kernel/tracing"), None
    if not (top / "events/syscalls").is_dir():
        mounted = top = Path(tempfile.mkdtemp(prefix="tracefs-"))
        run = subprocess.run(
            ["mount", "-t", "tracefs", "tracefs", top], capture_output=True, text=True, check=False
        )
        if run.returncode:
            top.rmdir()
            pytest.skip(f"tracefs cannot be mounted here: {run.stderr.strip()}")
    instance = top / "instances" / f"table-test-{os.getpid()}"
    try:
        if not (top / "events/syscalls").is_dir():
            pytest.skip("this kernel has no syscall events")
        instance.mkdir()
        yield instance
    finally:
        if instance.is_dir():
            instance.rmdir()
        if mounted:
            subprocess.run(["umount", mounted], check=False)
            mounted.rmdir()


def test_numbers_are_the_headers(headers):
    wrong = []
    for row in ROWS:
        for abi, nr in row.nr.items():
            known = headers[abi].get(row.name)
            if nr is not None and known is not None and nr != known:
                wrong.append(f"{row.name} on {abi}: {nr}, is {known}")
    assert not wrong


def test_numbers_are_complete(headers):
    """NA stands only where the ABI lacks the call or another row has it."""
    wrong = []
    for abi, known in headers.items():
        have = Counter(row.name for row in ROWS if row.nr[abi] is not None)
        wrong += [f"{name} twice on {abi}" for name, count in have.items() if count > 1]
        wrong += [f"{name} lacks {abi}" for name in NAMES if name in known and not have[name]]
    assert not wrong


def test_numbers_newer_than_the_headers(headers):
    """What no header of an ABI knows must be too new for it, and the same everywhere."""
    for row in ROWS:
        for abi, nr in row.nr.items():
            if nr is None or row.name in headers[abi]:
                continue
            newest = max(nr for nr in headers[abi].values() if nr < 512)
            assert nr > newest, f"{row.name}: no such call on {abi}"
            assert nr >= SAME_FROM and set(row.nr.values()) == {nr}, row


def test_numbers_are_used_once():
    for abi in ABIS:
        used = Counter(row.nr[abi] for row in ROWS if row.nr[abi] is not None)
        assert not [nr for nr, count in used.items() if count > 1]


def event_fires(instance, name, nr):
    """Whether raw syscall @nr, made with arguments that fail, is @name to the kernel."""
    enable = instance / f"events/syscalls/sys_enter_{name}/enable"
    libc = ctypes.CDLL(None)
    enable.write_text("1")
    try:
        pid = os.fork()
        if pid == 0:
            libc.syscall(ctypes.c_long(nr), ctypes.c_long(-1), None, None, None, None, None)
            os._exit(0)
        os.waitpid(pid, 0)
    finally:
        enable.write_text("0")
    return re.search(rf"-{pid} .* sys_{name}\(", (instance / "trace").read_text())


def test_numbers_are_the_running_kernels(headers, tracefs):
    newer = [row for row in ROWS if row.nr["x86_64"] and row.name not in headers["x86_64"]]
    tested, unknown = 0, []
    for row in newer:
        if not (tracefs / f"events/syscalls/sys_enter_{row.name}").is_dir():
            unknown.append(row.name)
            continue
        assert event_fires(tracefs, row.name, row.nr["x86_64"]), row
        assert not event_fires(tracefs, row.name, 1000), "the event proves nothing"
        tested += 1
    if newer and not tested:
        pytest.skip(f"this kernel does not know {', '.join(unknown)}")


def test_every_syscall_is_in_one_list(headers):
    known = set().union(*headers.values())
    assert not known - NAMES - NOT_FILE_NAMES, "neither in the table nor in not-files.txt"
    assert not NAMES & NOT_FILE_NAMES, "in both"
    assert not NOT_FILE_NAMES - known - set(NEWER_NOT_FILES), "no such syscall"


def test_F13_every_number_is_known_or_traced_as_unknown(headers):
    """No call that we know is in a range of unknown.def, and from 424 on nothing is in neither."""
    text = (TABLE / "unknown.def").read_text()
    ranges = re.findall(r"^UNKNOWN\((\w+), +(\d+), +(\d+)\)$", text, re.M)
    assert {abi for abi, _, _ in ranges} == {abi.upper() for abi in ABIS}
    for abi in ABIS:
        known = set(headers[abi].values()) | set(NEWER_NOT_FILES.values())
        known |= {row.nr[abi] for row in ROWS}
        unknown = {nr for name, first, last in ranges if name == abi.upper()
                   for nr in range(int(first), int(last) + 1)}
        assert not known & unknown, abi
        assert not set(range(SAME_FROM, 1024)) - known - unknown - set(range(512, 548)), abi


def test_every_syscall_of_the_running_kernel_is_in_one_list(tracefs):
    missing, with_string = [], 0
    for event in (tracefs / "events/syscalls").glob("sys_enter_*"):
        name = event.name.removeprefix("sys_enter_")
        name = EVENT_NAMES.get(name, name)
        takes_string = "const char *" in (event / "format").read_text()
        with_string += takes_string
        if name not in NAMES | NOT_FILE_NAMES:
            missing.append(f"{name} (takes a string)" if takes_string else name)
    assert with_string > 50, "strings are not found any more"
    assert not missing


def test_not_files_is_well_formed():
    assert all(len(line) == 2 for line in NOT_FILE_LINES)
    listed = [line[0] for line in NOT_FILE_LINES]
    assert listed == sorted(set(listed)), "sorted, each once"
    assert {line[1] for line in NOT_FILE_LINES} == set(REASONS)


def test_words_exist():
    classes = {name for name, _ in words("classes.def", "CLASS")} | {"OPEN", "CREAT", "SOCKETS"}
    ops = {name for name, _ in words("ops.def", "OP")}
    header = (ROOT / "include/model/syscalls.h").read_text()
    shapes = set(re.findall(r"\bSHAPE_(\w+)", header))
    assert not {row.classes for row in ROWS} - classes
    assert not {row.op for row in ROWS} - ops
    assert {row.shape for row in ROWS} == shapes


def test_operations_belong_to_the_rows_class():
    class_of = {name: rest.split(",")[2].strip() for name, rest in words("ops.def", "OP")}
    several = {"OPEN": {"READ", "WRITE", "NAME", "PROBE"}, "CREAT": {"WRITE", "NAME"},
               "SOCKETS": {"SOCKET", "AUDIT"},
               # a call of an optional class so rare that it is always traced
               "PROCESS": {"PROCESS", "AUDIT"}}
    for row in ROWS:
        assert class_of[row.op] in several.get(row.classes, {row.classes}), row
    assert set(class_of.values()) <= {name for name, _ in words("classes.def", "CLASS")}


def test_arguments_are_sane():
    bools = {".target", ".label", ".makes_fd", ".always", ".nofollow"}
    for row in ROWS:
        for field, value in row.args.items():
            assert re.fullmatch("true" if field in bools else "A[0-5]", value), row
        places = [value for field, value in row.args.items() if field not in bools]
        assert len(places) == len(set(places)), row
        assert ".flags" in row.args or row.shape not in {"OPEN", "OPENAT2", "UNLINKAT", "RENAME"}
        for needs, what in ((".dir", ".path"), (".dir2", ".path2"), (".target", ".path2"),
                            (".label", ".path"), (".path2", ".path")):
            assert needs not in row.args or what in row.args, row


def test_always_traced():
    assert {row.name for row in ROWS if ".always" in row.args} == ALWAYS


def test_each_group_is_included_once():
    groups = re.findall(r'^#include "(.+)"$', (TABLE / "all.def").read_text(), re.M)
    assert len(groups) == len(set(groups))
    assert {row.file for row in ROWS} == set(groups)
    for path in TABLE.glob("*.def"):
        other = {"all.def", "classes.def", "ops.def", "unknown.def"}
        assert path.name in groups or path.name in other


def test_readme_explains_everything():
    readme = (TABLE / "README.md").read_text()
    header = (ROOT / "include/model/syscalls.h").read_text()
    struct = re.search(r"struct syscall_row \{(.*?)\};", header, re.S)[1]
    struct = re.sub(r"/\*.*?\*/", "", struct, flags=re.S)
    members = set(re.findall(r"(\w+)(?:\[\w+\])?[,;]", struct))
    fields = members - {"name", "nr", "classes", "op", "shape"}
    assert len(fields) >= 10
    assert all(f"`.{field}`" in readme for field in fields)
    assert all(f"`{shape}`" in readme for shape in {row.shape for row in ROWS})
    assert all(f"**{column}**" in readme for column in
               ("name", *ABIS, "classes", "op", "shape", "arguments"))
    assert all(f"`{path.name}`" in readme for path in TABLE.glob("*.def"))
