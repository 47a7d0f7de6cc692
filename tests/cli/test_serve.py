"""`asof serve`, in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest

FEATURES = "/v1/services/model/features?customer_id=1"


@pytest.mark.slow
def test_serves_until_it_is_interrupted(
    built: Path, environment: dict[str, str], require: Callable[[str, object], None]
) -> None:
    require("the extra serve", importlib.util.find_spec("starlette") and importlib.util.find_spec("uvicorn"))
    command = [sys.executable, "-m", "asof", "--json", "--project", str(built), "serve", "--port", "0"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = json.loads(process.stdout.readline())["url"]
        with urlopen(url + FEATURES, timeout=10) as response:
            answer = json.loads(response.read())
        assert answer["rows"][0]["values"]["spend__channel"] == "web"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
        assert process.stderr.read() == b"Stopped.\n"
