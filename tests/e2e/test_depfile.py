# SPDX-License-Identifier: MIT
"""Dependency files, read by the real make and the real ninja.

    python3 tests/e2e/test_depfile.py --edits 200 --seed 7    a longer series of edits
"""

import argparse
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

import pytest

BEFORE, BUILT, AFTER = 1_000_000_000, 1_000_000_100, 1_000_000_200
PLACES = [b"%c", b"%ca", b"a%cb", b"a\\%c", b"a\\\\%cb"]
# what make reads as something else than a name, by its words or by its looks
WORDS = [b"define", b"private", b"include", b"-lfoo", b"~root", b".PHONY", b"a=b", b"a:=b", b"a[1]*",
         b"a\\ *", b"$(shell touch pwned)", b"`touch pwned`", b"a b\\ c#d:e$f", b"(a)b", b"zz(a", b"a (b)"]
SPECIAL = b" \t\v\f\r\x01\x7f\xff!\"#$%&'()*+,-.:;<=>?@[\\]^_`{|}~"


def nasty_names():
    chooser = random.Random(4)
    names = [place.replace(b"%c", bytes([c])) for c in SPECIAL
             for place in chooser.sample(PLACES, 2)]
    names += [bytes(chooser.choice(SPECIAL + b"ab") for _ in range(chooser.randint(2, 6)))
              for _ in range(40)]
    return [n for n in dict.fromkeys(names + WORDS) if n not in (b".", b"..")]


@pytest.fixture
def room(tmp_path):
    """A directory with a file of each nasty name, and others that names could be mistaken for."""
    names = nasty_names()
    inputs = set(names)
    decoys = {n.replace(b"\\", b"") for n in names} | {n.replace(b"*", b"x") for n in names} | \
             {n.replace(b"[1]", b"1") for n in names} | {b"x", b"y z"}
    room = tmp_path / "room"
    room.mkdir()
    for name in (inputs | decoys) - {b"", b".", b".."}:
        path = os.path.join(os.fsencode(room), name)
        with open(path, "wb"):
            pass
        when = BEFORE if name in inputs else AFTER
        os.utime(path, (when, when))
    (room / "out").touch()
    os.utime(room / "out", (BUILT, BUILT))
    return room, sorted(inputs)


def reasons(room, names, is_due, left_out):
    """Touches one name after the other; returns those for which that was not noticed, or not
    ignored where the name is left out."""
    wrong = []
    for name in names:
        path = os.path.join(os.fsencode(room), name)
        os.utime(path, (AFTER, AFTER))
        if is_due() != (name not in left_out):
            wrong.append(name)
        os.utime(path, (BEFORE, BEFORE))
    return wrong


def test_make_takes_every_name(run, needs, room, tmp_path):
    needs("make")
    where, names = room
    done = run("cat", *[b"./" + n for n in names], log="deps.d", options=["--target", "out"], cwd=where)
    assert done.status == 0
    left_out = {n for n in names if n.endswith(b")")}
    assert left_out and b"make has no way to write" in done.stderr
    makefile = tmp_path / "Makefile"
    makefile.write_bytes(b"out:\n\t@echo made\ninclude " + os.fsencode(done.log_path) + b"\n")

    def is_due():
        made = subprocess.run(["make", "-rq", "-f", makefile, "out"], cwd=where, timeout=60,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        assert made.returncode in (0, 1) and not made.stderr, made.stderr
        return made.returncode == 1

    assert not is_due()
    assert reasons(where, names, is_due, left_out) == []
    # that an input is gone is no error
    for name in names:
        if name not in left_out and not name.startswith(b".P"):
            os.unlink(os.path.join(os.fsencode(where), name))
    assert is_due()
    assert not (where / "pwned").exists()


def test_ninja_takes_every_name_that_it_can(run, needs, room, tmp_path):
    needs("ninja")
    where, names = room
    done = run("cat", *[b"./" + n for n in names], log="deps.d", options=["--target", "out", "-f", "ninja"],
               cwd=where)
    assert done.status == 0 and b"ninja has no way to write" in done.stderr
    cannot = set(b"\t\v\f\r\x01\x7f\"&'*;<>?^`|")
    left_out = {n for n in names if set(n) & cannot or n.endswith(b":")
                or (len(n) - len(n.rstrip(b"\\"))) % 2}
    (where / "build.ninja").write_text(
        f"rule step\n command = cp {done.log_path} out.d && touch -d @{BUILT} out\n"
        " depfile = out.d\nbuild out: step\n")

    def ninja(*words):
        made = subprocess.run(["ninja", *words], cwd=where, timeout=60, stdin=subprocess.DEVNULL,
                              capture_output=True, check=False)
        assert made.returncode == 0 and not made.stderr, made
        return b"no work to do" not in made.stdout

    assert ninja() and not ninja()
    assert reasons(where, names, lambda: ninja("-n"), left_out) == []


def test_what_a_compiler_reads_as_the_compiler_says(run, needs, tmp_path):
    needs("gcc")
    (tmp_path / "inc").mkdir()
    (tmp_path / "a b.c").write_text('#include "inc/x#y.h"\n#include <stdio.h>\nint x = X;\n')
    (tmp_path / "inc" / "x#y.h").write_text("#define X 1\n")
    done = run("gcc", "-MMD", "-MP", "-MF", "gcc.d", "-c", "a b.c", "-o", "a.o", log="a.d",
               options=["--target", "a.o"], cwd=tmp_path)
    assert done.status == 0, done.stderr
    words = [f.read_bytes().replace(b"\\\n", b" ").split(b"\n\n")[0].replace(b" inc", b"\0inc")
             for f in (tmp_path / "a.d", tmp_path / "gcc.d")]
    ours, theirs = [w.split(b"\n")[0].replace(b" ", b"").split(b"\0") for w in words]
    assert ours == theirs


def test_relative_absolute_and_system_files(run, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a").write_text("a")
    (tmp_path / "b").write_text("b")

    def deps(*options, command=("cat", "a", "../b", "/etc/passwd"), cwd=tmp_path / "sub"):
        done = run(*command, log="x.d", options=["-f", "ninja", *options], cwd=cwd)
        assert done.status == 0 and done.stderr == b"", done
        return (tmp_path / "x.d").read_text().replace(" \\\n ", "").split()

    top = str(tmp_path)
    assert deps("--target=t") == ["t:", "a", f"{top}/b"]
    assert deps("--target=t", "--target=u", "--relative-to=..") == ["t", "u:", "sub/a", "b"]
    assert deps("--target=t", "--absolute") == ["t:", f"{top}/sub/a", f"{top}/b"]
    assert "/etc/passwd" in deps("--target=t", "--system-files")
    assert deps(command=("sh", "-c", "cat ../b >c; cat c >d; rm c")) == ["d:", f"{top}/b"]


def test_mistakes(tool, tmp_path):
    for words, message in (
            (["--absolute", "--relative-to=/", "true"], b"exclude each other"),
            (["--target=", "true"], b"the name is empty"),
            (["--relative-to=/no/such", "-o", "/dev/null", "true"], b"/no/such: No such file")):
        done = tool(*words, cwd=tmp_path)
        assert done.status == 2 and message in done.stderr, done
    done = tool("-o", "y.d", "-e", "write,name", "--target=t", "cat", "/etc/passwd", cwd=tmp_path)
    assert done.status == 0 and b"because --events leaves out read" in done.stderr
    done = tool("-o", "x.d", "true", cwd=tmp_path, stdout=subprocess.DEVNULL)
    assert done.status == 0 and b"there is no target" in done.stderr
    assert (tmp_path / "x.d").read_bytes() == b""


def test_what_was_there_stays_until_the_end(run, tmp_path):
    """A step that is killed half-way must not forget what it depends on."""
    (tmp_path / "x.d").write_text("out: old and longer than what will be written\n" * 9)
    (tmp_path / "new").write_text("")
    done = run("cat", "x.d", "new", log="x.d", options=["--target", "out"], cwd=tmp_path)
    assert done.stdout.startswith(b"out: old")
    assert (tmp_path / "x.d").read_text() == "out: \\\n  x.d \\\n  new \n\nx.d:\n\nnew:\n"
    done = run("true", log="/dev/full", options=["-f", "make", "--target", "out"], cwd=tmp_path)
    assert done.status == 125 and b"/dev/full: No space left" in done.stderr


# --- a project whose rules are nothing but generated files, edited at random --------------

OBJECTS = ["a", "b", "c"]
HEADERS = ["one", "two", "three", "four"]

MAKEFILE = """
all: {objects}
prog: {objects}
\tgcc -o $@ {objects}
{rules}
-include {depfiles}
"""


class Project:
    """The same sources twice: with gcc's dependency files and with ours."""

    def __init__(self, where, tracer, seed):
        self.random = random.Random(seed)
        self.sides = {"gcc": where / "gcc", "ours": where / "ours"}
        self.includes = {"a": ["one"], "b": ["two"], "c": ["three", "four"], "one": ["two"],
                         "two": ["three"], "three": [], "four": []}
        commands = {"gcc": "gcc -MMD -MP -MF $@.d -c {0}.c -o $@",
                    "ours": f"{tracer} -o $@.d --target $@ -- gcc -c {{0}}.c -o $@"}
        for side, path in self.sides.items():
            path.mkdir(parents=True)
            rules = "".join(f"{n}.o:\n\t@echo made {n}\n\t@{commands[side].format(n)}\n"
                            for n in OBJECTS)
            (path / "Makefile").write_text(MAKEFILE.format(
                objects=" ".join(f"{n}.o" for n in OBJECTS), rules=rules,
                depfiles=" ".join(f"{n}.o.d" for n in OBJECTS)))
        for name in self.includes:
            self.write(name)
        self.built = self.build()

    def write(self, name):
        text = "".join(f'#include "{h}.h"\n' for h in self.includes[name])
        if name in HEADERS:
            text = f"#ifndef H_{name}\n#define H_{name}\n{text}int {name}(void);\n#endif\n"
        for path in self.sides.values():
            (path / (name + (".c" if name in OBJECTS else ".h"))).write_text(text)

    def edit(self):
        """One edit; the files stay such that they can be compiled."""
        name = self.random.choice(list(self.includes))
        kind = self.random.choice(["touch", "include", "include", "forget", "remove"])
        if kind == "include":
            # headers include later ones only, so that there are no circles
            later = HEADERS[HEADERS.index(name) + 1:] if name in HEADERS else HEADERS
            new = [h for h in later if h not in self.includes[name] and h in self.includes]
            self.includes[name] += new[:1]
        elif kind == "forget" and self.includes[name]:
            self.includes[name].pop(self.random.randrange(len(self.includes[name])))
        elif kind == "remove" and name in HEADERS and len(self.includes) > 4:
            return self.remove(name)
        self.write(name)
        return f"{kind} {name}"

    def remove(self, name):
        """A header goes, and nobody includes it any more."""
        del self.includes[name]
        for path in self.sides.values():
            (path / f"{name}.h").unlink()
        for other, names in self.includes.items():
            if name in names:
                names.remove(name)
                self.write(other)
        return f"remove {name}"

    def build(self):
        """What each side made."""
        made = {}
        time.sleep(0.02)  # file systems count time in ticks of some milliseconds
        for side, path in self.sides.items():
            done = subprocess.run(["make", "-rR", "all"], cwd=path, text=True, timeout=120,
                                  stdin=subprocess.DEVNULL, capture_output=True, check=False)
            assert done.returncode == 0, (side, done.stdout, done.stderr)
            made[side] = sorted(l[5:] for l in done.stdout.splitlines() if l.startswith("made "))
        time.sleep(0.02)
        return made


def compare(where, tracer, edits, seed):
    """How many steps ran; asserts that they are the same on both sides, after each edit."""
    project = Project(where, tracer, seed)
    assert project.built["gcc"] == project.built["ours"] == OBJECTS
    steps = 0
    for number in range(edits):
        what = [project.edit() for _ in range(project.random.choice([0, 1, 2, 3]))]
        made = project.build()
        assert made["gcc"] == made["ours"], f"seed {seed}, build {number}, after {what}"
        steps += len(made["gcc"])
    return steps


def test_the_same_is_made_again_as_with_gcc(whatfiles, needs, tmp_path):
    needs("gcc", "make")
    engine = os.environ.get("WHATFILES_ENGINE", "auto")
    assert compare(tmp_path, f"{whatfiles} --engine={engine}", 10, 7) > 3


def main():
    parser = argparse.ArgumentParser(description=compare.__doc__)
    parser.add_argument("--edits", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--whatfiles", default="build/whatfiles")
    args = parser.parse_args()
    where = pathlib.Path(tempfile.mkdtemp(prefix="whatfiles-deps-"))
    try:
        steps = compare(where, os.path.abspath(args.whatfiles), args.edits, args.seed)
    finally:
        shutil.rmtree(where)
    print(f"{args.edits} builds, seed {args.seed}: {steps} steps, the same ones on both sides")


if __name__ == "__main__":
    sys.exit(main())
