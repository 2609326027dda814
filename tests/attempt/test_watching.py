"""A process that is given something to read, and one that somebody watches."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_moderator.attempt import LocalLauncher
from pytest_moderator.attempt.processes import MARK, make_mark
from pytest_moderator.backends.base import ProcessSpec
from pytest_moderator.backends.process import describe_failure, process_result
from pytest_moderator.model import Task

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_moderator.backends.base import AttemptContext


def spec_of(
    folder: Path, script: str, watch: Callable[[], str | None] | None = None, stdin: Path | None = None
) -> ProcessSpec:
    return ProcessSpec(
        argv=("sh", "-c", script),
        cwd=folder,
        env={"PATH": os.environ["PATH"], MARK: make_mark("watching", str(folder), 1)},
        stdout=folder / "out",
        stderr=folder / "err",
        timeout=60.0,
        grace=60.0,
        stdin=stdin,
        watch=watch,
    )


def test_what_a_run_inside_a_run_leaves_is_found_by_its_own_mark(
    local: LocalLauncher, tmp_path: Path, lives: Callable[[int], bool]
) -> None:
    script = 'setsid sleep 600 & echo $! > pid; until [ "$(ps -o comm= -p $!)" = sleep ]; do sleep 0.01; done'
    spec = spec_of(tmp_path, script)
    mark = make_mark("watching", str(tmp_path), 1, "outside:T001:1")
    outcome = local.run(replace(spec, env={**spec.env, MARK: mark}))
    pid = int((tmp_path / "pid").read_text())
    assert (outcome.exit_code, outcome.leftovers) == (0, (f"sleep ({pid})",))
    assert not lives(pid)


def test_a_file_as_standard_input(local: LocalLauncher, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("one\ntwo")
    assert local.run(spec_of(tmp_path, "cat; echo .", stdin=tmp_path / "in")).exit_code == 0
    assert (tmp_path / "out").read_text() == "one\ntwo.\n"


def test_a_missing_file_as_standard_input_is_an_outcome(tmp_path: Path) -> None:
    outcome = LocalLauncher().run(spec_of(tmp_path, "cat", stdin=tmp_path / "nowhere"))
    assert outcome.exit_code == 127
    assert outcome.error is not None
    assert "nowhere" in outcome.error


def test_who_watches_sees_the_output_as_it_comes(local: LocalLauncher, tmp_path: Path) -> None:
    def watch() -> None:
        if (tmp_path / "out").exists() and (tmp_path / "out").read_text() == "ready\n":
            (tmp_path / "go").touch()

    outcome = local.run(spec_of(tmp_path, "echo ready; until [ -e go ]; do sleep 0.02; done; exit 3", watch))
    assert (outcome.exit_code, outcome.stopped) == (3, None)


def test_who_watches_can_end_the_whole_tree(
    local: LocalLauncher, tmp_path: Path, lives: Callable[[int], bool]
) -> None:
    def watch() -> str | None:
        return "seen enough" if (tmp_path / "begun").exists() else None

    script = "sleep 600 & echo $! > pid; trap 'exit 0' TERM; touch begun; wait"
    outcome = local.run(spec_of(tmp_path, script, watch))
    assert (outcome.exit_code, outcome.stopped, outcome.timed_out) == (0, "seen enough", False)
    assert not lives(int((tmp_path / "pid").read_text()))


def test_what_was_ended_is_no_success_by_itself(place: AttemptContext) -> None:
    place.directory.mkdir(parents=True)
    spec = spec_of(place.directory, "trap 'exit 0' TERM; touch begun; while :; do sleep 0.02; done", None)
    begun = place.directory / "begun"
    stop = replace(spec, watch=lambda: "too long" if begun.exists() else None)
    outcome = LocalLauncher().run(stop)
    assert describe_failure(outcome, None) == "too long"
    result = process_result(Task("T1", "", 1), place, [outcome], backend="x")
    assert (result.success, result.error_message) == (False, "too long")


def test_a_mistake_of_who_watches_leaves_nothing_behind(tmp_path: Path, lives: Callable[[int], bool]) -> None:
    def watch() -> str | None:
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
            raise ZeroDivisionError
        return None

    with pytest.raises(ZeroDivisionError):
        LocalLauncher().run(spec_of(tmp_path, "echo $$ > pid; sleep 600", watch))
    assert not lives(int((tmp_path / "pid").read_text()))


def test_a_limit_counts_while_somebody_watches(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "sleep 600", lambda: None)
    outcome = LocalLauncher().run(replace(spec, timeout=0.5))
    assert (outcome.exit_code, outcome.timed_out, outcome.stopped) == (124, True, None)
