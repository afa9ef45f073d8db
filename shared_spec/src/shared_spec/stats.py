"""Exact tail bounds for counts: what the producer's quantiles and the consumer's probabilities both rest on.

Everything here is one-sided, needs no approximation and rounds to the safe side. Formulas and proofs:
docs/guarantees.md, B.1 (order statistics), C.6 (e-process), A.6 (counts over a test set), G.2 (audits).
"""

from __future__ import annotations

import math

import numpy as np
import scipy  # whose `stats` takes a second to load: audits alone ask for it
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betainccinv, betaincinv, ndtr, ndtri

from shared_spec.errors import SettingsError

__all__ = [
    "binomial_tail",
    "clopper_pearson_lower",
    "clopper_pearson_upper",
    "count_bound",
    "gaussian_shift",
    "hypergeometric_upper",
    "log_wealth_steps",
    "order_statistic_index",
    "smallest_sample_size",
    "wealth_threshold",
]

# Relative accuracy asked of scipy's special functions; every result moves by this much to the safe side.
_ACCURACY = 1e-12
# Its inverses of the incomplete beta function: up to 10^8 trials found off by 1.4e-12, the complement's by 6e-10.
_ROOT_ACCURACY, _COMPLEMENT_ACCURACY = 1e-11, 1e-9
# betainc alone, where no root is sought: up to 10^8 trials it was found off by 2e-12.
_TAIL_ACCURACY = 1e-11
# scipy adds up to `sample` terms, each from logarithms of factorials of up to 10^8.
_HYPERGEOMETRIC = 1e-6
# Bound on the rounding of a sum of up to 10^7 logarithms of ordinary size.
_LOG_SLACK = 1e-8


def _check_level(name: str, value: float) -> None:
    if not 0.0 < value < 1.0:
        raise SettingsError(f"{name} is {value!r}: expected a probability strictly between 0 and 1")


def _check_count(successes: int, n: int) -> None:
    if not 0 <= successes <= n or n < 1:
        raise SettingsError(
            f"{successes} successes of {n} trials: expected 0 <= successes <= n, n >= 1"
        )


def binomial_tail(k: ArrayLike, n: ArrayLike, p: float) -> NDArray[np.float64]:
    """P(Bin(n, p) >= k), for each k and n, rounded up.

    Args:
        k: integers.
        n: how many trials, at least 1.
        p: the probability of a success, in [0, 1].
    """
    k, n = np.asarray(k), np.asarray(n)
    inside = np.clip(k, 1, n)
    tail = np.minimum(1.0, betainc(inside, n - inside + 1, p) * (1.0 + _TAIL_ACCURACY))
    return np.asarray(np.where(k < 1, 1.0, np.where(k > n, 0.0, tail)))


def order_statistic_index(n: int, p: float, alpha: float) -> int | None:
    """K(n, p, alpha) = min{k : P(Bin(n, p) >= k) <= alpha}, from docs/guarantees.md, B.1.

    Guarantee: of n independent draws of any law on the reals (atoms allowed; map NaN to +inf first), the
    K-th smallest (1-indexed, never interpolated) is below the p-quantile with probability at most alpha, over the
    draws.

    Args:
        n: number of draws, at least 1.
        p: mass to cover, in [0, 1]; 1 can never be covered.
        alpha: failure probability, in (0, 1).

    Returns:
        The index, in 1..n, or None when n draws cannot suffice: the caller abstains.

    Raises:
        SettingsError: alpha, p or n out of range.

    >>> order_statistic_index(10_000, 0.95196, 0.005)  # of 10,000 distances the 9,575th
    9575
    >>> order_statistic_index(100, 0.95196, 0.005) is None  # 100 draws cannot show so much
    True
    """
    _check_level("alpha", alpha)
    _check_count(0, n)
    if not 0.0 <= p <= 1.0:
        raise SettingsError(f"the mass to cover is {p!r}: expected a number in [0, 1]")
    if p == 1.0:
        return None
    k, beyond = 1, n + 1
    while k < beyond:
        middle = (k + beyond) // 2
        if binomial_tail(middle, n, p) <= alpha:
            beyond = middle
        else:
            k = middle + 1
    return k if k <= n else None


def smallest_sample_size(p: float, alpha: float) -> int:
    """The smallest n for which `order_statistic_index` is not None: ln(alpha) / ln(p), rounded up.

    Raises:
        SettingsError: alpha out of (0, 1), or p out of [0, 1): no number of draws covers all of the mass.
    """
    _check_level("alpha", alpha)
    if not 0.0 <= p < 1.0:
        raise SettingsError(
            f"the mass to cover is {p!r}: no number of samples suffices, lower it below 1"
        )
    n = 1 if p == 0.0 else max(1, math.ceil(math.log(alpha) / math.log(p)) - 1)
    while order_statistic_index(n, p, alpha) is None:
        n += 1
    return n


def clopper_pearson_lower(k: int, n: int, alpha: float) -> float:
    """One-sided Clopper-Pearson lower bound on a binomial probability, rounded down; 0 at k = 0.

    Guarantee: if k ~ Bin(n, p) then P(bound > p) <= alpha, over the n draws, n fixed in advance.

    Raises:
        SettingsError: alpha out of (0, 1), or not 0 <= k <= n.

    >>> round(clopper_pearson_lower(306, 312, 0.05), 4)
    0.9624
    """
    _check_level("alpha", alpha)
    _check_count(k, n)
    if k == 0:
        return 0.0
    return max(0.0, float(betaincinv(k, n - k + 1, alpha)) * (1.0 - _ROOT_ACCURACY))


def clopper_pearson_upper(k: int, n: int, alpha: float) -> float:
    """One-sided Clopper-Pearson upper bound on a binomial probability, rounded up; 1 at k = n.

    Guarantee: if k ~ Bin(n, p) then P(bound < p) <= alpha, over the n draws, n fixed in advance.

    Raises:
        SettingsError: alpha out of (0, 1), or not 0 <= k <= n.
    """
    _check_level("alpha", alpha)
    _check_count(k, n)
    if k == n:
        return 1.0
    return min(1.0, float(betainccinv(k + 1, n - k, alpha)) * (1.0 + _COMPLEMENT_ACCURACY))


def hypergeometric_upper(found: int, sample: int, population: int, alpha: float) -> int:
    """The largest K with P(Hypergeometric(population, K, sample) <= found) > alpha; docs/guarantees.md, G.2.

    Guarantee: if `sample` of `population` individuals are drawn without replacement, K of whom are bad, and `found` bad
    ones are among them, then P(bound < K) <= alpha, over the draw. At alpha = 0.05 it is, but for a tie, no more
    than the bound for independent draws, 1 - alpha^(1/sample) of the population where none is found.

    Raises:
        SettingsError: alpha out of (0, 1), or not 0 <= found <= sample <= population.

    >>> hypergeometric_upper(0, 300, 500, 0.05), hypergeometric_upper(0, 300, 10**8, 0.05) / 10**8
    (3, 0.00993607)
    """
    _check_level("alpha", alpha)
    _check_count(found, sample)
    _check_count(sample, population)
    # The probability falls as K grows; what the sample leaves open is population - sample + found at the most.
    low, high = found, population - sample + found
    while low < high:
        middle = (low + high + 1) // 2
        if (
            float(scipy.stats.hypergeom.cdf(found, population, middle, sample))
            * (1.0 + _HYPERGEOMETRIC)
            > alpha
        ):
            low = middle
        else:
            high = middle - 1
    return low


def gaussian_shift(mass: float, shift_over_sigma: float) -> float:
    """Phi(Phi^-1(mass) + shift/sigma), rounded away from `mass`; docs/guarantees.md, A.1 step 1.

    With a positive shift: the mass to ask for here so that `mass` is left after any translation by at most `shift`.
    With a negative one: a lower bound on the mass that is left.

    Raises:
        SettingsError: mass out of [0, 1], or the shift not finite.
    """
    if not 0.0 <= mass <= 1.0 or not math.isfinite(shift_over_sigma):
        raise SettingsError(
            f"mass {mass!r} shifted by {shift_over_sigma!r} sigma: expected [0, 1] and a finite shift"
        )
    if shift_over_sigma == 0.0:
        return mass
    shifted = float(ndtr(ndtri(mass) + shift_over_sigma))
    if shift_over_sigma > 0.0:
        return min(1.0, shifted * (1.0 + _ACCURACY))
    return shifted * (1.0 - _ACCURACY)


def count_bound(n: int, alpha: float, delta: float) -> int:
    """The smallest m with P(Bin(n, alpha) > m) <= delta; docs/guarantees.md, A.6.

    Guarantee: of n independent events, each of probability at most alpha, more than m happen with probability at
    most delta.

    Raises:
        SettingsError: alpha not in [0, 1), delta not in (0, 1), or n < 1.
    """
    _check_level("delta", delta)
    _check_count(0, n)
    if alpha == 0.0:
        return 0
    index = order_statistic_index(n, alpha, delta)
    return n if index is None else index - 1


def wealth_threshold(alpha: float) -> float:
    """The log-wealth at which an e-process of level alpha certifies: ln(1/alpha), rounded up."""
    _check_level("alpha", alpha)
    return -math.log(alpha) + _LOG_SLACK


def log_wealth_steps(
    successes: NDArray[np.bool_],
    p0: ArrayLike,
    trials_before: ArrayLike = 0,
    successes_before: ArrayLike = 0,
) -> NDArray[np.float64]:
    """The logarithms of the factors E_i / E_(i-1) of the e-process against H0: p <= p0 (docs/guarantees.md, C.6).

    The bet on trial i uses only the trials before it: q_i = max((s + 1) / (i + 3/2), p0), with s the
    successes among those i trials. Since q_i >= p0 the product is a supermartingale for every p <= p0,
    so P(ever E >= 1/alpha) <= alpha (Ville).

    Args:
        successes: outcomes in the order in which they were drawn, [..., m].
        p0: the null probability, in (0, 1]; shape [...]. At 1 nothing can be learned and every step is <= 0.
        trials_before: trials of earlier blocks, shape [...].
        successes_before: successes among them, shape [...].

    Returns:
        [..., m] float64.
    """
    null = np.asarray(p0, dtype=np.float64)[..., None]
    hits = successes.astype(np.float64)
    before = np.asarray(successes_before, dtype=np.float64)[..., None]
    seen = before + np.cumsum(hits, axis=-1) - hits
    trial = np.asarray(trials_before, dtype=np.float64)[..., None] + np.arange(hits.shape[-1])
    bet = np.maximum((seen + 1.0) / (trial + 1.5), null)
    # Where the bet equals p0 (p0 = 1 included) a failure keeps the wealth: 0/0 is read as 1.
    miss = np.divide(1.0 - bet, 1.0 - null, out=np.ones_like(bet), where=bet > null)
    steps: NDArray[np.float64] = np.log(np.where(successes, bet / null, miss))
    return steps
