"""The colours and borders that all screens share, as Textual's CSS."""

CSS = """
BaseScreen { background: $background; }
Confirm, Help, CommandPalette { background: transparent; }
RowList { scrollbar-size-vertical: 1; overflow-x: hidden; scrollbar-size-horizontal: 0; }
RowList > .row--header { text-style: bold; color: $text-accent; background: $panel; }
RowList > .row--cursor { background: $primary-muted; text-style: bold; }
RowList > .row--marked { background: $warning-muted; }
RowList > .row--dim { text-style: dim; }
RowList > .row--strong { text-style: bold; }
RowList > .row--queued { text-style: none; }
RowList > .row--running { color: $text-primary; text-style: bold; }
RowList > .row--succeeded { color: $text-success; }
RowList > .row--failed { color: $text-error; }
RowList > .row--canceled { color: $text-warning; }
RowList > .row--paused { color: $text-warning; text-style: bold; }
RowList > .row--bar { color: $primary; }
RowList > .row--spark { color: $text-accent; }
BaseScreen .panel { border: round $foreground 30%; border-title-color: $text-muted; border-subtitle-color: $text-muted; border-title-style: bold; }
BaseScreen .panel:focus, BaseScreen .panel:focus-within { border: round $primary; border-title-color: $text-primary; }
App:nocolor RowList > .row--cursor { text-style: reverse; }
App:nocolor RowList > .row--header, App:nocolor KeyBar.-said { text-style: bold underline; }
App:nocolor KeyBar.-error, App:nocolor WarningBar { text-style: bold reverse; }
App:nocolor CellTable > .row--cell, App:nocolor CellTable > .row--newcell { text-style: bold underline; }
BaseScreen.-short ImportanceView { border: none; }
BaseScreen.-narrow .panel { border-left: none; border-right: none; border-bottom: none; border-title-align: right; }
"""
