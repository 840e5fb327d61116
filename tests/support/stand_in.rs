//! Substitutes for the libraries of CUDA's driver and of NVRTC, for machines without a GPU. The
//! program loads them like the originals, and kernels run on the CPU (`cuda_on_host/`). `stand_in/driver.cpp`
//! documents the environment variables that control them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// A folder with `libcuda.so.1` and no other library of CUDA.
pub fn driver() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> =
        LazyLock::new(|| library("driver.cpp", &["libcuda.so.1", "libcuda.so"]));
    &FOLDER
}

/// A folder with `libnvrtc.so`. It also caches programs from one test run to the next.
pub fn nvrtc() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| library("nvrtc.cpp", &["libnvrtc.so"]));
    &FOLDER
}

/// Both folders, as a value of `LD_LIBRARY_PATH`.
pub fn libraries() -> String {
    format!("{}:{}", driver().display(), nvrtc().display())
}

/// Compiles a library, unless it is cached.
fn library(source: &str, names: &[&str]) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support");
    let (file, sources) = (tests.join("stand_in").join(source), tests.join("cuda_on_host"));
    // Fibers leave stack frames by jumps, which a fortified libc would report as stack corruption.
    let flags = ["-std=c++17", "-O1", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-U_FORTIFY_SOURCE"];
    let sources = format!("-DSOURCES=\"{}\"", sources.display());
    let key = blake3::hash(format!("{flags:?} {sources} {}", fs::read_to_string(&file).unwrap()).as_bytes());
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stand_in");
    let folder = parent.join(&key.to_hex()[..24]);
    if !folder.exists() {
        fs::create_dir_all(&parent).unwrap();
        // Several processes may build the library at once, so the folder appears by an atomic rename.
        let own = tempfile::tempdir_in(&parent).unwrap();
        let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
        let done = Command::new(compiler)
            .args(flags)
            .args([&sources, "-o"])
            .args([&own.path().join(names[0]), &file])
            .output()
            .expect("there is a C++ compiler");
        assert!(done.status.success(), "{source}: {}", String::from_utf8_lossy(&done.stderr));
        for other in &names[1..] {
            std::os::unix::fs::symlink(names[0], own.path().join(other)).unwrap();
        }
        // The rename fails if another process was first; its library is the same.
        let _ = fs::rename(own.path(), &folder);
        assert!(folder.exists(), "{} is not made", folder.display());
    }
    folder
}
