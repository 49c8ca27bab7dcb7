# SPDX-License-Identifier: MIT
"""Programs that are particular about their memory run under the fast engine as they do natively.

The recorder lies between 0x70000000 and 0x7f000000.  Sanitizers put their shadow above that,
java and LuaJIT keep heaps below 4 GiB, wine takes most of what is below, valgrind and qemu are
loaders of their own.  Each has to end as without us, say the same, and be recorded.
"""

import re
import shutil
import subprocess

import pytest
from conftest import PROBES

FILES = 50 * 5

SANITIZED = [("gcc", "address"), ("gcc", "thread"), ("gcc", "undefined"), ("clang", "address"),
             ("clang", "memory"), ("clang", "thread"), ("clang", "undefined")]


@pytest.fixture(autouse=True)
def _no_symbols(monkeypatch):
    monkeypatch.setenv("ASAN_OPTIONS", "symbolize=0")


@pytest.fixture
def same(native, run):
    """same(*command) -> Result by fast, after its status and output were those natively."""

    def same(*command, plain=lambda output: output, stderr=True, **how):
        first = native(*command, **how)
        fast = run(*command, options=["--all", "--engine=fast"], **how)
        assert fast.status == first.status, fast
        assert plain(fast.stdout) == plain(first.stdout)
        if stderr:
            assert plain(fast.stderr) == plain(first.stderr)
        assert fast.log.end["complete"], fast.log.end
        return fast

    return same


@pytest.fixture
def build(tmp_path):
    """build(compiler, source, *options) -> the program; skips where the compiler cannot."""

    def build(compiler, source, *options):
        if not shutil.which(compiler):
            pytest.skip(f"needs {compiler}, which is not installed")
        out = tmp_path / "program"
        done = subprocess.run([compiler, "-D_GNU_SOURCE", "-g", "-O1", "-pthread", *options, "-o",
                               out, source], capture_output=True, timeout=60)
        if done.returncode:
            pytest.skip(f"{compiler} {' '.join(options)}: {done.stderr.decode()[-200:]}")
        return str(out)

    return build


def runs(program, *words):
    """Skips when the tool does not work natively here: some want what this kernel does not give."""
    done = subprocess.run([program, *words], capture_output=True, timeout=90)
    if done.returncode:
        pytest.skip(f"does not run natively: {done.stderr.decode(errors='replace')[-200:]}")


def without_numbers(output):
    """Reports of sanitizers, without pids, addresses and build-ids."""
    output = re.sub(rb"BuildId: [0-9a-f]+", b"", output)
    output = re.sub(rb"0x[0-9a-f]+|==\d+==|pid=\d+|\b[0-9a-f]{8,}\b", b"N", output)
    return re.sub(rb"T\d+|\(\+?N\)", b"N", output)


@pytest.mark.parametrize("position", ["-fPIE -pie", "-no-pie -fno-pie"])
@pytest.mark.parametrize("compiler, kind", SANITIZED)
def test_sanitizer(same, build, tmp_path, compiler, kind, position):
    if kind == "memory" and "-no-pie" in position:
        pytest.skip("MemorySanitizer wants position-independent programs")
    program = build(compiler, PROBES / "hazard-files.c", f"-fsanitize={kind}", *position.split())
    runs(program, tmp_path)
    result = same(program, tmp_path)
    assert result.stdout == b"done\n"
    made = [r for r in result.log.accesses(op="create") if "/f" in r["path"]]
    assert len(made) == FILES
    assert result.log.end["calls"]["fast"] > FILES


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_address_sanitizer_finds_a_bug(same, build, tmp_path, compiler):
    program = build(compiler, PROBES / "hazard-files.c", "-fsanitize=address")
    result = same(program, tmp_path, "bug", plain=without_numbers, stderr=False)
    assert result.status == 1
    assert b"heap-buffer-overflow" in result.stderr


def test_valgrind(same, build, needs, tmp_path):
    needs("valgrind")
    program = build("gcc", PROBES / "hazard-files.c")
    result = same("valgrind", "-q", "--error-exitcode=9", program, tmp_path,
                  plain=without_numbers)
    assert result.status == 0
    assert len([r for r in result.log.accesses(op="create") if "/f" in r["path"]]) == FILES


def test_valgrind_finds_a_bug(same, build, needs, tmp_path):
    needs("valgrind")
    program = build("gcc", PROBES / "hazard-files.c")
    result = same("valgrind", "-q", "--error-exitcode=9", program, tmp_path, "bug",
                  plain=without_numbers)
    assert result.status == 9
    assert b"Invalid write of size 1" in result.stderr


@pytest.mark.parametrize("options", [[], ["-R", "0x60000000"], ["-B", "0x10000000"]])
def test_qemu(same, build, needs, tmp_path, options):
    needs("qemu-x86_64-static")
    program = build("gcc", PROBES / "hazard-memory.c", "-static")
    words = ["qemu-x86_64-static", *options, program, tmp_path, "nothing"]
    runs(*words)
    same(*words)


JAVA = """
import java.nio.file.*;
public class Hazard {
    public static void main(String[] words) throws Exception {
        byte[][] kept = new byte[100][];
        for (int i = 0; i < 2000; i++) kept[i % 100] = new byte[1 << 20];
        for (int i = 0; i < 20; i++) {
            Path p = Path.of(words[0], "f" + i);
            Files.writeString(p, "x");
            Files.delete(p);
        }
        System.out.println(kept[99].length);
    }
}
"""


@pytest.mark.parametrize("options", [
    ["-Xmx256m", "-XX:+UseSerialGC"],
    ["-Xmx256m", "-XX:HeapBaseMinAddress=1g", "-XX:+UseSerialGC"],
    ["-Xmx256m", "-XX:HeapBaseMinAddress=1792m", "-XX:+UseSerialGC"],
    ["-Xmx1800m", "-XX:HeapBaseMinAddress=64m", "-XX:+UseG1GC"],
    ["-Xmx256m", "-Xint", "-Xshare:off", "-XX:+UseParallelGC"],
])
def test_java(same, needs, tmp_path, options):
    needs("java", "javac")
    (tmp_path / "Hazard.java").write_text(JAVA)
    subprocess.run(["javac", "Hazard.java"], cwd=tmp_path, check=True, timeout=90)
    words = ["java", *options, "-cp", tmp_path, "Hazard", tmp_path]
    runs(*words)
    result = same(*words)
    assert len([r for r in result.log.accesses(op="delete") if r["path"].startswith(f"{tmp_path}/f")]) == 20


def test_node(same, needs, tmp_path):
    needs("node")
    script = """
    const fs = require("fs"), kept = [];
    for (let i = 0; i < 100; i++) kept.push(new Uint8Array(1 << 20), "x".repeat(i));
    for (let i = 0; i < 20; i++) { fs.writeFileSync(process.argv[1] + "/f" + i, "x"); fs.unlinkSync(process.argv[1] + "/f" + i); }
    const m = new WebAssembly.Memory({ initial: 10, maximum: 65536 });
    console.log(kept.length, m.buffer.byteLength);
    """
    result = same("node", "-e", script, tmp_path)
    assert len([r for r in result.log.accesses(op="delete") if "/f" in r["path"]]) == 20


LUA = """
local kept = {}
for i = 1, 300 do kept[i] = string.rep("x", 1024 * 1024 - i) end
local n = 0
for i = 1, 1e7 do n = n + i % 7 end
for i = 1, 20 do
    local name = arg[1] .. "/f" .. i
    io.open(name, "w"):close()
    os.remove(name)
end
print(#kept, n)
"""


def test_luajit(same, needs, tmp_path):
    needs("luajit")
    (tmp_path / "hazard.lua").write_text(LUA)
    result = same("luajit", tmp_path / "hazard.lua", tmp_path)
    assert len([r for r in result.log.accesses(op="create") if "/f" in r["path"]]) == 20


WAYS = [(way, position) for way in ("wine", "everything", "malloc", "brk", "unmap", "protect")
        for position in ("-fPIE -pie", "-no-pie -fno-pie", "-static -no-pie -fno-pie")
        # what is linked below 2 GiB would unmap itself
        if way != "unmap" or "-fPIE" in position]
# the program itself lies in what wine's preloader, linked elsewhere, takes
WAYS = [(way, position) for way, position in WAYS if way != "wine" or "-fPIE" in position]


@pytest.mark.parametrize("way, position", WAYS)
def test_memory(same, build, tmp_path, way, position):
    program = build("gcc", PROBES / "hazard-memory.c", *position.split())
    result = same(program, tmp_path, way)
    assert result.status == 0
    for name in "before", "after", "child":
        assert len(result.log.accesses(tmp_path / name, call="openat")) == 3


@pytest.mark.parametrize("way", ["force", "remap", "attach", "threads"])
def test_memory_taken_by_force(same, build, tmp_path, way):
    program = build("gcc", PROBES / "hazard-memory.c", "-pthread")
    result = same(program, tmp_path, way)
    for name in "before", "after", "child":
        assert len(result.log.accesses(tmp_path / name, call="openat")) == 3
    assert result.log.end["calls"]["fast"] > 0
    assert result.log.end["stopped"]["taken"] > 0


def test_all_memory_locked_with_a_limit(same, build, requires_root, tmp_path):
    program = build("gcc", PROBES / "hazard-memory.c")
    words = ["prlimit", f"--memlock={4 << 20}", "setpriv", "--bounding-set=-ipc_lock",
             "--inh-caps=-ipc_lock", program, tmp_path, "lock"]
    runs(*words)
    same(*words)
