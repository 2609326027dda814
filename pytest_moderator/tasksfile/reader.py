"""The way from a file to its tasks."""

from __future__ import annotations

import gc
import hashlib
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_moderator.model import Problem, Severity, Task, TaskPhase
from pytest_moderator.tasksfile.assemble import (
    Draft,
    description,
    give_ids,
    make_drafts,
    parent_of,
)
from pytest_moderator.tasksfile.dependencies import Dependencies, is_dependencies
from pytest_moderator.tasksfile.dialects import find_tasks
from pytest_moderator.tasksfile.document import Document, Node, parse_document, split_lines
from pytest_moderator.tasksfile.fields import fields_of
from pytest_moderator.tasksfile.front_matter import FrontMatter, read_front_matter
from pytest_moderator.tasksfile.leftovers import no_tasks, passed_over
from pytest_moderator.tasksfile.lines import find_state
from pytest_moderator.tasksfile.phases import phases_of
from pytest_moderator.tasksfile.waves import read_waves
from pytest_moderator.tasksfile.words import DEPENDS_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_moderator.tasksfile.dialects import Reading

MAX_BYTES = 10 * 1024 * 1024
_BOM = "\ufeff"


class TasksFile(NamedTuple):
    """A tasks file as it was read.

    Attributes:
        path: the file, as the caller gave it.
        display: how problems name it.
        text: its text, without a byte order mark.
        digest: SHA-256 of its bytes.
        dialect: ``spec-kit``, ``kiro``, ``openspec``, ``headings``, ``spec-kitty``, ``ccpm``, ``bmad``,
            ``checklist``; empty when it has no tasks.
        phases: the headings that group its tasks, in order.
        tasks: its tasks, in order.
        story_depends: statements between stories: ``US4`` depends on ``US1``.
        front_matter: the value of the key ``moderator`` of its front matter.
        front_matter_line: 1-based line of that key; 0 where there is none.
        front_matter_lines: 1-based lines of that key and of all below it, by the keys that lead there.
        problems: all that is wrong with it, in the order of its lines.
        further_lines: by task id, the lines of boxes that show its state besides the task's own line: where a list
            repeats it, or a status below its heading.
    """

    path: Path
    display: str
    text: str = ""
    digest: str = ""
    dialect: str = ""
    phases: tuple[TaskPhase, ...] = ()
    tasks: tuple[Task, ...] = ()
    story_depends: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    front_matter: Mapping[str, Any] = MappingProxyType({})
    front_matter_line: int = 0
    front_matter_lines: Mapping[tuple[str, ...], int] = MappingProxyType({})
    problems: tuple[Problem, ...] = ()
    further_lines: Mapping[str, tuple[int, ...]] = MappingProxyType({})


def read_tasks_file(path: Path, display: str | None = None) -> TasksFile:
    """Read a tasks file; what is wrong with it is in its problems, nothing is raised.

    Args:
        path: the file.
        display: how problems shall name it; the path itself when left out.
    """
    display = str(path) if display is None else display
    try:
        data = read_bytes(path)
        text = data.decode("utf-8")
    except UnreadableError as error:
        return TasksFile(path, display, problems=(replace(error.problem, path=display),))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = Problem(
            Severity.ERROR, "not-utf8", "the file is not UTF-8", "save it as UTF-8", path=display, line=line
        )
        return TasksFile(path, display, digest=hashlib.sha256(data).hexdigest(), problems=(problem,))
    return parse_tasks(text, path, display)._replace(digest=hashlib.sha256(data).hexdigest())


class UnreadableError(Exception):
    """A file that cannot be read; ``problem`` says why."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.problem = Problem(Severity.ERROR, code, message, hint)


def read_bytes(path: Path) -> bytes:
    """Read a tasks file.

    Raises:
        UnreadableError: it is missing, no regular file, too large, or may not be read.
    """
    try:
        if not path.exists():
            raise UnreadableError("missing-file", "there is no such file", "check the path")
        if not path.is_file():
            raise UnreadableError("not-a-file", "this is not a regular file", "name the Markdown file itself")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnreadableError(
            "unreadable", f"the file cannot be read: {reason}", "check it and its rights"
        ) from None
    if len(data) > MAX_BYTES:
        limit = f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB"
        raise UnreadableError("too-large", limit, "split it into several files")
    return data


def parse_tasks(text: str, path: Path, display: str) -> TasksFile:
    """Read the text of a tasks file; what is wrong with it is in its problems, nothing is raised.

    Args:
        text: the text.
        path: the file that it comes from.
        display: how problems shall name that file.
    """
    with _collector_paused():
        return _parse(text, path, display)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the garbage collector from looking again and again at a growing file without any garbage."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _parse(text: str, path: Path, display: str) -> TasksFile:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    text = text.removeprefix(_BOM)
    lines = split_lines(text)
    front_matter = read_front_matter(lines)
    document = parse_document(lines, front_matter.lines)
    reading = find_tasks(document)
    drafts = make_drafts(document, reading.entries)
    problems = [*_front_matter_problems(front_matter), *give_ids(drafts)]
    phases = phases_of(drafts)
    dependencies = Dependencies(drafts)
    for draft in drafts:
        dependencies.read_task(draft)
    owned = {id(node) for draft in drafts for node in (draft.entry.node, *draft.blocks)}
    dependencies.read_sections(document, owned)
    tasks = _finish(drafts, phases, dependencies, document)
    for draft in drafts:
        problems += draft.said.problems
    problems += dependencies.problems
    problems += passed_over(reading, document, front_matter.lines)
    if not tasks:
        problems.append(no_tasks(reading, document, text))
    problems.sort(key=lambda problem: problem.line)
    return TasksFile(
        path=path,
        display=display,
        text=text,
        digest=digest,
        dialect=reading.dialect,
        phases=tuple(dict.fromkeys(TaskPhase(node.text, node.line) for node in phases if node)),
        tasks=tasks,
        story_depends=_story_depends(document, tasks, owned),
        front_matter=MappingProxyType(dict(front_matter.settings)),
        front_matter_line=front_matter.settings_line,
        front_matter_lines=MappingProxyType(dict(front_matter.key_lines)),
        problems=tuple(replace(problem, path=display) for problem in problems),
        further_lines=_further_lines(drafts, reading, document),
    )


def _front_matter_problems(front_matter: FrontMatter) -> list[Problem]:
    if not front_matter.error:
        return []
    message = f"the front matter cannot be read: {front_matter.error}"
    hint = "correct the YAML between the two '---' lines, or remove it"
    return [Problem(Severity.ERROR, "bad-front-matter", message, hint, line=front_matter.error_line)]


def _further_lines(
    drafts: Sequence[Draft], reading: Reading, document: Document
) -> Mapping[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for draft in drafts:
        line_id, status = draft.entry.line.id, draft.said.status_line
        lines = reading.repeats.get(line_id.id, []) if line_id and reading.repeats else []
        if draft.entry.box is None and status and find_state(document.lines[status - 1], of_status=True):
            lines = [*lines, status]
        if lines:
            found[draft.id] = tuple(lines)
    return MappingProxyType(found)


def _finish(
    drafts: Sequence[Draft], phases: Sequence[Node | None], dependencies: Dependencies, document: Document
) -> tuple[Task, ...]:
    ids = {draft.id for draft in drafts}
    waves = read_waves(document)
    parents = {id(draft.nested_in) for draft in drafts if draft.nested_in}
    return tuple(
        _task(
            draft,
            phase,
            parent=parent_of(draft, ids),
            depends_on=tuple(dependencies.of[draft.id]),
            wave=waves.get(draft.id),
            text=description(draft, document, has_nested=id(draft) in parents),
        )
        for draft, phase in zip(drafts, phases, strict=True)
    )


def _task(
    draft: Draft,
    phase: Node | None,
    *,
    parent: str | None,
    depends_on: tuple[str, ...],
    wave: int | None,
    text: str,
) -> Task:
    line, said = draft.entry.line, draft.said
    values = dict(said.values)
    return Task(
        id=draft.id,
        title=values.pop("title", line.title) or draft.id,
        line=draft.entry.node.line,
        end_line=draft.end_line,
        description=text,
        phase=phase.text if phase else None,
        phase_line=phase.line if phase else 0,
        parent=parent,
        done=line.done or (draft.entry.box is None and bool(said.done)),
        parallel=line.parallel,
        story=line.story,
        optional=values.pop("optional", line.optional),
        depends_on=depends_on,
        wave=wave,
        files=_files_of(draft),
        commands=tuple(said.commands),
        env=MappingProxyType(values.pop("env", {})),
        notes=MappingProxyType(said.notes),
        **values,
    )


def _files_of(draft: Draft) -> tuple[str, ...]:
    """Give the files that a task names."""
    only = draft.said.only_files
    texts = () if only is not None else (draft.entry.node.text, *draft.prose, *draft.said.files)
    if not only and not any("." in text or "`" in text for text in texts):
        return ()
    from pytest_moderator.tasksfile.files import named_files, normalise  # noqa: PLC0415 (not all files name any)

    if only is not None:
        return tuple(dict.fromkeys(normalise(name) or name for name in only))
    return named_files(texts)


def _story_depends(
    document: Document, tasks: Sequence[Task], owned: set[int]
) -> Mapping[str, tuple[str, ...]]:
    telling = [node for node in document.nodes if id(node) not in owned and _may_tell_of_stories(node)]
    if not telling:
        return MappingProxyType({})
    from pytest_moderator.tasksfile.sections import Stories  # noqa: PLC0415 (many files have no such section)

    stories = Stories({task.story for task in tasks if task.story})
    for node in telling:
        if is_dependencies(node):
            stories.read(node)
        else:
            for found in fields_of(node):
                stories.read_field(node, found.key, found.value)
    return MappingProxyType({story: tuple(on) for story, on in stories.depends.items()})


def _may_tell_of_stories(node: Node) -> bool:
    if node.kind not in ("item", "text", "row"):
        return False
    if is_dependencies(node):
        return True
    return node.kind != "row" and any(found.key in DEPENDS_KEYS for found in fields_of(node))
