"""Packages whose names are imported on first use, each from the file that it stands in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def late_names(module: str, package: str | None, homes: Mapping[str, str]) -> Callable[[str], object]:
    """Make the ``__getattr__`` of a module.

    Args:
        module: its ``__name__``.
        package: its ``__package__``.
        homes: by name, the file of the package that has it; with a ``.`` before it, a file beside the package.
    """

    def find(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 (kept out of those who ask for nothing)

        return getattr(import_module(f".{homes[name]}", package), name)

    return find
