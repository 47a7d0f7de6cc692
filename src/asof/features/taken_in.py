"""Which changes that others made since are not in a set of definitions that was begun before them."""

from __future__ import annotations

from asof.features.diff import Described, diff


def not_taken_in(
    base: Described, theirs: Described, *, mine_before: Described, mine: Described
) -> tuple[str, ...]:
    """The keys of definitions that `theirs` has other than `base`, and `mine` not as they have.

    One that both changed is taken for merged where it is not as in `base` and not as `mine_before`: it was
    changed again once theirs was there.

    >>> spend, more, other = {"ttl": "7d"}, {"ttl": "30d"}, {"ttl": "1d"}
    >>> not_taken_in({"view/spend": spend}, {"view/spend": more}, mine_before={}, mine={"view/spend": spend})
    ('view/spend',)
    >>> not_taken_in({"view/spend": spend}, {"view/spend": more}, mine_before={}, mine={"view/spend": other})
    ()
    """
    missing = {change.key for change in diff(theirs, mine)}
    untouched = {key for key in mine.keys() | base.keys() if _same(key, mine, base)}
    as_before = {key for key in mine.keys() | base.keys() if _same(key, mine, mine_before)}
    changed = (change.key for change in diff(base, theirs))
    return tuple(key for key in changed if key in missing and key in untouched | as_before)


def _same(key: str, one: Described, other: Described) -> bool:
    """Whether both have the same definition, or none, with a key."""
    return not diff(*({key: each[key]} if key in each else {} for each in (one, other)))
