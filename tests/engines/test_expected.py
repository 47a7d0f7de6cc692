"""The oracle that engines are held against, held against rows that were worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from asof.loading import load_definitions
from asof.testing.case import Case, as_plain_data, outcome, write
from asof.testing.corpus.labels import LABELS
from asof.testing.corpus.point_in_time import POINT_IN_TIME
from asof.testing.corpus.windows import WINDOWS
from asof.testing.engine_tests import assert_as_the_rules_say
from asof.testing.expected import expected_rows
from asof.testing.generated import generated
from asof.transforms.engines.local import LocalEngine


@pytest.mark.parametrize("case", [POINT_IN_TIME, WINDOWS, LABELS], ids=lambda case: case.name)
def test_the_oracle_finds_what_was_worked_out_by_hand(case: Case, tmp_path: Path) -> None:
    write(case, tmp_path)
    definitions = load_definitions(tmp_path / "definitions.py")
    for name, columns in case.expected.items():
        rows = expected_rows(case, definitions.training_sets[name])
        assert as_plain_data(rows, list(columns)) == columns


def test_a_wrong_row_is_seen(tmp_path: Path) -> None:
    case = generated(seed=1)[0]
    found = outcome(case, LocalEngine(), tmp_path)
    assert_as_the_rules_say(case, found)
    for wrong in (found.rows["plain"].slice(1), found.rows["plain"].take([1, 0, *range(2, 162)])):
        with pytest.raises(AssertionError, match="plain"):
            assert_as_the_rules_say(case, replace(found, rows={**found.rows, "plain": wrong}))
