"""What an event changes in the tables, as SQL: constant text, so that SQLite prepares it once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_moderator.clock import now
from pytest_moderator.journal.texts import clean, clean_or_none, to_json
from pytest_moderator.model.task import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_moderator.journal.begun import RunRecord, TaskRecord
    from pytest_moderator.journal.records import RunStatus
    from pytest_moderator.journal.requests import RequestRow
    from pytest_moderator.model.result import TaskResult

KEPT_OUTPUT = 4096
"""How many of the last characters of a task's output are kept in the journal; its logs have all of it."""

Change = tuple[str, "Mapping[str, Any] | tuple[Any, ...]"]
"""A statement and its parameters."""

_EVENT = "INSERT INTO events (run_id, file, task_id, attempt, kind, at, payload) VALUES (?, ?, ?, ?, ?, ?, ?)"

_OF_TASK = " WHERE run_id = :run_id AND file = :file AND task_id = :task_id"

_UNDER_WAY = """
UPDATE task_executions SET status = :status, completed_at = NULL, result = NULL, error_message = :reason,
    worker = coalesce(:worker, worker), logs = coalesce(:logs, logs), retry_count = coalesce(:retries, retry_count),
    started_at = CASE WHEN status IN ('running', 'paused') THEN coalesce(started_at, :started_at) ELSE :started_at END
"""

_RESET = """
UPDATE task_executions SET status = :status, started_at = NULL, completed_at = NULL, worker = NULL, result = NULL,
    error_message = :reason, logs = coalesce(:logs, logs), retry_count = coalesce(:retries, retry_count)
"""

_ENDED = """
UPDATE task_executions SET status = :status, started_at = coalesce(:started_at, started_at),
    completed_at = :completed_at, worker = coalesce(:worker, worker), logs = coalesce(:logs, logs),
    error_message = :reason, retry_count = coalesce(:retries, retry_count), result = :result
"""

_BY_STATUS = {
    TaskStatus.PENDING: _RESET + _OF_TASK,
    TaskStatus.PAUSED: _UNDER_WAY + _OF_TASK,
    TaskStatus.RUNNING: _UNDER_WAY + _OF_TASK,
    TaskStatus.COMPLETED: _ENDED + _OF_TASK,
    TaskStatus.FAILED: _ENDED + _OF_TASK,
    TaskStatus.SKIPPED: _ENDED + _OF_TASK,
}

_RUN_STATUS = (
    "UPDATE runs SET status = :status, ended_at = :ended_at, exit_code = :exit_code WHERE id = :run_id"
)

_NEW_RUN = """
INSERT INTO runs (id, files, root, directory, status, workers, command, pid, process_started, boot, host, started_at,
    version)
VALUES (:id, :files, :root, :directory, 'running', :workers, :command, :pid, :process_started, :boot, :host, :at,
    :version)
"""

_SAME_RUN = """
UPDATE runs SET files = :files, root = :root, directory = :directory, status = 'running', workers = :workers,
    command = :command, pid = :pid, process_started = :process_started, boot = :boot, host = :host, ended_at = NULL,
    exit_code = NULL, version = :version
WHERE id = :id
"""

# A task that is done keeps what came of it, and that it completed here rather than before; any other starts afresh.
_TASK = """
INSERT INTO task_executions (run_id, file, task_id, title, line, phase, fingerprint, step_number, status,
    error_message, created_at)
VALUES (:run_id, :file, :task_id, :title, :line, :phase, :fingerprint, :step_number, :status, :reason, :at)
ON CONFLICT (run_id, file, task_id) DO UPDATE SET title = :title, line = :line, phase = :phase,
    fingerprint = :fingerprint, step_number = :step_number,
    status = CASE WHEN :done AND status = 'completed' THEN status ELSE :status END,
    error_message = CASE WHEN :done AND status = 'completed' THEN error_message ELSE :reason END,
    started_at = CASE WHEN :done AND status IN ('completed', 'skipped') THEN started_at END,
    completed_at = CASE WHEN :done AND status IN ('completed', 'skipped') THEN completed_at END,
    worker = CASE WHEN :done AND status IN ('completed', 'skipped') THEN worker END,
    result = CASE WHEN :done AND status IN ('completed', 'skipped') THEN result END
"""

# What was asked of a process that is no more; what was asked about the tasks themselves still holds.
_EXPIRE_REQUESTS = """
UPDATE requests SET taken_at = ? WHERE run_id = ? AND taken_at IS NULL AND kind IN ('pause', 'resume', 'cancel')
"""

_TAKE_REQUEST = "UPDATE requests SET taken_at = ? WHERE id = ?"


def begin_run(run: RunRecord, tasks: Sequence[TaskRecord], *, resumed: bool) -> Iterator[Change]:
    """Give what begins a run, or goes on with one."""
    at = now()
    yield (_SAME_RUN if resumed else _NEW_RUN), _run_values(run, at)
    rows = [_task_row(run.id, task, at) for task in tasks]
    for row in rows:
        yield _TASK, row
    yield _EXPIRE_REQUESTS, (at, clean(run.id))
    yield _event(run.id, "run_resumed" if resumed else "run_started", at, to_json(_about(run, tasks, rows)))


def record(
    run_id: str,
    kind: str,
    task: tuple[str | None, str | None, int | None],
    status: TaskStatus | None,
    payload: Mapping[str, object],
    *,
    result: TaskResult | None,
) -> Iterator[Change]:
    """Give what records an event and, where it has a status, brings the row of its task up to date.

    Args:
        run_id: the run.
        kind: what has happened.
        task: tasks file, id and attempt.
        status: where the task stands now.
        payload: the payload, without status and result.
        result: what came of the task.
    """
    at = now()
    data = dict(payload) if status is None else {**payload, "status": status.value}
    text = to_json(data)
    kept = None if result is None else to_json(result_to_dict(result))
    if kept is not None:
        text = f'{text[:-1]},"result":{kept}}}'  # long, and needed twice
    yield _event(run_id, kind, at, text, task)
    if status is not None:
        file, task_id, attempt = task
        names = {"run_id": clean(run_id), "file": clean_or_none(file), "task_id": clean_or_none(task_id)}
        values = _task_values(status, payload, attempt, at)
        if result is not None:
            values |= _result_values(result, at) | {"result": kept}
        yield _BY_STATUS[status], names | values


def run_status(run_id: str, status: RunStatus, kind: str, more: Mapping[str, object]) -> Iterator[Change]:
    """Give what records where a run stands."""
    at = now()
    yield _event(run_id, kind, at, to_json({**more, "status": status.value}))
    exit_code = more.get("exit_code")
    values = {
        "run_id": clean(run_id),
        "status": status.value,
        "ended_at": at if status.ended else None,
        "exit_code": int(exit_code) if status.ended and isinstance(exit_code, int) else None,
    }
    yield _RUN_STATUS, values


def take(request: RequestRow) -> Iterator[Change]:
    """Give what marks a request as taken."""
    at = now()
    data = {"kind": request.kind, "by": request.by, "request": request.id, "asked_at": request.at}
    yield _event(request.run_id, "request", at, to_json(data), (request.file, request.task_id, None))
    yield _TAKE_REQUEST, (at, request.id)


def _event(
    run_id: str,
    kind: str,
    at: str,
    payload: str,
    task: tuple[str | None, str | None, int | None] = (None, None, None),
) -> Change:
    """Give what adds an event."""
    file, task_id, attempt = task
    names = (clean(run_id), clean_or_none(file), clean_or_none(task_id))
    return _EVENT, (*names, attempt, clean(kind), at, payload)


def _run_values(run: RunRecord, at: str) -> dict[str, Any]:
    from importlib.metadata import version  # noqa: PLC0415 (slow, and only the writer needs it)

    return {
        "id": clean(run.id),
        "files": to_json([clean(file) for file in run.files]),
        "root": clean(str(run.root)),
        "directory": clean(str(run.directory or run.root)),
        "workers": run.workers,
        "command": to_json(run.command),
        "pid": run.holder.pid,
        "process_started": run.holder.started,
        "boot": clean(run.holder.boot),
        "host": clean(run.holder.host),
        "at": at,
        "version": version("pytest-moderator"),
    }


def _task_row(run_id: str, task: TaskRecord, at: str) -> dict[str, Any]:
    done = task.status in (TaskStatus.COMPLETED, TaskStatus.SKIPPED)
    return {
        "run_id": clean(run_id),
        "file": clean(task.file),
        "task_id": clean(task.task_id),
        "title": clean(task.title),
        "line": task.line,
        "phase": clean_or_none(task.phase),
        "fingerprint": clean(task.fingerprint),
        "step_number": task.step_number,
        "status": (task.status if done else TaskStatus.PENDING).value,
        "reason": clean_or_none(task.reason),
        "at": at,
        "done": done,
    }


def _task_values(status: TaskStatus, data: Mapping[str, Any], attempt: int | None, at: str) -> dict[str, Any]:
    """Give the parameters that bring a task's row up to date, all but those that name the row."""
    under_way = status is TaskStatus.RUNNING
    return {
        "status": status.value,
        "reason": _text(data.get("reason")),
        "worker": _text(data.get("worker")),
        "logs": _text(data.get("logs")),
        "retries": None if attempt is None else max(attempt - 1, 0),
        "started_at": at if under_way else None,
        "completed_at": at,
        "result": None,
    }


def _result_values(result: TaskResult, at: str) -> dict[str, Any]:
    """Give what a result knows better."""
    worker = {} if result.worker is None else {"worker": clean(result.worker)}
    return worker | {
        "retries": max(result.attempts - 1, 0),
        "started_at": result.started_at,
        "completed_at": result.finished_at or at,
    }


def _text(value: object) -> str | None:
    return None if value is None else clean(str(value))


def _about(
    run: RunRecord, tasks: Sequence[TaskRecord], rows: Sequence[Mapping[str, Any]]
) -> dict[str, object]:
    """Give the payload of a run's first event: with which statuses its tasks begin, and why."""
    elsewhere: dict[str, list[str]] = {}
    for task in tasks:
        if task.elsewhere:
            elsewhere.setdefault(clean(task.file), []).append(clean(task.task_id))
    statuses: dict[str, dict[str, str]] = {}
    reasons: dict[str, dict[str, str]] = {}
    for row in rows:
        statuses.setdefault(row["file"], {})[row["task_id"]] = row["status"]
        if row["reason"] is not None:
            reasons.setdefault(row["file"], {})[row["task_id"]] = row["reason"]
    return {
        "files": run.files,
        "workers": run.workers,
        "command": run.command,
        "holder": run.holder.to_dict(),
        "tasks": statuses,
        "reasons": reasons,
        "elsewhere": elsewhere,
    }


def result_to_dict(result: TaskResult) -> dict[str, Any]:
    """Give what is kept of a result: all but the task itself, and of its output the end."""
    data = result.outcome()
    data["stdout"] = _end_of(result.stdout)
    data["stderr"] = _end_of(result.stderr)
    return data


def _end_of(text: str) -> str:
    return text if len(text) <= KEPT_OUTPUT else f"[...] {text[-KEPT_OUTPUT:]}"
