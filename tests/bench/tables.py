"""Markdown tables, read again."""

__all__ = ["cells"]


def cells(table: str) -> list[list[str]]:
    """Row by row; the second one is the line below the names."""
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
