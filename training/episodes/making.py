"""Making a data set: units of work, who does them (here, in processes, on a Ray cluster), progress.

A unit is done by one worker from beginning to end, and written by the process that was started;
what is written already is not done again. A unit that can't be made is reported and the others go
on.

Not here: how one unit becomes episodes (`recordings`, `worlds`), the files (`dataset`).
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
from training.episodes.dataset import Done, Writer, rows_of
from training.episodes.recordings import Perception, Recorder, RecordingUnit
from training.episodes.rows import DatasetError
from training.episodes.splits import DEFAULT_SHARES, Shares, split_of
from training.episodes.worlds import WorldUnit, world_episodes

Unit = RecordingUnit | WorldUnit


@dataclass(frozen=True)
class Making:
    """How units become rows: the same for all of a data set."""

    settings: Settings
    perception: Perception = "builtin"
    shares: Shares = DEFAULT_SHARES
    ood: tuple[str, ...] = ()

    def provenance(self) -> dict[str, str]:
        """What every row says of how it was made."""
        return {
            "settings": self.settings_hash()[:12],
            "perception": self.perception,
            "embodied_agent": importlib.metadata.version("embodied-agent"),
            "opencv": importlib.metadata.version("opencv-python-headless"),
        }

    def settings_hash(self) -> str:
        """Of the settings that a row depends on, and of the perceiver's weights."""
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
        """What a data set must not mix."""
        return {**self.provenance(), "split": asdict(self.shares), "ood": sorted(self.ood)}


@dataclass(frozen=True)
class Made:
    """A unit's rows and what was left out, or why there are none."""

    unit: str
    rows: Sequence[dict[str, Any]] = ()
    skipped: dict[str, int] | None = None
    problem: str = ""


class Maker:
    """Makes units one after the other; loads the perceiver with the first recording."""

    def __init__(self, making: Making) -> None:
        self._making = making
        self._provenance = making.provenance()
        self._recorder: Recorder | None = None

    def make(self, unit: Unit) -> Made:
        """The rows of a unit; what goes wrong with it is said in ``problem``."""
        making = self._making
        try:
            if isinstance(unit, WorldUnit):
                style = prompt_style(making.settings.reasoning)
                noise = {"perceiver": f"text_worlds:{unit.noise:g}", "questions": "truth"}
                episodes, skipped = world_episodes(unit, style, {**self._provenance, **noise})
            else:
                if self._recorder is None:
                    self._recorder = Recorder(making.settings, making.perception)
                episodes, skipped = self._recorder.episodes(unit, self._provenance)
        except AgentError as error:
            return Made(unit.name, problem=str(error))
        placed = [
            replace(e, split=split_of(e.scene, making.shares, e.domain, making.ood))
            for e in episodes
        ]
        return Made(unit.name, rows_of(placed), dict(skipped))


def make_all(
    units: Sequence[Unit],
    writer: Writer,
    making: Making,
    *,
    workers: int = 1,
    ray: bool = False,
    tell: Callable[[Done | Made], None] = lambda _: None,
) -> tuple[list[Done], list[Made]]:
    """Make what is not yet done and write it.

    Args:
        units: with different names.
        writer: of the data set.
        making: how.
        workers: processes on this machine; with Ray, at most this many at once (0: as it likes).
        ray: spread the units over a Ray cluster.
        tell: told of each unit as it is done (also those that were done before) or has failed.

    Returns:
        The units done, and those that could not be made.

    Raises:
        DatasetError: the data set can't be written, two units have one name, or Ray is missing.
    """
    names = [unit.name for unit in units]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DatasetError(f"{twice} was given twice")
    done: list[Done] = []
    failed: list[Made] = []
    left: list[Unit] = []
    for unit in units:
        before = writer.done(unit.name)
        if before is None:
            left.append(unit)
        else:
            done.append(before)
            tell(before)
    if ray:
        made = _by_ray(left, making, workers)
    elif workers > 1 and len(left) > 1:
        made = _by_processes(left, making, min(workers, len(left)))
    else:
        maker = Maker(making)
        made = (maker.make(unit) for unit in left)
    for one in made:
        if one.problem:
            failed.append(one)
            tell(one)
        else:
            done.append(writer.write(one.unit, one.rows, one.skipped))
            tell(done[-1])
    return done, failed


_maker: Maker | None = None


def _begin(making: Making) -> None:
    """In each worker process, once."""
    global _maker
    import cv2

    cv2.setNumThreads(1)
    _maker = Maker(making)


def _make(unit: Unit) -> Made:
    assert _maker is not None
    return _maker.make(unit)


def _by_processes(units: Sequence[Unit], making: Making, workers: int) -> Iterator[Made]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(making,)) as pool:
        waiting: set[Future[Made]] = set()
        coming = iter(units)
        try:
            # Few at a time: results wait in memory until they are written.
            for unit in coming:
                waiting.add(pool.submit(_make, unit))
                if len(waiting) >= 3 * workers:
                    first = next(as_completed(waiting))
                    waiting.remove(first)
                    yield first.result()
            for future in as_completed(waiting):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


class _RayMaker:
    """What Ray Data keeps on each worker: a unit's number in, one row with all its episodes out."""

    def __init__(self, making: Making, units: Sequence[Unit], folder: str) -> None:
        # Recordings may be named relative to where the command was given.
        os.chdir(folder)
        self._maker, self._units = Maker(making), units

    def __call__(self, item: dict[str, Any]) -> dict[str, Any]:
        made = self._maker.make(self._units[int(item["unit"])])
        return {"made": json.dumps(asdict(made))}


def _by_ray(units: Sequence[Unit], making: Making, workers: int) -> Iterator[Made]:
    """Rows come back to this process, which writes them: only recordings must be readable
    everywhere, under the same path."""
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
        # With RAY_ADDRESS set, that cluster; else one on this machine, for the time being, whose
        # workers take their environment from this process and so start sooner.
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
                _RayMaker,
                fn_constructor_kwargs={
                    "making": making,
                    "units": list(units),
                    "folder": str(Path.cwd()),
                },
                compute=ray.data.ActorPoolStrategy(min_size=1, max_size=most),
            )
            .iter_rows()
        )
        for row in rows:
            yield Made(**json.loads(row["made"]))
    finally:
        if own:
            ray.shutdown()
