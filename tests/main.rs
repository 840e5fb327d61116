//! All tests that see the crate from outside: one binary, one line per module on what belongs there.

/// Scores against scikit-learn, intervals against SciPy and statsmodels, baselines and tables by hand.
mod metrics;
