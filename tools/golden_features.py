#!/usr/bin/env python3
"""Makes tests/golden/features.json: physiological signals, and what NeuroKit2 and SciPy measure in them.

usage: python3 -m venv .venv-features && .venv-features/bin/pip install neurokit2 scipy numpy h5py
       .venv-features/bin/pip download --no-deps -d .venv-features biosignalsnotebooks==0.6.14
       .venv-features/bin/python tools/golden_features.py [WHEEL [JSON]]

The recordings lie in the wheel of biosignalsnotebooks, which is read as a zip and not installed. Signals are stored as
integers: value = sample * scale, in `unit`. Every answer is computed from the stored values, not from the originals.
Positions of peaks are samples, counted from 0. A signal within the computation (`clean`, `tonic`, `phasic`) is given at
every 32nd sample. An answer that does not exist is null.
"""
import io
import json
import math
import sys
import warnings
import zipfile
from pathlib import Path

import h5py
import neurokit2 as nk
import numpy as np
import scipy
from neurokit2.eog.eog_simulate import _eog_simulate_blink
from scipy import signal

ROOT = Path(__file__).resolve().parent.parent
WHEEL = ROOT / ".venv-features" / "biosignalsnotebooks-0.6.14-py3-none-any.whl"
GOLDEN = ROOT / "tests" / "golden" / "features.json"
SAMPLES = "biosignalsnotebooks/notebook_files/osf_files/signal_samples/"
PLUX = "MIT, Copyright (c) 2018 opensignalstool developers and PLUX Wireless Biosignals"
PHYSIONET = (
    "ODC-By 1.0: EEG Motor Movement/Imagery Dataset, S001R02 (Schalk et al. 2004; Goldberger et al. 2000), "
    "distributed in the package"
)
RATE = 128
EVERY = 32
BANDS = {"theta": (4, 8), "alpha": (8, 14), "beta": (14, 31), "gamma": (31, 45)}
CHANNELS = ["Fp1", "Fp2", "F3", "F4", "T7", "T8", "O1", "O2"]
PAIRS = [("Fp1", "Fp2"), ("F3", "F4"), ("T7", "T8"), ("O1", "O2")]
CAUDAL = [("Fp1", "O1"), ("Fp2", "O2")]


# --- Signals -----------------------------------------------------------------------------------------------------


def opensignals(wheel, file, channel, device=0):
    """The samples of one channel of an OpenSignals file (HDF5), in ADC units."""
    with h5py.File(io.BytesIO(wheel.read(SAMPLES + file))) as h5:
        return h5[sorted(h5)[device]]["raw"][f"channel_{channel}"][:, 0].astype(float)


def edf(wheel, file, names):
    """Channels of an EDF file with records of one second, in microvolts: the gain of this file is 1."""
    data = wheel.read(SAMPLES + file)

    def text(at, length):
        return data[at : at + length].decode("ascii").strip()

    count, records, header = int(text(252, 4)), int(text(236, 8)), int(text(184, 8))
    labels = [text(256 + 16 * i, 16).rstrip(".") for i in range(count)]
    lengths = [int(text(256 + 216 * count + 8 * i, 8)) for i in range(count)]
    starts = np.cumsum([0] + lengths)
    body = np.frombuffer(data[header:], "<i2")[: records * starts[-1]].reshape(records, starts[-1])
    columns = {name: labels.index(name) for name in names}
    return {name: body[:, starts[i] : starts[i + 1]].ravel().astype(float) for name, i in columns.items()}


def resampled(x, up, down):
    """`padtype="line"`: the default pads with zeros, which bends both ends of a signal whose mean is not 0."""
    return signal.resample_poly(x, up, down, padtype="line")


def stored(x, scale, rate, **about):
    return {**about, "rate": rate, "scale": scale, "samples": np.rint(np.asarray(x) / scale).astype(int).tolist()}


def values(entry):
    return np.asarray(entry["samples"], dtype=np.float64) * entry["scale"]


def recorded(wheel, file, channel, seconds, ratio, rate, scale, unit, convert=lambda x: x, device=0, **about):
    x = convert(opensignals(wheel, file, channel, device)[int(seconds[0] * 1000) : int(seconds[1] * 1000)])
    return stored(
        resampled(x, *ratio),
        scale,
        rate,
        package="biosignalsnotebooks 0.6.14",
        file=file,
        channel=f"channel_{channel}",
        licence=PLUX,
        unit=unit,
        source=f"1000 Hz, {seconds[0]} to {seconds[1]} s, resample_poly({ratio[0]}, {ratio[1]}, padtype='line')",
        **about,
    )


def plux_eda(adc):
    """Microsiemens from 16 bit."""
    return adc / 2**16 * 3.0 / 0.12


def bitalino_eda(adc):
    """Microsiemens from 10 bit."""
    return adc / 2**10 * 3.3 / 0.132


def bioplux_emg(adc):
    """Millivolts from 12 bit."""
    return adc / 2**12 * 3.0 - 1.5


def thermistor(adc):
    """PLUX's NTC at 16 bit, in degrees Celsius."""
    log = np.log(1e4 * adc / (2**16 - adc))
    return 1 / (1.12764514e-3 + 2.34282709e-4 * log + 8.77303013e-8 * log**3) - 273.15


def simulated_eog():
    """Blinks of NeuroKit's `scr` shape on steps of gaze and noise; `blinks` are the samples of their maxima."""
    random = np.random.default_rng(3)
    x = random.normal(0, 4, 60 * RATE)
    shape = _eog_simulate_blink(sampling_rate=RATE, method="scr")
    starts = np.cumsum(random.uniform(1.5, 4.5, 18) * RATE).astype(int)
    starts = starts[starts + RATE <= len(x)]
    for start in starts:
        x[start : start + RATE] += random.uniform(120, 300) * shape
    for at in random.integers(0, len(x), 12):
        x[at:] += random.normal(0, 25)
    return x, (starts + int(np.argmax(shape))).tolist()


def signals(wheel):
    """1000 Hz to 128 Hz is 16/125, to 512 Hz 64/125; 160 Hz to 128 Hz is 4/5."""
    to_128, to_512 = (16, 125), (64, 125)
    adc_10, adc_16 = "ADC, 10 bit", "ADC, 16 bit"
    eda_file, resp = "signal_sample_single_hub_EDA_2018_7_5.a", "signal_sample_single_hub_RESPIRATION_2018_7_5.a"
    resp_60 = "signal_sample_single_hub_respiration_2018_7_5.h5"
    pulse = {"about": "at rest, says the package; the last 2 s are disturbed"}
    moved = {"about": "pulse sensor of a BITalino, disturbed by movement"}
    heat_file, heat = "eda_hot_surface.h5", {"about": "a hot surface is touched; spikes at 1 and 10 s"}
    eog = {"about": "an EEG channel, no EOG: looks like blinks, the package says movement artefacts; some saturate"}
    eeg = edf(wheel, "S001R02.edf", CHANNELS)
    blinking, blinks = simulated_eog()
    found = {
        "bvp": recorded(wheel, "bvp_rest.h5", 1, (0, 105.75), to_128, RATE, 1, adc_16, **pulse),
        "bvp_moved": recorded(wheel, "bvp_motion_artifact.h5", 2, (0, 29.85), to_128, RATE, 0.1, adc_10, **moved),
        "eda": recorded(wheel, eda_file, 1, (0, 94.65), to_128, RATE, 0.0001, "uS", plux_eda),
        "eda_heat": recorded(wheel, heat_file, 3, (0, 37.05), to_128, RATE, 0.0001, "uS", bitalino_eda, **heat),
        "resp": recorded(wheel, resp, 1, (0, 89.85), to_128, RATE, 1, adc_16),
        "resp_deep": recorded(wheel, resp_60, 1, (0, 60), to_128, RATE, 1, adc_16),
        "emg_512": recorded(wheel, "emg_fatigue.h5", 2, (0, 30), to_512, 512, 0.0001, "mV", bioplux_emg),
        "emg_128": recorded(wheel, "emg_fatigue.h5", 2, (0, 60), to_128, RATE, 0.0001, "mV", bioplux_emg),
        "eog": recorded(wheel, "eeg_sample_artefacts_seg1.h5", 2, (68, 128), to_128, RATE, 1, adc_16, **eog),
        "eog_simulated": stored(
            blinking,
            0.1,
            RATE,
            package=f"neurokit2 {nk.__version__}, its shape of a blink",
            licence="MIT",
            unit="uV",
            about="synthetic",
            blinks=blinks,
        ),
        "temp": recorded(wheel, "temp_res_8_16.h5", 2, (0, 120), (1, 125), 8, 0.0001, "degC", thermistor, device=1),
    }
    for name, x in eeg.items():
        found[f"eeg_{name}"] = stored(
            resampled(x[: 60 * 160], 4, 5),
            0.1,
            RATE,
            package="biosignalsnotebooks 0.6.14",
            file="S001R02.edf",
            channel=name,
            licence=PHYSIONET,
            unit="uV",
            source="160 Hz, 0 to 60 s, eyes closed, resample_poly(4, 5, padtype='line')",
        )
    return found


# --- Parts that several features share ---------------------------------------------------------------------------


def short(x):
    """Ten significant digits."""
    x = np.asarray(x, dtype=np.float64)
    return [None if math.isnan(v) else float(f"{v:.10g}") for v in x] if x.ndim == 1 else [short(row) for row in x]


def number(x):
    return None if x is None or math.isnan(x) else float(x)


def inside(x):
    return short(np.asarray(x)[::EVERY])


def butterworth(order, low, high, rate):
    """The filter of `nk.signal_filter`: second-order sections, there and back (`sosfiltfilt`)."""
    kind = "bandpass" if low and high else "lowpass" if high else "highpass"
    edge = [low, high] if low and high else high or low
    sos = signal.butter(order, edge, btype=kind, output="sos", fs=rate)
    taps = 2 * len(sos) + 1 - min((sos[:, 2] == 0).sum(), (sos[:, 5] == 0).sum())
    return {"kind": kind, "order": order, "hz": edge, "rate": rate, "padding": int(3 * taps), "sos": sos.tolist()}


def filters():
    return {
        "pulse": butterworth(2, 0.5, 8, RATE),
        "eda": butterworth(4, None, 3, RATE),
        "eda_phasic": butterworth(2, 0.05, None, RATE),
        "eda_tonic": butterworth(2, None, 0.05, RATE),
        "respiration": butterworth(2, 0.05, 3, RATE),
        "eog": butterworth(6, 0.25, 7.5, RATE),
    }


def slope_per_minute(x, rate):
    return float(np.polyfit(np.arange(len(x)) / rate / 60, x, 1)[0])


def windows(x, rate, seconds):
    length = int(rate * seconds)
    return [x[at : at + length] for at in range(0, len(x) - length + 1, length)]


def spectrum(x, rate, seconds):
    """Frequencies, density, and the width of a bin."""
    hz, density = signal.welch(
        x, rate, window="hann", nperseg=int(rate * seconds), noverlap=int(rate * seconds) // 2, detrend="constant"
    )
    return hz, density, hz[1]


def band_power(x, rate, low, high, seconds=1):
    hz, density, width = spectrum(x, rate, seconds)
    return float(density[(hz >= low) & (hz < high)].sum() * width)


# --- Features ----------------------------------------------------------------------------------------------------


def heart(milliseconds, successive):
    if len(milliseconds) < 2:
        return {"rate": None, "sdnn": None, "rmssd": None}
    return {
        "rate": float(60000 / milliseconds.mean()),
        "sdnn": float(milliseconds.std(ddof=1)),
        "rmssd": float(np.sqrt(np.mean(successive**2))) if len(successive) else None,
    }


def plausible(milliseconds):
    """300 to 2000 ms, and within 20 % of the median of the five intervals around, fewer at the ends."""
    around = [np.median(milliseconds[max(0, i - 2) : i + 3]) for i in range(len(milliseconds))]
    near = np.abs(milliseconds - around) <= 0.2 * np.asarray(around)
    return (milliseconds >= 300) & (milliseconds <= 2000) & near


def variability(milliseconds):
    kept = plausible(milliseconds)
    successive = np.diff(milliseconds)
    return {
        "plain": heart(milliseconds, successive),
        "kept": kept.astype(int).tolist(),
        "corrected": heart(milliseconds[kept], successive[kept[1:] & kept[:-1]]),
    }


def pulse(x, rate, native=None):
    clean = nk.ppg_clean(x, sampling_rate=rate, method="elgendi")
    peaks = nk.ppg_findpeaks(clean, sampling_rate=rate, method="elgendi")["PPG_Peaks"]
    left, top, right = clean[peaks - 1], clean[peaks], clean[peaks + 1]
    vertex = peaks + 0.5 * (left - right) / (left - 2 * top + right)
    answer = {
        "clean": inside(clean),
        "peaks": peaks.tolist(),
        **variability(np.diff(peaks) / rate * 1000),
        "vertex": {"peaks": short(vertex), **variability(np.diff(vertex) / rate * 1000)},
    }
    if native is not None:
        clean = nk.ppg_clean(native, sampling_rate=1000, method="elgendi")
        peaks = nk.ppg_findpeaks(clean, sampling_rate=1000, method="elgendi")["PPG_Peaks"]
        answer["at_1000_hz"] = {"peaks": peaks.tolist(), **variability(np.diff(peaks).astype(float))}
    return answer


def responses(onsets, peaks, amplitudes, minutes):
    amplitudes = np.asarray(amplitudes, dtype=np.float64)
    counted = amplitudes[~np.isnan(amplitudes)]
    return {
        "onsets": [None if math.isnan(v) else int(v) for v in onsets],
        "peaks": [int(v) for v in peaks],
        "amplitudes": short(amplitudes),
        "per_minute": len(counted) / minutes,
        "mean_amplitude": float(counted.mean()) if len(counted) else None,
    }


def above(phasic, least, minutes):
    """Every local maximum that rises by at least `least` from the local minimum before it."""
    troughs = signal.find_peaks(-phasic)[0]
    rises = [(troughs[troughs < peak][-1], peak) for peak in signal.find_peaks(phasic)[0] if (troughs < peak).any()]
    rises = [(onset, peak) for onset, peak in rises if phasic[peak] - phasic[onset] >= least]
    onsets, peaks = np.array(rises, dtype=int).reshape(-1, 2).T
    return responses(onsets, peaks, phasic[peaks] - phasic[onsets], minutes)


def skin(x, rate):
    minutes = len(x) / rate / 60
    clean = nk.eda_clean(x, sampling_rate=rate, method="neurokit")
    parts = nk.eda_phasic(clean, sampling_rate=rate, method="highpass")
    tonic, phasic = parts["EDA_Tonic"].to_numpy(), parts["EDA_Phasic"].to_numpy()
    smooth = nk.eda_phasic(clean, sampling_rate=rate, method="smoothmedian")["EDA_Phasic"].to_numpy()

    def by(method, of):
        _, found = nk.eda_peaks(of, sampling_rate=rate, method=method, amplitude_min=0.1)
        return responses(found["SCR_Onsets"], found["SCR_Peaks"], found["SCR_Amplitude"], minutes)

    return {
        "clean": inside(clean),
        "tonic": inside(tonic),
        "phasic": inside(phasic),
        "tonic_mean": float(tonic.mean()),
        "tonic_slope": slope_per_minute(tonic, rate),
        "neurokit": by("neurokit", phasic),
        "above_0.05_uS": above(phasic, 0.05, minutes),
        "above_0.01_uS": above(phasic, 0.01, minutes),
        "for_comparison": {"kim2004": by("kim2004", phasic), "smoothmedian_neurokit": by("neurokit", smooth)},
    }


def breath(x, rate):
    clean = nk.rsp_clean(x, sampling_rate=rate, method="khodadad2018")
    found = nk.rsp_findpeaks(clean, sampling_rate=rate, method="khodadad2018", amplitude_min=0.3)
    peaks, troughs = np.asarray(found["RSP_Peaks"]), np.asarray(found["RSP_Troughs"])
    periods = np.diff(peaks) / rate
    return {
        "clean": inside(clean),
        "peaks": peaks.tolist(),
        "troughs": troughs.tolist(),
        "rate": float(60 / periods.mean()),
        "depth": float(np.median(clean[peaks] - clean[troughs])),
        "period_sd": float(periods.std(ddof=1)),
    }


def muscle(x, rate, seconds):
    rms, median = [], []
    for part in windows(x, rate, seconds):
        hz, density, _ = spectrum(part, rate, 1)
        total = np.cumsum(density)
        rms.append(math.log(part.std()))
        median.append(float(hz[np.argmax(total >= total[-1] / 2)]))
    return {"seconds": seconds, "log_rms": short(rms), "median_hz": median}


def brain(found):
    parts = {name: windows(values(found[f"eeg_{name}"]), RATE, 4) for name in CHANNELS}
    power = {
        name: np.array([[band_power(part, RATE, *band) for band in BANDS.values()] for part in parts[name]])
        for name in CHANNELS
    }
    entropy = {name: 0.5 * np.log(2 * np.pi * np.e * power[name]) for name in CHANNELS}

    def hjorth(part):
        complexity, rest = nk.complexity_hjorth(part)
        return [rest["Activity"], rest["Mobility"], complexity]

    def pairs(what, how, of):
        return {f"{a}-{b}": short(how(what[a], what[b])) for a, b in of}

    return {
        "seconds": 4,
        "bands": BANDS,
        "power": {name: short(power[name]) for name in CHANNELS},
        "differential_entropy": {name: short(entropy[name]) for name in CHANNELS},
        "hjorth": {name: short([hjorth(part) for part in parts[name]]) for name in CHANNELS},
        "dasm": pairs(entropy, np.subtract, PAIRS),
        "rasm": pairs(entropy, np.divide, PAIRS),
        "dcau": pairs(entropy, np.subtract, CAUDAL),
        "power_difference": pairs(power, np.subtract, PAIRS),
        "power_ratio": pairs(power, np.divide, PAIRS),
    }


def eye(x, rate):
    clean = nk.eog_clean(x, sampling_rate=rate, method="neurokit")
    peaks = nk.eog_findpeaks(clean, sampling_rate=rate, method="neurokit", threshold=0.33, show=False)
    # The steps of `eog_findpeaks`, so that their results can be compared too.
    tall = nk.signal_findpeaks(clean, relative_height_min=1.25)["Peaks"]
    _, apart = nk.signal_fixpeaks(tall, sampling_rate=rate, interval_min=0.2, method="neurokit")
    shape = _eog_simulate_blink(sampling_rate=rate, method="gamma")
    before, distances = math.ceil(0.4 * rate), []
    for peak in apart:
        part = clean[max(0, peak - before) : peak - before + rate]
        whole = peak >= before and len(part) == rate
        part = (part - part.min()) / (part.max() - part.min())
        distances.append(float(np.sqrt(np.mean((part - shape) ** 2))) if whole else math.nan)
    assert [p for p, d in zip(apart, distances) if d < 0.33] == list(peaks)
    return {
        "clean": inside(clean),
        "tall": tall.tolist(),
        "apart": apart.tolist(),
        "distances": short(distances),
        "template": short(shape),
        "peaks": [int(peak) for peak in peaks],
        "rate": len(peaks) / (len(x) / rate / 60),
        "power_below_4_hz": band_power(x, rate, 0.01, 4, seconds=4),
    }


def warmth(found):
    x = values(found["temp"])
    ramp = 33 + 0.3 * np.arange(60 * RATE) / RATE / 60
    return {
        "temp": {"level": float(x.mean()), "slope": slope_per_minute(x, found["temp"]["rate"])},
        # 33 degC that rise by 0.3 per minute, over 60 s at 128 Hz: 33 + 0.3 * i / 128 / 60.
        "ramp": {"level": float(ramp.mean()), "slope": slope_per_minute(ramp, RATE)},
    }


def main():
    warnings.simplefilter("error", category=nk.misc.NeuroKitWarning)
    wheel = zipfile.ZipFile(sys.argv[1] if len(sys.argv) > 1 else WHEEL)
    golden = Path(sys.argv[2]) if len(sys.argv) > 2 else GOLDEN
    found = signals(wheel)
    x = {name: values(entry) for name, entry in found.items()}
    native = opensignals(wheel, "bvp_rest.h5", 1)
    answers = {
        "pulse": {"bvp": pulse(x["bvp"], RATE, native), "bvp_moved": pulse(x["bvp_moved"], RATE)},
        "eda": {name: skin(x[name], RATE) for name in ("eda", "eda_heat")},
        "respiration": {name: breath(x[name], RATE) for name in ("resp", "resp_deep")},
        "emg": {
            "emg_512": muscle(x["emg_512"], 512, 1),
            "emg_128": muscle(x["emg_128"], RATE, 1),
            "emg_128_4s": muscle(x["emg_128"], RATE, 4),
        },
        "eeg": {"S001R02": brain(found)},
        "eog": {name: eye(x[name], RATE) for name in ("eog", "eog_simulated")},
        "temperature": warmth(found),
    }
    versions = {module.__name__: module.__version__ for module in (np, scipy, nk, h5py)}
    head = {"versions": versions, "command": "python tools/golden_features.py", "every": EVERY, "filters": filters()}
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    for key, group in {"signals": found, **answers}.items():
        entries = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in group.items())
        lines.append(f" {json.dumps(key)}: {{\n{entries}\n }}")
    golden.parent.mkdir(exist_ok=True)
    golden.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
