"""The artefacts that pass between organisations: their documents, their bytes, their digests."""
