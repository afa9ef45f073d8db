"""The coupling network's convolutions as matrix products over tiles of positions, with their gradients.

On a CPU this beats convolutions: a 3x3 convolution with few input channels is one product of 3x3 patches, one with few
outputs is one product whose results are added up where patches overlap, and the hidden activations of a tile stay in
a core's cache from the first product to the last.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["coupling_products", "gather_patches", "scatter_patches"]

_TILE_BYTES = 2**21
"""Hidden activations of one layer per tile and thread: about what a core's caches hold."""


def gather_patches(x: Tensor) -> Tensor:
    """The 3x3 neighbourhood of every position, zero beyond the border: [n, h, w, c] -> [n h w, 9 c]."""
    n, h, w, c = x.shape
    padded = F.pad(x, (0, 0, 1, 1, 1, 1))
    image, row, column, _ = padded.stride()
    # Three neighbours in a row lie side by side, so a patch is copied in three pieces.
    windows = padded.as_strided((n, h, w, 3, 3 * c), (image, row, column, row, 1))
    return windows.reshape(n * h * w, 9 * c)


def scatter_patches(patches: Tensor, shape: Sequence[int]) -> Tensor:
    """The adjoint of `gather_patches`: [n h w, 9 c] -> [n, h, w, c] with n, h, w = `shape`, overlaps summed."""
    n, h, w = shape
    c = patches.shape[1] // 9
    parts = patches.view(n, h, w, 3, 3 * c)
    rows = parts.new_zeros(n, h + 2, w, 3 * c)
    for i in range(3):
        rows[:, i : i + h] += parts[:, :, :, i]
    columns = rows[:, 1:-1].view(n, h, w, 3, c)
    total = parts.new_zeros(n, h, w + 2, c)
    for j in range(3):
        total[:, :, j : j + w] += columns[:, :, :, j]
    return total[:, :, 1:-1]


def coupling_products(
    x: Tensor,
    first: tuple[Tensor, Tensor],
    second: tuple[Tensor, Tensor],
    last: Tensor,
    dtype: torch.dtype,
) -> Tensor:
    """conv3x3(relu(conv1x1(relu(conv3x3(x))))), the last without bias, differentiable once in x and the weights.

    Args:
        x: [n, h, w, c].
        first: weight [hidden, c, 3, 3] and bias [hidden].
        second: weight [hidden, hidden, 1, 1] and bias [hidden].
        last: weight [outputs, hidden, 3, 3].
        dtype: of the products' operands; gradients of weights are summed in the weights' own type.

    Returns:
        [n, h, w, outputs] in the type of x.
    """
    outputs, hidden = last.shape[:2]
    # The output at a position gathers from its neighbours; scattering to them takes the mirrored kernel.
    operands = (
        x,
        first[0].permute(0, 2, 3, 1).reshape(hidden, -1),
        first[1],
        second[0].reshape(hidden, hidden),
        second[1],
        last.flip(2, 3).permute(2, 3, 0, 1).reshape(9 * outputs, hidden),
    )
    keep = torch.is_grad_enabled() and any(operand.requires_grad for operand in operands)
    y: Tensor = _Products.apply(*operands, dtype, keep)  # type: ignore[no-untyped-call]
    return y


class _Products(torch.autograd.Function):
    """The whole network as one node of autograd's graph, so that both passes go through it tile by tile."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor,  # noqa: ANN401
        w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor, w3: Tensor,
        dtype: torch.dtype, keep: bool,
    ) -> Tensor:  # fmt: skip
        v1, c1, v2, c2, v3 = (operand.to(dtype) for operand in (w1, b1, w2, b2, w3))
        outputs, hidden = [], []
        tile = _images_per_tile(x, len(b1), dtype)
        for part in torch.split(x, tile):
            patches = gather_patches(part.to(dtype))
            h1 = _affine(patches, v1, c1, "relu")
            h2 = _affine(h1, v2, c2, "relu")
            scattered = _affine(h2, v3, None, "none")
            # Summed in the type of x: neighbours' results would lose bits in a shorter one.
            outputs.append(scatter_patches(scattered.to(x.dtype), part.shape[:3]))
            if keep:
                hidden += [patches, h1, h2]
        if keep:
            ctx.save_for_backward(w1, w2, w3, *hidden)
            ctx.dtype, ctx.tile = dtype, tile
        return torch.cat(outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        w1, w2, w3, *hidden = ctx.saved_tensors
        v1, v2, v3 = (weight.to(ctx.dtype) for weight in (w1, w2, w3))
        d1, d2, d3 = (torch.zeros_like(weight) for weight in (w1.t(), w2, w3))
        e1, e2 = w1.new_zeros(len(w1)), w2.new_zeros(len(w2))
        parts = torch.split(gradient, ctx.tile)
        buffers = _workspace(hidden[1])
        leaving = []
        for part, patches, h1, h2 in zip(
            parts, hidden[::3], hidden[1::3], hidden[2::3], strict=True
        ):
            g3 = gather_patches(part.to(ctx.dtype))
            g2 = torch.mm(g3, v3, out=buffers[0][: len(g3)])
            torch.ops.aten.threshold_backward.grad_input(g2, h2, 0, grad_input=g2)
            g1 = torch.mm(g2, v2, out=buffers[1][: len(g3)])
            torch.ops.aten.threshold_backward.grad_input(g1, h1, 0, grad_input=g1)
            if ctx.needs_input_grad[0]:
                scattered = _affine(g1, v1.t(), None, "none")
                leaving.append(scatter_patches(scattered.to(gradient.dtype), part.shape[:3]))
            _add_product(d3, g3, h2)
            _add_product(d2, g2, h1)
            _add_product(d1, patches, g1)
            e2 += g2.sum(0)
            e1 += g1.sum(0)
        return torch.cat(leaving) if leaving else None, d1.t(), e1, d2, e2, d3, None, None


_kept = threading.local()
"""The workspace of each thread: memory fresh from the system takes as long to touch as the product that fills it."""


def _workspace(like: Tensor) -> Tensor:
    """Two matrices like this one [2, rows, hidden], the same memory in every call from this thread."""
    buffer: Tensor | None = getattr(_kept, "buffer", None)
    if buffer is None or buffer.dtype != like.dtype or buffer.numel() < 2 * like.numel():
        buffer = _kept.buffer = like.new_empty(2 * like.numel())
    return buffer[: 2 * like.numel()].view(2, *like.shape)


def _images_per_tile(x: Tensor, hidden: int, dtype: torch.dtype) -> int:
    """How many of the images x [n, h, w, ...] fill a tile, at least one."""
    per_image = x.shape[1] * x.shape[2] * hidden * dtype.itemsize
    return max(1, _TILE_BYTES * torch.get_num_threads() // per_image)


def _affine(x: Tensor, weight: Tensor, bias: Tensor | None, activation: str) -> Tensor:
    """The activation, `relu` or `none`, of x W^T + b [rows, outputs]."""
    if _fuses(x.dtype):
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, activation, [], "")
        return y
    y = F.linear(x, weight, bias)
    return y.relu_() if activation == "relu" else y


@cache
def _fuses(dtype: torch.dtype) -> bool:
    """Whether oneDNN is there and does product, bias and activation in one pass over numbers of this type."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype == torch.float32


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """Adds left^T right to total; the product in the operands' type, the sum in that of the total."""
    if total.dtype == left.dtype:
        total.addmm_(left.t(), right)
    else:
        total += left.t() @ right
