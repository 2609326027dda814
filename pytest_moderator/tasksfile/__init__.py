"""Markdown text to tasks, and back."""

from pytest_moderator.tasksfile.reader import TasksFile, parse_tasks, read_tasks_file
from pytest_moderator.tasksfile.writer import render_tasks

__all__ = ["TasksFile", "parse_tasks", "read_tasks_file", "render_tasks"]
