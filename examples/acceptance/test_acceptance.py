"""Ordinary tests that accept what tasks have done. Each runs as soon as the task that it names has succeeded."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest

from conftest import OUT, Registry, fetch

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.mark.depends_on("T003")
def test_release_notes_name_the_release(release: Mapping[str, str]) -> None:
    notes = (OUT / "build" / "NOTES.md").read_text()

    assert notes.startswith(f"# Guest book {release['RELEASE']}\n")


@pytest.mark.depends_on("T004")
def test_registry_holds_a_package_that_can_be_opened(registry: Registry, release: Mapping[str, str]) -> None:
    package = registry.get(f"guestbook-{release['RELEASE']}.pyz")

    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        assert "__main__.py" in archive.namelist()


@pytest.mark.depends_on("T005")
def test_a_guest_can_sign_and_is_remembered(guestbook: str) -> None:
    assert fetch(guestbook, "/") == b""

    fetch(guestbook, "/", b"Ada")
    fetch(guestbook, "/", b"Grace")

    assert fetch(guestbook, "/") == b"Ada\nGrace\n"


@pytest.mark.depends_on("T005", "T006")
def test_what_is_deployed_is_what_was_built() -> None:
    assert (OUT / "deployed" / "guestbook.pyz").read_bytes() == (OUT / "build" / "guestbook.pyz").read_bytes()
