"""Whether an agent has succeeded: its last event, its error flag, its exit code and who ended it, together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pytest_moderator.attempt.categories import category_of_start
from pytest_moderator.attempt.output import clean
from pytest_moderator.backends.agents.events import NO_REASON, AgentEvent, brief
from pytest_moderator.backends.agents.failures import Failure, classify
from pytest_moderator.backends.process import describe_failure
from pytest_moderator.model import ErrorCategory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_moderator.backends.agents.events import Transcript
    from pytest_moderator.backends.base import ProcessOutcome

IDLE = "idle"
LINGERING = "lingering"
TALKATIVE = "talkative"

_SHOWN = 500  # characters of what a tool says of its failure


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of an agent that has ended.

    Attributes:
        name: the agent.
        outcome: how its process ended; ``stopped`` is ``idle``, ``lingering`` or ``talkative`` where we ended it.
        transcript: what it has told.
        last_words: the end of its standard error.
        exit_codes: what its own exit codes mean.
        timeout: the limit of the whole, in seconds.
        idle_timeout: the limit without an event, in seconds.
        changed: whether a file was changed where that is due; ``None`` where it is not, or cannot be known.
        printed: whether it has printed anything.
    """

    name: str
    outcome: ProcessOutcome
    transcript: Transcript
    last_words: str = ""
    exit_codes: Mapping[int, tuple[ErrorCategory, str]] | None = None
    timeout: float | None = None
    idle_timeout: float | None = None
    changed: bool | None = None
    printed: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an agent has succeeded.

    Attributes:
        message: why it has not; ``None`` where it has.
        category: what kind of failure that is.
        resets_at: before this time it would fail again.
        kind: the kind of failure, as :class:`~pytest_moderator.backends.agents.failures.Failure` has it.
    """

    message: str | None = None
    category: ErrorCategory | None = None
    resets_at: datetime | None = None
    kind: str = ""

    @property
    def success(self) -> bool:
        """Whether it has succeeded."""
        return self.message is None


def judge(evidence: Evidence, now: datetime | None = None) -> Verdict:
    """Judge an agent that has ended.

    Args:
        evidence: what is known of it.
        now: the time of it, with a zone; now without it.
    """
    final = evidence.transcript.final
    if evidence.outcome.error is not None:
        return _not_run(evidence)
    if final is None:
        return _unfinished(evidence, now or datetime.now(UTC))
    if final.failed:
        return _failed(evidence, final.error or final.answer or "", final.status, now or datetime.now(UTC))
    return _finished(evidence)


def _not_run(evidence: Evidence) -> Verdict:
    return Verdict(evidence.outcome.error, category_of_start(evidence.outcome))


def _unfinished(evidence: Evidence, now: datetime) -> Verdict:
    """Judge an agent whose work has not ended by its own account."""
    outcome, name = evidence.outcome, evidence.name
    if outcome.timed_out:
        return Verdict(describe_failure(outcome, evidence.timeout), ErrorCategory.TIMEOUT)
    if outcome.stopped == IDLE:
        return Verdict(
            f"{name} was ended: it told nothing for {evidence.idle_timeout:g} s", ErrorCategory.TIMEOUT
        )
    if outcome.stopped == TALKATIVE:
        return Verdict(f"{name} was ended: it printed more than max_output allows", ErrorCategory.RESOURCE)
    noted = evidence.transcript.errors[-1] if evidence.transcript.errors else AgentEvent()
    words = noted.error or evidence.last_words
    if outcome.exit_code or classify(words, now, noted.status).kind != "unknown":
        return _failed(evidence, words, noted.status, now)
    what = "ended without saying that it had finished" if evidence.printed else "printed nothing"
    said = f": {brief(clean(words), _SHOWN)}" if words else ""
    return Verdict(f"{name} {what} (exit code 0){said}", ErrorCategory.TRANSIENT)


def _failed(evidence: Evidence, words: str, status: int | None, now: datetime) -> Verdict:
    """Judge an agent that says itself that it failed."""
    if words == NO_REASON:
        words, status = _reason(evidence, status)
    failure = classify(words, now, status)
    told = evidence.transcript.limited_until
    if told is not None and failure.kind in ("limit", "overload", "unknown"):
        failure = replace(failure, kind="limit", category=ErrorCategory.TRANSIENT, resets_at=told)
    final = evidence.transcript.final
    if failure.kind == "unknown" and (
        final is None or evidence.outcome.exit_code in (evidence.exit_codes or {})
    ):
        return _exited(evidence, words)
    if failure.kind == "unknown" and status is not None:
        words = f"{words} (HTTP status {status})"
    return Verdict(_say(evidence, words, failure), failure.category, failure.resets_at, failure.kind)


def _reason(evidence: Evidence, status: int | None) -> tuple[str, int | None]:
    """Look for the reason of a failure that was told without one: what went wrong last, else standard error."""
    for noted in reversed(evidence.transcript.errors):
        if noted.error != NO_REASON:
            return noted.error, status or noted.status
    return evidence.last_words or NO_REASON, status


def _say(evidence: Evidence, words: str, failure: Failure) -> str:
    shown = brief(clean(words), _SHOWN) or describe_failure(evidence.outcome, evidence.timeout)
    until = f", until {failure.resets_at:%Y-%m-%d %H:%M:%S} UTC" if failure.resets_at else ""
    what = {"limit": f"hit a limit{until}", "overload": "found its service overloaded"}.get(
        failure.kind, "failed"
    )
    hint = f" ({failure.hint})" if failure.hint else ""
    return f"{evidence.name} {what}: {shown}{hint}"


def _exited(evidence: Evidence, words: str) -> Verdict:
    """Judge by the exit code, where nothing else tells more."""
    code = describe_failure(evidence.outcome, evidence.timeout)
    category, meaning = (evidence.exit_codes or {}).get(evidence.outcome.exit_code, (None, ""))
    shown = "; ".join(part for part in (meaning, brief(clean(words), _SHOWN)) if part)
    return Verdict(f"{evidence.name} ended with {code}{f': {shown}' if shown else ''}", category)


def _finished(evidence: Evidence) -> Verdict:
    """Judge an agent that says that it has done its work."""
    outcome, name, transcript = evidence.outcome, evidence.name, evidence.transcript
    ended_by_us = outcome.timed_out or outcome.stopped is not None
    if outcome.exit_code and not ended_by_us:
        code = describe_failure(outcome, evidence.timeout)
        return Verdict(f"{name} said that it had finished, but ended with {code}")
    denied = ", ".join(dict.fromkeys(transcript.denied))
    because = f"; it was not allowed to use {denied}: see permission_mode" if denied else ""
    category = ErrorCategory.PERMISSION if denied else ErrorCategory.LOGIC
    if evidence.changed is False:
        hint = because or "; if none was due, set no_change_ok: true for this backend"
        return Verdict(f"{name} said that it had finished, but changed no file{hint}", category)
    if not evidence.changed and not transcript.answer.strip():
        return Verdict(f"{name} said that it had finished, but gave no answer{because}", category)
    return Verdict()
