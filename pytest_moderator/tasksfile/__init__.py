"""Markdown text to tasks, and back."""

from pytest_moderator.tasksfile.reader import TasksFile, parse_tasks, read_tasks_file

__all__ = ["TasksFile", "parse_tasks", "read_tasks_file"]
