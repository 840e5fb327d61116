//! All tests that see the crate from outside: one binary, one line per module on what belongs there.

/// Readers of `.ts` and `.npz` files: values, every refusal, garbage.
mod archives;
/// Every backend and instruction-set path against the `f64` reference, and the reference against finite differences.
mod conformance;
/// Imports go down only.
mod floors;
/// Reading the golden files.
mod golden;
/// A split that leaks scores where there is nothing to find; honest ones do not.
mod leak;
/// Scores against scikit-learn, intervals against SciPy and statsmodels, baselines and tables by hand.
mod metrics;
/// Layers, loss and optimiser against PyTorch's answers in `golden/`, to 1e-10.
mod pytorch;
/// Splits by group, their audit, and statistics that see the training part only.
mod split;
/// Small data sets made in memory, for other modules.
mod synthetic;
/// The trainer: stack and alone, stopping and going on, bad numbers.
mod training;
