"""What holds for every text."""

# ruff: noqa: RUF001 (other scripts on purpose)

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_moderator.model import Command, IsolationLevel, Task
from pytest_moderator.tasksfile import parse_tasks, render_tasks
from pytest_moderator.tasksfile.document import parser_for, split_lines
from pytest_moderator.tasksfile.ids import is_usable

PIECES = [
    "- [ ] ", "- [x]* ", "* [-] ", "1. [ ] ", "  ", "\t", "\n", "\n\n", "\r\n", "\r", "# ", "## Dependencies\n",
    "### Task 1: ", "## Phase 1\n", "T001 ", "T002-T005", "**T003** ", "1. ", "1.1 ", "#12 ", "[P] ", "(P)", "[US1] ",
    "(depends on ", "after ", "blocks ", "→", "- timeout: ", "- depends on: ", "- id: ", "- env:\n", "A=1",
    "```sh\n", "```\n", "~~~\n", "<!--", "-->", "> ", "---\n", "moderator: ", "| Task | Depends on |\n", "|-|-|\n",
    "`", "**", "_", "(", ")", "[", "]", "<div>\n", "word ", "，", "：", '{"waves": [{"tasks": ["1"]}]}', "\x00",
    "\u2028", "\ufeff", "é", "任务",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=60).map("".join)


def read(text):
    return parse_tasks(text, Path("tasks.md"), "tasks.md")


BLOCKS = [
    "- ", "* ", "1. ", "  ", "    ", "\t", "\n", "\n", "\n\n", "# ", "#", "a", "b ", "> ", ">", "---", "- - -", "***",
    "_ _ _", "--", "===", "=", "```", "~~~", "~~~ sh", "<div>", "<!--", "-->", "</p>", "| a | b |", "|-|-|", ":-",
    "-|", "|", "[a]: b",
]  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(BLOCKS), max_size=30).map("".join))
def test_nothing_is_missed_by_not_looking_for_it(text):
    thorough = parser_for(text).enable(
        ["table", "fence", "blockquote", "hr", "html_block", "heading", "lheading"]
    )
    assert parser_for(text).parse(text) == thorough.parse(text)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_any_text_is_read(text):
    found = read(text)
    lines = split_lines(text.removeprefix("\ufeff"))
    ids = [task.id for task in found.tasks]
    duplicates = sum(problem.code == "duplicate-id" for problem in found.problems)
    assert len(ids) - len(set(ids)) == duplicates
    for task in found.tasks:
        assert is_usable(task.id)
        assert task.title
        assert 1 <= task.line <= task.end_line <= len(lines)
        assert "[" in lines[task.line - 1] or "#" in lines[task.line - 1] or task.title in text
        assert replace(task) == Task.from_dict(task.to_dict())
    assert all(problem.line <= len(lines) and problem.path == "tasks.md" for problem in found.problems)
    assert bool(found.tasks) == bool(found.dialect)
    assert bool(found.tasks) == all(problem.code != "no-tasks" for problem in found.problems)
    starts = [task.line for task in found.tasks]
    assert len(starts) == len(set(starts))


@settings(max_examples=80, deadline=None)
@given(TEXTS)
def test_line_ends_do_not_matter(text):
    unix = text.replace("\r\n", "\n").replace("\r", "\n")
    first, second = read(unix), read(unix.replace("\n", "\r\n"))
    assert (first.tasks, first.phases, first.problems) == (second.tasks, second.phases, second.problems)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_that_are_text_are_read(data):
    read(data.decode("utf-8", "surrogateescape"))


LINE = st.text(
    st.characters(exclude_characters="\n\r\0", exclude_categories=["Cs"]), min_size=1, max_size=30
).filter(str.strip)
TITLES = st.one_of(
    LINE,
    st.lists(st.sampled_from([p for p in PIECES if "\n" not in p and "\r" not in p]), min_size=1, max_size=6)
    .map("".join)
    .filter(str.strip),
)
IDS = st.one_of(
    st.from_regex(r"T[0-9]{3}", fullmatch=True),
    st.from_regex(r"[1-9](\.[1-9])?", fullmatch=True),
    LINE.filter(is_usable),
)
WORD = LINE.filter(lambda text: text == text.strip() and text.strip("`"))
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
CODE = st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"]), max_size=40).map(
    lambda text: f"x{text}\n"
)
SECONDS = st.floats(min_value=1e-6, max_value=1e9, allow_nan=False)


@st.composite
def task_lists(draw):
    ids = draw(st.lists(IDS, min_size=1, max_size=6, unique=True))
    shell = draw(st.booleans())
    return [
        Task(
            id=task_id,
            title=draw(TITLES),
            line=0,
            done=draw(st.booleans()),
            parallel=draw(st.booleans()),
            story=draw(st.none() | st.sampled_from(["US1", "US12"])),
            optional=draw(st.booleans()),
            critical=draw(st.booleans()),
            depends_on=tuple(draw(st.lists(st.sampled_from(ids) | IDS, max_size=3, unique=True))),
            commands=tuple(
                Command(draw(st.sampled_from(["sh", "bash"] if shell else ["python"])), text, 0)
                for text in draw(st.lists(CODE, max_size=2))
            ),
            call=draw(st.none() if shell else st.none() | st.just("package.module:function")),
            backend=draw(st.none() | WORD),
            verify=tuple(draw(st.lists(WORD, max_size=2, unique=True))),
            timeout=draw(st.none() | SECONDS),
            retries=draw(st.none() | st.integers(0, 99)),
            approve=draw(st.none() | st.booleans()),
            isolation=draw(st.none() | st.sampled_from(IsolationLevel)),
            env=draw(
                st.dictionaries(
                    NAMES,
                    st.text(
                        st.characters(exclude_characters="\n\r\0", exclude_categories=["Cs"]), max_size=9
                    ),
                )
            ),
            secrets=tuple(draw(st.lists(NAMES, max_size=2, unique=True))),
            fixtures=tuple(draw(st.lists(NAMES, max_size=2, unique=True))),
            resources=tuple(draw(st.lists(WORD, max_size=2, unique=True))),
            refresh=draw(st.none() | WORD),
            reduced=draw(st.dictionaries(NAMES, WORD, max_size=2)),
            memory=draw(st.none() | st.integers(1, 2**50)),
            estimate=draw(st.none() | SECONDS),
            budget=draw(st.none() | st.sampled_from(["$1", "2.50 USD", "200k tokens", "$1, 2m tokens"])),
        )
        for task_id in ids
    ]


@settings(max_examples=100, deadline=None)
@given(task_lists())
def test_what_is_written_is_read_back(tasks):
    found = read(render_tasks(tasks))
    assert [problem for problem in found.problems if problem.severity == "error"] == []
    assert found.front_matter == {"order": "explicit"}

    def comparable(task):
        commands = tuple(replace(command, line=0) for command in task.commands)
        return replace(
            task,
            commands=commands,
            line=0,
            end_line=0,
            description="",
            phase=None,
            phase_line=0,
            files=(),
            parent=None,
        )

    assert [comparable(task) for task in found.tasks] == [comparable(task) for task in tasks]


def test_written_text_is_plain_where_it_can_be():
    task = Task(
        "T001", "Build it", 0, parallel=True, files=("src/a.py",), commands=(Command("sh", "make", 0),)
    )
    assert render_tasks([task], order="phases") == (
        '---\nmoderator:\n  order: "phases"\n---\n\n# Tasks\n\n- [ ] [P] Build it\n  - id: `T001`\n  - files:\n'
        "    - `src/a.py`\n  ```sh\n  make\n  ```\n\n"
    )


def test_languages_that_no_fence_can_hold_are_refused():
    with pytest.raises(ValueError, match="'ruby'"):
        render_tasks([Task("a", "b", 0, commands=(Command("ruby", "x", 0),))])
