"""Which run of a group is best. Pure, and the only place that decides it.

The plan's objective says whether a metric is better high or low. Without one, the metric's name may say it.
If neither does, no run is best.
"""

from __future__ import annotations

from runforge.core.states import State
from runforge.later import re
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol, TypeVar
else:
    Protocol = object


MAXIMIZE = "maximize"
MINIMIZE = "minimize"
#: The direction that the journal has for a group without an objective. It has no meaning.
NO_OBJECTIVE = MAXIMIZE


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


#: The side of the data that a metric was measured on. Compiled at the first use.
_SPLIT = r"^(training|train|validation|valid|val|evaluation|eval|testing|test|dev)[ _/.:-]+(?=.)"
_GLUED = r"^(training|train|validation|valid|val|eval|test)(?=[a-z])"
_LOW = _set(
    "loss losses error errors err mse rmse mae mape smape msle rmsle nll perplexity ppl wer cer eer time latency "
    "duration seconds cost regret deviance divergence kl kld logloss mlogloss merror crossentropy xent ce bce "
    "hinge brier ece crps fid kid lpips l1 l2 fpr fnr ade fde mpjpe bpb bpc bpd"
)
_HIGH = _set(
    "accuracy acc auc auroc auprc aucpr f1 fbeta r2 precision recall sensitivity specificity map map50 ap mrr ndcg "
    "bleu rouge meteor cider chrf reward rewards return returns iou miou dice psnr ssim mcc kappa corr correlation "
    "pearson spearman score throughput success tpr tnr likelihood"
)
#: Words that count less than others: a Brier score is an error.
_WEAK = frozenset({"score", "map", "return", "success"})
#: A name with such a word does not measure how good a run is.
_NEITHER = _set(
    "lr scale weight weights coef coefficient threshold temperature norm std stderr var variance gap diff delta "
    "change drop gain improvement reduction count penalty"
)
_NEGATED = frozenset({"neg", "negative", "minus"})
_PARTS = r"[A-Z]?[a-z]+\d*|[A-Z]+(?![a-z])\d*|\d+"
_CROSS_ENTROPY = r"(?i)cross[^a-z0-9]?entropy"
_INFINITE = float("inf")


class Scored(Protocol):
    """Something that can be ranked: a job, or a view of one."""

    @property
    def state(self) -> str:
        """Where the job is."""

    @property
    def metric_name(self) -> str | None:
        """Its primary metric."""

    @property
    def metric_value(self) -> float | None:
        """That metric's last value; None if it has diverged."""


if TYPE_CHECKING:
    _Job = TypeVar("_Job", bound=Scored)


def without_split(name: str) -> str:
    """Return a metric's name without the side of the data: val_loss and train/loss are both `loss`."""
    return re.sub(_SPLIT, "", name, count=1)


def direction_of_name(name: str) -> str | None:
    """Return `maximize` or `minimize` if a metric's name says it, or None."""
    words = list(_words(without_split(name)))
    found = set(words)
    if found & _NEITHER:
        return None
    low, high = found & _LOW, found & _HIGH
    if low and high:
        high -= _WEAK
        if words[-1] in {"loss", "error"}:
            high = set()
    if bool(low) == bool(high):
        return None
    is_low = bool(low) != bool(found & _NEGATED)
    return MINIMIZE if is_low else MAXIMIZE


def _words(name: str) -> Iterable[str]:
    """Yield the words of a name: `valLoss`, `val_loss` and `loss1` all say `loss`."""
    for piece in re.split(r"[^A-Za-z0-9]+", re.sub(_CROSS_ENTROPY, "crossentropy", name)):
        known = _known(piece.lower())
        if known is not None:
            yield known
        else:
            yield from (_known(part.lower()) or part.lower() for part in re.findall(_PARTS, piece))


def _known(word: str) -> str | None:
    for form in (word, word.rstrip("0123456789"), re.sub(_GLUED, "", word)):
        if form in _LOW or form in _HIGH or form in _NEITHER or form in _NEGATED:
            return form
    return None


class Ranking(NamedTuple):
    """The metric by which a group's runs are ranked, and its direction. Each may be unknown."""

    metric: str | None
    direction: str | None

    def ranks(self, job: Scored) -> bool:
        """Return whether a run takes part: it has succeeded, with a finite value of this metric."""
        value = job.metric_value
        return (
            self.direction is not None
            and job.state == State.SUCCEEDED.value
            and job.metric_name == self.metric
            and value is not None
            and -_INFINITE < value < _INFINITE
        )

    def best_first(self, jobs: Iterable[_Job]) -> list[_Job]:
        """Return the runs that take part, best first. Equal runs keep their order."""
        sign = 1.0 if self.direction == MINIMIZE else -1.0
        return sorted(filter(self.ranks, jobs), key=lambda job: sign * (job.metric_value or 0.0))

    def why_none(self, jobs: Iterable[Scored]) -> str:
        """Return why no run is best; empty if one is, or if none has succeeded with a metric."""
        named = [job for job in jobs if job.state == State.SUCCEEDED.value and job.metric_name == self.metric]
        if self.metric is None or not named or any(map(self.ranks, named)):
            return ""
        if all(map(has_diverged, named)):
            return f"{self.metric} has diverged in every run that succeeded"
        return f"it is unknown whether {self.metric} is better high or low; `--metric NAME:min` or the plan's `objective` says it"


def ranking(objective_metric: str | None, direction: str, first_metric: str | None) -> Ranking:
    """Return how a group is ranked: by its objective, or else by the metric that its runs named first."""
    if objective_metric is not None:
        return Ranking(objective_metric, direction)
    return Ranking(first_metric, direction_of_name(first_metric) if first_metric else None)


def has_diverged(job: Scored) -> bool:
    """Return whether a run's primary metric ended as NaN or infinity. It then has a name and no value."""
    return job.metric_name is not None and job.metric_value is None


def first_metric(jobs: Iterable[Scored]) -> str | None:
    """Return the primary metric of the first run that has succeeded with one."""
    named = (job.metric_name for job in jobs if job.state == State.SUCCEEDED.value and job.metric_name)
    return next(named, None)
