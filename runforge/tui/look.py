"""The colours and borders that all screens share, as Textual's CSS."""

CSS = """
BaseScreen { background: $background; }
Confirm, Help, CommandPalette { background: transparent; }
RowList { scrollbar-size-vertical: 1; overflow-x: hidden; scrollbar-size-horizontal: 0; }
BaseScreen > .row--header { text-style: bold; color: $text-accent; background: $panel; }
BaseScreen > .row--cursor { background: $primary-muted; text-style: bold; }
BaseScreen > .row--marked { background: $warning-muted; }
BaseScreen > .row--dim { text-style: dim; }
BaseScreen > .row--strong { text-style: bold; }
BaseScreen > .row--queued { text-style: none; }
BaseScreen > .row--running { color: $text-primary; text-style: bold; }
BaseScreen > .row--succeeded { color: $text-success; }
BaseScreen > .row--failed { color: $text-error; }
BaseScreen > .row--canceled { color: $text-warning; }
BaseScreen > .row--paused { color: $text-warning; text-style: bold; }
BaseScreen > .row--bar { color: $primary; }
BaseScreen > .row--spark { color: $text-accent; }
BaseScreen > .row--cell { text-style: reverse; }
BaseScreen > .row--new { color: $text-warning; text-style: bold; }
BaseScreen > .row--newcell { color: $text-warning; text-style: bold reverse; }
BaseScreen > .state--running { color: $text-primary; }
BaseScreen > .state--failed, BaseScreen > .state--bad { color: $text-error; }
BaseScreen > .state--succeeded, BaseScreen > .state--good { color: $text-success; }
BaseScreen > .state--canceled, BaseScreen > .state--mild { color: $text-warning; }
BaseScreen > .state--bad, BaseScreen > .state--mild { text-style: bold; }
BaseScreen .panel { border: round $foreground 30%; border-title-color: $text-muted; border-subtitle-color: $text-muted; border-title-style: bold; }
BaseScreen .panel:focus, BaseScreen .panel:focus-within { border: round $primary; border-title-color: $text-primary; }
App:nocolor BaseScreen > .row--cursor { text-style: reverse; }
App:nocolor BaseScreen > .row--header, App:nocolor KeyBar.-said { text-style: bold underline; }
App:nocolor KeyBar.-error, App:nocolor WarningBar { text-style: bold reverse; }
App:nocolor BaseScreen > .row--cell, App:nocolor BaseScreen > .row--newcell { text-style: bold underline; }
BaseScreen.-short ImportanceView { border: none; }
BaseScreen.-narrow .panel { border-left: none; border-right: none; border-bottom: none; border-title-align: right; }
"""
