"""Keys, notes and commands under a task."""

from __future__ import annotations

import pytest

from pytest_moderator.model import Command, IsolationLevel

ALL_KEYS = """
    - [ ] T001 Do it
      - id: own-id
      - title: Another title
      - depends on: T002, T003
      - backend: shell
      - run: `make it`
      - call: pkg.mod:function
      - verify: `pytest -q`, `ruff check`
      - timeout: 1h30m
      - retries: 2
      - optional: yes
      - critical: true
      - approve: no
      - isolation: directory
      - env: A=1, B=two, three
      - refresh: `log-in --again`
      - reduced: JOBS=1
      - secrets: TOKEN, KEY
      - fixtures: database, `bucket`
      - resources: port 8080; gpu
      - files: ./src/a.py, docs/
      - memory: 2GiB
      - estimate: 90
      - budget: 5 $
      - Purpose: show them all
    - [ ] T002 b
    - [ ] T003 c
"""


def test_every_key(read):
    found = read(ALL_KEYS)
    task = found.tasks[0]
    assert found.problems == ()
    assert (task.id, task.title) == ("own-id", "Another title")
    assert task.depends_on == ("T002", "T003")
    assert task.backend == "shell"
    assert task.commands == (Command("sh", "make it\n", 6),)
    assert task.call == "pkg.mod:function"
    assert task.verify == ("pytest -q", "ruff check")
    assert (task.timeout, task.estimate, task.retries) == (5400, 90, 2)
    assert (task.optional, task.critical, task.approve) == (True, True, False)
    assert task.isolation is IsolationLevel.DIRECTORY
    assert task.env == {"A": "1", "B": "two, three"}
    assert (task.refresh, task.reduced) == ("log-in --again", {"JOBS": "1"})
    assert task.secrets == ("TOKEN", "KEY")
    assert task.fixtures == ("database", "bucket")
    assert task.resources == ("port 8080", "gpu")
    assert task.files == ("src/a.py", "docs")
    assert task.memory == 2 * 2**30
    assert task.budget == "5 $"
    assert task.notes == {"Purpose": "show them all"}


def test_nested_lists(read):
    task = read(
        """
        - [ ] T001 Do it
          - depends on:
            - T002
            - T003 (the other)
          - run:
            - make a
            - `make b`
          - verify:
            - `pytest -q "a, b"`
          - env:
            - A: 1
            - `B=x y`
          - fixtures:
            - one
            - two
          - Steps:
            - first
            - second
        - [ ] T002 b
        - [ ] T003 c
        """
    ).tasks[0]
    assert task.depends_on == ("T002", "T003")
    assert [command.text for command in task.commands] == ["make a\n", "make b\n"]
    assert task.verify == ('pytest -q "a, b"',)
    assert task.env == {"A": "1", "B": "x y"}
    assert task.fixtures == ("one", "two")
    assert task.notes == {"Steps": "first\nsecond"}


def test_wrapped_values(read):
    task = read("- [ ] T001 a\n  - fixtures: one,\n    two\n").tasks[0]
    assert task.fixtures == ("one", "two")


def test_repeated_keys_add_up(read):
    task = read(
        "- [ ] a\n  - fixtures: x\n  - fixtures: y\n  - env: A=1\n  - env: B=2\n  - Note: 1\n  - Note: 2\n"
    ).tasks[0]
    assert task.fixtures == ("x", "y")
    assert task.env == {"A": "1", "B": "2"}
    assert task.notes == {"Note": "1\n2"}


@pytest.mark.parametrize(
    "line",
    [
        "timeout: soon",
        "timeout: 0",
        "timeout:",
        "retries: -1",
        "retries: many",
        "optional: perhaps",
        "isolation: high",
        "call: not a function",
        "memory: big",
        "budget: much",
        "budget: 5",
        "estimate: 2 weeks or so",
        "fixtures: not-a-name",
        "secrets: not a name",
        "env: nothing",
        "env:",
        "id: with space",
        'title: "unfinished',
        'title: " "',
        "depends on:",
        "depends on: the database team",
        "verify:",
        "verify: ` `",
        "resources:",
        "backend:",
        "timeout:\n    - 1m\n    - 2m",
    ],
)
def test_bad_values_are_errors(read, line):
    found = read(f"- [ ] T001 a\n  - {line}\n")
    assert [(problem.severity, problem.code, problem.line) for problem in found.problems] == [
        ("error", "bad-value", 2)
    ]
    assert found.problems[0].message.startswith(line.partition(":")[0])


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("timout: 10m", "timeout"),
        ("retry: 2", "retries"),
        ("depend on: T001", "depends on"),
        ("verfy: x", "verify"),
    ],
)
def test_nearly_known_keys_are_named(read, line, meant):
    found = read(f"- [ ] T001 a\n  - {line}\n")
    (problem,) = found.problems
    assert (problem.severity, problem.code) == ("warning", "nearly-known-key")
    assert f"did you mean {meant!r}" in problem.message
    assert len(found.tasks[0].notes) == 1


@pytest.mark.parametrize(
    "note",
    [
        "File: src/a.py",
        "Purpose: to show",
        "Timeout: the server must answer soon",
        "Backend: the Node service",
        "Verify: the build throws no error",
        "_Requirements: 1.1_",
        "_Prompt: Role: Developer | Task: write it | Restrictions: none_",
        "Test: circular (a -> b -> a) is refused",
        "see https://example.org: it says more",
        "some: prose",
        "this is a long sentence with a colon: at its end",
    ],
)
def test_ordinary_notes_are_no_problem(read, note):
    found = read(f"- [ ] T001 a\n  - {note}\n")
    task = found.tasks[0]
    assert found.problems == ()
    assert (task.timeout, task.backend, task.verify, task.depends_on) == (None, None, (), ())


def test_forgiving_keys_in_other_spellings(read):
    task = read("- [ ] T001 a\n  - **Timeout**: 5m\n  - Retries: 3\n  - **Verify**: `pytest -q`\n").tasks[0]
    assert (task.timeout, task.retries, task.verify) == (300, 3, ("pytest -q",))


def test_fields_of_heading_tasks(read):
    task = read(
        """
        ### Task 1: Build
        **Files**: `src/a.py`, src/b.py
        **Status**: in progress

        - timeout: 10m
        - **Blocks**: Task 2

        | **Priority** | high |
        | --- | --- |
        | **Dependencies** | Task 3 |

        ### Task 2: Ship
        ### Task 3: Plan
        """
    ).tasks
    assert task[0].files == ("src/a.py", "src/b.py")
    assert task[0].timeout == 600
    assert task[0].depends_on == ("3",)
    assert task[1].depends_on == ("1",)
    assert not task[0].done


def test_commands_are_fences_that_belong_to_the_task(read):
    task = read(
        """
        - [ ] T001 Do it
          ```sh
          make a
            indented
          ```
          - run: make b
          - a note
            ~~~bash title="x"
            make c
            ~~~
          ```json
          {"not": "a command"}
          ```
          ```
          neither
          ```

        ```sh
        not nested
        ```
        """
    ).tasks[0]
    assert [(c.language, c.text, c.line) for c in task.commands] == [
        ("sh", "make a\n  indented\n", 3),
        ("sh", "make b\n", 6),
        ("bash", "make c\n", 9),
    ]
    assert task.end_line == 16


@pytest.mark.parametrize(
    ("info", "language"),
    [
        ("py", "python"),
        ("Python3", "python"),
        ("shell-session", "console"),
        ("zsh -e", "zsh"),
        ("shell", "shell"),
    ],
)
def test_languages(read, info, language):
    task = read(f"- [ ] a\n  ```{info}\n  x\n  ```\n").tasks[0]
    assert task.commands[0].language == language


def test_heading_tasks_own_the_fences_of_their_section(read):
    tasks = read(
        "### Task 1: a\ntext\n```sh\none\n```\n#### Details\n```sh\ntwo\n```\n## Notes\n```sh\nthree\n```\n"
    ).tasks
    assert [command.text for command in tasks[0].commands] == ["one\n", "two\n"]


@pytest.mark.parametrize(
    "text",
    ["  ```sh\n  ```", "  ```sh\n\n  ```", "  - run:", "  - run: ` `", "  - run: ``", "  - run:\n    - ``"],
)
def test_empty_commands_are_errors(read, text):
    (problem,) = read(f"- [ ] T001 a\n{text}\n").problems
    assert (problem.severity, problem.code) == ("error", "empty-command")


@pytest.mark.parametrize("text", ["verify: ``", "verify:\n    - ``", "refresh: ``", "timeout: ``"])
def test_backticks_with_nothing_between_are_no_value(read, text):
    (problem,) = read(f"- [ ] T001 a\n  - run: `true`\n  - {text}\n").problems
    assert (problem.severity, problem.code) == ("error", "bad-value")
    assert problem.message.endswith("a value is missing")


@pytest.mark.parametrize("text", ["depends on: ``", "depends on:\n    - ``", "depends on: T001, ``"])
def test_backticks_with_nothing_between_are_an_unknown_dependency_and_not_none(read, text):
    found = read(f"- [ ] T001 a\n- [ ] T002 b\n  - {text}\n")
    assert "``" in found.tasks[1].depends_on


def test_run_with_a_fence(read):
    found = read("- [ ] T001 a\n  - run:\n    ```sh\n    make\n    ```\n")
    assert [command.text for command in found.tasks[0].commands] == ["make\n"]
    assert found.problems == ()


@pytest.mark.parametrize("text", ["  - run: `x`", "  ```sh\n  x\n  ```"])
def test_a_command_beside_a_function_is_an_error_as_only_the_function_would_run(read, text):
    (problem,) = read(f"- [ ] T001 a\n  - call: a:b\n{text}\n").problems
    assert (problem.severity, problem.code, problem.line) == ("error", "mixed-languages", 1)
    assert read(f"- [ ] T001 a\n  - backend: claude\n  - call: a:b\n{text}\n").problems == ()


def test_a_second_function_is_an_error_as_only_one_would_be_called(read):
    (problem,) = read("- [ ] T001 a\n  - call: a:b\n  - call: a:c\n").problems
    assert (problem.severity, problem.code, problem.line) == ("error", "bad-value", 3)


def test_mixed_languages_are_an_error(read):
    (problem,) = read("- [ ] T001 a\n  ```sh\n  x\n  ```\n  ```python\n  y\n  ```\n").problems
    assert (problem.severity, problem.code, problem.line) == ("error", "mixed-languages", 1)
    assert (
        read("- [ ] T001 a\n  - backend: claude\n  ```sh\n  x\n  ```\n  ```python\n  y\n  ```\n").problems
        == ()
    )


def test_nested_tasks_keep_their_own_things(read):
    outer, inner = read(
        """
        - [ ] 1. Outer
          - timeout: 1m
          - [ ] 1.1 Inner
            - timeout: 2m
            ```sh
            inner
            ```
          - last note
        """
    ).tasks
    assert (outer.timeout, inner.timeout) == (60, 120)
    assert (len(outer.commands), len(inner.commands)) == (0, 1)
    assert outer.description == "1. Outer\n- timeout: 1m\n- last note"
    assert inner.description.startswith("1.1 Inner\n- timeout: 2m")
    assert (outer.end_line, inner.end_line) == (8, 7)


def test_description_keeps_wrapped_lines_and_notes(read):
    task = read("- [ ] T001 First line\n  goes on\n\n  - a note\n").tasks[0]
    assert task.title == "First line"
    assert task.description == "T001 First line\ngoes on\n\n- a note"


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("in `src/a.py` and src/b.py, ./c/d.ts.", ("src/a.py", "src/b.py", "c/d.ts")),
        ("`README.md` `Makefile` `.gitignore` `docs/`", ("README.md", "Makefile", ".gitignore", "docs")),
        ("`src/a.py:41` src/app/[id]/page.tsx", ("src/a.py", "src/app/[id]/page.tsx")),
        (
            "app/(shop)/[...id].ts (app/[a].test.ts) src/[x](y).md",
            ("app/(shop)/[...id].ts", "app/[a].test.ts"),
        ),
        ("工具函数在src/utils/cn.ts、设置在package.json", ("src/utils/cn.ts", "package.json")),
        ("src/a.tsとsrc/b.tsを作成して、ボタンをNext.jsで", ("src/a.ts", "src/b.ts")),
        (
            "Add .gitignore, api/.env.example and .eslintrc.json.",
            (".gitignore", "api/.env.example", ".eslintrc.json"),
        ),
        ("the *.env files, a .spec.ts, .NET, the .src and .js", ()),
        ("scripts/run.sh에서 app.test.ts를", ("scripts/run.sh", "app.test.ts")),
        (
            "在.github/workflows/ci.yml中 docs/設計/仕様書.md",
            (".github/workflows/ci.yml", "docs/設計/仕様書.md"),
        ),
        ("https://example.org/a.py `GET /users` `obj.method` and/or e.g. v1.2", ()),
        ("`/etc/passwd` `../out.py` `~/x.py` `--flag` `@scope/pkg` `C:\\x\\y.py` `..`", ()),
        ("`src\\win.py` `tests/*.py` `{a,b}/c.py`", ("src/win.py", "tests/*.py")),
        ("`a.py` `a.py`", ("a.py",)),
        ("`" + "a/" * 400 + "b.py`", ()),
    ],
)
def test_files(read, text, files):
    assert read(f"- [ ] T001 {text}\n").tasks[0].files == files


@pytest.mark.parametrize(
    "key", ["**Files**", "**Create**", "**Modify:**", "**Target**", "**Location**", "**테스트 파일**"]
)
def test_fields_that_name_files(read, key):
    task = read(f"### Task 1: a\n\n{key}: `src/a.py`\n\n### Task 2: b\n\n{key}:\n- `src/b.py` (new)\n").tasks
    assert [each.files for each in task] == [("src/a.py",), ("src/b.py",)]


def test_files_of_notes(read):
    task = read("- [ ] 1. a\n  - create `src/a.py`\n  - File: src/b.py\n  - Leverage: src/c.py\n").tasks[0]
    assert task.files == ("src/a.py", "src/b.py")
