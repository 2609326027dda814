"""What tests of tasks on branches do with git, and ask it."""

from __future__ import annotations


def commit(git, message="more"):
    git("add", "--all")
    git("commit", "--quiet", "--message", message)


def integration(git):
    (name,) = (
        b
        for b in git("for-each-ref", "--format=%(refname:short)", "refs/heads/moderator").splitlines()
        if "-task-" not in b
    )
    return name
