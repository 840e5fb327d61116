//! All tests that see the crate from outside: one binary, one line per module on what belongs there.

/// Readers of `.ts` and `.npz` files: values, every refusal, garbage.
mod archives;
/// Every backend and instruction-set path against the `f64` reference, and the reference against finite differences.
mod conformance;
/// Reading the golden files.
mod golden;
/// Scores against scikit-learn, intervals against SciPy and statsmodels, baselines and tables by hand.
mod metrics;
/// Layers, loss and optimiser against PyTorch's answers in `golden/`, to 1e-10.
mod pytorch;
