"""Tasks that are verified, in whole runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from branched import commit, integration

if TYPE_CHECKING:
    from sessions import Project


def test_done_is_what_passes(project: Project, workers: tuple[str, ...]) -> None:
    project.write(
        "test_made.py", "from pathlib import Path\ndef test_it():\n    assert Path('made').exists()\n"
    )
    project.tasks(
        """
        - [ ] T001 does it
          - run: `touch made`
          - verify: test_made.py::test_it
        - [ ] T002 does it as well
          - run: `true`
          - verify: `pytest -q test_made.py`, `test -e made`
        - [ ] T003 only says so
          - run: `rm made; echo done`
          - verify: `pytest -q test_made.py`
        - [ ] T004 needs it (depends on T003)
          - run: `true`
        """
    )
    session = project.run(*workers, "--junitxml=junit.xml", "tasks.md")

    assert session.exit_code == 1
    expected = {"T001": "completed", "T002": "completed", "T003": "failed", "T004": "skipped"}
    assert session.statuses == expected
    why = "the backend said done, verification failed: exit code 1 (pytest -q test_made.py)"
    assert session.reasons["T003"] == why
    assert [session.tasks[name]["verification"] for name in expected] == ["passed", "passed", "failed", None]
    assert "1 failed" in session.tasks["T003"]["verification_output"]
    assert session.tasks["T003"]["stdout"] == "done\n"
    assert ", verified" in session.output
    assert f": {why}" in session.output
    assert "has no effect" not in session.output
    _, cases = session.junit()
    found = {name: case.find(".//property[@name='verification']") for name, case in cases.items()}
    assert [None if p is None else p.get("value") for p in found.values()] == [
        "passed",
        "passed",
        "failed",
        None,
    ]


def test_it_is_tried_until_it_passes(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(
        "- [ ] T001 one\n  - run: `echo x >> tries`\n  - retries: 2\n  - verify: `test $(wc -l < tries) -eq 3`\n"
    )
    session = project.run(*workers, "tasks.md")
    assert session.exit_code == 0, session.output
    assert (session.tasks["T001"]["attempts"], session.tasks["T001"]["verification"]) == (3, "passed")


def test_a_group_is_verified_by_itself(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(
        "- [ ] 1. all\n  - verify: `test -e a`\n  - [ ] 1.1 one\n    - run: `touch a`\n"
        "- [ ] 2. none\n  - verify: `test -e b`\n  - [ ] 2.1 one\n    - run: `true`\n"
    )
    session = project.run(*workers, "tasks.md")
    assert session.statuses == {"1": "completed", "1.1": "completed", "2": "failed", "2.1": "completed"}
    assert session.tasks["1"]["backend"] is None


def test_on_a_branch_only_what_passes_is_merged(project: Project, git, workers) -> None:
    project.tasks(
        "- [ ] T001 [P] right\n  - run: `echo 1 > one.txt`\n  - verify: `test -e one.txt; touch litter`\n"
        "- [ ] T002 [P] wrong\n  - run: `echo 2 > two.txt`\n  - verify: `test -e three.txt`\n"
        "- [ ] T003 [P] right in the end\n  - run: `echo $MODERATOR_ATTEMPT > three.txt`\n  - retries: 1\n"
        "  - verify: `grep 2 three.txt`\n"
    )
    commit(git)
    session = project.run(*workers, "--moderator-isolation=branch", "tasks.md")
    assert session.statuses == {"T001": "completed", "T002": "failed", "T003": "completed"}
    assert session.tasks["T002"]["category"] == "verification"
    assert session.tasks["T002"]["worktree"]
    branch = integration(git)
    files = git("ls-tree", "--name-only", branch).split()
    assert {"one.txt", "three.txt"} <= set(files)
    assert not {"two.txt", "litter"} & set(files)
    assert git("show", f"{branch}:three.txt") == "2"


REMEMBERS = """
    from pytest_moderator import Backend, TaskResult

    class Remembers(Backend):
        name = "remembers"
        goes_on = True

        def accepts(self, task):
            return False

        def execute(self, task, context):
            with (context.working_directory / f"{task.id}.txt").open("a") as work:
                work.write("anew\\n" if context.put_back else "part\\n")
            return TaskResult(task)

    def pytest_moderator_backends():
        return [Remembers()]
"""


@pytest.mark.parametrize("retry_from", ["auto", "fresh"])
def test_who_remembers_the_work_finds_it_there(project: Project, git, workers, retry_from: str) -> None:
    project.write("conftest.py", REMEMBERS)
    project.write("moderator.yaml", f"isolation: full\nretry_from: {retry_from}\n")
    # it is run once more when the other one has been merged meanwhile
    count = "echo x >> count; test $(wc -l < count) -ge 3"
    project.tasks(f"""
        - [ ] T001 [P] one
          - backend: remembers
          - retries: 2
          - verify: `test $(wc -l < T001.txt) -eq 3`
        - [ ] T002 [P] checked by what leaves something
          - backend: remembers
          - retries: 2
          - verify: `{count}`
    """)
    commit(git)
    session = project.run(*workers, "tasks.md")
    if retry_from == "fresh":
        assert session.statuses == {"T001": "failed", "T002": "failed"}
        assert (Path(session.tasks["T001"]["worktree"]) / "T001.txt").read_text() == "anew\n"
        return
    assert session.statuses == {"T001": "completed", "T002": "completed"}, session.output
    branch = integration(git)
    assert git("show", f"{branch}:T001.txt") == git("show", f"{branch}:T002.txt") == "part\npart\npart"
    assert "count" not in git("ls-tree", "--name-only", branch).split()


def test_without_a_place_left_for_what_failed(project: Project, git, workers) -> None:
    project.tasks("- [ ] T001 wrong\n  - run: `echo 2 > two.txt`\n  - verify: `false`\n")
    project.write("moderator.yaml", "isolation: branch\nkeep: none\n")
    commit(git)
    session = project.run(*workers, "tasks.md")
    assert session.statuses == {"T001": "failed"}
    assert session.tasks["T001"]["worktree"] is None
    assert any("its work is kept at" in note for note in session.tasks["T001"]["notes"])


def test_what_goes_together_is_verified_too(project: Project, git) -> None:
    home = project.path
    meet = f"touch {home}/here.$MODERATOR_TASK_ID; while [ $(ls {home}/here.* | wc -l) -lt 2 ]; do sleep 0.05; done"
    put_right = "if [ $MODERATOR_ATTEMPT -gt 1 ]; then ls *.part; touch both; fi"
    alone = "test $(ls *.part | wc -l) -eq 1 -o -e both"
    project.write("moderator.yaml", "isolation: branch\nretry_from: kept\n")
    project.tasks(
        "".join(
            f"- [ ] T00{n} [P] part {n}\n  - retries: 1\n  - verify: `{alone}`\n"
            f"  - run: `{meet}; {put_right}; touch {n}.part`\n"
            for n in (1, 2)
        )
    )
    project.write(".gitignore", ".moderator/\nreport.json\n.pytest_cache/\nhere.*\n")
    commit(git)
    session = project.run("-n2", "tasks.md")
    assert session.statuses == {"T001": "completed", "T002": "completed"}, session.output
    assert sorted(task["attempts"] for task in session.tasks.values()) == [1, 2]
    again = next(name for name, task in session.tasks.items() if task["attempts"] == 2)
    (log,) = project.path.glob(f".moderator/runs/*/tasks/{again}/verify.1.log")
    assert "(with what other tasks have merged)" in log.read_text()
    assert {"1.part", "2.part", "both"} <= set(git("ls-tree", "--name-only", integration(git)).split())
