"""On what kind of file system a ledger lies. Over a network the locks of SQLite do not hold."""

from __future__ import annotations

import re
from pathlib import Path

_MOUNTS = "/proc/self/mounts"  # Linux; elsewhere nobody is asked
_NETWORK = frozenset(
    {"afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4",
     "ocfs2", "smb3", "smbfs", "fuse.ceph", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone",
     "fuse.s3fs", "fuse.sshfs"}
)  # fmt: skip
_ESCAPE = re.compile(r"\\([0-7]{3})")


def network_type(path: str) -> str | None:
    """Return the type of the network file system that a file lies on, `None` for any other."""
    try:
        mounts = Path(_MOUNTS).read_text("utf-8", errors="surrogateescape")
        place = str(Path(path).resolve())
    except OSError:
        return None
    found = type_of(place, mounts)
    return found if found in _NETWORK else None


def warning(path: str, kind: str) -> str:
    """Return what to say of a ledger there."""
    return (
        f"ledger {path} lies on a network file system ({kind}), where the locks of SQLite do not "
        "hold: it may be damaged; give each machine its own, on a local disk, with VIDOBS_LEDGER"
    )


def type_of(place: str, mounts: str) -> str | None:
    """Return the type of the file system with a place, from the lines of /proc/mounts."""
    best, found = "", None
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:  # noqa: PLR2004 - device, folder, type
            continue
        folder = _ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[1])
        inside = place == folder or place.startswith(folder.rstrip("/") + "/")
        if inside and len(folder) >= len(
            best
        ):  # of two on one folder the later one hides the other
            best, found = folder, fields[2]
    return found
