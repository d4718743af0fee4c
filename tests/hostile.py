"""Strings that mean harm to a terminal, a markup parser or a reader, for every place that shows text."""

from __future__ import annotations

import re

_C0 = [chr(code) for code in range(0x20) if chr(code) != "\n"]
_C1 = [chr(code) for code in range(0x7F, 0xA0)]
_BIDI = [
    chr(code) for code in (0x061C, *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x206A))
]
_SEQUENCES = [
    "\x1b]52;c;UFdORUQ=\x07",
    "\x1b]52;c;UFdORUQ=\x1b\\",
    "\x1b]0;PWNED\x07",
    "\x1b]2;PWNED\x07",
    "\x1b]8;;http://example.invalid\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]9;PWNED\x07",
    "\x1b]777;notify;PWNED;PWNED\x07",
    "\x1b]1337;File=inline=1:AAAA\x07",
    "\x1bP+q544e\x1b\\",
    "\x1b_Gf=24;AAAA\x1b\\",
    "\x1b^PWNED\x1b\\",
    "\x1bX PWNED\x1b\\",
    "\x1bc",
    "\x1b7\x1b8",
    "\x1b(0",
    "\x1b#8",
    "\x1b[2J",
    "\x1b[3J",
    "\x1b[H",
    "\x1b[1;1H",
    "\x1b[?1049l",
    "\x1b[?1003l",
    "\x1b[?25h",
    "\x1b[6n",
    "\x1b[c",
    "\x1b[5i",
    "\x1b[20t",
    "\x1b[21t",
    "\x1b[8;1;1t",
    "\x1b[31m",
    "\x1b[38;2;1;2;3m",
    "\x1b[999999999C",
    "\x1b[;;;;;;;;;;m",
    "\x9b31m",
    "\x9d0;PWNED\x9c",
    "\x90q\x9c",
    "\x1b",
    "\x1b[",
    "\x1b]",
]
_MARKUP = [
    "[/x]",
    "[/]",
    "[",
    "]",
    "[[",
    "\\[",
    "[@click=app.quit]x[/]",
    "[@click='app.bell']x",
    "[link=http://example.invalid]x[/link]",
    "[bold",
    "[red]red[/red]",
    "[/red]",
    "[on $primary]",
    "[$x]",
    "{0}",
    "%s%n",
    "${HOME}",
    "$(id)",
    "`id`",
    "<script>",
    ":bomb:",
    "\\x1b[31m",
]
_SHAPES = [
    "日本語のラン",
    "👩‍👩‍👧‍👦 family",
    "e" + "\u0301" * 200,
    "x" * 200_000,
    "\u00ad" * 50,
    "\ufeffbom",
    "\ud800 lone",
    "\udfff",
    "\U000e0041\U000e007f tags",
    "\ufff9a\ufffab\ufffb",
    "\u2066rtl\u2069",
    "\u202egnp.exe",
    "a\tb",
    "line\rover",
    "two\nlines",
    "\n" * 50,
    "-rf",
    "--help",
    "..",
    "../../etc/passwd",
    "nan",
    "'; DROP TABLE jobs; --",
    "%",
    "_",
    " ",
    "",
]

#: More than two hundred of them.
CORPUS: list[str] = [
    *(f"a{character}b" for character in _C0 + _C1 + _BIDI),
    *(f"run {text} name" for text in _SEQUENCES),
    *_SEQUENCES,
    *_MARKUP,
    *_SHAPES,
]
#: What must not reach a terminal out of any of them: the payloads' own words in their own sequences, C1, bidi.
_HARM = re.compile(
    "\x1b\\](?:52|0|2|8|9|777|1337);[^\x07\x1b]*(?:PWNED|UFdORUQ|example|File|notify)"
    "|\x1b[PX^_]|\x1b(?:c|7|#8|\\(0)|\x1b\\[(?:3J|5i|2[01]t|8;1;1t|999999999C|;;)"
    "|[\x00-\x06\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)


def harm_in(written: bytes) -> list[str]:
    """Return what reached a terminal and should not have."""
    return [repr(found) for found in _HARM.findall(written.decode("utf-8", "replace"))]
