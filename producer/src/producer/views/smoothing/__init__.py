"""The smoothing view, by center smoothing (paper, section 4.4)."""
