"""Checkerboards: the patterns that a decoder's growing by 2 prints over whatever it draws.

What they are: Odena, Dumoulin, Olah, "Deconvolution and Checkerboard Artifacts", Distill 2016. That growing by a stride
of 2 repeats the spectrum, so that they lie at multiples of 1/2 cycle per pixel, and after several such layers at
multiples of 1/4, 1/8 ...: Zhang, Karaman, Chang, "Detecting and Simulating Artifacts in GAN Fake Images", WIFS 2019
(which looks for the repeated peaks), and Durall, Keuper, Keuper, "Watch your Up-Convolution", CVPR 2020 (which compares
mean power spectra). Here the spectrum is that of rows and columns, not that of the plane: an edge, straight or not,
crosses them as steps, whose spectrum is smooth, while in the plane a straight edge is a ridge that looks like a peak.
How far the power at those frequencies exceeds that of their surroundings is our measure; no paper defines it.
"""

import numpy as np
from jaxtyping import Float, Shaped

from pixelwise.errors import UserError, unknown

WINDOW = 64  # pixels of a window, and so the number of frequencies: multiples of 1/64 cycle per pixel
PERIODS = (2, 4, 8)  # pixels: of the patterns that the last, the last but one and the one before it print
ROUNDING = 1e-12  # of a picture's mean square: power below is float32's rounding, and none

Spectrum = Float[np.ndarray, f" {WINDOW}"]


def power_spectrum(picture: Shaped[np.ndarray, "h w *channels"]) -> Spectrum:
    """Mean power of a picture's rows and columns at 0, 1/64, ... 63/64 cycle per pixel.

    Windows of 64 pixels that overlap by half, less their least-squares line, under a Hann window; the mean over all
    windows and channels, then over rows and columns. White noise has its variance as power at every frequency, and the
    mean over the frequencies is the variance of what the windows hold. Spectra of several pictures may be averaged.
    Raises UserError for a picture less than 64 pixels high or wide.

    >>> board = np.indices((64, 64)).sum(0) % 2 * 2.0 - 1  # +1 and -1
    >>> power_spectrum(board)[[16, 31, 32, 33]].round(1)
    array([ 0. , 10.7, 42.7, 10.7])
    """
    if min(picture.shape[:2]) < WINDOW:
        height, width = picture.shape[:2]
        raise UserError(f"the picture is {height}x{width} pixels; a spectrum needs {WINDOW}x{WINDOW} or more")
    values = picture.astype(np.float64)
    power = (_along_first(values) + _along_first(values.swapaxes(0, 1))) / 2
    return np.where(power > ROUNDING * np.mean(values**2), power, 0.0)


def _along_first(values: Float[np.ndarray, "h w *channels"]) -> Spectrum:
    windows = np.lib.stride_tricks.sliding_window_view(values, WINDOW, axis=0)[:: WINDOW // 2]
    windows = windows - windows.mean(-1, keepdims=True)
    place = np.arange(WINDOW) - (WINDOW - 1) / 2
    windows = windows - (windows @ place / (place @ place))[..., None] * place
    hann = np.sin(np.pi * np.arange(WINDOW) / WINDOW) ** 2
    power = np.abs(np.fft.fft(windows * hann)) ** 2 / (hann**2).sum()
    return np.asarray(power.reshape(-1, WINDOW).mean(0))


def checkerboard_ratio(spectrum: Spectrum, period: int = 2) -> float:
    """How many times the power of a period's frequencies is that of their surroundings; 1 = no checkerboards.

    period: 2, 4 or 8 pixels. Of its frequencies those count that no shorter period has: 1/2; 1/4; 1/8 and 3/8, of which
    the mean is taken. Surroundings: what is expected there from the power 2/64 and 3/64 cycle per pixel away, by a
    parabola through its logarithm. NaN where the picture has no power there, as a flat one.

    >>> noise = np.random.default_rng(0).normal(size=(256, 256))
    >>> board = np.indices((256, 256)).sum(0) % 2 * 2.0 - 1
    >>> round(checkerboard_ratio(power_spectrum(noise)), 1)
    1.0
    >>> round(checkerboard_ratio(power_spectrum(noise + 0.5 * board)), 1)  # 1 + 64^2 / 96 x 0.5^2 would be 11.7
    11.9
    """
    places = _places(period)
    expected = _expected(spectrum, places)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.mean(spectrum[places] / expected))


def checkerboard_energy(spectrum: Spectrum, period: int = 2) -> float:
    """The share of the variance that a period's pattern makes: what stands out of the surroundings, in [0, 1].

    Chance, or a dip in place of a peak, may bring it a little below 0. NaN for a flat picture.
    period: as in `checkerboard_ratio`.

    >>> noise = np.random.default_rng(0).normal(size=(256, 256))
    >>> board = np.indices((256, 256)).sum(0) % 2 * 2.0 - 1
    >>> round(checkerboard_energy(power_spectrum(noise + 0.5 * board)), 2)  # 0.5^2 of 1 + 0.5^2
    0.21
    """
    places = _places(period)
    above = spectrum[places] - _expected(spectrum, places)
    main_lobe = 1.5  # a wave's power lies at its frequency and, by Hann's window, a quarter of it at each neighbour
    total = spectrum[1:].sum()
    return float(main_lobe * above.sum() / total) if total else float("nan")


def _places(period: int) -> np.ndarray:
    """The odd multiples of 1 / period, as indices of a spectrum."""
    if period not in PERIODS:
        raise unknown("period", str(period), [str(known) for known in PERIODS])
    return np.arange(1, period, 2) * WINDOW // period


def _expected(spectrum: Spectrum, places: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        two, three = (np.log(spectrum[[(places - away) % WINDOW, (places + away) % WINDOW]]).mean(0) for away in (2, 3))
        expected = np.exp((9 * two - 4 * three) / 5)  # a + b x 2^2 and a + b x 3^2 give a
    return np.asarray(np.nan_to_num(expected, nan=0.0))
