"""Who hears what people say about tasks: the gates that wait for answers, and those who can be asked.

In most runs nobody is asked anything. Then none of this is made, unless somebody says something all the same.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pytest_moderator.journal import RequestKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_moderator.approvals import Approvals
    from pytest_moderator.elsewhere import Elsewhere
    from pytest_moderator.gates import AnsweringGate
    from pytest_moderator.opening import Opening
    from pytest_moderator.people import People, Soon
    from pytest_moderator.prepare import Prepared
    from pytest_moderator.run import Run
    from pytest_moderator.settings import Settings


class Answering:
    """Makes the gates that wait for answers, each when it is needed. In the controlling process.

    Args:
        run: the run.
        prepared: its files, by their node ids.
        opening: what was answered earlier in this run.

    Attributes:
        soon: has the main thread do something soon.
    """

    def __init__(self, run: Run, prepared: Mapping[str, Prepared], opening: Opening) -> None:
        self._run = run
        self._prepared = prepared
        self._opening = opening
        self.soon: Soon  # there is nobody who does anything before the run is made

    def of(self, kind: RequestKind) -> AnsweringGate:
        """Give who is told what somebody has said about a task."""
        return self.approvals if kind in (RequestKind.APPROVE, RequestKind.REJECT) else self.elsewhere

    @property
    def asks_for_approvals(self) -> bool:
        """Whether a task may need one."""
        asked = any(task.approve for file in self._run.handout.files for task in file.tasks)
        return asked or any(entry.settings.approvals for entry in self._prepared.values())

    @cached_property
    def approvals(self) -> Approvals:
        """The gate before tasks that somebody has to agree to."""
        from pytest_moderator.approvals import Approvals  # noqa: PLC0415 (most runs have none)

        return Approvals(self._run.config, self._run, self.people, self._settings, self._opening.approvals)

    @cached_property
    def elsewhere(self) -> Elsewhere:
        """The gate before tasks that are done elsewhere."""
        from pytest_moderator.elsewhere import Elsewhere  # noqa: PLC0415 (most runs have none)
        from pytest_moderator.tasksfile.checkbox import CheckBoxes  # noqa: PLC0415 (likewise)

        plans = {file: entry.plan for file, entry in self._prepared.items()}
        boxes = {file: CheckBoxes(entry.tasks_file) for file, entry in self._prepared.items()}
        gate = Elsewhere(self._run, self.people, plans, boxes, self._opening.done_elsewhere)
        self._run.config.pluginmanager.register(gate, "moderator_elsewhere")
        return gate

    @cached_property
    def people(self) -> People:
        """Those who can be asked."""
        from pytest_moderator.people import People  # noqa: PLC0415 (in most runs nobody is asked)

        people = People(self._run.config, self._settings)
        people.soon = self.soon
        self._run.config.pluginmanager.register(people, "moderator_people")
        return people

    @property
    def _settings(self) -> Mapping[str, Settings]:
        return {file: entry.settings for file, entry in self._prepared.items()}
