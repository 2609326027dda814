"""All sources together: read, check, and let the greatest win."""

from __future__ import annotations

import difflib
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pytest_moderator.model import Problem, Severity
from pytest_moderator.settings.collect import Collector, Place
from pytest_moderator.settings.option import Source
from pytest_moderator.settings.table import OPTIONS, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_moderator.safe_yaml import KeyPath

CONFIG_FILE = "moderator.yaml"

# Starts of what a task's own environment holds: a run inside a task does not take these for mistyped options.
_TASK_VARIABLES = ("TASK", "PHASE", "RUN", "WORKER_", "ATTEMPT", "WORKSPACE", "ARTIFACTS", "REDUCED")


def load_settings(
    *,
    command_line: Mapping[str, object],
    environ: Mapping[str, str],
    front_matter: Mapping[str, Any],
    front_matter_path: str,
    front_matter_line: int,
    ini: Mapping[str, object],
    rootdir: Path,
    front_matter_lines: Mapping[KeyPath, int] = MappingProxyType({}),
    ini_path: str = "pytest configuration",
    invocation_dir: Path | None = None,
) -> tuple[Settings, tuple[Problem, ...]]:
    """Read all sources of settings and let the greatest win, option by option.

    Every source is checked whole, also where another one wins: a mistake is named before it matters.

    Args:
        command_line: values by name of option; ``None``, and ``False`` of a flag, for what was not given.
        environ: the process environment.
        front_matter: what the key ``moderator`` of the tasks file's front matter holds.
        front_matter_path: the tasks file as the user named it.
        front_matter_line: line of that key.
        ini: values by name of option; ``None``, an empty text or list for what is not set.
        rootdir: pytest's root directory; paths in files and ini start there.
        front_matter_lines: lines of the front matter's keys in the tasks file, by the keys that lead there,
            ``moderator`` included.
        ini_path: the file that ``ini`` comes from, as it is called in messages.
        invocation_dir: where paths on the command line and in the environment start; by default the
            current directory.

    Returns:
        The settings, with the default where a value could not be used, and all problems.
    """
    collector = Collector()
    here = Path.cwd() if invocation_dir is None else invocation_dir
    _read_command_line(collector, command_line, Place(Source.COMMAND_LINE, "command line", here))
    _read_environment(collector, environ, Place(Source.ENVIRONMENT, "environment", here))
    _read_ini(collector, ini, Place(Source.INI, ini_path, rootdir))
    _read_config_file(collector, rootdir)
    if front_matter:
        from pytest_moderator.settings.sections import read_section  # noqa: PLC0415 (many files have none)

        file = Place(
            Source.FRONT_MATTER, front_matter_path, rootdir, (), front_matter_line, front_matter_lines
        )
        read_section(collector, front_matter, file.child("moderator"))
    return _settle(collector, rootdir)


def _read_command_line(collector: Collector, given: Mapping[str, object], place: Place) -> None:
    for option in OPTIONS:
        value = given.get(option.name)
        if option.flag and value is not None and not (option.is_flag and value is False):
            collector.offer(option, value, place.child(option.flag))


def _read_environment(collector: Collector, environ: Mapping[str, str], place: Place) -> None:
    known = {option.variable: option for option in OPTIONS if option.variable}
    for variable, value in sorted(environ.items()):
        rest = variable.removeprefix("MODERATOR_")
        if variable in known and value:  # set to nothing is how a CI file takes a variable back
            collector.offer(known[variable], value, place.child(variable))
        elif rest != variable and variable not in known and not rest.startswith(_TASK_VARIABLES):
            for near in difflib.get_close_matches(variable, known, n=1, cutoff=0.85):
                message, hint = f"{variable} is not read", f"did you mean {near}?"
                problem = place.problem("unknown-variable", message, hint, severity=Severity.WARNING)
                collector.problems.append(problem)


def _read_ini(collector: Collector, ini: Mapping[str, object], place: Place) -> None:
    for option in OPTIONS:
        value = ini.get(option.name)
        if option.ini and value not in (None, "", [], ()):
            collector.offer(option, value, place.child(option.ini))


def _read_config_file(collector: Collector, rootdir: Path) -> None:
    asked_for = collector.winner("config")
    path = Path(str(asked_for.value)) if asked_for else rootdir / CONFIG_FILE
    if not asked_for and not path.exists():
        return
    from pytest_moderator.safe_yaml import YamlError  # noqa: PLC0415 (many projects have no such file)
    from pytest_moderator.settings.sections import read_section  # noqa: PLC0415 (likewise)
    from pytest_moderator.settings.yaml_file import read_yaml_file  # noqa: PLC0415 (likewise)

    name = str(asked_for.raw) if asked_for else CONFIG_FILE
    place = Place(Source.CONFIG_FILE, name, rootdir)
    try:
        document = read_yaml_file(path)
    except YamlError as error:
        problem = Problem(Severity.ERROR, "unreadable-file", error.reason, "", name, error.line)
        collector.problems.append(problem)
    else:
        place = Place(Source.CONFIG_FILE, name, rootdir, (), 0, document.lines)
        read_section(collector, document.value, place)


def _settle(collector: Collector, rootdir: Path) -> tuple[Settings, tuple[Problem, ...]]:
    values: dict[str, Any] = {"state_dir": rootdir / Settings().state_dir}
    origins = {}
    for option in OPTIONS:
        if found := collector.winner(option.name):
            values[option.name] = collector.merged(option.name) if option.name == "backends" else found.value
            origins[option.name] = found.place.origin
    settings = Settings(**values, origins=MappingProxyType(origins))
    return settings, tuple(collector.problems)
