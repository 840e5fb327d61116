//! The compiled half of the Python package: it converts arrays and settings, runs the library without the
//! interpreter's lock, and turns errors into exceptions. What users call is in `fused_rnn/`.

mod arrays;
mod background;
mod command_line;
mod compare;
mod crossval;
mod errors;
mod estimator;
mod layer;
mod predict;
mod read;
mod run;
mod settings;
mod split;

use pyo3::prelude::*;

#[pymodule]
fn _engine(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(compare::compare, module)?)?;
    module.add_function(wrap_pyfunction!(command_line::command_line, module)?)?;
    module.add_function(wrap_pyfunction!(crossval::crossval, module)?)?;
    module.add_function(wrap_pyfunction!(estimator::fit, module)?)?;
    module.add_function(wrap_pyfunction!(layer::layer, module)?)?;
    module.add_function(wrap_pyfunction!(predict::predict, module)?)?;
    module.add_function(wrap_pyfunction!(predict::tensors, module)?)?;
    module.add_function(wrap_pyfunction!(read::read, module)?)?;
    module.add_function(wrap_pyfunction!(run::checkpoints, module)?)?;
    module.add_function(wrap_pyfunction!(run::results, module)?)?;
    module.add_function(wrap_pyfunction!(settings::defaults, module)?)?;
    module.add_function(wrap_pyfunction!(split::audit, module)?)?;
    module.add_function(wrap_pyfunction!(split::folds, module)?)
}
