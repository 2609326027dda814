"""Names for folders and branches: what stays, and that nothing is shared or leaves its place."""

from __future__ import annotations

import subprocess
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_moderator.errors import ModeratorError
from pytest_moderator.isolation import EmptyTaskIdError, branch_name, sanitise_id

ODD_IDS = (
    "../../x",
    "..",
    ".",
    "/etc/passwd",
    "C:\\x",
    "a\0b",
    ".git/hooks/x",
    "-x",
    "--upload-pack=touch x",
    "CON",
    "nul",
    "aux.txt",
    "com1",
    "a.lock",
    "a.LOCK",
    "a..b",
    "a.",
    "a ",
    " a",
    "@{u}",
    "HEAD~1",
    "a:b",
    "$(touch x)",
    "`id`",
    "x" * 300,
    "é",
    unicodedata.normalize("NFD", "é"),
    "日本語",
    "\U0001f600",
    "\ud800",
    "line\nbreak",
    "T1",
    "t1",
    "T001",
    "t001",
    "Setup",
    "setup",
    "SETUP",
    "#424",
)
ids = st.one_of(
    st.text(min_size=1, max_size=80),
    st.text("Tt1.-_/ ", min_size=1, max_size=6),
    st.sampled_from(ODD_IDS),
).filter(str.strip)


@pytest.mark.parametrize(
    "task_id", ["T001", "T007a", "US1", "1", "1.2", "2.1.10", "T013.1", "set-up", "a_b", "x" * 64]
)
def test_plain_ids_stay(task_id: str) -> None:
    assert sanitise_id(task_id) == task_id


@pytest.mark.parametrize(
    ("task_id", "readable"),
    [
        ("t001", "t001-"),
        ("T031-MIN", "t031-min-"),
        ("Über uns", "uber-uns-"),
        ("../../x", "x-"),
        ("CON", "con-"),
        ("aux.txt", "aux-txt-"),
        ("日本語", "task-"),
        ("x" * 300, "x" * 40 + "-"),
        (sanitise_id("t001"), sanitise_id("t001") + "-"),
    ],
)
def test_other_ids_stay_readable(task_id: str, readable: str) -> None:
    name = sanitise_id(task_id)
    assert name.startswith(readable)
    assert len(name) == len(readable) + 16


@pytest.mark.parametrize("task_id", ["", " ", "\t\n", "\u2003"])
def test_blank_ids_are_refused(task_id: str) -> None:
    with pytest.raises(EmptyTaskIdError, match="not empty") as caught:
        sanitise_id(task_id)
    assert isinstance(caught.value, ModeratorError)
    assert isinstance(caught.value, ValueError)


@given(ids, ids)
@example("T1", "t1")
@example("é", unicodedata.normalize("NFD", "é"))
@example("t001", sanitise_id("t001"))
def test_no_two_ids_share_a_name(one: str, other: str) -> None:
    if one != other:
        assert sanitise_id(one).casefold() != sanitise_id(other).casefold()


def test_odd_ids_have_names_of_their_own() -> None:
    names = {sanitise_id(task_id).casefold() for task_id in ODD_IDS}
    assert len(names) == len(ODD_IDS)


@given(ids)
def test_a_name_stays_in_its_folder(task_id: str) -> None:
    name = sanitise_id(task_id)
    assert name.isascii()
    assert len(name) <= 64
    assert Path("/base", name).resolve().parent == Path("/base")
    assert name[0].isalnum()
    assert name[-1].isalnum()
    stem = name.partition(".")[0].upper()
    assert stem not in {"CON", "PRN", "AUX", "NUL"}


def git_accepts(branch: str) -> bool:
    command = ["git", "check-ref-format", "--branch", branch]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@settings(max_examples=60, deadline=None)
@given(ids)
def test_git_accepts_every_branch_name(task_id: str) -> None:
    assert git_accepts(branch_name("moderator/20260101-1", task_id))
    assert git_accepts(f"x/{sanitise_id(task_id)}")


@pytest.mark.parametrize("task_id", ODD_IDS)
def test_git_accepts_branches_of_odd_ids(task_id: str) -> None:
    assert git_accepts(branch_name("main", task_id))


def test_a_branch_is_named_after_base_and_task() -> None:
    assert branch_name("moderator/run", "T014") == "moderator/run-task-t014"
