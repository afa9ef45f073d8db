"""The commands of keys: what the consumer signs, and how one key follows another."""

import consumer
from shared_spec.cli.trust import rotate_command, sign_command

__all__ = ["rotate", "sign"]

sign = sign_command(consumer, "certificate/")
rotate = rotate_command(consumer)
