"""Who is at work, on which revision of the code."""

from __future__ import annotations

import getpass
import socket
import subprocess
from pathlib import Path


def who() -> str:
    """The user and host that a record names."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def code_revision(folder: Path) -> str:
    """The git commit of a folder, with "+changes" where some are uncommitted; "" outside git."""
    commit = _git(folder, "rev-parse", "--short=12", "HEAD")
    changed = commit and _git(folder, "status", "--porcelain", "--", ".")
    return f"{commit}+changes" if changed else commit


def _git(folder: Path, *command: str) -> str:
    try:
        result = subprocess.run(
            ["git", "-C", str(folder), *command], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return result.stdout.strip()
