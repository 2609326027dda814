"""``moderator doctor``: whether what runs need is there, and what to do where it is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    text = "Look whether the backends and all else that runs need can be used"
    parser = commands.add_parser(
        "doctor", help=text, description=f"{text}. Exit code 1: something is needed."
    )
    parser.add_argument("file", metavar="FILE", nargs="?", help="Tasks file: look at what it needs")
    parser.add_argument("--config", metavar="PATH", help="Read this file in place of moderator.yaml")
    parser.add_argument("--json", action="store_true", help="Print JSON")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from pytest_moderator.cli._doctor import as_data, as_text, examine  # noqa: PLC0415 (others do without)

    findings = examine(arguments.file, arguments.config)
    if arguments.json:
        print(json.dumps(as_data(findings, arguments.file), indent=2))
    else:
        for line in as_text(findings):
            print(line)
    return int(any(finding.blocks for finding in findings))
