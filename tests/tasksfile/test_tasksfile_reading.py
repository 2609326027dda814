"""From a path to a tasks file: what cannot be read, front matter, bytes."""

from __future__ import annotations

import hashlib
import os

import pytest

from pytest_moderator.tasksfile import read_tasks_file, reader


def test_reads_a_file(tmp_path):
    path = tmp_path / "tasks.md"
    data = "\ufeff# Title\r\n\r\n- [ ] T001 Tür\r\n".encode()
    path.write_bytes(data)
    found = read_tasks_file(path, "docs/tasks.md")
    assert (found.path, found.display) == (path, "docs/tasks.md")
    assert found.digest == hashlib.sha256(data).hexdigest()
    assert found.text == "# Title\r\n\r\n- [ ] T001 Tür\r\n"
    assert [(task.title, task.line) for task in found.tasks] == [("Tür", 3)]


def test_the_path_is_the_default_name(tmp_path):
    found = read_tasks_file(tmp_path / "none.md")
    assert found.problems[0].path == str(tmp_path / "none.md")


def test_missing(tmp_path):
    found = read_tasks_file(tmp_path / "none.md", "none.md")
    assert [str(problem) for problem in found.problems] == [
        "none.md: error missing-file: there is no such file (check the path)"
    ]
    assert found.tasks == ()


def test_directory(tmp_path):
    assert [problem.code for problem in read_tasks_file(tmp_path).problems] == ["not-a-file"]


def test_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe.md")
    assert [problem.code for problem in read_tasks_file(tmp_path / "pipe.md").problems] == ["not-a-file"]


def test_not_utf8(tmp_path):
    path = tmp_path / "tasks.md"
    path.write_bytes(b"- [ ] a\n- [ ] T\xfcr\n")
    (problem,) = read_tasks_file(path).problems
    assert (problem.code, problem.line) == ("not-utf8", 2)


def test_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "MAX_BYTES", 10)
    path = tmp_path / "tasks.md"
    path.write_text("- [ ] a long title\n", "utf-8")
    assert [problem.code for problem in read_tasks_file(path).problems] == ["too-large"]


def test_names_that_no_file_can_have(tmp_path):
    assert [problem.code for problem in read_tasks_file(tmp_path / ("x" * 5000)).problems] == ["unreadable"]


def test_front_matter(read):
    found = read("---\ntitle: x\nmoderator:\n  order: explicit\n  timeout: 5m\n---\n- [ ] a\n")
    assert found.front_matter == {"order": "explicit", "timeout": "5m"}
    assert found.front_matter_line == 3
    assert found.tasks[0].line == 7


@pytest.mark.parametrize(
    "yaml",
    [
        "title: x",
        "- a list",
        "",
        "moderator:",
        "date: 2026-99-99",
        "? [a, b]\n: c",
        "other: !tag 1",
        "other: 1\nother: 2",
    ],
)
def test_front_matter_without_settings(read, yaml):
    found = read(f"---\n{yaml}\n---\n- [ ] a\n")
    assert found.front_matter == {}
    assert found.problems == ()


@pytest.mark.parametrize(
    ("yaml", "line", "part"),
    [
        ("a: 1\nb: [", 3, "front matter"),
        ("a: &x [1]\nb: *x", 3, "aliases"),
        ("moderator: [1]", 2, "must hold keys and values"),
        ("moderator: " + "[" * 60 + "]" * 60, 2, "nested deeper"),
        ("a: " + "x" * 1_000_000, 1, "larger than"),
        ("moderator: {a: 1}\nother: 1\nmoderator: {b: 1}", 4, "already there at line"),
        ("moderator: {a: 2026-99-99}", 1, "month must be"),
        ("moderator: !!python/object:os.system {}", 2, "tags such as"),
        ("a: \x07", 1, "characters are not allowed"),
    ],
)
def test_bad_front_matter(read, yaml, line, part):
    found = read(f"---\n{yaml}\n---\n- [ ] a\n")
    (problem,) = found.problems
    assert (problem.severity, problem.code, problem.line) == ("error", "bad-front-matter", line)
    assert part in problem.message
    assert len(found.tasks) == 1


def test_problems_come_in_the_order_of_lines(read):
    found = read("- [ ] T001 a\n- [ ] no id\n- [ ] T001 b\n- [ ] T002 c\n  - timeout: x\n")
    assert [problem.line for problem in found.problems] == [2, 3, 5]
    assert {problem.path for problem in found.problems} == {"tasks.md"}
