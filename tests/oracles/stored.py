"""What lies on disk, to be compared."""


def contents(place):
    """The bytes of every file of an artefact, by name."""
    files = place.iterdir() if place.is_dir() else [place]
    return {path.name: path.read_bytes() for path in files}
