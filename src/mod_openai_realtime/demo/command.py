"""`openai-realtime demo`, and what it says when it can't run."""

import signal
from pathlib import Path

import click

NEEDED = (
    ("numpy", "audio"),
    ("hibari", "the voices"),
    ("matplotlib", "the picture"),
)


@click.command()
@click.option(
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Where call.wav, timeline.png and events.jsonl go.",
)
def demo(folder: Path) -> None:
    """One whole call on this machine, without FreeSWITCH and without a key.

    Exit code 1 if the conversation did not work as it should; the checks say what of it.
    """
    try:
        from ..local.parts import require

        for module, purpose in NEEDED:
            require(module, purpose)
        from rich.console import Console

        from ..engine_process import EngineStartError
        from ..standin import StandInError
        from .run import run_demo
    except ImportError as error:
        raise click.ClickException(str(error)) from None
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the engine and the temporary files go too
    try:
        verdict = run_demo(folder, Console())
    except OSError as error:
        raise click.ClickException(f"cannot write {error.filename or folder}: {error.strerror}") from None
    except (ImportError, StandInError, EngineStartError) as error:
        raise click.ClickException(str(error)) from None
    if not verdict.passed:
        names = ", ".join(check.name for check in verdict.failed)
        raise click.ClickException(f"{len(verdict.failed)} of {len(verdict.checks)} checks failed: {names}")
    click.echo(f"The conversation worked: {len(verdict.checks)} checks passed.")
