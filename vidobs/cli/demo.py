"""`vidobs demo`: videos through a wrapped client, and what vidobs then knows of them."""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import ExitStack, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import msgspec
import typer
from rich.console import Console

import vidobs
from vidobs import runtime
from vidobs.cli import _demo_run as work
from vidobs.cli._demo_scenes import SCENES, TAG, plain_scenes, unmet
from vidobs.cli._demo_show import LEDGER, Report, ledger_url, live, print_line
from vidobs.cli._demo_ui import keep, shown
from vidobs.cli.options import Json, print_json
from vidobs.cli.render import safe
from vidobs.core.errors import ConfigError
from vidobs.core.jobs import JobState
from vidobs.core.money import ZERO, plain
from vidobs.core.objects import JobObject, job_object
from vidobs.ledger.reader import open_ledger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import openai

    from vidobs.cli._demo_run import Take
    from vidobs.cli._demo_scenes import Scene
    from vidobs.core.events import VideoEvent
    from vidobs.core.jobs import Job

TIME_SCALE = 1.5  # slow enough to watch
FLUSH_S = 10.0
STOPPED = 130  # exit code of a program that Ctrl-C ended
_MOST = 1000  # jobs read back
_KEEPS = {"content": "full", "media": "full"}  # for pages to show; the prompts are ours


class SceneObject(msgspec.Struct, frozen=True):
    """One scene of `vidobs demo --json`."""

    scene: str
    file: str | None
    job: JobObject


class DemoObject(msgspec.Struct, frozen=True):
    """What `vidobs demo --json` prints."""

    ok: bool
    ledger: str
    total_usd: str
    possible_usd: str
    problems: tuple[str, ...]
    scenes: tuple[SceneObject, ...]


def demo(
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where videos and ledger go.")] = Path(
        "vidobs-demo"
    ),
    base_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="A server of your own, instead of the sandbox."),
    ] = None,
    api_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Its key; else OPENAI_API_KEY.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model to ask it for.")] = None,
    ui: Annotated[
        bool, typer.Option("--ui", help="Show them in the dashboard too, until Ctrl-C.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make videos at once through a wrapped client; show their states, cost and traces.

    Without --base-url against a sandbox on this machine, where some go wrong on purpose. With it
    the videos are real, and so is what they cost.
    """
    if ui and as_json:
        raise ConfigError("--ui shows pages, --json prints an object; give one of them")
    folder = _folder(out)
    console = Console(highlight=False, quiet=as_json)
    try:
        with ExitStack() as stack:
            client = client_for(stack, base_url, api_key, model)
            scenes = SCENES if base_url is None else plain_scenes(model or SCENES[0].model)
            server = stack.enter_context(shown(folder, console)) if ui else None
            report = film(client, scenes, folder, console, keeps=_KEEPS if ui else {})
            if server is not None:
                report.show(console)
                keep(server, console)
    except KeyboardInterrupt:
        Console(stderr=True).print("stopped; what the server accepted goes on there")
        _leave()
    if as_json:
        print_json(_object(report))
    elif not ui:
        report.show(console)
    if report.problems:
        raise typer.Exit(1)


def film(
    client: openai.OpenAI,
    scenes: Sequence[Scene],
    folder: Path,
    console: Console,
    *,
    keeps: Mapping[str, str],
) -> Report:
    """Make the scenes, show them meanwhile, and return what the ledger then knows of them."""
    takes = tuple(work.Take(scene, folder) for scene in scenes)
    place = f"{'the sandbox at ' if scenes is SCENES else ''}{str(client.base_url).rstrip('/')}"
    console.print(safe(f"{len(takes)} videos at once, from {place}"), soft_wrap=True)
    console.print()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The Sora API is scheduled", DeprecationWarning)
        vidobs.configure(ledger=folder / LEDGER, callbacks=(), capture=keeps, disabled=False)
        try:
            started = datetime.now(UTC)
            _make(work.Studio(client, takes), takes, console)
            work.check_takes(takes, client)
            return _report(takes, folder, started)
        finally:
            vidobs.shutdown()


def _make(studio: work.Studio, takes: Sequence[Take], console: Console) -> None:
    display = live(console, takes)

    def told(event: VideoEvent) -> None:
        take = studio.note(event)
        if take is not None and display is None:
            print_line(console, event, take)

    vidobs.on("*")(told)
    try:
        with display or nullcontext():
            studio.make_all()
            vidobs.flush(FLUSH_S)
    except KeyboardInterrupt:
        studio.stop()
        raise


def _leave() -> NoReturn:
    """End the process now: at a usual exit Python joins threads that may wait for minutes."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(STOPPED)


def _report(takes: tuple[Take, ...], folder: Path, started: datetime) -> Report:
    reader = open_ledger(str((folder / LEDGER).absolute()))
    found = {job.tags.get(TAG): job for job in reader.jobs(since=started, limit=_MOST)}
    jobs = tuple(found[take.scene.name] for take in takes if take.scene.name in found)
    shown = next((job for job in jobs if job.state is JobState.COMPLETED), None)
    events = reader.events(shown.job_id) if shown is not None else ()
    reader.close()
    return Report(
        takes=takes,
        jobs=jobs,
        events=tuple(events),
        problems=(*_problems(takes, found), *_faults()),
        folder=folder,
    )


def _problems(takes: tuple[Take, ...], found: dict[str | None, Job]) -> list[str]:
    """What did not come out as its scene says."""
    problems = []
    for take in takes:
        wrong = unmet(take.scene, found.get(take.scene.name))
        if wrong is not None:
            said = take.said()
            problems.append(f"{take.scene.name}: {wrong}" + (f"; {said}" if said else ""))
    return problems


def _faults() -> list[str]:
    """What broke inside vidobs itself; it does not reach the calls, but here it must be seen."""
    at_work = runtime.current()
    trips = {} if at_work is None else at_work.guard.trips
    return [f"vidobs failed inside ({where}), {count} times" for where, count in trips.items()]


def client_for(
    stack: ExitStack, base_url: str | None, api_key: str | None, model: str | None
) -> openai.OpenAI:
    """The client to wrap: of a server that was named, else of a sandbox, which is started."""
    if base_url is None:
        for name, value in (("--api-key", api_key), ("--model", model)):
            if value is not None:
                raise ConfigError(f"{name} is for a server of your own; name it with --base-url")
        return _sandbox_client(stack)
    work.check_url(base_url)
    key = api_key or os.environ.get("OPENAI_API_KEY")
    if not key:
        raise ConfigError("the server needs a key; give one with --api-key or OPENAI_API_KEY")
    client = stack.enter_context(work.open_client(base_url, key, extra="openai", loopback=False))
    work.check_server(client)
    return client


def _sandbox_client(stack: ExitStack) -> openai.OpenAI:
    from vidobs.testing import Sandbox

    early = work.open_client("http://127.0.0.1/v1", "sandbox", extra="demo", loopback=True)
    sandbox = stack.enter_context(Sandbox(time_scale=TIME_SCALE))
    client = early.with_options(base_url=sandbox.base_url)
    return stack.enter_context(client)


def _folder(out: Path) -> Path:
    """The folder, made if it is not there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out: cannot make {str(out)!r}: {error.strerror or error}") from None
    if not os.access(out, os.W_OK | os.X_OK):
        raise ConfigError(f"--out: no permission to write to {str(out)!r}; name another folder")
    return out


def _object(report: Report) -> DemoObject:
    costs = [job.cost for job in report.jobs]
    files = {take.scene.name: take.file for take in report.takes}
    return DemoObject(
        ok=not report.problems,
        ledger=ledger_url(report.folder),
        total_usd=plain(sum((cost.usd or ZERO for cost in costs), ZERO)),
        possible_usd=plain(sum((cost.possible_usd or ZERO for cost in costs), ZERO)),
        problems=report.problems,
        scenes=tuple(
            SceneObject(
                scene=job.tags[TAG],
                file=str(files[job.tags[TAG]]) if job.file is not None else None,
                job=job_object(job),
            )
            for job in report.jobs
        ),
    )
