"""The ``moderator`` command."""
