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


def code_place(folder: Path) -> tuple[str, str] | None:
    """The URL of the repository of a folder, without secrets, and the path in it; None outside git."""
    top = _git(folder, "rev-parse", "--show-toplevel")
    if not top:
        return None
    remote = _git(folder, "config", "--get", "remote.origin.url")
    path = _git(folder, "rev-parse", "--show-prefix").rstrip("/")
    return _url(remote) if remote else Path(top).as_uri(), path


def _url(remote: str) -> str:
    """The address of a remote as a URL, without user and password.

    >>> _url("git@github.com:shop/features.git"), _url("https://me@git.example/shop/features.git")
    ('ssh://github.com/shop/features.git', 'https://git.example/shop/features.git')
    """
    scheme, found, rest = remote.partition("://")
    host, slash, path = (rest if found else remote.replace(":", "/", 1)).partition("/")
    return f"{scheme if found else 'ssh'}://{host.rpartition('@')[2]}{slash}{path}"


def _git(folder: Path, *command: str) -> str:
    try:
        result = subprocess.run(
            ["git", "-C", str(folder), *command], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return result.stdout.strip()
