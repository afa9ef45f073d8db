"""The commands of keys: what the regulator signs, and how one key follows another."""

import regulator
from shared_spec.cli.trust import answer_command, rotate_command, sign_command

__all__ = ["answer", "rotate", "sign"]

sign = sign_command(regulator, "spec.safetensors")
rotate = rotate_command(regulator)
answer = answer_command(regulator)
