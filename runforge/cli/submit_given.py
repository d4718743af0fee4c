"""The options and arguments of one `submit`, as they were given."""

from __future__ import annotations

from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.paths import Path


class Given(NamedTuple):
    """The options and arguments of one call, by the names in the table of commands."""

    name: str | None
    tag: list[str]
    notes: str | None
    folder: Path | None
    env: list[str]
    env_keep: list[str]
    env_from: Path | None
    shell: bool
    gpus: int | None
    vram: str | None
    gpu: list[str]
    cpus: int | None
    mem: str | None
    group: str | None
    priority: int
    max_parallel: int | None
    breaker: str | None
    time: str | None
    grace: str | None
    stall: str | None
    resumable: str | None
    on_lost: str | None
    retry: list[str]
    backoff: str | None
    after: list[str]
    hold: bool
    at: str | None
    sweep: list[str]
    zipped: list[str]
    rows: Path | None
    random: int | None
    tpe: int | None
    seed: int | None
    repeat: int
    stop: str | None
    keep_artifacts: int | None
    allow_duplicates: bool
    params: str | None
    metric: str | None
    metrics: str | None
    notify: str | None
    snapshot: bool
    no_snapshot: bool
    request: Path | None
    max_runs: int
    wait: bool
    follow: bool
    start: bool
    dry_run: bool
    as_json: bool
    workspace: Path | None
    command: list[str]

    @property
    def is_about_sweeps(self) -> bool:
        """Whether an option is given that means something for sweeps alone."""
        varied = (self.sweep, self.zipped, self.rows, self.random, self.tpe, self.seed)
        how = (self.stop, self.keep_artifacts, self.allow_duplicates, self.repeat > 1)
        return any(each is not None and each is not False and each != [] for each in (*varied, *how))


#: What may be given several times.
LISTS = frozenset({"gpu", "tag", "env", "env_keep", "retry", "after", "sweep", "zipped", "command"})
