"""However rows are cut into parts and buckets, what comes out is the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from asof.project import Project
from asof.transforms import buckets, parts


def build(folder: Path) -> tuple[str, list[dict[str, object]]]:
    with Project.open(str(folder)) as project:
        project.apply()
        project.run()
        built = project.build_training_set("churn")
        keys = [{"customer_id": key} for key in range(6)]
        return built.version.manifest["fingerprint"], project.get("model", keys).to_dicts()


@pytest.mark.parametrize(("rows_per_part", "rows_per_bucket"), [(3, 2), (1, 1), (100, 1), (2, 100)])
def test_parts_and_buckets_do_not_matter(
    rows_per_part: int,
    rows_per_bucket: int,
    tmp_path: Path,
    make_shop: Callable[[Path], Path],
    march: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = make_shop(tmp_path / "whole")
    cut = make_shop(tmp_path / "cut")
    expected = build(whole)
    monkeypatch.setattr(parts, "ROWS_PER_PART", rows_per_part)
    monkeypatch.setattr(buckets, "ROWS_PER_BUCKET", rows_per_bucket)
    assert build(cut) == expected
    for folder in (whole, cut):
        (folder / "data/orders-03.csv").write_text(march)
    assert build(cut) == build(whole)
    assert not list((cut / "store").glob("scratch/*"))
