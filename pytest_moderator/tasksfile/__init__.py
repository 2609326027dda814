"""Markdown text to tasks."""
