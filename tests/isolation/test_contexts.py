"""Isolated contexts: the patterns of each level, and what they do on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_moderator.errors import ModeratorError
from pytest_moderator.isolation import create_isolated_context
from pytest_moderator.model import ExecutionContext, IsolationLevel

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def base(tmp_path: Path) -> ExecutionContext:
    return ExecutionContext("project", tmp_path / "work", "main", tmp_path / "state")


def test_none_is_the_base_itself(base: ExecutionContext) -> None:
    assert create_isolated_context(base, "T001", IsolationLevel.NONE) is base
    assert not base.working_directory.exists()


def test_a_directory_of_its_own(base: ExecutionContext) -> None:
    context = create_isolated_context(base, "T001", IsolationLevel.DIRECTORY)
    assert context == ExecutionContext(
        "project",
        base.working_directory / "tasks" / "T001",
        "main",
        base.state_dir,
        IsolationLevel.DIRECTORY,
    )
    assert context.working_directory.is_dir()
    assert not base.state_dir.exists()


def test_a_branch_of_its_own(base: ExecutionContext) -> None:
    context = create_isolated_context(base, "T001", IsolationLevel.BRANCH)
    assert context.git_branch == "main-task-t001"
    assert context.working_directory == base.working_directory
    assert context.state_dir == base.state_dir
    assert not base.working_directory.exists()


def test_everything_of_its_own(base: ExecutionContext) -> None:
    context = create_isolated_context(base, "T001", IsolationLevel.FULL)
    assert context.git_branch == "main-task-t001"
    assert context.working_directory == base.working_directory / "tasks" / "T001"
    assert context.state_dir == base.state_dir / "tasks" / "T001"
    assert context.state_dir.is_dir()
    assert context.isolation_level is IsolationLevel.FULL


def test_a_base_without_a_branch(tmp_path: Path) -> None:
    base = ExecutionContext("project", tmp_path, None, tmp_path)
    assert create_isolated_context(base, "T001", IsolationLevel.BRANCH).git_branch == "moderator-task-t001"


def test_the_method_is_the_function(base: ExecutionContext) -> None:
    by_method = base.create_isolated_context("T001", IsolationLevel.DIRECTORY)
    assert by_method == create_isolated_context(base, "T001", IsolationLevel.DIRECTORY)


def test_made_twice_is_the_same(base: ExecutionContext) -> None:
    first = create_isolated_context(base, "T001", IsolationLevel.FULL)
    assert create_isolated_context(base, "T001", IsolationLevel.FULL) == first


@pytest.mark.parametrize("level", list(IsolationLevel))
def test_a_blank_id_is_refused(base: ExecutionContext, level: IsolationLevel) -> None:
    with pytest.raises(ModeratorError, match="not empty"):
        create_isolated_context(base, " ", level)


@pytest.mark.parametrize("task_id", ["../../x", "/etc", "..", "a/b"])
def test_no_directory_outside_of_the_base(base: ExecutionContext, tmp_path: Path, task_id: str) -> None:
    context = create_isolated_context(base, task_id, IsolationLevel.FULL)
    assert context.working_directory.resolve().is_relative_to(base.working_directory.resolve())
    assert {path.name for path in tmp_path.iterdir()} == {"work", "state"}


@pytest.mark.parametrize("link", ["tasks", "tasks/T001"])
def test_a_link_out_of_the_base_is_refused(base: ExecutionContext, tmp_path: Path, link: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    planted = base.working_directory / link
    planted.parent.mkdir(parents=True)
    planted.symlink_to(outside)
    with pytest.raises(ModeratorError, match="symbolic link"):
        create_isolated_context(base, "T001", IsolationLevel.DIRECTORY)
    assert not list(outside.iterdir())


def test_a_link_that_leads_to_itself_is_an_error(base: ExecutionContext) -> None:
    tasks = base.working_directory / "tasks"
    tasks.mkdir(parents=True)
    (tasks / "T001").symlink_to("T001")
    with pytest.raises((OSError, RuntimeError)):
        create_isolated_context(base, "T001", IsolationLevel.DIRECTORY)
