"""Ways in which the producer bounds the representations of a similarity set: `smoothing` and `exact`."""
