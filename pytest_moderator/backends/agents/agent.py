"""Running an agent for a task, whichever agent it is, and making a result of what it did."""

from __future__ import annotations

import contextlib
import importlib
import json
import shutil
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from pytest_moderator.attempt.budgets import money_left
from pytest_moderator.attempt.launcher import TIMED_OUT, LocalLauncher
from pytest_moderator.attempt.output import clean, excerpt
from pytest_moderator.backends.agents import judge as judgement
from pytest_moderator.backends.agents.adapter import Adapter, Call
from pytest_moderator.backends.agents.changes import has_changed, state
from pytest_moderator.backends.agents.environment import agent_environment
from pytest_moderator.backends.agents.events import AgentEvent, Transcript, is_session
from pytest_moderator.backends.agents.follow import Follower
from pytest_moderator.backends.agents.judge import Evidence, Verdict, judge
from pytest_moderator.backends.agents.options import AgentOptions
from pytest_moderator.backends.agents.prompt import ANSWER, make_prompt
from pytest_moderator.backends.base import Health, ProcessSpec
from pytest_moderator.backends.process import tell_process
from pytest_moderator.clock import shown
from pytest_moderator.errors import ModeratorError
from pytest_moderator.model import Problem, Severity, TaskResult, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_moderator.backends.base import AttemptContext, ProcessOutcome
    from pytest_moderator.model import Task

_ADAPTERS = {
    "ccpm": "ccpm:ClaudeCodePM",
    "claude": "claude:ClaudeCode",
    "codex": "codex:Codex",
    "custom": "custom:Custom",
    "gemini": "gemini:Gemini",
    "opencode": "opencode:OpenCode",
}
_IDLE = 900.0  # seconds without an event, for agents that tell events
_LAST_WORDS = 4096  # bytes of standard error in which a failure is looked for
_PROMPT = "prompt.md"
_SESSION = "session.json"
_BEFORE = "work-tree.txt"


@dataclass(frozen=True, slots=True)
class _Conversation:
    """An agent that was started and has ended."""

    outcome: ProcessOutcome
    transcript: Transcript
    follower: Follower
    adapter: Adapter


class Agent:
    """Has an agent do tasks.

    Args:
        name: what the backend is called.
        settings: what is set for it, in plain JSON types.
    """

    def __init__(self, name: str, settings: Mapping[str, object]) -> None:
        self.name = name
        self.options = AgentOptions.of(settings)

    def validate(self, task: Task) -> list[Problem]:
        """Name a file that the settings name and that is not there."""
        rules = self.options.prompt_file
        if rules is None or rules.is_file():
            return []
        message = f"backends.{self.name}.prompt_file: there is no file {str(rules)!r}"
        return [Problem(Severity.ERROR, "missing-file", message, "make it", line=task.line)]

    def health(self) -> Health:
        """Look for the program; it is not started for that."""
        program = self._adapter().command()[0]
        path = shutil.which(program)
        if path is None:
            hint = f"install it, or name it with backends.{self.name}.command"
            return Health(ok=False, detail=f"{program!r} is not installed", hint=hint)
        return Health(detail=path)

    def started(self) -> Health:
        """Look for the program, and start it to ask for its version, unless it is one that we do not know."""
        found = self.health()
        if not found.ok or self.options.type == "custom":
            return found
        from pytest_moderator.backends.agents.version import started  # noqa: PLC0415 (no run asks for it)

        return started(self._adapter().command(), found)

    def run(self, task: Task, context: AttemptContext) -> TaskResult:
        """Let the agent try a task once.

        Raises:
            ModeratorError: its rules cannot be read.
        """
        prompt = self._write_prompt(task, context)
        before = None if self.options.no_change_ok else _before(context)
        deadline = context.deadline()
        session = self._session_to_continue(context)
        talk = self._talk(task, context, prompt, session)
        verdict = self._judge(context, talk, changed=None)
        if session is not None and verdict.kind == "session":  # it is gone, so begin afresh
            _forget_session(context)
            left = context.left(deadline)
            again = replace(context, timeout=None if left is None else max(1.0, left))
            talk = self._talk(task, again, prompt, None)
        verdict = self._judge(context, talk, changed=has_changed(context, before))
        if verdict.kind in ("session", "context"):
            _forget_session(context)
        return self._result(task, context, talk, verdict)

    def _adapter(self) -> Adapter:
        module, _, name = _ADAPTERS[self.options.type].partition(":")
        found: type[Adapter] = getattr(importlib.import_module(f"{__package__}.{module}"), name)
        return found(self.options)

    def _write_prompt(self, task: Task, context: AttemptContext) -> str:
        """Make the prompt, and keep it in the task's folder; that of an earlier attempt is kept beside it."""
        try:
            text = make_prompt(task, context, self.options.prompt_file)
        except OSError as error:
            raise ModeratorError(
                f"backends.{self.name}.prompt_file: cannot read {error.filename!r}: {error.strerror}"
            ) from error
        text = self._adapter().prompt(task, text, context.working_directory)
        if context.masker is not None:
            text = context.masker.mask(text)
        path = context.directory / _PROMPT
        with contextlib.suppress(FileNotFoundError):
            path.rename(path.with_suffix(f".{context.attempt - 1}.md"))
        path.write_bytes(text.encode("utf-8", "replace"))
        return text

    def _session_to_continue(self, context: AttemptContext) -> str | None:
        """Give the session of an attempt before, if this agent can continue it from here."""
        try:
            noted = json.loads((context.directory / _SESSION).read_text(encoding="utf-8"))
            here = {
                "backend": self.name,
                "type": self.options.type,
                "directory": str(context.working_directory),
            }
            usable = self._adapter().continues and here.items() <= noted.items()
            return noted["session"] if usable and is_session(noted["session"]) else None
        except (
            OSError,
            ValueError,
            KeyError,
            AttributeError,
            TypeError,
        ):  # there is none, or somebody has been at it
            return None

    def note_session(self, context: AttemptContext, session: str) -> None:
        """Note a session down at once: this process may not be there any more when it is needed."""
        noted = {
            "backend": self.name,
            "type": self.options.type,
            "directory": str(context.working_directory),
            "session": session,
            "attempt": context.attempt,
        }
        new = context.directory / f"{_SESSION}.new"
        new.write_text(json.dumps(noted), encoding="utf-8")
        new.replace(context.directory / _SESSION)

    def _talk(self, task: Task, context: AttemptContext, prompt: str, session: str | None) -> _Conversation:
        """Start the agent, and follow it to its end."""
        adapter = self._adapter()
        chosen = session or adapter.choose_session()
        prompt_file = context.directory / _PROMPT
        left = money_left(task, context)
        call = Call(task, context.working_directory, prompt, prompt_file, chosen, session is not None, left)
        if chosen is not None:
            self.note_session(context, chosen)
        transcript = Transcript()
        transcript.session = chosen or ""
        follower = Follower(
            context.stdout_log, adapter, transcript, context.progress, context.masker, clock=context.clock
        )
        follower.size = _size(context.stdout_log)
        allowed = (*adapter.variables, *self.options.env)
        spec = ProcessSpec(
            argv=tuple(adapter.argv(call)),
            cwd=context.working_directory,
            env={**agent_environment(task, context, allowed), **adapter.environment(call)},
            stdout=context.stdout_log,
            stderr=context.stderr_log,
            timeout=context.timeout,
            grace=context.grace,
            lasting=partial(tell_process, context) if context.progress else None,
            stdin=prompt_file if adapter.takes_stdin() else None,
            watch=_Watch(self, context, adapter, follower, transcript),
            filter=context.filter,
            memory=context.memory,
        )
        outcome = (context.launcher or LocalLauncher()).run(spec)
        follower.finish()
        if adapter.output == "text":
            self._read_text(context, transcript, outcome)
        if transcript.session and transcript.session != chosen:
            self.note_session(context, transcript.session)
        return _Conversation(outcome, transcript, follower, adapter)

    def _read_text(self, context: AttemptContext, transcript: Transcript, outcome: ProcessOutcome) -> None:
        """Make an event of the end of an agent that tells none."""
        end = _last_words(context.stdout_log)
        lines = [*end.splitlines(), *_last_words(context.stderr_log).splitlines()]
        wrong = [line for line in lines if any(text in line for text in self.options.fail_on)]
        unfinished = outcome.exit_code or outcome.stopped or outcome.timed_out or outcome.error
        if wrong:
            transcript.add(AgentEvent(final=True, failed=True, error=" ".join(wrong)))
        elif unfinished:
            transcript.add(AgentEvent(error=_last_words(context.stderr_log) or end))
        elif end:
            answer = excerpt(context.stdout_log, context.output_limit)
            transcript.add(AgentEvent(final=True, answer=answer))

    def _judge(self, context: AttemptContext, talk: _Conversation, *, changed: bool | None) -> Verdict:
        evidence = Evidence(
            name=self.name,
            outcome=talk.outcome,
            transcript=talk.transcript,
            last_words=_last_words(context.stderr_log),
            exit_codes=talk.adapter.exit_codes,
            timeout=context.timeout,
            idle_timeout=self.idle_timeout(talk.adapter),
            changed=changed,
            printed=talk.follower.size > 0,
        )
        return judge(evidence)

    def idle_timeout(self, adapter: Adapter) -> float | None:
        """Give the seconds that an agent may tell nothing: without events, silence means nothing by itself."""
        usual = _IDLE if adapter.output == "jsonl" else None
        return self.options.idle_timeout or usual

    def _result(
        self, task: Task, context: AttemptContext, talk: _Conversation, verdict: Verdict
    ) -> TaskResult:
        outcome, answer = talk.outcome, clean(talk.transcript.answer)
        if context.masker is not None:
            answer = context.masker.mask(answer)
        if answer.strip():
            (context.directory / ANSWER).write_bytes(answer.encode("utf-8", "replace"))
        output = _shortened(answer, context.output_limit) or excerpt(context.stdout_log, context.output_limit)
        return TaskResult(
            task=task,
            exit_code=_exit_code(outcome, verdict),
            stdout=output,
            stderr=excerpt(context.stderr_log, context.output_limit) + _remarks(talk, self.options),
            duration_seconds=outcome.duration_seconds,
            artifacts_path=context.artifacts,
            error_message=verdict.message,
            status=TaskStatus.COMPLETED if verdict.success else TaskStatus.FAILED,
            attempts=context.attempt,
            backend=self.name,
            worker=context.worker,
            cpu_seconds=outcome.cpu_seconds,
            max_rss_bytes=outcome.max_rss_bytes,
            usage=talk.transcript.usage_of_session,
            category=verdict.category,
            resets_at=None if verdict.resets_at is None else shown(verdict.resets_at),
        )


class _Watch:
    """Follows a running agent, and says when it is to be ended."""

    def __init__(
        self,
        agent: Agent,
        context: AttemptContext,
        adapter: Adapter,
        follower: Follower,
        transcript: Transcript,
    ) -> None:
        self._agent = agent
        self._context = context
        self._follower = follower
        self._transcript = transcript
        self._session = transcript.session
        self._idle = agent.idle_timeout(adapter)

    def __call__(self) -> str | None:
        """Read what has come, and give the reason to end it, if there is one."""
        follower, options = self._follower, self._agent.options
        follower.poll()
        if self._transcript.session != self._session:
            self._session = self._transcript.session
            self._agent.note_session(self._context, self._session)
        now = self._context.clock()
        if _size(self._context.stdout_log) + _size(self._context.stderr_log) > options.max_output:
            return judgement.TALKATIVE
        if follower.final_at is not None:
            return judgement.LINGERING if now - follower.final_at > options.linger else None
        if self._idle is not None and now - follower.active_at > self._idle:
            return judgement.IDLE
        return None


def _remarks(talk: _Conversation, options: AgentOptions) -> str:
    """Say what we did, where nobody would see it otherwise."""
    remarks = []
    if talk.outcome.stopped == judgement.LINGERING:
        remarks.append(f"ended it, as it was still there {options.linger:g} s after it had finished")
    if talk.outcome.leftovers:
        remarks.append(f"ended what it had left behind: {', '.join(talk.outcome.leftovers)}")
    if talk.follower.garbage:
        remarks.append(f"passed over {talk.follower.garbage} lines that were no events")
    return "".join(f"moderator: {remark}\n" for remark in remarks)


def _exit_code(outcome: ProcessOutcome, verdict: Verdict) -> int:
    if verdict.success:
        return 0
    if outcome.timed_out or outcome.stopped == judgement.IDLE:
        return TIMED_OUT
    return outcome.exit_code or 1


def _last_words(path: Path) -> str:
    return excerpt(path, _LAST_WORDS).strip() if _size(path) <= _LAST_WORDS else _tail(path)


def _tail(path: Path) -> str:
    with path.open("rb") as log:
        log.seek(-_LAST_WORDS, 2)
        return clean(log.read().decode("utf-8", "replace")).strip()


def _shortened(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return f"{text[: limit // 2]}\n… {len(text) - 2 * (limit // 2):,} characters left out …\n{text[-(limit // 2) :]}"


def _size(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _before(context: AttemptContext) -> str | None:
    """Look at the work tree before the first attempt: a later one may find that the work has been done."""
    noted = context.directory / _BEFORE
    if context.attempt > 1 and noted.exists():
        return noted.read_text(encoding="utf-8") or None
    found = state(context)
    noted.write_text(found or "", encoding="utf-8")
    return found


def _forget_session(context: AttemptContext) -> None:
    (context.directory / _SESSION).unlink(missing_ok=True)
