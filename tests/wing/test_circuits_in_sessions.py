"""Backends that fail while a run goes on: who takes their place, and how they come back, in whole sessions."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from stand_ins import stand_ins

from pytest_moderator.journal import JournalReader

if TYPE_CHECKING:
    from sessions import Project, Session

BACKENDS = stand_ins(
    *("main", "second", "third"),
    has_costs=True,
    more="""
    def health(self):
        with Path("asked.txt").open("a") as file:
            file.write(self.name + "\\n")
        ill = Path(self.name + ".ill")
        if not ill.exists():
            return Health(detail="fine")
        return Health(ok=False, detail=ill.read_text().strip(), hint="log in")
    """,
    does="""
    with Path("ran.txt").open("a") as file:
        file.write(f"{task.id} {self.name}\\n")
    wrong = next((word for word in task.title.split() if word.startswith("fails:")), "")
    category = wrong.partition(":")[2].removesuffix("!")
    if wrong.endswith("!") and self.name == "main":
        Path("main.ill").write_text("you are logged out")
    while "meets" in task.title and len(Path("ran.txt").read_text().splitlines()) < 3:
        time.sleep(0.05)
    usage = Usage(cost_usd=1.0)
    if not category or self.name != "main":
        return TaskResult(task, usage=usage)
    values = {"category": category, "error_message": "no", "usage": usage}
    return TaskResult(task, 1, status=TaskStatus.FAILED, **values)
    """,
)


@pytest.fixture
def place(project: Project) -> Project:
    """A project with three backends of its own, of which one stands in for another."""
    project.write("conftest.py", BACKENDS)
    return project


def settings(
    project: Project, breaker: str = "", fallbacks: str = "main: [second, third]", more: str = ""
) -> None:
    limits = f"main: {{breaker: {breaker}}}" if breaker else ""
    project.write(
        "moderator.yaml",
        f"backends: {{{', '.join(part for part in (limits, more) if part)}}}\n"
        f"backend_routing: {{default_backend: main, fallbacks: {{{fallbacks}}}}}\n",
    )


def chain(*titles: str, optional: str = "fails") -> str:
    """Tasks of which each comes after the one before."""
    lines = []
    for number, title in enumerate(titles, 1):
        lines.append(f"- [ ] T{number:03} {title}")
        if number > 1:
            lines.append(f"  - depends on: T{number - 1:03}")
        if optional in title:
            lines.append("  - optional: yes")
    return "\n".join(lines) + "\n"


def events(project: Project, kind: str) -> list[dict[str, Any]]:
    """What the journal has of a kind."""
    reader = JournalReader(project.path / ".moderator")
    try:
        return [dict(event.payload) for event in reader.events(reader.runs()[0].id, kinds=(kind,))]
    finally:
        reader.close()


def circuits(project: Project) -> list[tuple[str, str]]:
    return [(event["backend"], event["circuit"]) for event in events(project, "backend_circuit")]


def run(project: Project, *args: str) -> Session:
    return project.run("tasks.md", "--moderator-retries=0", "--moderator-events=events.jsonl", *args)


def test_a_fallback_takes_the_place_of_one_whose_circuit_is_open(
    place: Project, workers: tuple[str, ...]
) -> None:
    settings(place, breaker="{failures: 2, pause: 1h}")
    place.tasks(chain("One fails:transient", "Two fails:transient", "Three", "Four"))
    session = run(place, *workers, "--junitxml=junit.xml")
    assert session.lines() == ["T001 main", "T002 main", "T003 second", "T004 second"]
    third = session.tasks["T003"]
    assert (third["status"], third["backend"]) == ("completed", "second")
    why = third["backend_reason"]
    assert why.startswith(
        "the default backend; 'main' cannot be used: it has failed 2 times in a row; it is tried"
    )
    started = {event["backend"]: event["backend_reason"] for event in events(place, "task_started")}
    assert started["second"].startswith("the default backend; 'main' cannot be used: it has failed 2 times")
    told = [json.loads(line) for line in session.lines("events.jsonl")]
    assert [e["backend"] for e in told if e["kind"] == "task_started"] == ["main", "main", "second", "second"]
    assert [(e["backend"], e["circuit"]) for e in told if e["kind"] == "backend_circuit"] == [
        ("main", "open")
    ]
    assert circuits(place) == [("main", "open")]
    assert "backend main: circuit open: it has failed 2 times in a row" in session.output
    assert "T003 started Three (second instead of main)" in session.output
    _, cases = session.junit()
    properties = {entry.get("name"): entry.get("value") for entry in cases["T003"].iter("property")}
    assert (properties["backend"], properties["backend_reason"]) == ("second", why)


def test_a_run_that_goes_on_leaves_it_alone_as_long(place: Project, workers: tuple[str, ...]) -> None:
    settings(place, breaker="{failures: 1, pause: 1h}")
    place.tasks(chain("One fails:transient", "Two", optional="never"))
    assert run(place, *workers).lines() == ["T001 main"]
    (told,) = events(place, "backend_circuit")
    session = run(place, *workers, "--moderator-resume")
    assert session.lines() == ["T001 main", "T001 second", "T002 second"]
    assert f"the backend 'main' has failed, and is left alone until {told['until']}" in session.output
    why = session.tasks["T001"]["backend_reason"]
    assert why.startswith("the default backend; 'main' cannot be used: it has failed; it is tried again in ")


def test_each_attempt_counts(place: Project, workers: tuple[str, ...]) -> None:
    """Also where the pause before the next one would be too short to give its worker to somebody else."""
    settings(place, breaker="{failures: 2, pause: 1h}")
    place.tasks("- [ ] T001 One fails:transient\n  - retries: 3\n")
    session = run(place, *workers)
    assert session.lines() == ["T001 main", "T001 main", "T001 second"]
    task = session.tasks["T001"]
    assert (task["status"], task["backend"], task["attempts"]) == ("completed", "second", 3)
    assert [entry["category"] for entry in task["attempts_log"]] == ["transient"] * 2
    assert ("main", "open") in circuits(place)


def test_a_backend_key_has_fallbacks_too(place: Project, workers: tuple[str, ...]) -> None:
    settings(place, breaker="{failures: 1, pause: 1h}")
    place.tasks("""
        - [ ] T001 One fails:timeout
          - optional: yes
        - [ ] T002 Two
          - backend: main
          - depends on: T001
    """)
    session = run(place, *workers)
    assert session.lines() == ["T001 main", "T002 second"]
    assert session.tasks["T002"]["backend_reason"].startswith(
        "its 'backend:' key; 'main' cannot be used: it has"
    )


def test_a_probe_closes_the_circuit(place: Project, workers: tuple[str, ...]) -> None:
    settings(place, breaker="{failures: 1, pause: 3s}")
    place.tasks(
        chain("One fails:transient", "Two", "Three").replace("Three\n", "Three\n  - env: N=1\n")
        + "- [ ] T004 Wait\n  - run: `sleep 3.1`\n  - depends on: T002\n- [ ] T005 Five\n  - depends on: T004\n"
        + "- [ ] T006 Six\n  - depends on: T005\n"
    )
    session = run(place, *workers)
    ran = dict(line.split() for line in session.lines())
    assert (ran["T001"], ran["T002"], ran["T005"], ran["T006"]) == ("main", "second", "main", "main")
    assert circuits(place) == [("main", "open"), ("main", "half-open"), ("main", "closed")]


def test_without_a_fallback_that_is_free_it_waits(place: Project, workers: tuple[str, ...]) -> None:
    settings(
        place,
        breaker="{failures: 1, pause: 10s}",
        fallbacks="main: [second]",
        more="second: {rate_limit: 1/h}",
    )
    place.tasks(
        chain("One fails:transient", "Two", "Three")
        + "- [ ] T009 Other\n  - run: `echo T009 shell >> ran.txt`\n"
    )
    session = run(place, *workers)
    ran = dict(line.split() for line in session.lines())
    assert ran == {"T001": "main", "T002": "second", "T003": "main", "T009": "shell"}
    waits = [event["reason"] for event in events(place, "task_waits")]  # again when "main" says how it is
    assert waits
    assert all(
        why.startswith("waiting for backend main: it has failed; it is tried again in ") for why in waits
    )


def test_the_next_fallback_when_the_first_is_full(place: Project, workers: tuple[str, ...]) -> None:
    settings(place, breaker="{failures: 1, pause: 1h}", more="second: {rate_limit: 1/h}")
    place.tasks(chain("One fails:transient", "Two", "Three"))
    session = run(place, *workers)
    assert session.lines() == ["T001 main", "T002 second", "T003 third"]
    assert "'second' cannot be used: 1 have started in 1h" in session.tasks["T003"]["backend_reason"]


@pytest.mark.parametrize("category", ["permission", "configuration"])
def test_one_that_fails_is_asked_how_it_is(place: Project, workers: tuple[str, ...], category: str) -> None:
    settings(place)
    place.tasks(chain(f"One fails:{category}!", "Two", "Three"))
    session = run(place, *workers)
    assert session.lines() == ["T001 main", "T002 second", "T003 second"]
    why = "'main' cannot be used: it cannot be used: you are logged out (log in)"
    assert session.tasks["T002"]["backend_reason"] == f"the default backend; {why}"
    assert Counter(session.lines("asked.txt")) == {"main": 2}
    assert events(place, "backend_circuit") == [
        {"backend": "main", "circuit": "open", "why": "it cannot be used: you are logged out (log in)"}
    ]


def test_one_that_is_well_goes_on(place: Project, workers: tuple[str, ...]) -> None:
    settings(place)
    place.tasks(chain("One fails:permission", "Two fails:permission", "Three"))
    session = run(place, *workers)
    assert session.lines() == ["T001 main", "T002 main", "T003 main"]
    assert Counter(session.lines("asked.txt")) == {"main": 2}  # before the run, and once after a failure
    assert circuits(place) == []


def test_it_is_asked_again_until_it_is_well(place: Project, workers: tuple[str, ...]) -> None:
    settings(place, breaker="{failures: 5, pause: 1s}")
    asked = "until test $(grep -c main asked.txt) -ge {}; do sleep 0.05; done; sleep {}"
    place.tasks(f"""
- [ ] T001 One fails:permission!
  - optional: yes
- [ ] T002 Until it has answered, and the pause after that is over
  - run: `{asked.format(2, 2.5)}`
  - depends on: T001
- [ ] T003 Three
  - depends on: T002
- [ ] T004 Likewise
  - run: `{asked.format(3, 2.5)}`
  - depends on: T003
- [ ] T005 Heal
  - run: `rm main.ill`
  - depends on: T004
- [ ] T006 Six, in vain, but it is asked
  - depends on: T005
- [ ] T007 Until it has answered
  - run: `{asked.format(4, 1)}`
  - depends on: T006
- [ ] T008 Eight
  - depends on: T007
- [ ] T009 Nine
  - depends on: T008
""")
    session = run(place, *workers)
    ran = dict(line.split() for line in session.lines())
    assert [ran[name] for name in ("T003", "T006", "T008", "T009")] == ["second", "second", "main", "main"]
    assert circuits(place) == [("main", "open"), ("main", "half-open"), ("main", "closed")]


def test_without_a_fallback_a_task_tries_it(place: Project, workers: tuple[str, ...]) -> None:
    settings(place, breaker="{failures: 5, pause: 1s}", fallbacks="")
    place.tasks(chain("One fails:permission!", "Two fails:permission", "Three"))
    session = run(place, *workers)
    assert session.lines() == ["T001 main", "T002 main", "T003 main"]
    trials = [("main", "open"), ("main", "half-open")]
    assert circuits(place) == [*trials, *trials, ("main", "closed")]


def test_without_breaker_and_fallback_nothing_waits(place: Project, workers: tuple[str, ...]) -> None:
    settings(place, fallbacks="second: [third]")
    place.tasks(chain("One fails:permission!", "Two", "Three"))
    session = run(place, *workers)
    assert session.lines() == ["T001 main", "T002 main", "T003 main"]


def test_the_stand_in_is_asked_for_approval(place: Project, workers: tuple[str, ...]) -> None:
    place.write(
        "moderator.yaml",
        """
        backends: {main: {breaker: {failures: 1, pause: 1h}}}
        backend_routing: {default_backend: main, fallbacks: {main: [second]}}
        approvals: {backends: [second]}
        """,
    )
    place.tasks(chain("One fails:transient", "Two"))
    session = run(place, *workers)
    assert session.lines() == ["T001 main"]
    assert session.reasons["T002"].startswith("waiting for approval (backend second)")


def test_each_worker_is_told(place: Project) -> None:
    settings(place, breaker="{failures: 1, pause: 1h}")
    place.tasks("""
        - [ ] T001 One fails:transient
          - optional: yes
        - [ ] T002 [P] Two meets the other (depends on T001)
        - [ ] T003 [P] Three meets the other (depends on T001)
    """)
    session = run(place, "-n", "2")
    assert sorted(session.lines()) == ["T001 main", "T002 second", "T003 second"]
    assert session.tasks["T002"]["worker"] != session.tasks["T003"]["worker"]


def test_who_has_been_asked_is_not_told_to_forget_it(place: Project) -> None:
    settings(place, breaker="{failures: 1, pause: 3s}", fallbacks="main: [manual]")
    place.tasks("""
        - [ ] T001 One fails:transient
          - optional: yes
        - [ ] T002 [P] Two (depends on T001)
        - [ ] T003 [P] Wait (depends on T001)
          - run: `sleep 3.5`
        - [ ] T004 [P] The backend works again (depends on T003)
        - [ ] T005 [P] Somebody ticks the box (depends on T004)
          - run: `sed -i 's/. . T002/[x] T002/' tasks.md`
    """)
    place.write("moderator.yaml", (place.path / "moderator.yaml").read_text() + "approval: wait\n")
    session = run(place, "-n", "2")
    assert session.lines() == ["T001 main", "T004 main"]
    assert (session.tasks["T002"]["status"], session.tasks["T002"]["backend"]) == ("completed", "manual")


def test_four_workers_share_what_is_known(place: Project) -> None:
    place.write(
        "moderator.yaml",
        """
        backends:
          main: {breaker: {failures: 2, pause: 1h}, max_concurrent: 1}
          second: {rate_limit: 3/h}
        backend_routing: {default_backend: main, fallbacks: {main: [second, third]}}
        budget: $7
        """,
    )
    tasks = "".join(f"- [ ] T{n:03} [P] Task fails:transient\n  - optional: yes\n" for n in range(1, 13))
    others = "".join(
        f"- [ ] T1{n:02} [P] Other\n  - run: `echo T1{n:02} shell >> ran.txt`\n" for n in range(1, 5)
    )
    place.tasks(tasks + others)
    session = run(place, "-n", "4")
    ran = Counter(line.split()[1] for line in session.lines())
    assert (ran["main"], ran["second"], ran["shell"]) == (2, 3, 4)
    # Those that had started when the budget was spent go on.
    assert 2 <= ran["third"] <= 5
    assert (
        sum("the budget of $7.00 is spent" in reason for reason in session.reasons.values())
        == 12 - 5 - ran["third"]
    )
    assert circuits(place) == [("main", "open")]
