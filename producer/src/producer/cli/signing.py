"""The commands of keys: what the producer signs, and how one key follows another."""

import producer
from shared_spec.cli.trust import rotate_command, sign_command

__all__ = ["rotate", "sign"]

sign = sign_command(producer, "reps/")
rotate = rotate_command(producer)
