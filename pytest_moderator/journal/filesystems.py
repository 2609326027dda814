"""On what kind of file system a path is: SQLite's faster mode needs memory that all its processes share."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

_LINUX = sys.platform.startswith("linux")
_MOUNTS = Path("/proc/self/mounts")
_ESCAPE = re.compile(r"\\([0-7]{3})")

_NETWORK = frozenset(
    {
        "9p",
        "afpfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs3",
        "nfs4",
        "ocfs2",
        "orangefs",
        "panfs",
        "prl_fs",
        "pvfs2",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "vboxsf",
        "vmhgfs",
        "webdav",
        "fuse.ceph",
        "fuse.davfs",
        "fuse.gcsfuse",
        "fuse.glusterfs",
        "fuse.grpcfuse",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.smbnetfs",
        "fuse.sshfs",
        "fuse.vmhgfs-fuse",
    }
)


def network_kind(directory: Path) -> str | None:
    """Give the kind of the network file system that a directory is on; ``None`` where it is a local one."""
    kind = _kind_of(os.path.realpath(directory), _mounts())
    return kind if kind in _NETWORK else None


def _kind_of(place: str, mounts: list[tuple[str, str]]) -> str | None:
    """Give the kind of the innermost mount that holds a place; of two at one point the later one counts."""
    best, found = -1, None
    for point, kind in mounts:
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= best:
            best, found = len(point), kind
    return found


def _mounts() -> list[tuple[str, str]]:
    """List mount points with the kind of their file systems, in the order of mounting."""
    if not _LINUX:
        return _mounts_elsewhere()
    try:
        lines = os.fsdecode(_MOUNTS.read_bytes()).splitlines()
    except OSError:
        return []  # without /proc nothing is known, and SQLite tries by itself
    return [(_unescape(fields[1]), fields[2]) for fields in map(str.split, lines) if len(fields) > 2]  # noqa: PLR2004


def _mounts_elsewhere() -> list[tuple[str, str]]:
    import psutil  # noqa: PLC0415 (slow to import, and Linux needs none of it)

    return [(part.mountpoint, part.fstype) for part in psutil.disk_partitions(all=True)]


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)
