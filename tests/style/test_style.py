"""The house style, as far as a program can see it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent.parent

# Rooms and what each may include: itself and what stands left of it (DESIGN: base <- model
# <- trace, recorder, sink, check <- cli).
MAY_INCLUDE = {
    "base": {"base"},
    "model": {"base", "model"},
    "trace": {"base", "model", "trace"},
    "recorder": {"base", "model", "trace", "recorder"},
    "sink": {"base", "model", "sink"},
    "check": {"base", "model", "check"},
    "cli": {"base", "model", "trace", "recorder", "sink", "check", "cli"},
}

TOP_LEVEL = {"meson.build", "meson_options.txt", "src", "bpf-filters", "include", "tests",
             "README.md", "LICENSE"}


def files(*patterns):
    """Tracked files, and new ones that git does not ignore."""
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *patterns], cwd=TOP,
                         capture_output=True, text=True, check=True, timeout=60).stdout
    return [TOP / name for name in sorted(set(out.split("\n"))) if (TOP / name).is_file()]


def sources():
    return files("*.c", "*.h")


def tool(name):
    path = shutil.which(name)
    if not path:
        pytest.skip(f"{name} is not installed: tests/packages tests")
    return path


def relative(path):
    return str(path.relative_to(TOP))


def test_format():
    command = [tool("clang-format"), "-n", "--Werror", *map(str, sources())]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False,
                          timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]


def test_includes_point_one_way():
    wrong = []
    for path in sources():
        parts = path.relative_to(TOP).parts
        if parts[0] not in ("src", "include") or parts[1] not in MAY_INCLUDE:
            continue
        for room in re.findall(r'#include "(\w+)/', path.read_text()):
            if room not in MAY_INCLUDE[parts[1]]:
                wrong.append(f"{relative(path)} includes {room}/")
    assert not wrong


def test_rooms_are_known():
    rooms = {p.relative_to(TOP).parts[1] for p in sources()
             if p.relative_to(TOP).parts[0] in ("src", "include")}
    assert rooms <= set(MAY_INCLUDE)


def test_top_level():
    names = {p.relative_to(TOP).parts[0] for p in files()}
    assert {n for n in names if not n.startswith(".")} <= TOP_LEVEL


def test_headers_mirror_sources():
    for path in sources():
        parts = path.relative_to(TOP).parts
        if parts[0] == "src" and path.suffix == ".c" and path.name != "main.c":
            header = TOP / "include" / parts[1] / (path.stem + ".h")
            # one noun may take two files: ops.c is the words of syscalls.h, pack-zstd.c and
            # its twin for builds without the library are behind pack.h
            first = header.with_name(path.stem.split("-")[0] + ".h")
            includes = re.findall(r'#include "(\S+)"', path.read_text())
            assert (header.exists() or first.exists() or
                    f"{parts[1]}/syscalls.h" in includes), relative(path)
        if parts[0] == "include" and path.suffix == ".h" and parts[1] != "base":
            source = TOP / "src" / parts[1] / (path.stem + ".c")
            assert source.exists(), relative(path)


def test_every_file_says_its_licence():
    for path in files("*.c", "*.h", "*.def"):
        assert path.read_text().startswith("/* SPDX-License-Identifier: MIT */\n"), \
            relative(path)


def test_headers_stand_alone(tmp_path):
    for path in files("include/*.h"):
        text = path.read_text()
        assert "#pragma once" in text, relative(path)
        probe = tmp_path / "probe.c"
        probe.write_text(f'#include "{path.relative_to(TOP / "include")}"\n')
        done = subprocess.run(["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall",
                               "-Werror", f"-I{TOP}/include", f"-I{TOP}/bpf-filters",
                               str(probe)], capture_output=True, text=True, check=False,
                              timeout=60)
        assert done.returncode == 0, done.stderr


def test_no_file_is_long():
    """Over 500 lines a file is split by noun; tests of one thing may be longer."""
    long = {relative(p): n for p in files("src/*.c", "include/*.h", "bpf-filters/*")
            if (n := len(p.read_text().splitlines())) > 500}
    assert not long


def functions(text):
    """(name, lines) of each function: its brace stands in column 0, as clang-format has it."""
    lines = text.split("\n")
    for i, line in enumerate(lines):
        if line == "{":
            end = next(k for k in range(i, len(lines)) if lines[k] == "}")
            head = next(lines[k] for k in range(i - 1, -1, -1) if re.match(r"\w+\(", lines[k]))
            yield head.split("(")[0], end - i - 1


def test_no_function_is_long():
    long = {}
    for path in files("src/*.c"):
        for name, count in functions(path.read_text()):
            if count > 60 and name not in ("take",):  # a switch over a table
                long[f"{relative(path)}: {name}"] = count
    assert not long


def test_white_space():
    wrong = []
    for path in files():
        if path.suffix in (".png", ".jsonl") or "corpus" in path.parent.name:
            continue
        text = path.read_text()
        if re.search(r"[ \t]+$", text, re.M):
            wrong.append(f"{relative(path)}: white space at the end of a line")
        if text and not text.endswith("\n"):
            wrong.append(f"{relative(path)}: no newline at the end")
    assert not wrong


def test_nothing_is_left_undone():
    wrong = []
    for path in files("src/*", "include/*", "bpf-filters/*", "README.md", "meson.build"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if re.search(r"TODO|FIXME|XXX|not (yet )?implemented", line):
                wrong.append(f"{relative(path)}:{number}: {line.strip()}")
    assert not wrong


def test_shell_scripts():
    scripts = [p for p in files("tests/*", ".ci/*")
               if p.read_bytes().startswith((b"#!/bin/sh", b"#!/usr/bin/env bash"))]
    assert scripts
    done = subprocess.run([tool("shellcheck"), *map(str, scripts)], capture_output=True,
                          text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout
