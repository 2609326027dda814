"""``moderator.yaml``: from a path to a checked document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.safe_yaml import MAX_BYTES, YamlDocument, YamlError, load_document

if TYPE_CHECKING:
    from pathlib import Path


def read_yaml_file(path: Path) -> YamlDocument:
    """Read a YAML file that a person wrote.

    Args:
        path: the file.

    Returns:
        What it holds.

    Raises:
        YamlError: it cannot be read as a YAML file of a sane size.
    """
    try:
        if not path.is_file():  # nor a directory, nor a pipe that would never end
            raise YamlError("it is not a file" if path.exists() else "there is no such file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise YamlError(f"larger than {MAX_BYTES:,} bytes")
        return load_document(content.decode("utf-8-sig"))
    except OSError as error:
        raise YamlError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise YamlError(f"not UTF-8: byte {content[error.start]:#04x}", line) from error
