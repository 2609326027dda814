"""The team's fixtures around tasks: scopes, failures, and what they add to the environment."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sessions import Project

DIARY = """
    import os
    from pathlib import Path

    import pytest

    def note(text):
        with Path(__file__).with_name("diary.txt").open("a") as file:
            file.write(f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')} {text}\\n")

    def fixture_of(scope):
        @pytest.fixture(scope=scope, autouse=True, name=f"of_{scope}")
        def fixture(request):
            note(f"{scope} up")
            yield
            note(f"{scope} down")
        return fixture

    session, module, function = map(fixture_of, ("session", "module", "function"))
"""
THREE = """
    - [ ] T001 One
      - run: `echo main T001 >> diary.txt`
    - [ ] T002 Two
      - run: `echo main T002 >> diary.txt`
    - [ ] T003 Three
      - run: `echo main T003 >> diary.txt`
"""


def test_scopes_are_shared_as_usual(project: Project) -> None:
    project.tasks(THREE)
    project.write("conftest.py", DIARY)
    assert project.run("tasks.md").exit_code == 0
    around = [("function up", f"T00{number}", "function down") for number in (1, 2, 3)]
    inside = [line for lines in around for line in lines]
    diary = [line.removeprefix("main ") for line in (project.path / "diary.txt").read_text().splitlines()]
    assert diary == ["session up", "module up", *inside, "module down", "session down"]


def test_each_worker_has_a_session_of_its_own(project: Project) -> None:
    project.tasks(THREE.replace(" One", " [P] One").replace(" Two", " [P] Two"))
    project.write("conftest.py", DIARY)
    session = project.run("tasks.md", "-n", "2")
    assert session.counts == {"passed": 3}
    for worker in {task["worker"] for task in session.tasks.values()}:
        own = [
            line.removeprefix(f"{worker} ") for line in session.lines("diary.txt") if line.startswith(worker)
        ]
        assert own[:2] == ["session up", "module up"]
        assert own[-2:] == ["module down", "session down"]
        assert set(own[2:-2]) == {"function up", "function down"}


def test_between_tasks_and_tests_modules_are_torn_down_when_they_are_left(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.tasks("- [ ] T001 One\n  - run: `true`\n- [ ] T002 Two\n  - run: `true`\n")
    project.write(
        "conftest.py",
        DIARY.replace('note(f"{scope} up")', 'note(f"{scope} up {request.node.name}")').replace(
            'note(f"{scope} down")', 'note(f"{scope} down {request.node.name}")'
        ),
    )
    project.write(
        "test_a.py",
        """
        import pytest

        @pytest.mark.depends_on("T001")
        def test_one(): pass

        @pytest.mark.depends_on("T002")
        def test_two(): pass

        @pytest.mark.depends_on("test_two")
        def test_three(): pass
        """.replace('"test_two"', '"test_a.py::test_two"'),
    )
    one = (*workers[:1], "1") if workers else ()
    session = project.run("tasks.md", "test_a.py", *one)
    assert session.counts == {"passed": 5}
    diary = [line.partition(" ")[2] for line in session.lines("diary.txt")]
    level = [line for line in diary if line.startswith("module")]
    assert level[::2] == [line.replace("down", "up") for line in level[1::2]], "one module at a time"
    assert sum(line.startswith("session") for line in diary) == 2
    order = [line.split()[2] for line in diary if line.startswith("function up")]
    assert order.index("T001") < order.index("test_one")
    assert order.index("T002") < order.index("test_two") < order.index("test_three")
    moves = sum((a.startswith("T0") != b.startswith("T0")) for a, b in pairwise(order))
    assert len(level) == 2 * (moves + 1)


ENVIRONMENT = """
    import pytest

    class Database:
        def task_environment(self):
            return {"DATABASE": "sqlite", "WHO": "fixture"}

    @pytest.fixture(scope="session")
    def database():
        return Database()

    @pytest.fixture(autouse=True)
    def release(request, tmp_path, capsys, monkeypatch):
        print("seen by nobody")
        monkeypatch.setenv("PATCHED", "yes")
        return {"RELEASE": request.node.name, "PLACE": str(tmp_path.exists())}

    @pytest.fixture
    def numbers():
        return {"NUMBER": 7}
"""


def test_values_of_fixtures_add_to_the_environment_and_the_task_has_the_last_word(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.write("conftest.py", ENVIRONMENT)
    project.tasks(
        """
        - [ ] T001 With all
          - fixtures: database, numbers
          - run: `echo $DATABASE $WHO $RELEASE $PLACE $PATCHED ${NUMBER-none} > one.txt`
        - [ ] T002 With a word of its own
          - fixtures: database
          - env: WHO=task
          - run: `echo $DATABASE $WHO $RELEASE > two.txt`
        - [ ] T003 With less
          - run: `echo ${DATABASE-none} $RELEASE > three.txt`
        """
    )
    session = project.run("tasks.md", *workers)
    assert session.counts == {"passed": 3}
    assert session.lines("one.txt") == ["sqlite fixture T001 True yes none"]
    assert session.lines("two.txt") == ["sqlite task T002"]
    assert session.lines("three.txt") == ["none T003"]


def test_fixtures_of_the_settings_are_set_up_around_every_task(project: Project) -> None:
    project.write("pytest.ini", "[pytest]\nmoderator_fixtures = database\n")
    project.write("conftest.py", ENVIRONMENT)
    project.tasks("- [ ] T001 One\n  - run: `test $DATABASE = sqlite`\n")
    assert project.run("tasks.md").counts == {"passed": 1}


BROKEN = """
    import pytest

    @pytest.fixture
    def broken():
        raise OSError("no disk")

    @pytest.fixture
    def absent():
        pytest.skip("no licence")

    @pytest.fixture
    def silent():
        pytest.fail("", pytrace=False)

    @pytest.fixture
    def messy():
        yield
        raise OSError("cannot tidy up")
"""


def test_a_fixture_that_fails_fails_its_task_and_blocks_who_needs_it(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.write("conftest.py", BROKEN)
    project.tasks(
        """
        - [ ] T001 Set-up fails
          - fixtures: broken
          - run: `touch never`
        - [ ] T002 Needs it (depends on T001)
          - run: `touch never`
        - [ ] T003 No such fixture
          - fixtures: brokem
          - run: `touch never`
        - [ ] T004 Skipped by its fixture
          - fixtures: absent
          - run: `touch never`
        - [ ] T005 Needs that (depends on T004)
          - run: `touch never`
        - [ ] T006 Tear-down fails
          - fixtures: messy
          - run: `true`
        - [ ] T007 Needs that (depends on T006)
          - run: `touch never`
        - [ ] T008 Not that important
          - optional: true
          - fixtures: broken
          - run: `touch never`
        - [ ] T009 Needs only that (depends on T008)
          - run: `true`
        - [ ] T010 Fails without a word
          - fixtures: silent
          - run: `touch never`
        """
    )
    session = project.run("tasks.md", "--junitxml=junit.xml", *workers)
    assert session.exit_code == 1
    assert not (project.path / "never").exists()
    assert session.statuses == {
        "T001": "failed",
        "T002": "skipped",
        "T003": "failed",
        "T004": "skipped",
        "T005": "skipped",
        "T006": "failed",
        "T007": "skipped",
        "T008": "failed",
        "T009": "completed",
        "T010": "failed",
    }
    assert session.reasons["T001"] == "a fixture failed: OSError: no disk"
    assert session.reasons["T003"] == "a fixture failed: fixture 'brokem' not found"
    assert session.reasons["T004"] == "no licence"
    assert session.reasons["T005"] == "blocked by T004 (no licence)"
    assert session.reasons["T006"].startswith("a fixture failed in its tear-down")
    assert session.reasons["T007"] == "blocked by T006"
    assert session.counts["xfailed"] == 1
    _, cases = session.junit()
    assert len(cases) == 10


def test_an_optional_task_with_a_messy_fixture_fails_as_optional(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.write("conftest.py", BROKEN)
    project.tasks(
        """
        - [ ] T001 Not that important
          - optional: true
          - fixtures: messy
          - run: `true`
        - [ ] T002 Next (depends on T001)
          - run: `true`
        """
    )
    session = project.run("tasks.md", *workers)
    assert session.exit_code == 0
    assert session.statuses == {"T001": "failed", "T002": "completed"}


@pytest.mark.parametrize("scope", ["module", "session"])
def test_what_fails_when_all_is_torn_down_is_reported(
    project: Project, workers: tuple[str, ...], scope: str
) -> None:
    project.tasks("- [ ] T001 One\n  - run: `true`\n- [ ] T002 Two\n  - run: `true`\n")
    project.write(
        "conftest.py",
        f"""
        import pytest

        @pytest.fixture(scope={scope!r}, autouse=True)
        def messy():
            yield
            raise OSError("cannot tidy up")
        """,
    )
    session = project.run("tasks.md", *workers)
    assert session.exit_code == 1
    assert session.counts == {"passed": 2, "errors": 1}
    session.result.stdout.fnmatch_lines(["*ERROR at teardown of T002 Two*", "*OSError: cannot tidy up"])


AROUND = {
    "its environment": """
        import pytest

        class Database:
            def task_environment(self):
                raise ValueError("no address")

        @pytest.fixture(autouse=True)
        def database():
            return Database()
    """,
    "a plugin": """
        import pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_call(item):
            yield
            raise ValueError("no address")
    """,
}


@pytest.mark.parametrize("around", list(AROUND))
def test_what_goes_wrong_around_a_task_fails_it(
    project: Project, workers: tuple[str, ...], around: str
) -> None:
    project.write("conftest.py", AROUND[around])
    project.tasks("- [ ] T001 One\n  - run: `true`\n- [ ] T002 Two (depends on T001)\n  - run: `true`\n")
    session = project.run("tasks.md", *workers)
    assert session.exit_code == 1
    assert session.statuses == {"T001": "failed", "T002": "skipped"}
    assert session.reasons["T001"] == "ValueError: no address"
    again = project.run("tasks.md", "--moderator-resume", *workers)
    assert again.statuses["T001"] == "failed"


def test_a_fixture_with_parameters_is_told_of_as_pytest_does(project: Project) -> None:
    """A task is one item: which of the parameters should it have?"""
    project.write(
        "conftest.py",
        """
        import pytest

        @pytest.fixture(params=["sqlite", "postgres"])
        def database(request):
            return {"DATABASE": request.param}
        """,
    )
    project.tasks("- [ ] T001 One\n  - fixtures: database\n  - run: `touch ran.txt`\n")
    session = project.run("tasks.md")
    assert session.statuses == {"T001": "failed"}
    assert "The requested fixture has no parameter defined for test" in session.reasons["T001"]
    session.result.stdout.fnmatch_lines(["*Requested fixture 'database' defined in:*"])
    assert not (project.path / "ran.txt").exists()


def test_nothing_starts_behind_a_messy_fixture_where_failures_stop_the_run(
    project: Project, workers: tuple[str, ...]
) -> None:
    """It is torn down when it is known what comes next, which then does not come."""
    project.write(
        "conftest.py",
        """
        import pytest

        @pytest.fixture(scope="module")
        def messy():
            yield
            raise OSError("cannot tidy up")
        """,
    )
    project.tasks("- [ ] T001 One\n  - fixtures: messy\n  - run: `true`\n", "a.md")
    project.tasks("- [ ] T002 Two\n  - run: `touch ran.txt`\n", "b.md")
    one = (*workers[:1], "1") if workers else ()
    session = project.run("a.md", "b.md", "-x", *one)
    assert session.exit_code != 0
    assert session.counts == {"passed": 1, "errors": 1}
    assert not (project.path / "ran.txt").exists()


def test_a_plugin_adds_a_fixture_to_one_task(project: Project, workers: tuple[str, ...]) -> None:
    """Tasks share what pytest knows about their fixtures, but not which these are."""
    project.tasks("""
    - [ ] T001 One
      - run: `echo T001 $PLACE >> ran.txt`
    - [ ] T002 Two
      - run: `echo T002 $PLACE >> ran.txt`
    - [ ] T003 Three
      - run: `echo T003 $PLACE >> ran.txt`
    """)
    project.write(
        "conftest.py",
        """
        import pytest

        @pytest.fixture
        def place():
            return {"PLACE": "here"}

        def pytest_collection_modifyitems(items):
            for item in items:
                if item.name == "T002":
                    item.fixturenames.append("place")
        """,
    )
    assert project.run("tasks.md", *workers).counts == {"passed": 3}
    assert (project.path / "ran.txt").read_text() == "T001\nT002 here\nT003\n"
