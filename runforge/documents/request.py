"""request.json: what a run must do (docs/contract.md, section 5), checked before anything starts."""

from __future__ import annotations

from runforge.documents.hyperparameters import FAMILIES, PRESETS, effective, problem
from runforge.documents.problems import Fields, Problems
from runforge.documents.request_options import EnvironmentRef, Objective, Resuming, read_options
from runforge.errors import InvalidRequest, RunForgeError
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runforge.core.resources import Resources
    from runforge.core.retrying import Rule

#: Linux refuses arguments of 128 KiB and more.
_ARGUMENT_LIMIT = 128 * 1024 - 1
#: A canceled run keeps its slot at most this long.
MOST_GRACE_SECONDS = 3600
#: The separators of a dataset's cells, and their names.
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}


class Request(NamedTuple):
    """A checked request. `raw` is the original document, with unknown fields."""

    raw: dict[str, Any]
    preset: str
    family: str
    #: Those of a command may be nested; `{optimizer.lr}` names one of them.
    hyperparameters: dict[str, Any]
    #: The program with its arguments; one text for bash if `is_shell`.
    command: tuple[str, ...]
    is_shell: bool
    #: Where a command starts: below the workspace, or an absolute folder.
    cwd: str | None
    folder: str | None
    dataset_path: str | None
    label_column: str | None
    #: "class" where the request says that numbers in the label column are classes.
    label_type: str | None
    #: The separator of the cells; None if it must be found.
    separator: str | None
    device_type: str
    #: The time that the run gets to end after a cancel; None for the default.
    grace_seconds: float | None
    #: What the run needs from the machine.
    needs: Resources
    #: How long the run may take, from its start.
    timeout_seconds: float | None
    #: None for the daemon's own environment.
    environment: EnvironmentRef | None
    retry: tuple[Rule, ...]
    #: For a single run; the objective of a sweep stands in its plan.
    objective: Objective | None
    #: Where a command's metrics are; None to look for them.
    metrics: str | None
    name: str | None
    tags: tuple[str, ...]
    notes: str | None
    #: After so many seconds without a sign of life it is marked, or ended; None is as usual, 0 never.
    stall_seconds: float | None
    stall_kill: bool
    resuming: Resuming

    @property
    def env_id(self) -> str | None:
        """The stored environment that it runs in; None for the daemon's."""
        return self.environment.id if self.environment is not None else None

    @property
    def effective_hyperparameters(self) -> dict[str, Any]:
        """The values that the run uses, with the preset's values."""
        return effective(self.family, self.preset, self.hyperparameters)


def parse_request(
    document: dict[str, Any],
    *,
    where: str,
    error: type[RunForgeError] = InvalidRequest,
    at: str = "",
) -> Request:
    """Return the checked request, or raise `error` that names every wrong field.

    `at` is the path of the request inside a larger document (a plan's base_request).
    """
    problems = Problems()
    fields = Fields(document, at, problems)
    fields.exactly("version", 1)
    preset = fields.one_of("preset", PRESETS)
    for name in ("created_at", "created_by"):
        fields.text(name, required=True)
    model = fields.mapping("model", required=True)
    family = model.one_of("family", FAMILIES) if model else None
    hyperparameters = _hyperparameters(model, family)
    command, is_shell, cwd, folder = _command(model, family)
    dataset = fields.mapping("dataset", required=family != "command")
    path = _relative(dataset, "path", required=family != "command") if dataset else None
    label = dataset.text("label_column", required=family != "command") if dataset else None
    label_type, separator = _reading(dataset) if dataset and family != "command" else (None, None)
    device = fields.mapping("device", required=True)
    device_type = device.one_of("type", ("cpu", "gpu")) if device else None
    grace = fields.number("grace_seconds", least=0, most=MOST_GRACE_SECONDS)
    options = read_options(fields, device_type)
    problems.raise_if_any(error, where)
    return Request(
        raw=document,
        preset=str(preset),
        family=str(family),
        hyperparameters=hyperparameters,
        command=command,
        is_shell=is_shell,
        cwd=cwd,
        folder=folder,
        dataset_path=path,
        label_column=label,
        label_type=label_type,
        separator=separator,
        device_type=str(device_type),
        grace_seconds=grace,
        **options._asdict(),
    )


def _reading(dataset: Fields) -> tuple[str | None, str | None]:
    """Return how the request wants its dataset to be read."""
    label_type = dataset.one_of("label_type", ("class",), required=False)
    separator = dataset.text("separator")
    if separator is not None and separator not in SEPARATORS:
        known = ", ".join(f"{name} ({character!r})" for character, name in SEPARATORS.items())
        dataset.problems.add(dataset.path("separator"), f"{separator!r:.60} is not one of {known}")
    return label_type, separator


def _hyperparameters(model: Fields | None, family: str | None) -> dict[str, Any]:
    found = model.mapping("hyperparameters") if model else None
    if found is None:
        return {}
    if family == "command":
        _check_names(found)
    elif family is not None:
        for name, value in found.raw.items():
            wrong = problem(family, name, value)
            if wrong is not None:
                found.problems.add(found.path(name), wrong)
    return dict(found.raw)


def _check_names(found: Fields) -> None:
    for name in found.raw:
        if not name.isidentifier() or not name.isascii():
            found.problems.add(found.path(name[:60]), "a hyperparameter's name is letters, digits and '_'")


def _command(
    model: Fields | None, family: str | None
) -> tuple[tuple[str, ...], bool, str | None, str | None]:
    """Return a command, whether it is a line for bash, and where it starts: below the workspace or elsewhere."""
    if model is None:
        return (), False, None, None
    cwd, folder = _relative(model, "cwd", required=False), _absolute(model, "folder")
    if cwd is not None and folder is not None:
        model.problems.add(model.path("folder"), "cannot stand beside model.cwd; give one of the two")
    if family != "command":
        return (), False, cwd, folder
    is_shell = model.boolean("shell", default=False)
    return (_line(model) if is_shell else _arguments(model)), is_shell, cwd, folder


def _line(model: Fields) -> tuple[str, ...]:
    """Return the one text of a command for bash."""
    line = model.text("command", required=True)
    if line is not None:
        _check_argument(model, model.path("command"), line)
    return () if line is None else (line,)


def _arguments(model: Fields) -> tuple[str, ...]:
    parts = model.list("command", required=True)
    if parts is None:
        return ()
    path = model.path("command")
    if not parts:
        model.problems.add(path, "is empty; give the program and its arguments")
    for index, part in enumerate(parts):
        if not isinstance(part, str) or (not part.strip() and index == 0):
            model.problems.add(f"{path}[{index}]", "must be a text (the command is a list, not a shell line)")
        else:
            _check_argument(model, f"{path}[{index}]", part)
    return tuple(str(part) for part in parts)


def _check_argument(model: Fields, path: str, text: str) -> None:
    if len(text.encode("utf-8", "replace")) > _ARGUMENT_LIMIT:
        model.problems.add(path, "is longer than 128 KiB; pass it in a file")


def _absolute(fields: Fields, name: str) -> str | None:
    value = fields.text(name)
    if value is not None and not value.startswith("/"):
        fields.problems.add(fields.path(name), f"{value!r:.100} must be an absolute path")
    return value


def _relative(fields: Fields, name: str, *, required: bool) -> str | None:
    """Return a path that stays inside the workspace."""
    value = fields.text(name, required=required)
    if value is None:
        return None
    if value.startswith(("/", "~")) or ".." in value.split("/"):
        fields.problems.add(
            fields.path(name),
            f"{value!r:.100} leaves the workspace; give a path relative to it, without '..'",
        )
    return value
