"""A QR code for terminals."""

from __future__ import annotations

QUIET = 2  # modules of white around it; the standard asks for 4, readers manage with 2


def qr_code(text: str) -> str:
    """Two modules a character, dark on light whatever the terminal's colours."""
    import segno

    rows = [list(row) for row in segno.make(text, error="l", micro=False).matrix_iter(border=QUIET)]
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    lines = []
    for upper, lower in zip(rows[::2], rows[1::2], strict=True):
        # Half blocks drawn white on black: light modules are the drawn ones.
        cells = (
            " ▀▄█"[(not above) + 2 * (not below)] for above, below in zip(upper, lower, strict=True)
        )
        lines.append(f"  \x1b[97;40m{''.join(cells)}\x1b[0m")
    return "\n".join(lines) + "\n"
