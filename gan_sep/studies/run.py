"""Studies from wherever they stand to their reports, or to the end of a call's budget."""

from collections.abc import Sequence
from pathlib import Path

from accelerate import Accelerator
from accelerate.utils import gather_object

from gan_sep.evaluation.references import MIXTURE
from gan_sep.reporting.committed import store_rows
from gan_sep.reporting.overview import Part, write_overview
from gan_sep.reporting.report import references_once, write_committed, write_full
from gan_sep.reporting.study import Study as Compared
from gan_sep.studies.bags import bag_folders, finish_bags
from gan_sep.studies.forecast import Forecast, in_words
from gan_sep.studies.settings import Study, StudySettings
from gan_sep.studies.work import Work, share_references, survey
from gan_sep.training.budget import Budget
from gan_sep.training.interrupt import SPENT
from gan_sep.training.lifecycle import Member, score, train
from gan_sep.training.loop import InterruptedRunError
from gan_sep.training.player import NonFiniteError

GO_ON = "the same command goes on"


class FailedArmsError(ValueError):
    """Arms of a study that could not be trained, while all others were."""


class BudgetUsedUpError(RuntimeError):
    """The call's budget ended before the study did."""


def run_studies(studies: Sequence[Study], accelerator: Accelerator, overview: Path) -> str:
    """One study after the other, as `run_study`, and of several an overview when all are done.

    They share the budget of the first, and what one has trained the next one finds. overview: the
    folder of that report. What the studies and the overview say, one below the other.
    """
    limits = studies[0][0].budget
    budget = Budget(limits.minutes, limits.steps)
    said = [run_study(study, accelerator, budget) for study in studies]
    if len(studies) > 1 and accelerator.is_main_process and all(map(_is_done, studies)):
        parts = [Part(_compared(study), study[0].report_folder) for study in studies]
        write_overview(parts, overview)
        below = [part for part in parts if part.report.is_relative_to(overview)]
        if len(below) == len(parts):  # what they share is kept once
            store_rows({part.report: references_once(part.study.rows) for part in parts}, overview)
        said.append(f"Overview: {overview / 'README.md'}")
    return "\n\n".join(said)


def run_study(study: Study, accelerator: Accelerator, budget: Budget) -> str:
    """Trains, evaluates and reports what is missing; the report in short, or what is left.

    Each process of a launch calls it; only the main one's answer holds the report. Training that
    the budget ends is saved; an evaluation that has begun is finished.
    Raises ValueError where a folder holds another run, FailedArmsError after all other arms where
    training became NaN or infinite, InterruptedRunError on SIGINT or SIGTERM during training.
    """
    settings, members = study
    try:
        failed = _run_arms(settings, members, accelerator, budget)
    except BudgetUsedUpError:
        return f"The budget is used up. {_left(settings, members)}"
    except InterruptedRunError as stop:
        raise InterruptedRunError(f"Stopped. {_left(settings, members)}", stop.signal) from stop
    if failed:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
        raise FailedArmsError(
            f"{reasons}. All other arms of the study are done; no report is written without "
            f"{', '.join(failed)}: change the settings of the arm, or leave it out of the study"
        )
    if not _is_done(study):
        return f"Done but for the other arms. {_left(settings, members)}"
    finish_bags(settings.bags, members, accelerator)
    if not accelerator.is_main_process:
        return ""
    found, report = _compared(study), settings.report_folder
    runs = members[0].config.runs / settings.name
    # What lies below the runs stays with whoever has the music; what is kept is passed on.
    private = report.resolve().is_relative_to(runs.parent.resolve())
    page = report if private else runs / f"report-{report.name}"
    write_full(found, page, words=None if private else _words(report), audio=True)
    if not private:
        write_committed(found, report)
    return f"{found.in_short()}\n\nPage: {page / 'index.html'}\nReport: {report / 'README.md'}"


def _is_done(study: Study) -> bool:
    return all(work.state == "done" for work in survey(study[1]))


def _compared(study: Study) -> Compared:
    """The study's runs, as its report compares them."""
    settings, members = study
    runs = [member.folder for member in members] + list(bag_folders(settings.bags, members))
    folders = [run.folder for run in runs]
    return Compared.of(folders, settings.controls, members[0].config.question)


def _words(folder: Path) -> Path | None:
    """The author's words in a report's folder, where there are some."""
    return path if (path := folder / "words.md").is_file() else None


def _run_arms(
    settings: StudySettings,
    members: Sequence[Member],
    accelerator: Accelerator,
    budget: Budget,
) -> dict[str, str]:
    """Takes the call's arms to their ends -> what failed, by the names of the folders, and why."""
    works = [w for w in survey(members) if settings.only is None or w.arm in settings.only]
    forecast = Forecast(works)
    accelerator.wait_for_everyone()  # no process writes before all have read
    failed = {}
    for place, work in enumerate(works):
        if work.state == "done":
            continue
        if any(gather_object([budget.used_up])):
            raise BudgetUsedUpError
        accelerator.print(_announcement(place, works, forecast), flush=True)
        try:
            with work.folder.owned():
                _finish(work, works, budget, accelerator)
            works[place] = Work.of(work.member)
        except NonFiniteError as error:
            failed[work.name] = str(error)
            accelerator.print(f"{work.name} failed: {error}", flush=True)
    return failed


def _announcement(place: int, works: Sequence[Work], forecast: Forecast) -> str:
    """Which arm comes, of how many, and how long the study will take from here on."""
    work = works[place]
    return (
        f"[{place + 1} of {len(works)}] {work.name}: {work}; "
        f"{in_words(forecast.total(works[place:]))} left of the study"
    )


def _finish(work: Work, works: Sequence[Work], budget: Budget, accelerator: Accelerator) -> None:
    """Trains the arm as far as it is not trained, and evaluates it."""
    if work.steps_left:
        try:
            train(work.member, budget)
        except InterruptedRunError as stop:
            if stop.signal == SPENT:
                raise BudgetUsedUpError from stop
            raise
    done = next((other for other in works if other.state == "done"), None)
    if done is not None and accelerator.is_main_process:
        share_references(done.folder, work.folder, (MIXTURE, *work.config.evaluation.oracles))
    accelerator.wait_for_everyone()
    score(work.member)
    accelerator.wait_for_everyone()


def _left(settings: StudySettings, members: Sequence[Member]) -> str:
    """How far the study is."""
    works = survey(members)
    done = sum(work.state == "done" for work in works)
    begun = [f"{work.name}: {work}" for work in works if work.state in ("resume", "evaluate")]
    return "; ".join([f"{settings.name}: {done} of {len(works)} arms are done", *begun, GO_ON])
