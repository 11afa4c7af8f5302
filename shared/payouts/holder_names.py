"""Comparison of the names of account holders, which every bank spells in its own way (FN-008)."""

import re

_SHORTEST_CUT_NAME = 10
_TITLES = frozenset({"BPK", "BAPAK", "IBU", "SDR", "SDRI", "TN", "NY", "NN", "H", "HJ", "DRS", "DR", "IR", "PT", "CV"})


def is_same_name(given: str, banks: str) -> bool:
    """True if two spellings name one holder: banks write capitals, drop titles, turn and cut names."""
    words, others = _bare(given), _bare(banks)
    one, other = "".join(words), "".join(others)
    shorter, longer = sorted((one, other), key=len)
    is_cut = len(shorter) >= _SHORTEST_CUT_NAME and longer.startswith(shorter)
    return bool(one) and (one == other or sorted(words) == sorted(others) or is_cut)


def _bare(name: str) -> list[str]:
    words = re.sub(r"[^A-Z ]", " ", name.upper()).split()
    return [word for word in words if word not in _TITLES]
