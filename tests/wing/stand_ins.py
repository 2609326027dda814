"""Backends that stand in for real ones: each is the text of a ``conftest.py``."""

from __future__ import annotations

from textwrap import dedent, indent


def stand_ins(*names: str, does: str, more: str = "", has_costs: bool = False) -> str:
    """Backends of these names, which take the tasks that ask for them.

    Args:
        names: of the backends; ``self.name`` says which one is at work.
        does: the body of ``execute(self, task, context)``.
        more: further methods.
        has_costs: whether what they do costs something.
    """
    return f"""
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pytest_moderator import Backend, Health, TaskResult, TaskStatus, Usage


class StandIn(Backend):
    has_costs = {has_costs}

    def __init__(self, name):
        self.name = name

    def accepts(self, task):
        return False

{indent(dedent(more).strip(), " " * 4)}

    def execute(self, task, context):
{indent(dedent(does).strip(), " " * 8)}


def pytest_moderator_backends():
    return [StandIn(name) for name in {names}]
"""


COSTLY = stand_ins(
    "costly",
    has_costs=True,
    does="""
    with Path("ran.txt").open("a") as file:
        file.write(task.id + "\\n")
    failed = "fails" in task.title
    return TaskResult(
        task,
        exit_code=int(failed),
        status=TaskStatus.FAILED if failed else TaskStatus.COMPLETED,
        category="transient" if failed else None,
        error_message="overloaded" if failed else None,
        usage=Usage(cost_usd=2.0, input_tokens=900, output_tokens=100),
    )
    """,
)
"""Each try of a task costs $2; one that says so fails."""

LIMITED = stand_ins(
    *("limited", "unlimited"),  # what the first one meets does not hold the other
    has_costs=True,
    does="""
    with Path("ran.txt").open("a") as file:
        file.write(f"{task.id} {context.attempt} {context.feedback!r}\\n")
    seconds, _, times = task.notes["Limit"].partition("x")
    usage = Usage(cost_usd=1.0)
    while "Wait" in task.notes and task.notes["Wait"] not in Path("events.jsonl").read_text():
        time.sleep(0.05)
    if context.attempt > int(times):
        return TaskResult(task, usage=usage)
    until = (datetime.now(UTC) + timedelta(seconds=float(seconds))).isoformat(timespec="milliseconds")
    values = {"error_message": "limit", "category": "transient", "resets_at": until, "usage": usage}
    return TaskResult(task, 1, status=TaskStatus.FAILED, **values)
    """,
)
"""A task says which limit it meets: ``Limit: 2x1`` is one that lasts two seconds, at the first attempt."""

LIMIT = """
    until = Path("until.txt")
    with Path("ran.txt").open("a") as file:
        file.write(f"{task.id}\\n")
    if not until.exists():
        own = Path(f"until-{task.id}.txt")
        own.write_text((datetime.now(UTC) + timedelta(seconds=3)).isoformat())
        own.replace(until)  # nobody finds it half written
    if datetime.now(UTC).isoformat() >= until.read_text():
        return TaskResult(task)
    values = {"error_message": "limit", "category": "transient", "resets_at": until.read_text()}
    return TaskResult(task, 1, status=TaskStatus.FAILED, **values)
"""
"""Runs a task, and meets a limit that is over three seconds after it was met first."""
