"""Whether a text announces prerequisites: most do not, and whoever reads those that do is not needed for them."""

from __future__ import annotations

import re

from pytest_moderator.tasksfile.words import SURELY_WAITS, WAITS

# What announces prerequisites, searched in lower case. The first kind can hardly be about anything else.
# What stands in front is a quick look: at most places none of the many words can start.
ANNOUNCED = re.compile(
    r"(?=(?<![a-z])[a-z]|[<\x80-\U0010ffff])(?:"
    rf"(?P<sure>(?:{'|'.join(SURELY_WAITS)})\b|"
    r"depends?\s?[:(]|dependenc(?:y|ies)\s?:|deps?\s?:|pre-?(?:requisite|req)s?\s?:|depende\s?:|"
    r"dependências?\s?:|dependencias?\s?:|dépendances?\s?:|зависимост[ьи]\s?:|abhängigkeit(?:en)?\s?:|"
    r"dipendenz[ae]\s?:|zależności\s?:|ketergantungan\s?:|bağımlılık(?:lar)?\s?:|التبعيات\s?:)"
    r"|(?P<script>依[赖賴](?:[于於项項]|关系|關係)?|相依[于於]?|依存(?:関係|先)?|의존(?:성| ?관계)?|"
    r"前置(?:任[务務]|依[赖賴]|条件)?|前提(?:タスク)?|선행(?: ?작업)?)"
    r"|(?P<loose>[需须須]要?先?(?:完成)?|要(?=\s?t-?\d)|等[待到]|←|⬅️?|<-{1,2}(?=\s))"
    rf"|(?:{'|'.join(WAITS)}|deps?|prereq|po|"
    r"(?:cannot|can't|must not|not) (?:start |begin |run )?(?:before|until))\b)"
)
BEHIND = re.compile(
    r"\s?(?:(?:の[^\s\d、。（）()]{1,20})?に(?:のみ)?依存|"
    r"の?完了後|の後|(?:が|完了が)?(?:前提(?!条件)|必要(?!な))|が完了|完成[后後]|之[后後]|[后後](?=\s*[)）]|$)|"
    r"에 의존|이후|완료 후|(?:[이가] )?필요)(?!\s?(?:しな|しませ|せず|[がはで]?な[いし]|하지|없))"
)
_WORD = re.compile(r"\w")
_STARTS_WITH_ID = re.compile(r"\W{0,9}(?:タスク|作業|任[务務]|작업|태스크)?\s?[A-Z]{0,4}-?\d[\d.]{0,9}")


def announces(text: str) -> bool:
    """Whether a text may say anywhere what its task depends on."""
    return ANNOUNCED.search(lowered(text)) is not None or (
        not text.isascii() and BEHIND.search(text) is not None
    )


def begins_with_announcement(text: str) -> bool:
    """Whether a text starts with what its task depends on, as a note that is only about that does."""
    start = _WORD.search(text)
    if start is None:
        return False
    if ANNOUNCED.match(lowered(text), start.start()):
        return True
    return not text.isascii() and bool(_STARTS_WITH_ID.match(text) and BEHIND.search(text))


def lowered(text: str) -> str:
    """Give the text in lower case, position by position."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text
