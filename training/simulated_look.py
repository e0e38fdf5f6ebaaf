"""Fit and measure the check that distinguishes simulated pictures from real ones.

    python -m training.simulated_look render --out runs/look/train --first 210000
    python -m training.simulated_look fit --simulated runs/look/train --real runs/look/real/a …
    python -m training.simulated_look measure --simulated runs/look/test --real runs/look/real/b …

Each folder given with ``--real`` is a source of real pictures, searched for JPEG and PNG files.
docs/answers.md names the public data sets that the shipped weights were fitted to and measured on;
none of them is part of this repository. The threshold between the classes is chosen on the pictures
of the fit, conservatively: a doubtful picture counts as real.

Out of scope: the features (`embodied_agent.perception.simulated_look`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.perception.simulated_look import NAMES, features, odds, with_squares

Floats = npt.NDArray[np.float64]

WEIGHTS = Path(__file__).parents[1] / "embodied_agent/perception/simulated_look.json"
WORLDS = ("house", "city", "warehouse")
#: Views to render per scene.
_VIEWS = 3
_RIDGE = 3e-3
_STEPS = 4000
#: Share of the simulated pictures of the fit that lies below the threshold.
_LOST = 0.002
_PICTURES = {".jpg", ".jpeg", ".png"}


def pictures_in(folder: Path) -> list[Path]:
    """The picture files of a folder and its subfolders, in order."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in _PICTURES)


def read(paths: Iterable[Path]) -> list[npt.NDArray[np.uint8]]:
    """Read pictures (h, w, 3) BGR; unreadable files are left out."""
    images = (cv2.imread(str(path), cv2.IMREAD_COLOR) for path in paths)
    return [image.astype(np.uint8, copy=False) for image in images if image is not None]


def table(paths: Iterable[Path]) -> Floats:
    """Features (pictures, features) of all readable pictures."""
    rows = []
    for path in paths:
        rows += [features(image) for image in read([path])]
    return np.array(rows)


def render(out: Path, first: int, scenes: int, worlds: Sequence[str]) -> int:
    """Render views of ``scenes`` scenes of each world; returns the number of pictures."""
    from sim_clips.layout import make_scene
    from sim_clips.render import Renderer
    from training.text_worlds import sample_journey

    out.mkdir(parents=True, exist_ok=True)
    count = 0
    with Renderer(320, 240) as renderer:
        for world in worlds:
            for seed in range(first, first + scenes):
                rng = np.random.default_rng(seed)
                journey = sample_journey(world, seed, rng)  # type: ignore[arg-type]
                renderer.load(make_scene(world, seed))  # type: ignore[arg-type]
                view_numbers = [0, *rng.choice(len(journey.views), _VIEWS - 1, replace=False)]
                for number in view_numbers:
                    picture = renderer.render(journey.views[int(number)].pose)
                    path = out / f"{world}_{seed}_{number}.jpg"
                    cv2.imwrite(str(path), picture.bgr, [cv2.IMWRITE_JPEG_QUALITY, 90])
                    count += 1
    return count


def fit(simulated: Floats, real: Floats) -> dict[str, object]:
    """Fit a logistic regression on standardised features and their squares, with equal weight for
    both classes; returns the JSON-ready weights."""
    features_of_both = np.concatenate([simulated, real])
    mean, scale = features_of_both.mean(0), features_of_both.std(0) + 1e-6
    inputs = with_squares(np.clip((features_of_both - mean) / scale, -4.0, 4.0))
    labels = np.concatenate([np.ones(len(simulated)), np.zeros(len(real))])
    share = np.where(labels > 0, 0.5 / len(simulated), 0.5 / len(real))
    weights, bias = np.zeros(inputs.shape[1]), 0.0
    momentum, speed = np.zeros_like(weights), 0.0
    for _ in range(_STEPS):
        probabilities = 1.0 / (1.0 + np.exp(-(inputs @ weights + bias)))
        error = share * (probabilities - labels)
        momentum = 0.9 * momentum - 0.5 * (inputs.T @ error + _RIDGE * weights)
        speed = 0.9 * speed - 0.5 * float(error.sum())
        weights, bias = weights + momentum, bias + speed
    # If in doubt, real: put the threshold just below nearly all simulated pictures.
    bias -= float(np.quantile(inputs[labels > 0] @ weights + bias, _LOST))
    return {
        "features": list(NAMES),
        "mean": mean.round(6).tolist(),
        "scale": scale.round(6).tolist(),
        "weights": weights.round(6).tolist(),
        "bias": round(bias, 6),
    }


def measure(simulated: Sequence[Path], real: Sequence[Path]) -> None:
    """Print how many pictures of each source are classified wrongly."""
    total = wrong = 0
    for folder in real:
        scores = [odds(image) for image in read(pictures_in(folder))]
        mistaken = sum(score > 0 for score in scores)
        total, wrong = total + len(scores), wrong + mistaken
        print(f"real       {folder.name:24} {mistaken:4} of {len(scores):4} taken for simulated")
    if total:
        print(f"real       {'all':24} {wrong:4} of {total:4}: {100 * wrong / total:.2f} %")
    total = wrong = 0
    for folder in simulated:
        by_world: dict[str, list[float]] = {}
        for path in pictures_in(folder):
            by_world.setdefault(path.name.split("_")[0], []).extend(map(odds, read([path])))
        for world, scores in sorted(by_world.items()):
            mistaken = sum(score <= 0 for score in scores)
            total, wrong = total + len(scores), wrong + mistaken
            print(f"simulated  {world:24} {mistaken:4} of {len(scores):4} taken for real")
    if total:
        print(f"simulated  {'all':24} {wrong:4} of {total:4}: {100 * wrong / total:.2f} %")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    drawing = commands.add_parser("render", help="render simulated pictures")
    drawing.add_argument("--out", type=Path, required=True)
    drawing.add_argument("--first", type=int, required=True, help="first seed")
    drawing.add_argument("--scenes", type=int, default=100, help="per world")
    drawing.add_argument("--worlds", nargs="+", choices=WORLDS, default=list(WORLDS))
    for name in ("fit", "measure"):
        command = commands.add_parser(name)
        command.add_argument("--simulated", type=Path, nargs="*", default=[])
        command.add_argument("--real", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    if options.command == "render":
        count = render(options.out, options.first, options.scenes, options.worlds)
        print(f"{count} pictures in {options.out}")
    elif options.command == "measure":
        measure(options.simulated, options.real)
    else:
        simulated, real = (
            table(path for folder in folders for path in pictures_in(folder))
            for folders in (options.simulated, options.real)
        )
        WEIGHTS.write_text(json.dumps(fit(simulated, real)) + "\n", encoding="utf-8")
        print(f"fitted to {len(simulated)} simulated and {len(real)} real pictures: {WEIGHTS}")


if __name__ == "__main__":
    main()
