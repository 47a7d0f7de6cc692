"""Addresses as connectors take them."""

from __future__ import annotations

import os


def is_absolute(address: str) -> bool:
    """Whether an address stands for itself, and not for a place in a folder.

    >>> is_absolute("s3://shop/orders"), is_absolute("/data/orders"), is_absolute("data/orders")
    (True, True, False)
    """
    return "://" in address or os.path.isabs(address)


def located(address: str, root: str) -> str:
    """The address, taken from the folder `root` where it is relative."""
    return address if is_absolute(address) else os.path.join(os.path.abspath(root), address)
