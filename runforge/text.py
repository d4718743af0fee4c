"""Makes text from outside harmless before it is shown in a terminal.

Names, errors, paths and logs may hold escape sequences that set the clipboard, the title or the
cursor. `safe` makes them visible as text. The journal keeps the original bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Compiled at the first use: most texts are plain, and it takes two milliseconds.
_UNSAFE = (
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)
#: Colours and other text styles (SGR).
_LOOKS = "\x1b\\[[0-9;:]*m"
_UNSAFE_IN_LOG = _UNSAFE.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f")
#: Longest cell or message part shown; the rest is cut with an ellipsis.
MAX_LENGTH = 2000


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def safe(text: str, limit: int = MAX_LENGTH) -> str:
    """Return the text as one line without control, bidi or zero-width characters."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return cut if cut.isprintable() else re.sub(_UNSAFE, _visible, cut)


def safe_log(text: str) -> str:
    """Return log text with newlines and tabs kept and every other control character shown.

    In a line with carriage returns (progress bars), only the text after the last one is kept. Colours are
    dropped.
    """
    if "\x1b" in text:
        text = re.sub(_LOOKS, "", text)
    lines = (line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))
    return re.sub(_UNSAFE_IN_LOG, _visible, "\n".join(lines))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that the user probably meant, or None."""
    import difflib  # only errors need it

    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?`, or an empty text."""
    guess = nearest(word, known)
    return f"Did you mean '{guess}'?" if guess else ""
