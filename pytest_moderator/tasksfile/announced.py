"""Whether a text announces prerequisites: most do not, and whoever reads those that do is not needed for them."""

from __future__ import annotations

import re

# What announces prerequisites, searched in lower case. The first kind can hardly be about anything else.
# Whether a word starts there is checked afterwards: a boundary in front would make every search slow.
ANNOUNCED = re.compile(
    r"(?P<sure>depend(?:s|ent|ing)?[ _-]?(?:up)?on\b|depends?\s?[:(]|dependenc(?:y|ies)(?: on\b|\s?:)|deps?\s?:|"
    r"blocked[ _-]?by\b|pre-?(?:requisite|req)s?\s?:|depende (?:de|da|do|das|dos)\b|depende\s?:|"
    r"dependências?\s?:|dependencias?\s?:|dépend d(?:e\b|es\b|u\b|['’])|dépendances?\s?:|"
    r"зависит от\b|зависимост[ьи]\s?:|hängt ab von\b|abhängig von\b|abhängigkeit(?:en)?\s?:|"
    r"phụ thuộc(?: vào)?\b|dipende da\b|dipendenz[ae]\s?:|"
    r"zależy od\b|bergantung pada\b|[يت]عتمد على)"
    r"|(?P<script>依[赖賴][于於]?|依存|의존|前置(?:任[务務]|依[赖賴]|条件)?|前提(?:タスク)?|선행(?: ?작업)?)"
    r"|(?:after|requires?|needs?|waits? for|once|después de|depois d[eao]s?|após|après|после|nach|sau)\b"
)
BEHIND = re.compile(r"\s?(?:に依存|の?完了後|の後|完成后|完成後|之后|之後|에 의존|이후|완료 후)")
_WORD = re.compile(r"\w")


def announces(text: str) -> bool:
    """Whether a text may say anywhere what its task depends on."""
    return ANNOUNCED.search(lowered(text)) is not None or BEHIND.search(text) is not None


def begins_with_announcement(text: str) -> bool:
    """Whether a text starts with what its task depends on, as a note that is only about that does."""
    start = _WORD.search(text)
    return start is not None and ANNOUNCED.match(lowered(text), start.start()) is not None


def lowered(text: str) -> str:
    """Give the text in lower case, position by position."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text
