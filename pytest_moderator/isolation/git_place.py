"""The place of one task in a repository: made when the task starts, merged when it has ended."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Self

from pytest_moderator.errors import ModeratorError
from pytest_moderator.isolation import included, submodules
from pytest_moderator.isolation.commits import commit_work, save_work
from pytest_moderator.isolation.git import Git, GitError
from pytest_moderator.isolation.git_run import TRAILER
from pytest_moderator.isolation.leavings import unchanged, unknown_files
from pytest_moderator.isolation.merging import ConflictError, Merged, Work, merge, merged_before
from pytest_moderator.isolation.names import branch_name, sanitise_id
from pytest_moderator.isolation.repo_lock import PlaceLock
from pytest_moderator.isolation.ticks import Tick
from pytest_moderator.isolation.worktrees import Mark, Worktree, add, release, remove
from pytest_moderator.model import ErrorCategory, ExecutionContext, IsolationLevel, TaskResult, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_moderator.isolation.git_run import GitRun
    from pytest_moderator.model import Task

    Setup = Callable[[str, Path], None]
    Check = Callable[[Path], None]


class LostPlaceError(ModeratorError):
    """A task has removed the file ``.git`` of its worktree, or put another one in its place."""

    category = ErrorCategory.LOGIC

    def __init__(self, path: Path) -> None:
        """Say which worktree it was."""
        super().__init__(
            f"the task has removed or replaced {str(path / '.git')!r}, which links its worktree to the repository: "
            "nothing was merged"
        )


def worktree_context(
    run: GitRun, name: str, level: IsolationLevel, state_dir: Path, project_id: str
) -> ExecutionContext:
    """Name the place of a task in a repository, and make nothing.

    It is what :func:`~pytest_moderator.create_isolated_context` gives for a base context in the area of the run's
    worktrees, on its integration branch; for ``branch``, too, at ``{area}/tasks/{id}``, since there is a worktree.

    Args:
        run: the run.
        name: the task's id, or another text that no other task of the run has.
        level: ``branch`` or ``full``.
        state_dir: where the run keeps its records.
        project_id: names the project.
    """
    folder = sanitise_id(name)
    return ExecutionContext(
        project_id=project_id,
        working_directory=run.area / "tasks" / folder / run.prefix,
        git_branch=branch_name(run.integration, name),
        state_dir=state_dir / "tasks" / folder if level is IsolationLevel.FULL else state_dir,
        isolation_level=level,
    )


class GitPlace:
    """One task's worktree and branch. Used by the process that runs the task, and by no other until it is closed.

    Args:
        run: the run.
        task: the task.
        name: its id, or another text that no other task of the run has.
        tasks_file: the file that it stands in, whose box is ticked where the settings want that.
        goes_on: whether its backend goes on with what the try before has left, where the settings leave that open.

    Attributes:
        put_back: whether the place was made anew for the try that is next, without what one before has done.
    """

    def __init__(
        self, run: GitRun, task: Task, name: str, tasks_file: Path | None = None, *, goes_on: bool = False
    ) -> None:
        self.path = run.area / "tasks" / sanitise_id(name)
        self.branch = branch_name(run.integration, name)
        self._run = run
        self._task = task
        self._name = sanitise_id(name)
        marked = next((path for path in run.marked if run.top / path == tasks_file), None)
        self._tick = Tick(task, marked) if marked and not task.checkpoint else None
        self._worktree: Worktree | None = None
        self._lock: PlaceLock | None = None
        self._outdated = False  # it does not go together with what was merged meanwhile
        self._goes_on = run.options.retry_from == "kept" or (run.options.retry_from == "auto" and goes_on)
        self._litter: dict[str, str] | None = None
        self.put_back = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Let others work at this place."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def prepare(self, *, attempt: int = 1, again: bool = False, setup: Setup | None = None) -> str | None:
        """Make the place, or find that of an earlier try.

        Args:
            attempt: the number of the try.
            again: whether there may have been a try before, in this run or in the one that it goes on with.
            setup: runs the setup command in a directory; raises a :class:`ModeratorError` when it fails.

        Returns:
            The merge commit, when the task's work is in the integration branch already: it must not run again.

        Raises:
            ModeratorError: it cannot be made.
            OSError: likewise.
        """
        self._take_lock()
        if again and (commit := merged_before(self._run, self._name)):
            self._tidy_merged()
            return commit
        found = Worktree.at(self.path)
        if found and found.mark and found.mark.ready and found.mark.run_id == self._run.run_id:
            release(self._run, found, self.branch)
            self._worktree = found
            self.renew(attempt)
        else:
            mark = Mark(self._run.run_id, self._name, self.branch, self._newest())
            self.put_back = again
            if again:
                self._rescue(mark.start)
            fill = partial(self._fill, setup=setup)
            self._worktree = add(self._run, self.path, mark, fill, self._descriptor)
        self._working_directory.mkdir(parents=True, exist_ok=True)
        return None

    def renew(self, attempt: int) -> bool:
        """Put the worktree back to the newest integration for another try, unless tries go on where the last one was.

        Then only those files of git are put back that a verification has changed, which came after the commit.

        That is of no use when the work is right by itself and wrong with what was merged meanwhile: then it is begun
        anew all the same.

        What the try before has done is not lost: it is kept as a commit at
        ``refs/moderator/<run>/<task>/<try>``. What git ignores stays as it is.

        Returns:
            Whether the try begins anew.

        Raises:
            ModeratorError: it cannot be done.
        """
        self.put_back = not self._goes_on or self._outdated
        if self.put_back:
            self.start_over(attempt)
        elif self._litter is not None:
            self._git("reset", "--hard", "--quiet", config=self._run.config)
        return self.put_back

    def start_over(self, attempt: int) -> None:
        """Do what :meth:`renew` does where tries begin anew."""
        worktree, mark = self._made
        git = self._git
        save_work(self._run, git, mark, self._message("Keep what was tried of"), max(attempt - 1, 1))
        start = self._newest()
        arguments = ("--force", "--no-track", "--quiet", "-B", self.branch, start, "--")
        git("checkout", *arguments, config=self._run.config)
        git("clean", "-ffdq")
        submodules.fill(self._run, self.path)
        self._worktree = worktree.remember(replace(mark, start=start))
        self._outdated = False
        self._litter = None

    def settle(self, result: TaskResult, check: Check | None = None) -> TaskResult:
        """Commit and merge what a task has done; what it has not completed is kept.

        Args:
            result: what came of the task.
            check: looks whether the task is done, in a directory: the task's own, and the same one with the files of
                the merge where these are others; raises a :class:`ModeratorError` that says what is wrong.

        Returns:
            The result with what became of the worktree and the branch; a failure when the work could not be merged.
        """
        if result.status is not TaskStatus.COMPLETED:
            return self._leave(result)
        try:
            notes, merged = self._bring_home(result, check)
            kept = self._tidy(merged)
        except ConflictError as error:
            return self._conflict(result, error)
        except (ModeratorError, OSError) as error:
            category = getattr(error, "category", ErrorCategory.RESOURCE)
            return self._kept(_failed(result, str(error), category))
        commit = merged.commit if merged else None
        return kept(replace(result, commit=commit, notes=(*result.notes, *notes)))

    @property
    def _working_directory(self) -> Path:
        return self.path / self._run.prefix

    @property
    def _git(self) -> Git:
        """Git in the worktree, unless the task has taken its link to the repository away, or put another one there.

        Git would find another repository then, and most likely the user's own checkout.
        """
        worktree, _ = self._made
        found = None if self.path.is_symlink() else Worktree.at(self.path)
        if found is None or found.git_dir != worktree.git_dir:
            raise LostPlaceError(self.path)
        return Git(self.path, self._descriptor, top=self.path)

    @property
    def _descriptor(self) -> int | None:
        return None if self._lock is None else self._lock.descriptor

    def _take_lock(self) -> None:
        if self._lock is None:
            self._lock = PlaceLock(self.path.with_name(f"{self.path.name}.lock"))

    @property
    def _made(self) -> tuple[Worktree, Mark]:
        if self._worktree is None or self._worktree.mark is None:
            raise RuntimeError("the place was not prepared")
        return self._worktree, self._worktree.mark

    def _newest(self) -> str:
        """Give the commit that the integration branch is at."""
        try:
            return Git(self._run.top)("rev-parse", "--verify", "--quiet", self._run.ref).line
        except GitError as error:
            raise ModeratorError(
                f"the branch {self._run.integration} is gone: leave the branches of a run alone until it has ended"
            ) from error

    def _rescue(self, start: str) -> None:
        """Keep what an earlier try has committed to the branch, when its worktree is gone."""
        git = Git(self._run.top)
        answer = git("rev-parse", "--verify", "--quiet", f"refs/heads/{self.branch}", accept=(0, 1))
        if answer.status or not git("rev-list", "-1", answer.line, f"^{start}", "--").line:
            return
        ref = f"refs/moderator/{self._run.run_id}/{self._name}/lost-{answer.line[:8]}"
        git("update-ref", ref, answer.line)

    def _fill(self, worktree: Worktree, setup: Setup | None) -> tuple[str, ...]:
        names = included.include(self._run.top, worktree.path, self._run.included)
        if setup is not None and self._run.options.setup:
            self._working_directory.mkdir(parents=True, exist_ok=True)
            setup(self._run.options.setup, self._working_directory)
        return names

    def _bring_home(self, result: TaskResult, check: Check | None) -> tuple[tuple[str, ...], Merged | None]:
        _, mark = self._made
        mark_now = replace(mark, included=(*mark.included, *unchanged(self.path, self._litter or {})))
        committed = commit_work(self._run, self._git, mark_now, self._message("", result))
        if check is not None:
            self._check(check)
        if not committed.anything and self._tick is None:
            return committed.notes, None
        work = Work(
            self.branch,
            self._message("Merge" if committed.anything else "", result),
            start=mark.start if committed.straight else "",
            changed=committed.anything,
            tick=self._tick,
        )
        on_merge = None if check is None else lambda commit: self._check_merge(commit, check)
        return committed.notes, merge(self._run, work, on_merge)

    def _check(self, check: Check) -> None:
        """Look at the work, and remember what that leaves behind: it is not part of what a next try has done."""
        try:
            check(self._working_directory)
        except ModeratorError:
            self._litter = {}
            with suppress(ModeratorError):  # what is told is why the work is not done
                self._litter = unknown_files(self._git, self._run.config)
            raise

    def _check_merge(self, commit: str, check: Check) -> None:
        """Look at the files of a merge, in the worktree of the task."""
        git = self._git
        git("checkout", "--force", "--detach", "--quiet", commit, "--", config=self._run.config)
        self._outdated = True
        try:
            check(self._working_directory)
            self._outdated = False
        finally:
            git("checkout", "--force", "--quiet", self.branch, "--", config=self._run.config)

    def _tidy(self, merged: Merged | None) -> Callable[[TaskResult], TaskResult]:
        """Remove what a completed task does not need any more; say what that leaves in its result."""
        options = self._run.options
        if options.keep == "all":
            return self._kept
        _, mark = self._made
        keeps_branch = options.merge == "none" and merged is not None
        tip = merged.tip if merged else mark.start
        try:
            remove(self._run, self.path, "" if keeps_branch else self.branch, tip)
        except ModeratorError as error:
            note = str(error)
            return lambda result: replace(result, notes=(*result.notes, note))
        return lambda result: replace(result, branch=self.branch if keeps_branch else None)

    def _tidy_merged(self) -> None:
        """Remove what a process has left that was killed right after it had merged its task."""
        if self._run.options.keep == "all":
            return
        branch = f"refs/heads/{self.branch}"
        gone = Git(self._run.top)("rev-parse", "--verify", "--quiet", branch, accept=(0, 1)).status
        remove(self._run, self.path, "" if gone or self._run.options.merge == "none" else self.branch)

    def _leave(self, result: TaskResult) -> TaskResult:
        """Keep the place of a task that did not complete, or only what it did."""
        if self._run.options.keep != "none" and result.status is TaskStatus.FAILED:
            return self._kept(result)
        try:
            _, mark = self._made
            message = self._message("Keep what was tried of")
            ref = save_work(self._run, self._git, mark, message, result.attempts)
            remove(self._run, self.path, self.branch)
        except (ModeratorError, OSError) as error:
            return self._kept(replace(result, notes=(*result.notes, str(error))))
        return replace(result, notes=(*result.notes, f"its work is kept at {ref}")) if ref else result

    def _kept(self, result: TaskResult) -> TaskResult:
        return replace(result, worktree=self.path, branch=self.branch)

    def _conflict(self, result: TaskResult, error: ConflictError) -> TaskResult:
        if self._run.options.on_conflict == "keep":
            status = TaskStatus.SKIPPED
            settled = replace(
                result, status=status, error_message=str(error), category=ErrorCategory.CONFLICT
            )
        else:
            settled = _failed(result, str(error), ErrorCategory.CONFLICT)
        return self._kept(settled)

    def _message(self, verb: str, result: TaskResult | None = None) -> str:
        """Write a commit message."""
        title = " ".join(self._task.title.replace("\0", " ").split())
        task_id = " ".join(self._task.id.replace("\0", " ").split())
        lines = [f"{verb} {task_id}: {title}".strip(), ""]
        attempt = result.attempts if result else 0
        if result and result.backend:
            lines.append(f"Moderator-Backend: {result.backend}")
        lines.append(f"{TRAILER}: {self._run.run_id}/{self._name}/{attempt}")
        return "\n".join(lines)


def _failed(result: TaskResult, message: str, category: ErrorCategory) -> TaskResult:
    return replace(
        result, status=TaskStatus.FAILED, exit_code=1, error_message=message, category=category.value
    )
