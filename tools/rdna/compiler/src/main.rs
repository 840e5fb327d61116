//! `rdna-compiler KERNELS OUT`: compiles each `NAME.wgsl` of a folder to SPIR-V, as wgpu does, and that to
//! machine code of the AMD GPU that `RADV_FORCE_FAMILY` names and that need not be there.
//!
//! For each kernel it writes `NAME.spv`, `NAME.s` (the machine code as text) and `NAME.json` (the workgroup
//! and the figures of Mesa's compiler); for all of them `driver.json`.

mod radv;
mod spirv;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// An error of any kind, told with the file that it is about.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [kernels, out] = arguments.as_slice() else {
        eprintln!("usage: rdna-compiler KERNELS OUT");
        return ExitCode::from(2);
    };
    match compile(kernels, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rdna-compiler: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Compiles all kernels of a folder.
fn compile(kernels: &Path, out: &Path) -> Result<()> {
    let mut texts: Vec<PathBuf> =
        fs::read_dir(kernels)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    texts.retain(|path| path.extension().is_some_and(|extension| extension == "wgsl"));
    texts.sort();
    let radv = radv::Radv::open()?;
    fs::write(out.join("driver.json"), serde_json::to_vec(&radv.driver())?)?;
    for path in texts {
        let name = path.file_stem().expect("a file has a name").to_string_lossy();
        let file = |extension: &str| out.join(format!("{name}.{extension}"));
        let of_kernel = |error: Box<dyn Error>| format!("{}: {error}", path.display());
        let kernel = spirv::Kernel::new(&fs::read_to_string(&path)?).map_err(of_kernel)?;
        let compiled = radv.compile(&kernel).map_err(of_kernel)?;
        fs::write(file("spv"), kernel.bytes())?;
        fs::write(file("s"), compiled.assembly)?;
        let figures = serde_json::json!({ "workgroup": kernel.workgroup, "statistics": compiled.statistics });
        fs::write(file("json"), serde_json::to_vec(&figures)?)?;
    }
    Ok(())
}
