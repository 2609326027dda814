"""When a limit ends, from the words of the services."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_moderator.backends.agents.failures import classify
from pytest_moderator.backends.agents.resets import find_reset

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 3, 10, 14, 0, 30, tzinfo=UTC)


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine in Berlin."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Claude AI usage limit reached|1773154800", "2026-03-10 15:00"),
        ("5-hour limit reached ∙ resets 3pm", "2026-03-11 14:00"),  # 3 pm in Berlin has just been
        ("You've hit your limit · resets 4:30pm", "2026-03-10 15:30"),
        ("You've hit your limit · resets 9am (UTC)", "2026-03-11 09:00"),
        ("You've hit your limit · resets 9pm (America/New_York)", "2026-03-11 01:00"),
        ("You're out of extra usage · resets Mar 12 at 3am (UTC)", "2026-03-12 03:00"),
        ("hit your limit, resets 12am (UTC)", "2026-03-11 00:00"),
        ("hit your limit, resets 12:15 pm (GMT)", "2026-03-11 12:15"),
        ("usage limit. try again at Mar 10th, 2026 3:39 AM.", "2026-03-10 14:00"),  # it is over
        ("usage limit. try again at Apr 1st, 2026 3:39 AM.", "2026-04-01 01:39"),
        ("usage limit. try again at Jan 2, 3:39 AM.", "2027-01-02 02:39"),
        ("usage limit, or try again in 2 hours 13 minutes", "2026-03-10 16:13"),
        ("try again in 3 days, 2 hours and 1 minute.", "2026-03-13 16:01"),
        ("Please retry in 34.07s", "2026-03-10 14:01"),
        ("Retry-After: 90", "2026-03-10 14:02"),
        ('{"resets_in_seconds": 3600}', "2026-03-10 15:00"),
        ('"retryDelay": "34s"', "2026-03-10 14:01"),
        ('{"type":"usage_limit_reached","resets_at":1773154800}', "2026-03-10 15:00"),
        ('"resets_at":1773154800000', "2026-03-10 15:00"),
        ("quota resets at 2026-03-10T18:00:00Z", "2026-03-10 18:00"),
        ("retry after 2026-03-10 18:00", "2026-03-10 17:00"),
        ("available again at 18:00", "2026-03-10 17:00"),
    ],
)
def test_a_time_is_found(in_berlin: None, text: str, expected: str) -> None:
    found = find_reset(text, NOW)
    assert found is not None
    assert f"{found:%Y-%m-%d %H:%M}" == expected
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "You've hit your session limit",
        "resets soon",
        "resets 3",
        "resets 99pm",
        "resets 25:00",
        "resets 9pm (Nowhere/Land)",
        "resets Xyz 12 at 3pm",
        "resets Feb 31 at 3pm",
        "usage limit reached|12",
        "try again in 900 days",
        "try again in 99999999999999999999 hours",
        "Retry-After: 99999999999",
        "reset at 2026-13-45T99:99",
        "try again later",
        "issue|9999999999",
    ],
)
def test_where_there_is_none(text: str) -> None:
    assert find_reset(text, NOW) is None


@given(st.text("resets try again in at 0123456789 hms:|pmMar,()UTC\n", max_size=60))
def test_whatever_is_found_is_near(text: str) -> None:
    found = find_reset(text, NOW)
    assert found is None or NOW <= found <= NOW + timedelta(days=366)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("API Error: 529 {'type':'error','error':{'type':'overloaded_error'}}", "overload"),
        ("API Error: 401 Invalid authentication credentials", "auth"),
        ("You've hit your org's monthly usage limit", "limit"),
        ("You've hit your individual spend limit", "billing"),
        ("You've reached your Opus limit. Run /usage-credits to continue or switch models", "billing"),
        ("rate_limit", "limit"),
        ("You exceeded your current quota, please check your plan and billing details", "billing"),
        ("TerminalQuotaError: You have exhausted your daily quota", "limit"),
        ("getaddrinfo EAI_AGAIN api.anthropic.com", "network"),
        ("Authentication required. Please run 'cursor-agent login' first, or set CURSOR_API_KEY", "auth"),
        ("Permission denied and could not request permission from user", "permission"),
        ("No conversation found with session ID: x", "session"),
        ("context_length_exceeded", "context"),
        ("input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000", "context"),
        ("The input token count (1200000) exceeds the maximum number of tokens allowed", "context"),
        ("Codex ran out of room in the model's context window. Start a new conversation", "context"),
        ("You have exhausted your quota. Please retry in 7.07s", "limit"),
        ("litellm.RateLimitError: AnthropicException", "limit"),
        ("You have exceeded your premium request allowance.", "limit"),
        ("503 upstream connect error or disconnect/reset before headers", "overload"),
        ("API Error (503): try later", "overload"),
        ("litellm.ServiceUnavailableError: x", "overload"),
        ("No capacity available for this model on the server", "overload"),
        ("litellm.APIConnectionError: x", "network"),
        ("Could not resolve host: api.openai.com", "network"),
        ("error sending request for url (https://api.openai.com/v1/responses)", "network"),
        ("the socket connection was closed unexpectedly", "network"),
        ("error: Unauthorized", "auth"),
        ("No authentication information found.", "auth"),
        ("Incorrect API key provided: sk-1", "auth"),
        ("your refresh token was already used. Please log out and sign in again.", "auth"),
        ("Insufficient credits. Add more", "billing"),
        ("The model `gpt-99` does not exist or you do not have access to it.", "model"),
        ("ProviderError: Model not found: foo/bar.", "model"),
        ("404 {'type': 'error', 'error': {'type': 'not_found_error', 'message': 'model: foo'}}", "model"),
        # what an agent may say of its own work
        ("I could not make the rate limiter work: its tests fail", "unknown"),
        ("The OAuth login and the authentication page are not there", "unknown"),
        ("The test of the session quota fails", "unknown"),
        (
            "The model Order does not exist in src/models, and the handler of unauthorized users fails",
            "unknown",
        ),
        ("", "unknown"),
    ],
)
def test_what_the_words_of_a_failure_mean(text: str, kind: str) -> None:
    assert classify(text, NOW).kind == kind


@pytest.mark.parametrize(
    ("status", "kind"), [(429, "limit"), (529, "overload"), (500, "overload"), (402, "billing")]
)
def test_what_a_status_means(status: int, kind: str) -> None:
    assert classify("no", NOW, status).kind == kind
    assert classify("no", NOW, 200).kind == "unknown"
