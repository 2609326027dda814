"""The public interface of the package."""

from __future__ import annotations

import subprocess
import sys

import pytest

import pytest_moderator


@pytest.mark.parametrize("name", pytest_moderator.__all__)
def test_every_public_name_is_there(name):
    assert getattr(pytest_moderator, name).__name__ == name
    assert name in dir(pytest_moderator)


def test_a_name_is_the_very_object_of_its_home():
    from pytest_moderator.model import Task  # noqa: PLC0415 (compared with the lazy one)

    assert pytest_moderator.Task is Task


def test_names_are_sorted_and_unique():
    assert pytest_moderator.__all__ == sorted(set(pytest_moderator.__all__))


def test_other_names_are_refused():
    with pytest.raises(AttributeError, match="module 'pytest_moderator' has no attribute 'TaskRuner'"):
        pytest_moderator.TaskRuner  # noqa: B018 (the access is the test)


def test_importing_the_package_imports_nothing_else():
    code = (
        "import __future__, sys, typing; before = set(sys.modules); import pytest_moderator;"
        "print(*sorted(set(sys.modules) - before))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["pytest_moderator"]


def test_the_core_and_the_command_know_no_pytest():
    code = """
import importlib, pkgutil, sys
sys.modules["pytest"] = sys.modules["_pytest"] = None
import pytest_moderator
rooms = "attempt backends cli isolation journal model settings tasksfile".split()
files = "availability checkpoints coordinator left_waiting plan prepare resume routes".split()
for name in (*rooms, *files):
    module = importlib.import_module(f"pytest_moderator.{name}")
    for found in pkgutil.walk_packages(getattr(module, "__path__", []), f"{module.__name__}."):
        importlib.import_module(found.name)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
