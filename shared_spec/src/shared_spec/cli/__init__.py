"""Commands and options that several parties offer alike."""
