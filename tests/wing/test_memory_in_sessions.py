"""Tasks that use more memory than they may, in whole runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sessions import Project

LARGE = """
    import os, sys, time

    if not os.environ.get("MODERATOR_REDUCED"):
        held = b"x" * (int(sys.argv[1]) * 2**20)
        time.sleep(600)
"""


def test_the_limit_of_a_task_its_backend_or_all(project: Project, workers: tuple[str, ...]) -> None:
    project.write("large.py", LARGE)
    project.tasks(f"""
        ---
        moderator:
          memory: 100MiB
          isolation: none
          backends:
            python: {{memory: 400MiB}}
            hungry:
              type: custom
              command: [{sys.executable}, large.py, '200', '{{prompt_file}}']
              memory: 150MiB
              retries: 0
        ---
        - [ ] T001 As all
          - run: `{sys.executable} large.py 200`
        - [ ] T002 As it says
          - run: `echo x; {sys.executable} large.py 60; true`
          - memory: 50MB
          - retries: 0
        - [ ] T003 As its backend
          ```python
          import subprocess, time
          held = b"x" * (150 * 2**20)
          time.sleep(0.5)
          ```
        - [ ] T004 Done by an agent
          - backend: hungry
    """)
    session = project.run(*workers, "tasks.md", "--moderator-order=explicit")
    assert [task["attempts"] for task in session.tasks.values()] == [2, 1, 1, 1]
    assert session.statuses == {"T001": "completed", "T002": "failed", "T003": "completed", "T004": "failed"}
    (entry,) = session.tasks["T001"]["attempts_log"]
    assert entry["category"] == "resource"
    assert entry["error_message"].endswith(" MiB of memory, more than its limit of 100 MiB (memory:)")
    second = session.tasks["T002"]
    assert (second["category"], second["exit_code"]) == ("resource", 137)
    assert second["error_message"].startswith("it used ")
    assert second["error_message"].endswith("more than its limit of 47.7 MiB (memory:)")
    assert second["hint"].startswith("it lacked memory, disk space or the like")
    agent = session.tasks["T004"]
    assert agent["category"] == "resource"
    assert agent["error_message"].endswith("more than its limit of 150 MiB (memory:)")
