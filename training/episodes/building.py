"""Create a data set unit by unit: in this process, in worker processes or on a Ray cluster.

One worker processes a unit completely, and the main process writes it; units already written are
skipped. A unit that fails is reported, and the others continue.

Out of scope: the episodes of a unit (`recordings`, `worlds`), the files (`dataset`).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from embodied_agent.errors import AgentError
from embodied_agent.reasoning.base import prompt_style
from embodied_agent.settings import Settings
from training.episodes.dataset import FinishedUnit, Writer, rows_of
from training.episodes.recordings import Perception, Recorder, RecordingUnit
from training.episodes.rows import DatasetError
from training.episodes.splits import DEFAULT_SHARES, Shares, split_of
from training.episodes.worlds import WorldUnit, world_episodes

Unit = RecordingUnit | WorldUnit


@dataclass(frozen=True)
class BuildOptions:
    """The options that turn units into rows, the same for a whole data set."""

    settings: Settings
    perception: Perception = "builtin"
    shares: Shares = DEFAULT_SHARES
    ood: tuple[str, ...] = ()

    def provenance(self) -> dict[str, str]:
        """The provenance in every row: settings, perceiver and versions."""
        return {
            "settings": self.settings_hash()[:12],
            "perception": self.perception,
            "embodied_agent": importlib.metadata.version("embodied-agent"),
            "opencv": importlib.metadata.version("opencv-python-headless"),
        }

    def settings_hash(self) -> str:
        """A hash of the settings that a row depends on, and of the perceiver's weights."""
        values: dict[str, Any] = {
            name: getattr(self.settings, name).model_dump(mode="json")
            for name in ("keyframes", "perception", "source")
        }
        values["prompt"] = prompt_style(self.settings.reasoning)
        values["token_budget"] = self.settings.reasoning.token_budget
        total = hashlib.sha256(json.dumps(values, sort_keys=True).encode())
        if self.perception == "builtin":
            from embodied_agent.models.checkpoints import checkpoint_folder

            folder = checkpoint_folder(self.settings.perception.model_path, "perceiver")
            total.update((folder / "model.safetensors").read_bytes())
        return total.hexdigest()

    def made_with(self) -> dict[str, Any]:
        """All values that must be the same throughout a data set."""
        return {**self.provenance(), "split": asdict(self.shares), "ood": sorted(self.ood)}


@dataclass(frozen=True)
class Outcome:
    """The outcome of a unit: rows and skipped questions by reason, or the problem."""

    unit: str
    rows: Sequence[dict[str, Any]] = ()
    skipped: dict[str, int] | None = None
    problem: str = ""


class UnitBuilder:
    """Processes units one after the other; loads the perceiver with the first recording."""

    def __init__(self, options: BuildOptions) -> None:
        self._options = options
        self._provenance = options.provenance()
        self._recorder: Recorder | None = None

    def build(self, unit: Unit) -> Outcome:
        """Process a unit; an error is reported in ``problem`` of the result."""
        options = self._options
        try:
            if isinstance(unit, WorldUnit):
                style = prompt_style(options.settings.reasoning)
                noise = {"perceiver": f"text_worlds:{unit.noise:g}", "questions": "truth"}
                episodes, skipped = world_episodes(unit, style, {**self._provenance, **noise})
            else:
                if self._recorder is None:
                    self._recorder = Recorder(options.settings, options.perception)
                episodes, skipped = self._recorder.episodes(unit, self._provenance)
        except AgentError as error:
            return Outcome(unit.name, problem=str(error))
        with_split = [
            replace(e, split=split_of(e.scene, options.shares, e.domain, options.ood))
            for e in episodes
        ]
        return Outcome(unit.name, rows_of(with_split), dict(skipped))


def build_all(
    units: Sequence[Unit],
    writer: Writer,
    options: BuildOptions,
    *,
    workers: int = 1,
    ray: bool = False,
    on_unit: Callable[[FinishedUnit | Outcome], None] = lambda _: None,
) -> tuple[list[FinishedUnit], list[Outcome]]:
    """Process and write all unfinished units.

    Args:
        units: with distinct names.
        writer: of the data set.
        options: options of the data set.
        workers: processes on this machine; with Ray, most concurrent workers (0: one per CPU).
        ray: distribute the units over a Ray cluster.
        on_unit: called with each unit that is finished, including earlier ones, or has failed.

    Returns:
        The finished units, and the failed ones.

    Raises:
        DatasetError: the data set can't be written, two units have the same name, or Ray is
            missing.
    """
    names = [unit.name for unit in units]
    if len(set(names)) < len(names):
        repeated = next(name for name in names if names.count(name) > 1)
        raise DatasetError(f"{repeated} was given twice")
    done: list[FinishedUnit] = []
    failed: list[Outcome] = []
    unfinished: list[Unit] = []
    for unit in units:
        record = writer.done(unit.name)
        if record is None:
            unfinished.append(unit)
        else:
            done.append(record)
            on_unit(record)
    if ray:
        outcomes = _by_ray(unfinished, options, workers)
    elif workers > 1 and len(unfinished) > 1:
        outcomes = _by_processes(unfinished, options, min(workers, len(unfinished)))
    else:
        builder = UnitBuilder(options)
        outcomes = (builder.build(unit) for unit in unfinished)
    for outcome in outcomes:
        if outcome.problem:
            failed.append(outcome)
            on_unit(outcome)
        else:
            done.append(writer.write(outcome.unit, outcome.rows, outcome.skipped))
            on_unit(done[-1])
    return done, failed


_builder: UnitBuilder | None = None


def _initialise_worker(options: BuildOptions) -> None:
    """Initialise a worker process."""
    global _builder
    import cv2

    cv2.setNumThreads(1)
    _builder = UnitBuilder(options)


def _build(unit: Unit) -> Outcome:
    assert _builder is not None
    return _builder.build(unit)


def _by_processes(units: Sequence[Unit], options: BuildOptions, workers: int) -> Iterator[Outcome]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        workers, context, initializer=_initialise_worker, initargs=(options,)
    ) as pool:
        pending: set[Future[Outcome]] = set()
        remaining = iter(units)
        try:
            # Submit few at a time: results wait in memory until they are written.
            for unit in remaining:
                pending.add(pool.submit(_build, unit))
                if len(pending) >= 3 * workers:
                    first = next(as_completed(pending))
                    pending.remove(first)
                    yield first.result()
            for future in as_completed(pending):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


class _RayBuilder:
    """A Ray Data actor: maps a unit's number to one row with all its episodes."""

    def __init__(self, options: BuildOptions, units: Sequence[Unit], folder: str) -> None:
        # Paths of recordings may be relative to the folder in which the command was run.
        os.chdir(folder)
        self._builder, self._units = UnitBuilder(options), units

    def __call__(self, item: dict[str, Any]) -> dict[str, Any]:
        outcome = self._builder.build(self._units[int(item["unit"])])
        return {"outcome": json.dumps(asdict(outcome))}


def _by_ray(units: Sequence[Unit], options: BuildOptions, workers: int) -> Iterator[Outcome]:
    """Process units on a Ray cluster. This process writes the rows; recordings must be readable on
    every node under the same path."""
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise DatasetError("--ray needs Ray Data: pip install --group cluster") from error
    if not units:
        return
    root = str(Path(__file__).parents[2])
    own = not ray.is_initialized()
    if own:
        # Use the cluster in RAY_ADDRESS, or else a temporary one on this machine, whose workers
        # inherit their environment from this process and therefore start faster.
        path = {"PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}
        if "RAY_ADDRESS" in os.environ:
            ray.init(log_to_driver=False, runtime_env={"env_vars": path})
        else:
            os.environ.update(path)
            ray.init(address="local", include_dashboard=False, log_to_driver=False)
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        cpus = int(ray.cluster_resources().get("CPU", 1))
        most = max(1, min(workers or cpus, len(units)))
        rows = (
            ray.data.from_items(
                [{"unit": number} for number in range(len(units))], override_num_blocks=len(units)
            )
            .map(
                _RayBuilder,
                fn_constructor_kwargs={
                    "options": options,
                    "units": list(units),
                    "folder": str(Path.cwd()),
                },
                compute=ray.data.ActorPoolStrategy(min_size=1, max_size=most),
            )
            .iter_rows()
        )
        for row in rows:
            yield Outcome(**json.loads(row["outcome"]))
    finally:
        if own:
            ray.shutdown()
