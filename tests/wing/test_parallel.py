"""On workers: several at a time, never those that must not, and with the plan of the start."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sessions import Project

MEET = """
    - [ ] T001 [P] Waits for the other
      - run: `touch one; until test -e two; do sleep 0.05; done`
      - timeout: 2m
    - [ ] T002 [P] Waits for the one
      - run: `touch two; until test -e one; do sleep 0.05; done`
      - timeout: 2m
"""


@pytest.mark.parametrize(
    "asked", [("-n", "2"), ("--tx", "2*popen", "--dist", "load"), ("--dist", "loadfile", "-n2")]
)
def test_tasks_that_may_run_together_do(project: Project, asked: tuple[str, ...]) -> None:
    project.tasks(MEET)
    session = project.run("tasks.md", *asked)
    assert session.counts == {"passed": 2}
    assert {task["worker"] for task in session.tasks.values()} == {"gw0", "gw1"}
    assert session.report["workers"] == 2


def test_the_number_of_workers_can_be_set(project: Project) -> None:
    project.tasks(MEET)
    project.write("pytest.ini", "[pytest]\nmoderator_workers = 2\n")
    assert project.run("tasks.md").counts == {"passed": 2}
    project.write("pytest.ini", "[pytest]\n")
    project.write("moderator.yaml", "gear3: {parallel: {enabled: true, max_workers: 2}}\n")
    assert project.run("tasks.md").report["workers"] == 2
    project.tasks("- [ ] T001 One\n  - run: `true`\n")
    assert project.run("tasks.md", "-n", "0").tasks["T001"]["worker"] == "main"


def test_more_workers_than_tasks_do_no_harm(project: Project) -> None:
    project.tasks("- [x] T001 Before\n- [ ] T002 One\n  - run: `true`\n")
    assert project.run("tasks.md", "-n", "4").counts == {"passed": 1, "done": 1}


def test_tasks_that_share_a_file_or_a_resource_never_run_together(project: Project) -> None:
    alone = "mkdir busy && sleep 0.1 && rmdir busy"
    project.tasks(
        "".join(
            f"- [ ] T00{number} [P] Use it\n  - resources: press\n  - run: `{alone}`\n"
            for number in range(1, 6)
        )
    )
    assert project.run("tasks.md", "-n", "2").counts == {"passed": 5}


def test_an_edit_during_the_run_changes_nothing(project: Project) -> None:
    project.tasks(
        """
        - [ ] T001 Edits the file
          - run: `echo T001 >> ran.txt; printf -- '- [ ] T009 Other\\n' > tasks.md`
        - [ ] T002 Next
          - run: `echo T002 >> ran.txt; rm tasks.md`
        - [ ] T003 Last
          - run: `echo T003 >> ran.txt`
        """
    )
    session = project.run("tasks.md", "-n", "2")
    assert session.exit_code == 0
    assert session.lines() == ["T001", "T002", "T003"]


def test_the_file_may_vanish_while_a_worker_collects(project: Project) -> None:
    project.write(
        "conftest.py",
        """
        import os
        import pathlib
        import time

        import pytest

        LATE = os.environ.get("PYTEST_XDIST_WORKER") == "gw1"

        @pytest.hookimpl(tryfirst=True)
        def pytest_collectstart():
            if LATE:
                pathlib.Path("looking").touch()
            while LATE and os.path.exists("tasks.md"):
                time.sleep(0.01)

        @pytest.hookimpl(optionalhook=True)
        def pytest_xdist_node_collection_finished(node, ids):
            if node.gateway.id == "gw1":
                pathlib.Path("told").touch()
        """,
    )
    wait = "until [ -e {} ]; do sleep 0.05; done"
    project.tasks(f"- [ ] T001 a\n  - run: `{wait.format('looking')}; rm tasks.md; {wait.format('told')}`\n")
    session = project.run("tasks.md", "-n", "2")
    assert session.exit_code == 0
    assert session.counts == {"passed": 1}


def test_each_worker_has_a_scratch_directory_of_its_own(project: Project) -> None:
    line = 'echo "$MODERATOR_WORKER_ID $MODERATOR_WORKER_DIR $TMPDIR" >> ran.txt'
    project.tasks(MEET.replace("run: `", f"run: `{line}; "))
    session = project.run("tasks.md", "-n", "2")
    words = [line.split() for line in session.lines()]
    assert len({directory for _, directory, _ in words}) == 2
    assert all(directory == temporary for _, directory, temporary in words)


def test_a_worker_that_dies_fails_its_task_and_the_rest_goes_on(project: Project) -> None:
    project.tasks(
        """
        - [ ] T001 Kills its worker
          - fixtures: fatal
          - run: `true`
        - [ ] T002 Needs it (depends on T001)
          - run: `true`
        - [ ] T003 Independent
          - run: `true`
        """
    )
    project.write(
        "conftest.py",
        """
        import os

        import pytest

        @pytest.fixture
        def fatal():
            os._exit(3)
        """,
    )
    session = project.run("tasks.md", "-n", "2", "--junitxml=junit.xml")
    assert session.exit_code == 1
    assert session.statuses == {"T001": "failed", "T002": "skipped", "T003": "completed"}
    _, cases = session.junit()
    assert len(cases) == 3
    stopped = project.run("tasks.md", "-n", "1", "-x")
    assert stopped.statuses["T003"] == "pending"


def test_nothing_is_tried_again_where_a_worker_ends_the_run(project: Project) -> None:
    project.write(
        "conftest.py",
        """
        from pathlib import Path

        import pytest

        @pytest.fixture
        def leave():
            if not Path("left").exists():
                Path("left").touch()
                pytest.exit("enough")
        """,
    )
    project.tasks("- [ ] T001 One\n  - fixtures: leave\n  - retries: 1\n  - run: `touch ran.txt`\n")
    session = project.run("tasks.md", "-n", "2")
    assert session.exit_code == pytest.ExitCode.INTERRUPTED
    assert session.statuses == {"T001": "pending"}
    assert not (project.path / "ran.txt").exists()


def test_a_plugin_has_a_lost_item_run_again(project: Project) -> None:
    project.write(
        "conftest.py",
        """
        import os
        from pathlib import Path

        import pytest

        @pytest.fixture
        def fatal():
            if not Path("lost").exists():
                Path("lost").touch()
                os._exit(3)

        @pytest.hookimpl(optionalhook=True)
        def pytest_handlecrashitem(crashitem, report, sched):
            report.outcome = "rerun"
            sched.mark_test_pending(crashitem)
        """,
    )
    project.tasks("- [ ] T001 One\n  - fixtures: fatal\n  - run: `touch ran.txt`\n")
    session = project.run("tasks.md", "-n", "2")
    assert session.exit_code == 0
    assert session.statuses == {"T001": "completed"}


def test_tasks_in_a_row_stay_on_the_worker_that_was_free_first(project: Project) -> None:
    """Also where it was not the first one that was up."""
    project.write(
        "conftest.py",
        """
        import os
        import time
        from pathlib import Path

        WORKER = os.environ.get("PYTEST_XDIST_WORKER")

        def wait(name):
            until = time.monotonic() + 120
            while not Path(name).exists() and time.monotonic() < until:
                time.sleep(0.01)

        def pytest_testnodeready(node):
            Path(f"{node.gateway.id}.up").touch()

        def pytest_xdist_node_collection_finished(node):
            Path(f"{node.gateway.id}.free").touch()

        def pytest_sessionstart():
            if WORKER == "gw1":
                wait("gw0.up")

        def pytest_collection():
            if WORKER == "gw0":
                wait("gw1.free")
        """,
    )
    project.tasks(
        """
        - [ ] T001 Ends when both are free
          - run: `until [ -e gw0.free ]; do sleep 0.01; done`
        - [ ] T002 Next (depends on T001)
          - run: `true`
        """
    )
    session = project.run("-n2", "tasks.md")
    assert session.exit_code == 0
    assert [task["worker"] for task in session.tasks.values()] == ["gw1", "gw1"]


def test_ordinary_tests_run_on_all_workers(project: Project) -> None:
    project.tasks("- [ ] T001 One\n  - run: `true`\n")
    project.write(
        "test_a.py",
        """
        import json, os, time
        from pathlib import Path

        import pytest

        @pytest.mark.parametrize("me, other", ["ab", "ba"])
        def test_meet(me, other):
            Path(me).write_text(json.dumps(os.environ["PYTEST_XDIST_WORKER"]))
            while not Path(other).exists():
                time.sleep(0.05)
        """,
    )
    session = project.run("tasks.md", "test_a.py", "-n", "2")
    assert session.counts == {"passed": 3}
    assert {json.loads((project.path / name).read_text()) for name in "ab"} == {"gw0", "gw1"}


def test_groups_change_no_names(project: Project) -> None:
    project.tasks(
        """
        - [ ] T001 After it (depends on T002)
          - run: `test -e ran.txt`
        - [ ] T002 Before it
          - run: `touch ran.txt`
        """
    )
    project.write(
        "test_a.py",
        """
        import pytest

        def test_first(): pass

        @pytest.mark.depends_on("test_a.py::test_first", "T001")
        def test_last(): pass
        """,
    )
    project.write(
        "conftest.py",
        """
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_collection_modifyitems(items):
            for item in items:
                item.add_marker(pytest.mark.xdist_group("one"))
        """,
    )
    session = project.run("tasks.md", "test_a.py", "-n2", "--dist=loadgroup", "--moderator-order=explicit")
    assert session.counts == {"passed": 4}
    assert session.statuses == {"T001": "completed", "T002": "completed"}


WITNESS = """
    import pytest


    @pytest.fixture
    def place():
        yield


    said = []
    messages = []


    def pytest_runtest_logstart(nodeid):
        said.append((nodeid[-1], "start"))


    def pytest_runtest_logreport(report):
        said.append((report.nodeid[-1], report.when, report.location[0], type(report.location)))


    def pytest_runtest_logfinish(nodeid):
        said.append((nodeid[-1], "finish"))


    def pytest_unconfigure(config):
        if not hasattr(config, "workerinput"):
            for one in "12":
                print("said", one, *(word[1] for word in said if word[0] == one))
            print("types", {word[3] for word in said if len(word) > 2})
            print("bundles", messages.count("moderator_bundle"))


    @pytest.hookimpl(optionalhook=True, trylast=True)
    def pytest_configure_node(node):
        node.workerinput["moderator_python"] = CHANGE or node.workerinput["moderator_python"]
        take = node.process_from_remote

        def note(event):
            messages.append(event[0] if isinstance(event, tuple) else "end")
            take(event)

        node.process_from_remote = note
"""


@pytest.mark.parametrize(("python", "bundles"), [("", 1), ("another one", 0)])
def test_all_is_told_in_its_order_however_it_travels(project: Project, python: str, bundles: int) -> None:
    project.write("conftest.py", dedent(WITNESS) + f"\n\nCHANGE = {python!r}\n")
    project.tasks(
        """
        - [ ] T1 Without a fixture
          - run: `true`
        - [ ] T2 With a fixture
          - run: `true`
          - fixtures: place
        """
    )
    session = project.run("tasks.md", "-n", "2")
    assert session.counts == {"passed": 2}
    for one in "12":
        session.result.stdout.fnmatch_lines(f"said {one} start setup call teardown finish")
    session.result.stdout.fnmatch_lines("types {<class 'tuple'>}")
    session.result.stdout.fnmatch_lines(f"bundles {bundles}")
