from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.oracles.folder import FOLDER


@pytest.fixture(autouse=True)
def _cases_are_there(require: Callable[[str, object], None]) -> None:
    require(
        f"the cases of other projects (the folder that ASOF_ORACLES names, now {FOLDER})", FOLDER.is_dir()
    )
