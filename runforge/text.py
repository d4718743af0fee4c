"""Makes text from outside harmless before it is shown in a terminal.

Names, errors, paths and logs may hold escape sequences that set the clipboard, the title or the
cursor. `safe` makes them visible as text. The journal keeps the original bytes.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing `re` or `typing` takes as long as a short command
if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

#: Compiled at the first use: most texts are plain, and it takes two milliseconds.
_UNSAFE = (
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)
_UNSAFE_IN_LOG = _UNSAFE.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f")
#: What sets colours and styles on a terminal; longer ones are not useful.
SGR = r"\x1b\[[0-9;:]{0,80}m"
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
    return cut if cut.isprintable() else _all_visible(_UNSAFE, cut)


def _all_visible(unsafe: str, text: str) -> str:
    import re  # most texts are plain

    return re.sub(unsafe, _visible, text)


def safe_log(text: str) -> str:
    """Return log text with newlines and tabs kept and every other control character shown.

    In a line with carriage returns (progress bars), only the text after the last one is kept. Colours are
    dropped.
    """
    if "\x1b" in text:
        import re

        text = re.sub(SGR, "", text)
    elif text.replace("\n", "").replace("\t", "").isprintable():
        return text
    lines = (line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))
    return _all_visible(_UNSAFE_IN_LOG, "\n".join(lines))


def coloured_log(text: str) -> str:
    """Return the log text like `safe_log`, but keep colours and styles (SGR).

    Hidden text is made visible, because a user could copy it without seeing it.
    """
    import re

    lines = (line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))
    pieces = re.split(f"({SGR})", "\n".join(lines))
    return "".join(
        piece if place % 2 and not _hides(piece) else _all_visible(_UNSAFE_IN_LOG, piece)
        for place, piece in enumerate(pieces)
    )


def _hides(sequence: str) -> bool:
    """Return whether one of the styles is `conceal`, and not a part of a colour's number."""
    parts = sequence[2:-1].split(";")
    while parts:
        style = parts.pop(0)
        if style in {"38", "48", "58"} and parts:
            del parts[: 4 if parts[0] == "2" else 2]
        elif style.lstrip("0") == "8":
            return True
    return False


def nearest(word: str, known: Iterable[str], cutoff: float = 0.5) -> str | None:
    """Return the known word that the user probably meant, or None; the cutoff says how similar it must be."""
    import difflib  # only errors need it

    found = difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?`, or an empty text."""
    guess = nearest(word, known)
    return f"Did you mean '{guess}'?" if guess else ""
