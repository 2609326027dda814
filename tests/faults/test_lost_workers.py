"""Workers that are killed in the middle of a task: it fails or is tried again, and all else goes on."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from faulty import Project

# A task that says which process has started it, and then never ends by itself. The name of the file tells the try.
HANG = "echo $PPID > {id}.tmp; mv {id}.tmp {id}.$MODERATOR_ATTEMPT; while true; do sleep 0.05; done"


def hang(name: str) -> str:
    return HANG.format(id=name)


def test_the_task_fails_and_all_else_goes_on(project: Project) -> None:
    project.tasks(f"""
- [ ] T001 [P] lost
  - run: `{hang("T001")}`
- [ ] T002 [P] beside it
  - run: `while [ ! -e go ]; do sleep 0.01; done`
- [ ] T003 after the one that is lost (depends on T001)
  - run: `touch T003`
- [ ] T004 after the one beside it (depends on T002)
  - run: `touch T004`
- [ ] T005 [P] whatever
  - run: `touch T005`
""")
    run = project.start("-n2", "--moderator-order=explicit")
    run.kill_worker_of("T001.1")
    (project.path / "go").touch()
    ended = run.end().sound
    assert ended.code == pytest.ExitCode.TESTS_FAILED
    assert ended.statuses == {
        "T001": "failed",
        "T002": "completed",
        "T003": "skipped",
        "T004": "completed",
        "T005": "completed",
    }
    lost = ended.tasks["T001"]
    assert lost["attempts"] == 1
    assert lost["exit_code"] == 137
    assert "crashed while running 'tasks.md::T001'" in lost["error_message"]
    assert ended.tasks["T003"]["blocked_by"] == ["T001"]
    assert not project.exists("T003")
    assert len(ended.cases) == 5
    assert "replacing crashed worker" in ended.output
    assert not project.processes()


def test_a_lost_task_is_tried_again_where_it_may_be(project: Project) -> None:
    project.tasks(f"""
- [ ] T001 lost once
  - retries: 1
  - run: `if [ $MODERATOR_ATTEMPT = 1 ]; then {hang("T001")}; fi; echo $MODERATOR_ATTEMPT > tries`
- [ ] T002 next (depends on T001)
  - run: `touch T002`
""")
    run = project.start("-n2")
    run.kill_worker_of("T001.1")
    ended = run.end().sound
    assert ended.code == pytest.ExitCode.OK
    assert ended.statuses == {"T001": "completed", "T002": "completed"}
    assert ended.tasks["T001"]["attempts"] == 2
    assert project.read("tries") == "2\n"
    assert len(ended.cases) == 2
    assert not project.processes()


def test_a_lost_task_uses_its_backend_no_more(project: Project) -> None:
    """Else it would wait for itself to end."""
    (project.path / "moderator.yaml").write_text("backends: {shell: {max_concurrent: 1}}\n")
    project.tasks("""
- [ ] T001 lost once
  - retries: 1
  - run: `if [ $MODERATOR_ATTEMPT = 1 ]; then kill -9 $PPID; sleep 60; fi`
- [ ] T002 [P] waits for the backend
  - run: `true`
""")
    ended = project.run("-n2", "--moderator-order=explicit").sound
    assert ended.statuses == {"T001": "completed", "T002": "completed"}
    assert ended.tasks["T001"]["attempts"] == 2


def test_what_a_lost_try_has_reported_is_forgotten(project: Project) -> None:
    (project.path / "conftest.py").write_text("""
import os, pathlib, pytest
@pytest.fixture
def deadly_once(request):
    if not pathlib.Path("lost").exists():
        pathlib.Path("lost").touch()
        request.addfinalizer(lambda: os._exit(3))
        raise RuntimeError("and its tear-down ends the worker")
""")
    project.tasks("""
- [ ] T001 lost once
  - fixtures: deadly_once
  - retries: 1
  - run: `true`
""")
    ended = project.run("-n1").sound
    assert ended.statuses == {"T001": "completed"}
    assert ended.code == pytest.ExitCode.OK
    assert "1 passed, 1 rerun" in ended.output
    assert len(ended.cases) == 1


def test_a_task_that_is_lost_in_every_try_fails(project: Project) -> None:
    project.tasks(f"""
- [ ] T001 [P] lost twice
  - retries: 1
  - run: `{hang("T001")}`
- [ ] T002 [P] other
  - run: `true`
""")
    run = project.start("-n2")
    run.kill_worker_of("T001.1")
    run.kill_worker_of("T001.2")
    ended = run.end().sound
    assert ended.code == pytest.ExitCode.TESTS_FAILED
    assert ended.statuses == {"T001": "failed", "T002": "completed"}
    assert ended.tasks["T001"]["attempts"] == 2
    assert not project.exists("T001.3")
    assert len(ended.cases) == 2


def test_failures_and_losses_use_up_the_same_tries(project: Project) -> None:
    project.tasks(f"""
- [ ] T001 fails by itself, then is lost
  - retries: 1
  - run: `test $MODERATOR_ATTEMPT = 2; {hang("T001")}`
- [ ] T002 after it (depends on T001)
  - run: `true`
""")
    run = project.start("-n1")
    run.kill_worker_of("T001.2")
    ended = run.end().sound
    assert ended.statuses == {"T001": "failed", "T002": "skipped"}
    assert ended.tasks["T001"]["attempts"] == 2
    assert "crashed" in ended.tasks["T001"]["error_message"]
    assert not project.exists("T001.3")


def test_a_loss_counts_as_a_failure(project: Project) -> None:
    project.tasks(f"""
- [ ] T000 fails by itself
  - run: `false`
- [ ] T001 lost
  - run: `{hang("T001")}`
- [ ] T002 later
  - run: `touch T002`
- [ ] T003 later still
  - run: `touch T003`
""")
    run = project.start("-n1", "--maxfail=2")
    run.kill_worker_of("T001.1")
    ended = run.end()
    assert ended.code not in (pytest.ExitCode.OK, pytest.ExitCode.INTERNAL_ERROR)
    assert ended.statuses["T001"] == "failed"
    assert not project.exists("T002")
    assert not project.exists("T003")
    assert {ended.statuses["T002"], ended.statuses["T003"]} <= {"pending", "skipped"}
    assert "stopping after 2 failures" in ended.output
    assert not project.processes()


def test_without_replacement_the_run_ends_and_says_so(project: Project) -> None:
    project.tasks(f"""
- [ ] T001 lost
  - run: `{hang("T001")}`
- [ ] T002 later (depends on T001)
  - run: `touch T002`
- [ ] T003 later too
  - run: `touch T003`
""")
    run = project.start("-n2", "--max-worker-restart=0")
    run.kill_worker_of("T001.1")
    ended = run.end()
    assert ended.code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    assert ended.statuses["T001"] == "failed"
    assert ended.statuses["T002"] != "completed"
    assert "INTERNALERROR" not in ended.output
    assert not project.processes()


def test_every_worker_is_lost_at_once(project: Project) -> None:
    project.tasks(f"""
- [ ] T001 [P] lost
  - run: `{hang("T001")}`
- [ ] T002 [P] lost as well
  - run: `{hang("T002")}`
- [ ] T003 [P] after both
  - run: `touch T003`
""")
    run = project.start("-n2")
    run.until("T001.1", "T002.1")
    for worker in run.workers():
        worker.kill()
    ended = run.end().sound
    assert ended.code == pytest.ExitCode.TESTS_FAILED
    assert ended.statuses == {"T001": "failed", "T002": "failed", "T003": "completed"}
    assert not project.processes()


def test_a_worker_is_lost_before_it_has_collected(project: Project) -> None:
    (project.path / "conftest.py").write_text("""
import os, pathlib, signal
def pytest_collection_modifyitems(config):
    if config.workerinput["workerid"] in ("gw0", "gw1") if hasattr(config, "workerinput") else False:
        os.kill(os.getpid(), signal.SIGKILL)
""")
    project.tasks("- [ ] T001 one\n  - run: `true`\n- [ ] T002 two (depends on T001)\n  - run: `true`\n")
    ended = project.run("-n2")
    assert "INTERNALERROR" not in ended.output
    assert ended.statuses == {"T001": "completed", "T002": "completed"}


def test_a_worker_that_dies_of_its_own_fixture(project: Project) -> None:
    (project.path / "conftest.py").write_text("""
import os, pytest
@pytest.fixture
def deadly():
    os._exit(3)
""")
    project.tasks("""
- [ ] T001 [P] one
  - fixtures: deadly
  - run: `touch T001`
- [ ] T002 [P] two
  - run: `true`
""")
    ended = project.run("-n2").sound
    assert ended.code == pytest.ExitCode.TESTS_FAILED
    assert ended.statuses == {"T001": "failed", "T002": "completed"}
    assert not project.exists("T001")


def test_a_worker_that_dies_before_it_is_sent_anything(project: Project) -> None:
    (project.path / "conftest.py").write_text("""
import pytest
@pytest.hookimpl(trylast=True, optionalhook=True)
def pytest_xdist_node_collection_finished(node, ids):
    if node.gateway.id == "gw0":
        node.gateway._io.popen.kill()
        node.gateway.join()  # until nothing can be sent any more
""")
    project.tasks("- [ ] T001 [P] one\n  - run: `true`\n- [ ] T002 [P] two\n  - run: `true`\n")
    ended = project.run("-n2").sound
    assert ended.code == pytest.ExitCode.OK
    assert ended.statuses == {"T001": "completed", "T002": "completed"}


def test_a_worker_that_comes_later_does_not_find_the_tests_any_more(project: Project) -> None:
    many = "import pytest\n@pytest.mark.parametrize('n', range(150))\ndef test_gone(n): pass\n"
    (project.path / "test_gone.py").write_text(many)
    project.tasks("- [ ] T001 lost\n  - run: `: > test_gone.py; kill -9 $PPID; sleep 60`\n")
    ended = project.run("-n1", "test_gone.py").sound
    assert "151 failed" in ended.output
    assert "worker gw1 has not collected it: did a file change during the run?" in ended.output
    (project.path / "test_gone.py").write_text(many)
    assert "1 failed" in project.run("-n1", "-x", "test_gone.py").sound.output


def test_workers_are_lost_more_often_than_they_are_replaced(project: Project) -> None:
    lines = [f"- [ ] T{n:03} [P] lost\n  - run: `kill -9 $PPID; sleep 60`\n" for n in range(1, 5)]
    project.tasks("".join(lines))
    ended = project.run("-n1", "--max-worker-restart=1")
    assert ended.code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    assert Counter(ended.statuses.values()) == {"failed": 2, "pending": 2}
    assert "INTERNALERROR" not in ended.output
    assert not project.processes()


def test_what_a_lost_task_has_started_is_ended(project: Project) -> None:
    """Also what has left its session, before the task is tried again."""
    project.tasks("""
- [ ] T001 lost
  - retries: 1
  ```sh
  if [ $MODERATOR_ATTEMPT = 2 ]; then
    case $(ps -o stat= -p $(cat stray)) in ""|Z*) exit 0;; *) exit 1;; esac
  fi
  (setsid sh -c 'trap "" TERM; echo $$ > s.tmp; mv s.tmp stray; while true; do sleep 0.05; done' &) &
  while [ ! -e stray ]; do sleep 0.01; done
  kill -9 $PPID
  sleep 60
  ```
""")
    ended = project.run("-n1").sound
    assert ended.statuses == {"T001": "completed"}
    assert ended.tasks["T001"]["attempts"] == 2
    assert not project.processes()


def test_fixtures_of_the_session_are_set_up_again(project: Project) -> None:
    (project.path / "conftest.py").write_text("""
import pathlib, pytest
@pytest.fixture(scope="session", autouse=True)
def database(worker_id):
    with pathlib.Path("database").open("a") as file:
        file.write(worker_id + "\\n")
    return {"DATABASE": worker_id}
""")
    project.tasks(f"""
- [ ] T001 lost
  - run: `{hang("T001")}`
- [ ] T002 later
  - run: `echo $DATABASE > T002`
""")
    run = project.start("-n1")
    run.kill_worker_of("T001.1")
    ended = run.end().sound
    assert ended.statuses == {"T001": "failed", "T002": "completed"}
    assert project.read("database").split() == ["gw0", "gw1"]
    assert project.read("T002") == "gw1\n"
