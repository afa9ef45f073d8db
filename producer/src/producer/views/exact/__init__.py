"""The exact view: deterministic bounds on piecewise linear encoders over similarity sets of few dimensions."""
