"""Where the figures of a run are kept."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import click

from .machine import machine


def results_path(out: Path, name: str) -> Path:
    """Of a run of the benchmark `name` that ends now, in a folder that is there."""
    out.mkdir(parents=True, exist_ok=True)
    return out / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}.json"


def keep_results(out: Path, name: str, **found: object) -> None:
    """With what they were measured on; says where they are."""
    path = results_path(out, name)
    facts = {**machine(), "load average": " ".join(f"{load:.2f}" for load in os.getloadavg())}
    path.write_text(json.dumps({"machine": facts, **found}, indent=1))
    click.echo(f"\n{path}")
