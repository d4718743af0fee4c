"""The one tree of errors that a user may see, and the exit code that each maps to.

RunForgeError
+- OperationFailed   1   a run failed, or the command could not do what was asked
+- InvalidRequest    2   a request, an identifier or an option that cannot be accepted
+- Missing           3   a file, folder or workspace that is not there
+- InternalError     4   RunForge's own fault
+- CanceledByUser    5   the user stopped it
+- InvalidPlan       6   a sweep plan that cannot be accepted

Source of the codes: docs/contract.md, section "Exit codes".
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar


class RunForgeError(Exception):
    """A problem explained to a person: what is wrong, where, and what to do about it."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        """Return one line: `where: message. fix`."""
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}. {self.fix}" if self.fix else text


class OperationFailed(RunForgeError):
    """The command is correct, but it could not be carried out."""

    exit_code = 1


class InvalidRequest(RunForgeError):
    """A request, identifier or option is malformed."""

    exit_code = 2


class Missing(RunForgeError):
    """A file, a folder or a workspace is missing or may not be used."""

    exit_code = 3


class InternalError(RunForgeError):
    """RunForge itself is wrong, or the journal cannot be trusted."""

    exit_code = 4


class CanceledByUser(RunForgeError):
    """The user pressed Ctrl-C, or what the command waited for was canceled."""

    exit_code = 5


class InvalidPlan(RunForgeError):
    """A sweep plan that cannot be accepted."""

    exit_code = 6


def explained(error: BaseException) -> str:
    """Return one line for a person about any failure. An unknown error is RunForge's own fault."""
    if isinstance(error, RunForgeError):
        return str(error)
    if isinstance(error, OSError):
        from runforge import machine_faults

        place = f"{error.filename}: " if error.filename else ""
        advice = machine_faults.advice(error)
        return f"{place}{error.strerror or error}" + (f". {advice}" if advice else "")
    if isinstance(error, MemoryError):
        return "no memory is left. Free some memory and try again"
    return f"internal error: {type(error).__name__}: {error}"
