# SPDX-License-Identifier: MIT
"""Roles of files in real jobs, against what the file system looked like before and after."""

import os
import pathlib
import shutil
import subprocess

import pytest

ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TERM": "dumb",
       "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
       "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org"}


def snapshot(top):
    """name -> what tells a file from what it was: inode, size, time, mode."""
    found = {}
    for folder, folders, files in os.walk(top):
        for name in [*folders, *files]:
            path = os.path.join(folder, name)
            stat = os.lstat(path)
            is_dir = os.path.isdir(path) and not os.path.islink(path)
            found[path] = None if is_dir else (stat.st_ino, stat.st_size, stat.st_mtime_ns,
                                               stat.st_mode)
    return found


@pytest.fixture
def roles(run, whatfiles, tmp_path):
    """roles(*command, cwd, top) -> (role -> names below @top), checked against the disk."""

    def roles(*command, cwd, top, **how):
        before = snapshot(top)
        result = run(*command, cwd=cwd, env={**ENV, "HOME": str(tmp_path)}, options=["--all"],
                     timeout=120, **how)
        assert result.status == 0, result.stderr
        after = snapshot(top)
        assert result.log[-1]["complete"]
        report = pathlib.Path(whatfiles).with_name("whatfiles-report")
        text = subprocess.run([report, result.log_path, "files"], capture_output=True, check=True,
                              timeout=60, stdin=subprocess.DEVNULL).stdout.decode()
        found = {}
        for line in text.splitlines()[1:]:
            role, _, _, *name = line.split(maxsplit=3)
            name = "".join(name)  # some calls have an empty one
            name = name.split(" -> ")[0].rstrip("/")
            if name.startswith(f"{top}/") and "/../" not in name and not name.endswith("/."):
                found.setdefault(role, set()).add(name)
        check(found, before, after)
        return found

    return roles


def check(found, before, after):
    """What the file system says of each name that has a role."""
    made, gone = after.keys() - before.keys(), before.keys() - after.keys()
    changed = {n for n in before.keys() & after.keys() if before[n] != after[n]}
    # an old file under a name that is new is no output of the run
    new = found.get("output", set()) | (found.get("moved", set()) - before.keys())
    assert new <= made
    moved = found.get("moved", set())
    assert {n for n in made - new if not any(n.startswith(f"{m}/") for m in moved)} == set()
    assert not found.get("output", set()) & found.get("moved", set())
    # what was in a directory that was moved need not have been named itself
    removed = found.get("removed", set())
    assert removed <= gone
    assert {n for n in gone - removed if not any(n.startswith(f"{r}/") for r in removed)} == set()
    assert changed <= found.get("modified", set()) | found.get("moved", set())
    assert found.get("modified", set()) <= before.keys() & after.keys()
    same = {n for n in before.keys() & after.keys()} - changed
    assert found.get("input", set()) <= same
    assert found.get("probed", set()) <= same
    for role in ("temporary", "passing", "missing"):
        assert not found.get(role, set()) & (before.keys() | after.keys()), role


def needs(*programs):
    for program in programs:
        if not shutil.which(program, path=ENV["PATH"]):
            pytest.skip(f"{program} is not installed")


def below(top, names):
    return {os.path.relpath(n, top) for n in names}


MAKEFILE = """\
all: prog
prog: a.o b.o
\tgcc -o prog a.o b.o
%.o: %.c a.h
\tgcc -c -o $@ $<
install: all
\tinstall -d $(DESTDIR)/bin $(DESTDIR)/share
\tinstall -m 755 prog $(DESTDIR)/bin/prog
\tinstall -m 644 notes $(DESTDIR)/share/notes
\tln -sf prog $(DESTDIR)/bin/other
\tsed s/old/new/ notes >$(DESTDIR)/share/tmp
\tmv $(DESTDIR)/share/tmp $(DESTDIR)/share/new
"""


@pytest.fixture
def project(tmp_path):
    top = tmp_path / "project"
    top.mkdir()
    (top / "Makefile").write_text(MAKEFILE)
    (top / "a.h").write_text("int f(void);\n")
    (top / "a.c").write_text('#include "a.h"\nint main(void) { return f(); }\n')
    (top / "b.c").write_text('#include "a.h"\nint f(void) { return 0; }\n')
    (top / "notes").write_text("old\n")
    return top


def test_make_install(roles, project):
    needs("make", "gcc")
    first = roles("make", "install", f"DESTDIR={project}/root", cwd=project, top=project)
    assert below(project, first["input"]) == {"Makefile", "a.h", "a.c", "b.c", "notes"}
    assert below(project, first["output"]) == {
        "a.o", "b.o", "prog", "root", "root/bin", "root/share", "root/bin/prog", "root/bin/other",
        "root/share/notes", "root/share/new"}
    assert below(project, first["passing"]) == {"root/share/tmp"}
    # again, over what is there
    again = roles("make", "install", f"DESTDIR={project}/root", cwd=project, top=project)
    assert below(project, again["modified"]) >= {"root/bin/prog", "root/share/notes",
                                                 "root/share/new", "root/bin/other"}
    assert "output" not in again
    # only what depends on a source that is newer
    (project / "b.c").write_text('#include "a.h"\nint f(void) { return 1; }\n')
    part = roles("make", cwd=project, top=project)
    assert below(project, part["modified"]) == {"b.o", "prog"}
    assert below(project, part["input"]) >= {"b.c", "a.h", "a.o"}
    assert str(project / "a.c") not in part["input"], "it was only looked at"


def test_compilers_temporaries(roles, project):
    needs("gcc")
    scratch = project / "scratch"
    scratch.mkdir()
    found = roles("sh", "-c", f"TMPDIR={scratch} gcc -o prog a.c b.c", cwd=project, top=project)
    temporary = below(scratch, found["temporary"])
    # an assembler file and an object for each source at least
    assert len([n for n in temporary if n.startswith("cc")]) >= 4, temporary
    assert str(project / "prog") in found["output"]


def test_git_clone(roles, project, tmp_path):
    needs("git")
    env = {**os.environ, **ENV, "HOME": str(tmp_path)}
    for words in (["init", "-q", "-b", "main", "."], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=project, env=env, check=True, timeout=60)
    for words in ([], ["--no-hardlinks"], ["--no-local"]):
        shutil.rmtree(tmp_path / "work", ignore_errors=True)
        work = tmp_path / "work"
        work.mkdir()
        found = roles("git", "clone", "-q", *words, str(project), "copy", cwd=work, top=work)
        assert below(work, found["output"]) >= {
            "copy", "copy/Makefile", "copy/a.c", "copy/.git", "copy/.git/config", "copy/.git/HEAD",
            "copy/.git/index"}
        assert str(work / "copy/.git/config.lock") in found["passing"]
        assert "modified" not in found and "removed" not in found


RULES = """\
#!/usr/bin/make -f
build build-arch build-indep:
\t$(MAKE) -C src
binary binary-arch: build
\tinstall -D -m 755 src/prog debian/tiny/usr/bin/tiny-prog
\tinstall -d debian/tiny/DEBIAN
\tdpkg-gencontrol -ptiny -Pdebian/tiny
\tdpkg-deb --root-owner-group --build debian/tiny ..
binary-indep:
clean:
\trm -rf debian/tiny debian/files debian/substvars src/*.o src/prog
"""

CHANGELOG = """\
tiny (1.0) unstable; urgency=low

  * First.

 -- Ada <ada@example.org>  Fri, 02 Jan 2026 03:04:05 +0000
"""

CONTROL = """\
Source: tiny
Section: misc
Priority: optional
Maintainer: Ada <ada@example.org>
Standards-Version: 4.6.2
Rules-Requires-Root: no

Package: tiny
Architecture: any
Description: tiny
 A tiny package.
"""


def test_dpkg_buildpackage(roles, project, tmp_path):
    needs("dpkg-buildpackage", "make", "gcc")
    top = tmp_path / "packages"
    tree = top / "tiny-1.0"
    (tree / "debian" / "source").mkdir(parents=True)
    project.rename(tree / "src")
    for name, text in (("rules", RULES), ("changelog", CHANGELOG), ("control", CONTROL),
                       ("source/format", "3.0 (native)\n")):
        (tree / "debian" / name).write_text(text)
    (tree / "debian" / "rules").chmod(0o755)
    found = roles("dpkg-buildpackage", "-us", "-uc", "-b", "-d", cwd=tree, top=top)
    outputs = below(top, found["output"])
    assert any(n.startswith("tiny_1.0_") and n.endswith(".deb") for n in outputs), outputs
    assert any(n.endswith(".changes") for n in outputs)
    assert "tiny-1.0/debian/tiny/usr/bin/tiny-prog" in outputs
    # dpkg-gencontrol opens it for writing to lock it, which is taken as writing
    assert "tiny-1.0/debian/control" in below(top, found["modified"])
    assert below(top, found["input"]) >= {
        "tiny-1.0/debian/changelog", "tiny-1.0/src/a.c",
        "tiny-1.0/src/a.h", "tiny-1.0/src/Makefile"}


def test_random_moves(roles, tmp_path):
    """Files and directories made, moved, replaced and deleted by chance (no hard links: a
    file that is written by another name is not known to be written)."""
    for seed in range(6):
        top = tmp_path / f"top{seed}"
        top.mkdir()
        for i in range(8):
            folder = top / f"d{i % 3}"
            folder.mkdir(exist_ok=True)
            (folder / f"f{i}").write_text(f"{i}\n")
        roles("/usr/bin/python3", "-c", MOVES, str(seed), cwd=top, top=top)


MOVES = r"""
import os, random, shutil, sys
chance = random.Random(int(sys.argv[1]))
for step in range(60):
    files = [os.path.join(d, n) for d, _, names in os.walk(".") for n in names]
    folders = [d for d, _, _ in os.walk(".")]
    what = chance.choice("cccrrrmdxak")
    place = os.path.join(chance.choice(folders), f"n{chance.randrange(12)}")
    name = chance.choice(files) if files else None
    try:
        if what == "c":
            open(place, "w").write("x")
        elif what == "r" and name:
            os.rename(name, place)
        elif what == "m":
            os.mkdir(place)
        elif what == "d" and name:
            os.unlink(name)
        elif what == "x" and len(folders) > 1:
            os.rename(chance.choice(folders[1:]), place)
        elif what == "a" and name:
            open(name, "a").write("y")
        elif what == "k" and name:
            open(name).read()
    except OSError:
        pass
"""
