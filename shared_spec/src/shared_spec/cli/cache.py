"""`regulator cache` and `producer cache`."""

from __future__ import annotations

from pathlib import Path

import click

from shared_spec.console import cache_option, emit, facts

__all__ = ["cache"]


@click.command()
@cache_option
@click.option("--clear", is_flag=True, help="Delete the latents; whoever needs them encodes again.")
@click.option("--json", "as_json", is_flag=True, help="Print what there is as JSON.")
def cache(cache: Path | None, clear: bool, as_json: bool) -> None:
    """Say where latents are kept and how large they are, or delete them.

    Nothing else that lies in the folder is touched. Not while another command is encoding.

    \b
    Example:
      producer cache --clear
    """
    from shared_spec.latents import cache_folder, cached_files

    folder = cache_folder(cache)
    files = cached_files(folder)
    size = sum(path.lstat().st_size for path in files)
    if clear:
        # What says that latents are whole goes first, so that a command that is stopped leaves none that are not.
        for path in sorted(files, key=lambda path: path.suffix != ".json"):
            path.unlink(missing_ok=True)
    result = {"cache": str(folder), "files": len(files), "bytes": size, "cleared": clear}
    what = "deleted" if clear else "kept"
    rows = [[what, f"{len(files)} files, {size / 1e6:.1f} MB"]]
    emit(result, as_json, facts(f"latent cache {folder}", rows))
