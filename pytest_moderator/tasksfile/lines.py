"""What the line of a task says: box, id, tags, title."""

from __future__ import annotations

import re
from typing import NamedTuple

from pytest_moderator.tasksfile.ids import LeadingId, leading_id

# A box: exactly one character that is no letter (so that the legend "[P] tasks = ..." is none), or an x;
# Kiro's star for optional tasks may follow, and a script that has no spaces goes on at once, as may a number.
_BOX = re.compile(
    r"(?:\*\*|__)?\[(?P<state>[^\w\[\]\n]|[xX_]|)\](?P<star>\\?\*|[ ]\\?\*(?=[ ]\d))?"
    r"(?=[\s*_（【「『《]|[^\W\x00-\x7f]|\d{1,6}(?:\.\d|[.:)]\s)|$)\s*"
)
# A tag; what looks like one may be a link such as [text](target) or [text][label], but not before another short tag.
_TAG = re.compile(
    r"\s*(?:\*\*|`)?(?:\[([^\[\]\n]{1,60})\](?!\(|\[(?!(?:[A-Z]{1,4}|us)-?\d{0,3}[a-z]?\]))|[(（【［]([PpＰ])[)）】］])"
    r"(?:\*\*|`)?\s*"
)
_EMOJI_BEFORE_TAG = re.compile(
    r"\s*([^\w\s!-/:-@\[-`{-~（）【】「」、。：；]{1,4})\s*(?=\[|[(（][PpＰ][)）])"
)
_EMOJI_BEFORE_ID = re.compile(r"(?:[^\w\s!-/:-@\[-`{-~（）【】「」、。：；]{1,4}\s+){1,2}")
_STAR_BEHIND_ID = re.compile(r"\d{1,6}(?:\.\d{1,6})*\*(?=\s)")
_LAST_TAG = re.compile(
    r"(?:\s|(?<=\]))(?:\*\*|`)?(?:\[([^\[\]\n]{1,60})\]|[(（]([Pp])[)）]|`(P\d)`)(?:\*\*|`)?\s*$"
)
# [FR-001] refers to a requirement, while [FR1] groups the tasks of a feature as [US1] does.
_STORY = re.compile(r"(?:[Ss]tory ?: ?)?((?:US|us|STORY|Story|User Story )[- ]?\d+[a-z]?|FR\d+[a-z]?)")
_JOINED_TAGS = re.compile(r"\s?[,/;&+]\s?")
_DROPPED = re.compile(r"(?i:P\d?|PARALLEL|DONE|COMPLETED?|FINISHED|WIP|TODO|✅|X)")
_DONE = re.compile(r"(?i:DONE|COMPLETED?|FINISHED|✅|X)")
_SAYS_PARALLEL = re.compile(r"[(\[,]\s?parallel: true\b")
_COMMENT = r"(?s:<!--.*?(?:-->|$))"
_HEADING_BOX = re.compile(r"(?:\\?\[[ xX~-]\\?\]\s*)?[^\w\[(#]{0,12}")
_HEADING_STATE = re.compile(r"[^\w\[(#]{0,12}\[(?P<state>[ xX~-])\\?\]\s*")
_TICKED = r"✅|☑|✔|\[[xX]\\?\]"
_SAYS_DONE = (
    r"(?i:[(（]\s*(?:completed?|done|finished|已?完成|完了|완료|completad[oa]|concluíd[oa]|erledigt|готово|выполнено)[\s\d:/.,-]*[)）]\W*$"
    r"|\s[—–-]+\s(?:completed?|done|已完成|完了|완료)\W*$)"
)
_STATUS_BOX = re.compile(r"[^\r\n]*?[:：][*_]{0,3}\s*\[(?P<state>[^\w\[\]\r\n]|[xX_])\]")
_ITEM_START = re.compile(r"(?:\s*(?:[-+*]|\d{1,9}[.)])(?=\s))+\s*")
_HEADING_START = re.compile(r"\s*#{1,6}\s+")
_TICKS = ("x", "X", "✓", "✔", "☑", "✅")
_MAX_TAGS = 12


class Box(NamedTuple):
    """The check-box at the start of a list item."""

    state: str
    optional: bool
    end: int

    @property
    def done(self) -> bool:
        """Whether it is ticked."""
        return is_tick(self.state)


class TaskLine(NamedTuple):
    """The first line of a task, taken apart.

    Attributes:
        id: ``None`` where the line gives none.
        title: the rest, without id and known tags.
        parallel: whether it carries ``[P]`` or ``(P)``.
        story: such as ``US1``.
        done: whether its box is ticked, or its heading says so.
        optional: whether a star follows the box or the number.
    """

    id: LeadingId | None
    title: str
    parallel: bool = False
    story: str | None = None
    done: bool = False
    optional: bool = False


def find_box(text: str) -> Box | None:
    """Find the check-box of a list item's text."""
    match = _BOX.match(text)
    if match is None:
        return None
    return Box(match["state"], bool(match["star"]), match.end())


def is_tick(state: str) -> bool:
    """Whether what stands between the brackets of a box means that it is ticked."""
    return state in _TICKS


def find_state(source: str, start: int = 0, *, of_status: bool = False) -> tuple[int, int] | None:
    """Find what stands between the brackets of the box that introduces a task.

    Args:
        source: text as it stands in a file, bullets and all.
        start: where in it the line of the task starts; the box may follow on another, behind a lonely bullet.
        of_status: whether the line may also be a field such as ``**Status**: [ ]``.

    Returns:
        Where it starts and where it ends; ``None`` where there is no box.
    """
    marker, heading = _ITEM_START.match(source, start), _HEADING_START.match(source, start)
    if marker:
        found = _BOX.match(source, marker.end())
    else:
        found = _HEADING_STATE.match(source, heading.end() if heading else start)
    if of_status and heading is None and found is None:
        found = _STATUS_BOX.match(source, start)
    return found.span("state") if found else None


def read_box_line(text: str, box: Box, *, with_id: bool = True) -> TaskLine:
    """Take the first line of a list item with a box apart; ``with_id=False`` leaves an id in the title."""
    line, _, _ = text.partition("\n")
    found, title, tags = _split(line[box.end :], with_id=with_id)
    parallel = _is_parallel(tags) or bool(_SAYS_PARALLEL.search(title))
    optional = box.optional or _STAR_BEHIND_ID.match(line, box.end) is not None
    return TaskLine(found, title, parallel, _story(tags), box.done, optional)


def read_heading_line(text: str) -> TaskLine | None:
    """Take a heading apart that may be a task; ``None`` where it has no id."""
    start = _HEADING_BOX.match(text)
    end = start.end() if start else 0
    found, title, tags = _split(text[end:])
    if found is None:
        return None
    done = bool(re.search(_TICKED, text) or re.search(_SAYS_DONE, text)) or any(
        _DONE.fullmatch(tag) for tag in tags
    )
    return TaskLine(found, title, _is_parallel(tags), _story(tags), done)


def read_boxed_heading(text: str) -> TaskLine | None:
    """Take a heading apart that starts with a box, whether it has an id or not; ``None`` where it has no box."""
    box = _HEADING_STATE.match(text)
    if box is None:
        return None
    found, title, tags = _split(text[box.end() :])
    return TaskLine(found, title, _is_parallel(tags), _story(tags), is_tick(box["state"]))


def _split(text: str, *, with_id: bool = True) -> tuple[LeadingId | None, str, list[str]]:
    """Split into id, title and the tags around them; an emoji before the id stays in the title."""
    found, title, tags = _split_tags(text, with_id=with_id)
    if with_id and found is None and (emoji := _EMOJI_BEFORE_ID.match(text)):
        behind, rest, others = _split_tags(text[emoji.end() :], with_id=True)
        if behind is not None:
            return behind, f"{emoji[0].strip()} {rest}", others
    return found, title, tags


def _split_tags(text: str, *, with_id: bool) -> tuple[LeadingId | None, str, list[str]]:
    """Split into id, title and the tags around them; tags that we do not know stay in the title."""
    tags: list[str] = []
    found = leading_id(text) if with_id else None
    position = 0
    while with_id and found is None and (tag := _TAG.match(text, position)) and len(tags) < _MAX_TAGS:
        tags += _parts(tag[1] or tag[2])
        position = tag.end()
        found = leading_id(text, position)
    if found is None and not all(_is_known(tag) for tag in tags):
        position, tags = 0, []
    rest = text[found.end :] if found else text[position:]
    kept: list[str] = []
    while len(tags) + len(kept) < _MAX_TAGS:
        if tag := _TAG.match(rest):
            tags += _parts(tag[1] or tag[2])
            if not _is_known(tags[-1]):
                kept.append(tag[0].strip())
            rest = rest[tag.end() :]
        elif emoji := _EMOJI_BEFORE_TAG.match(rest):
            kept.append(emoji[1])
            rest = rest[emoji.end() :]
        else:
            break
    while (tag := _LAST_TAG.search(rest)) and len(tags) < _MAX_TAGS and _is_known(tag[1] or tag[2] or tag[3]):
        tags += _parts(tag[1] or tag[2] or tag[3])
        rest = rest[: tag.start()]
    return found, _clean(" ".join([*kept, rest.strip()])), tags


def _parts(tag: str) -> list[str]:
    """Give the tags that stand in one pair of brackets: "[P, US1]"; others stay whole."""
    parts = _JOINED_TAGS.split(tag)
    return parts if all(_is_known(part) for part in parts) else [tag]


def _is_known(tag: str) -> bool:
    return bool(_DROPPED.fullmatch(tag) or _STORY.match(tag))


def _is_parallel(tags: list[str]) -> bool:
    return any(tag.upper() in ("P", "Ｐ", "PARALLEL") for tag in tags)


def _story(tags: list[str]) -> str | None:
    stories = [match[1].replace("us", "US", 1) for tag in tags if (match := _STORY.match(tag))]
    return min(stories, key=lambda story: not story.upper().startswith("US"), default=None)


def _clean(title: str) -> str:
    """Drop comments, and marks of emphasis that lost their other half to the id."""
    title = re.sub(_COMMENT, "", title) if "<!--" in title else title
    title = title.strip()
    for mark in ("**", "~~", "__"):
        if title.count(mark) % 2:
            cut = title.rfind(mark) if title.endswith(mark) else title.find(mark)
            title = f"{title[:cut]}{title[cut + 2 :]}".strip()
    return title.lstrip(":：·").strip()
