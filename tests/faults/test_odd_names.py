"""Ids, titles and paths that mean something elsewhere: here they are data, and nothing leaves its directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from faulty import Project

if TYPE_CHECKING:
    from pathlib import Path

ODD = """
# Tasks: `$(touch pwned)` ; touch pwned

## Phase 1: "quotes' & <b>markup</b> \\x1b[31m

- [ ] T001 $(touch pwned) `touch pwned` ; touch pwned & | > pwned
  - run: `printf '%s' "$MODERATOR_TASK_TITLE" > title`
- [ ] T002 -rf --help --version -x
  - run: `true`
- [ ] T003 ../../../../etc/passwd and .. and /
  - run: `true`
- [ ] T004 Ünïcödé 任务 🚀 العربية \u202eevil
  - run: `true`
- [ ] T005 {long}
  - run: `true`
- [ ] T006 "double" 'single' <script>alert(1)</script> ]]> &amp; {braces} %s %(x)s {{}}
  - run: `true`
- [ ] T007 a::b[c] T001::x
  - run: `true`
- [ ] T008
  - run: `true`
""".replace("{long}", "long " * 60)


@pytest.mark.parametrize(
    ("workers", "level"), [((), "none"), (("-n2",), "directory")], ids=["alone", "n2-directory"]
)
def test_titles_are_data(project: Project, workers: tuple[str, ...], level: str) -> None:
    project.tasks(ODD)
    ended = project.run(*workers, "-v", f"--moderator-isolation={level}").sound
    assert ended.code == pytest.ExitCode.OK, ended.output
    assert set(ended.statuses.values()) == {"completed"}
    assert not list(project.path.rglob("pwned"))
    assert "\u202e" not in ended.output
    assert len(ended.cases) == 8


NAMELESS = """
- [ ] ../../escape
  - run: `touch ran1`
- [ ] /etc/passwd
  - run: `touch ran2`
- [ ] -x --maxfail=1
  - run: `touch ran3`
- [ ] $(touch pwned)
  - run: `touch ran4`
- [ ] CON
  - run: `touch ran5`
- [ ] con
  - run: `touch ran6`
- [ ] 任务
  - run: `touch ran7`
- [ ] {long}
  - run: `touch ran8`
- [ ] a.lock
  - run: `touch ran9`
""".replace("{long}", "endless" * 50)


def test_ids_that_are_made_of_titles(project: Project) -> None:
    project.tasks(NAMELESS)
    ended = project.run("-n2").sound
    assert ended.code == pytest.ExitCode.OK, ended.output
    assert project.exists(*(f"ran{n}" for n in range(1, 10)))
    assert not list(project.path.rglob("pwned"))
    runs = list(project.path.glob(".moderator/runs/*/tasks/*"))
    assert len({path.name.casefold() for path in runs}) == 9
    assert not list(project.path.parent.glob("escape*"))
    names = [case.get("name") for case in ended.cases]
    assert len(set(names)) == 9


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "n2"])
def test_a_place_far_down(tmp_path: Path, workers: tuple[str, ...]) -> None:
    """With a path so long that SQLite does not take it, which is said; and not in ASCII. Resumed after a crash."""
    place = tmp_path.joinpath(*("é任🚀" * 20 for _ in range(10)))
    place.mkdir(parents=True)
    elsewhere = f"--moderator-state-dir={tmp_path / 'é任🚀'}"
    project = Project(place)
    project.tasks(
        "- [ ] T001 one\n  - run: `touch ready; until [ -e go ]; do sleep 0.02; done`\n"
        "- [ ] T002 two (depends on T001)\n  - run: `touch T002`\n"
    )
    try:
        refused = project.run(*workers)
        assert refused.code == pytest.ExitCode.USAGE_ERROR
        assert "more than the 500 bytes that SQLite takes" in refused.output
        assert "--moderator-state-dir" in refused.output
        run = project.start(*workers, elsewhere)
        run.until("ready")
        run.kill_session()
        (place / "go").touch()
        ended = project.run("--moderator-resume", *workers, elsewhere).sound
    finally:
        project.kill()
    assert len(str(place).encode()) > 1800
    assert ended.statuses == {"T001": "completed", "T002": "completed"}
    assert project.exists("T002")


def test_a_place_with_an_odd_name(tmp_path: Path) -> None:
    place = tmp_path / "a b'c\"$(touch pwned);é & [x] %s"
    place.mkdir()
    project = Project(place)
    (place / "-odd dir").mkdir()
    (place / "-odd dir" / "my tasks.md").write_text(
        '- [ ] T001 one\n  - run: `cd "$MODERATOR_WORKSPACE" && touch T001`\n'
        '- [ ] T002 two (depends on T001)\n  - run: `test -e "$MODERATOR_TASKS_FILE"`\n'
    )
    try:
        ended = project.run("-n2", file="./-odd dir/my tasks.md").sound
    finally:
        project.kill()
    assert ended.statuses == {"T001": "completed", "T002": "completed"}
    assert not list(tmp_path.rglob("pwned"))
