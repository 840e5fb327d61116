//! All tests that see the crate from outside: one binary, one line per module on what belongs there.

/// Ablations: variants are plain runs bit for bit, compared with all features.
mod ablation;
/// Readers of `.ts` and `.npz` files: values, every refusal, garbage.
mod archives;
/// Files that must be refused: damaged, hostile, or not DEAP at all.
mod attacks;
/// tools/bench-peers beside peers that answer, hang, crash and refuse.
mod bench_peers;
/// The files of a run belong to each other: altered, mixed, cut and moved ones.
mod binding;
/// The ledger of cases: what is read is used or left out by a rule, and every result says so.
mod cases;
/// Commands about the program itself: completions of shells, manual pages.
mod commands;
/// Comparing finished runs: refusals, table, JSON and page.
mod compare;
/// Every backend and instruction-set path against the `f64` reference, and the reference against finite
/// differences.
mod conformance;
/// Series that share samples are found and no others; trained trials are known again.
mod contents;
/// Copies under other names through the program: refused, or stated in every result.
mod copies;
/// CUDA's kernels and launches, run on the host, against the reference; its faults on a device that fails on
/// demand; its graphs against plain launches, also through a stand-in for the driver.
#[cfg(feature = "cuda")]
mod cuda;
/// The host that runs CUDA's kernels finds planted errors, and names them.
#[cfg(feature = "cuda")]
mod cuda_on_host;
/// DEAP's checks on a subject and on a folder of subjects.
mod deap;
/// The generator: its files are DEAP's, its knobs do what they say.
mod demo;
/// README and docs: commands exist and run, links and anchors lead somewhere.
mod docs;
/// The programs of examples/ do what they say.
mod examples;
/// Exported data sets are the same when they are read again, here and in NumPy.
mod export;
/// Faults and bad input through the program itself: exit code, message, and what is left on disk.
mod faults;
/// Features by modality: the answers of NeuroKit2 and SciPy, planted physiology, bad signals, the program.
mod features;
/// Uses go down only, floor by floor, and no files stand in a circle.
mod floors;
/// Every kind of file and folder by its contents: read, or told what it is and what to type.
mod formats;
/// Bands, channels and times of frames mean what they say.
mod frames;
/// Files with random damage and extreme numbers: every reader returns or refuses, and none panics.
mod fuzz;
/// WGSL on every adapter against the reference, however the work is cut; dispatches counted.
#[cfg(feature = "wgpu")]
mod gpu;
/// tools/gpu-suite on stand-ins: hangs, crashes, full disks, lost devices; and end to end on a driver without
/// a GPU.
#[cfg(feature = "cuda")]
mod gpu_suite;
/// Unknown grouping is refused or called by its name, and every score says whom it is about.
mod grouping;
/// The house's habits: words, comments, names of options, and what test modules share.
mod house;
/// The presets against Keras: the training loss of the study's networks from the same weights.
mod keras;
/// A split that leaks scores where there is nothing to find; honest ones do not.
mod leak;
/// The library on one's own arrays: the same data sets as from files, folds of one's own, gradients by name.
mod library;
/// The ledger of looks: which scores count, that none is lost, and how much luck the best of several has.
mod looks;
/// Scores against scikit-learn, intervals against SciPy and statsmodels, baselines and tables by hand.
mod metrics;
/// Wrong calls of a model: errors, not panics.
mod model;
/// The arrays of a data set: labels, lengths, ratings, stimuli, parts, layouts; their export.
mod npz;
/// Arrays beside NumPy's own, value for value, in both directions.
mod numpy;
/// CUDA on NVIDIA's GPUs: the same table, and what only a GPU can break. Ignored where there is none;
/// tools/gpu-suite runs them.
#[cfg(feature = "cuda")]
mod nvidia;
/// Run folders, checkpoints and configuration files of an earlier version.
mod old_runs;
/// The permutation test: who changes places, the p value, the same bits in any group, rates of errors.
mod permutation;
/// Every way in which Python and NumPy have saved the same two arrays.
mod pickle;
/// `bf16` on the processor through the program: recorded, refused where it cannot be, its effect shown.
mod precision;
/// Predicted training steps within the stated error of the H100's record; by the program without CUDA.
#[cfg(feature = "cuda")]
mod predictions;
/// Layers, loss and optimizer against PyTorch's answers in `golden/`, to 1e-10.
mod pytorch;
/// report.html: sections, escaping, and a browser with the network off.
mod report_page;
/// Windows of unit length against the same pipeline in `f64`.
mod scaled;
/// Splits by group, their audit, and statistics that see the training part only.
mod split;
/// Helpers of the tests, and nothing but helpers.
mod support;
/// Sweeps: tasks are plain runs, processes share the work, nothing is lost or counted twice.
mod sweep;
/// The trainer: folds in a group and alone, stopping and going on, bad numbers.
mod training;
/// Settings chosen inside the folds: inner folds by hand, equal bits, no bias on noise.
mod tuning;
/// Networks trained on all data: usable, and never scored.
mod unscored;
