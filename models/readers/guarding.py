"""Cells that a spreadsheet would run as formulas: made harmless on the way out, as they were on the way in again."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_GUARD = "'"


def guarded(cell: str) -> str:
    """The cell with an apostrophe before it if it would run as a formula; plain numbers do not."""
    return f"{_GUARD}{cell}" if _runs(cell) else cell


def unguarded(cell: str) -> str:
    """The cell that was guarded."""
    bare = cell.removeprefix(_GUARD)
    return bare if bare != cell and _runs(bare) else cell


def _runs(cell: str) -> bool:
    if not cell.startswith(_FORMULA):
        return False
    try:
        float(cell)
    except ValueError:
        return True
    return False
