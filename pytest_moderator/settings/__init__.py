"""Where each value of a run's settings comes from, and the settings themselves.

Command line, then environment, then the tasks file's front matter, then ``moderator.yaml``, then pytest's own
configuration, then the default: the first that has a value wins. :class:`Settings` is the one table of them.
"""

from pytest_moderator.settings.load import load_settings
from pytest_moderator.settings.option import Option, Source
from pytest_moderator.settings.table import OPTIONS, Origin, Settings

__all__ = ["OPTIONS", "Option", "Origin", "Settings", "Source", "load_settings"]
