//! CUDA without a GPU: an executor that runs the backend's own launches on the processor, from the same text.
//!
//! A kernel's text becomes a shared library by the system's C++ compiler; every CUDA thread is a fiber (`cuda_on_host/`). What is
//! proved so are index arithmetic, barriers, layouts, and everything above the executor. What is not: the PTX in the device half
//! of `intrinsics.cu`, and the compiler. The library can be built for a sanitizer, whose runtime a child process then loads first.

mod proof;

use engine::backend::Timeline;
use engine::backend::cuda::{Executor, Failure, Gemm, Kernel, Launch};
use libloading::{Library, Symbol};
use std::cell::UnsafeCell;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

/// What watches the kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sanitizer {
    None,
    /// Accesses outside of any array.
    Address,
    /// Races between threads of a block, and between blocks.
    Thread,
}

/// Names the sanitizer to a child process.
const VARIABLE: &str = "ENGINE_TEST_SANITIZER";

/// The one that this process was started under.
pub fn sanitizer() -> Sanitizer {
    match std::env::var(VARIABLE).as_deref() {
        Ok("address") => Sanitizer::Address,
        Ok("thread") => Sanitizer::Thread,
        _ => Sanitizer::None,
    }
}

fn compiler() -> Command {
    Command::new(std::env::var_os("CXX").unwrap_or_else(|| "c++".into()))
}

/// Runs one test of this binary again under a sanitizer.
pub fn under(sanitizer: Sanitizer, test: &str) -> Output {
    let (name, runtime) = match sanitizer {
        Sanitizer::Address => ("address", "libasan.so"),
        Sanitizer::Thread => ("thread", "libtsan.so"),
        Sanitizer::None => panic!("no child is needed without a sanitizer"),
    };
    let found =
        compiler().arg(format!("-print-file-name={runtime}")).output().expect("there is a C++ compiler");
    let runtime = PathBuf::from(String::from_utf8(found.stdout).unwrap().trim());
    assert!(runtime.is_absolute(), "the C++ compiler has no {}", runtime.display());
    let mut child = if cfg!(target_os = "linux") && sanitizer == Sanitizer::Thread {
        // The thread sanitizer wants addresses that are not spread over all of memory.
        let mut child = Command::new("setarch");
        child.arg("-R").arg(std::env::current_exe().unwrap());
        child
    } else {
        Command::new(std::env::current_exe().unwrap())
    };
    child
        .args(["--exact", test, "--include-ignored", "--nocapture", "--test-threads=1"])
        .env(VARIABLE, name)
        .env("LD_PRELOAD", runtime)
        .env("ASAN_OPTIONS", "detect_leaks=0:detect_stack_use_after_return=0:exitcode=99")
        // Rust's own meetings are not known to it: only what kernels do counts.
        .env("TSAN_OPTIONS", "halt_on_error=1:exitcode=99:ignore_noninstrumented_modules=1")
        .env("RAYON_NUM_THREADS", "1")
        .output()
        .expect("this binary runs again")
}

/// A kernel as the processor runs it.
pub struct Module {
    library: Library,
}

/// What `run` of cuda_on_host/entry.cpp is.
type Run = unsafe extern "C" fn(*const u8, *const u32, u32, u32, *mut u8, usize) -> i32;

impl Module {
    /// Compiles, unless that was done before.
    pub fn build(entry: &str, text: &str, constants: &[(&str, u32)], exact: bool) -> Module {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cuda_on_host");
        let source = |name: &str| fs::read_to_string(sources.join(name)).unwrap();
        let mut flags: Vec<String> = [
            "-std=c++17",
            "-O2",
            "-g1",
            "-fPIC",
            "-shared",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-Wno-unknown-pragmas",
        ]
        .map(String::from)
        .to_vec();
        // Fused where the text says so and nowhere else, as NVRTC is told; stores and loads may differ in type, as on a GPU.
        flags.extend(["-ffp-contract=off".into(), "-fno-strict-aliasing".into()]);
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("fma") {
            flags.push("-mfma".into());
        }
        let (watch, races, bounds) = match sanitizer() {
            Sanitizer::None => (None, 0, 0),
            Sanitizer::Address => (Some("-fsanitize=address"), 0, 1),
            Sanitizer::Thread => (Some("-fsanitize=thread"), 1, 0),
        };
        let (shim, fibers, run) = (source("shim.h"), source("fibers.cpp"), source("entry.cpp"));
        let mut key = blake3::Hasher::new();
        for part in [entry, text, &format!("{constants:?} {flags:?} {watch:?} {exact}"), &shim, &fibers, &run]
        {
            key.update(part.as_bytes()).update(b"\0");
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cuda_on_host");
        let library = folder.join(format!("{}-{entry}.so", &key.finalize().to_hex()[..24]));
        if !library.exists() {
            fs::create_dir_all(&folder).unwrap();
            // Whole or not at all, however many processes do so at once.
            let own = tempfile::tempdir_in(&folder).unwrap();
            let at = |name: &str| own.path().join(name);
            fs::write(at("kernel.cpp"), format!("#include \"shim.h\"\n{text}\n#line 1 \"entry.cpp\"\n{run}"))
                .unwrap();
            let compile = |file: &Path, to: &Path, extra: &[String]| {
                let done = compiler()
                    .args(&flags)
                    .args(extra)
                    .arg("-I")
                    .arg(&sources)
                    .arg("-o")
                    .args([to, file])
                    .output()
                    .expect("there is a C++ compiler");
                assert!(done.status.success(), "{entry}: {}", String::from_utf8_lossy(&done.stderr));
            };
            let watched = [format!("-DWATCHED_FOR_RACES={races}"), format!("-DWATCHED_FOR_BOUNDS={bounds}")];
            compile(&sources.join("fibers.cpp"), &at("fibers.o"), &[&watched[..], &["-c".into()]].concat());
            let mut extra: Vec<String> =
                constants.iter().map(|(name, value)| format!("-D{name}={value}")).collect();
            extra.push(format!("-DENTRY={entry}"));
            extra.extend(exact.then(|| "-DEXACT".into()));
            extra.extend(watch.map(String::from));
            extra.push(at("fibers.o").display().to_string());
            compile(&at("kernel.cpp"), &at("kernel.so"), &extra);
            fs::rename(at("kernel.so"), &library).unwrap();
        }
        // SAFETY: made by this function, now or before, under the hash of its text, in which nothing runs
        // when it is loaded: no object of its own is made before the first launch.
        Module { library: unsafe { Library::new(&library) }.unwrap() }
    }

    /// Runs it over `grid` blocks, in `order`; an error is what its threads did that CUDA does not allow.
    ///
    /// # Safety
    /// `arguments` are all of the kernel's, as its struct has them. What they point to is there, as large as
    /// the kernel takes it to be, and nobody else touches it meanwhile.
    pub unsafe fn run(
        &self,
        arguments: &[u8],
        grid: [u32; 3],
        threads: u32,
        order: u32,
    ) -> Result<(), String> {
        let mut message = [0u8; 400];
        // SAFETY: `run` has that type in cuda_on_host/entry.cpp, which is part of every module. It reads
        // three numbers of `grid`, and writes at most `message.len()` bytes of `message`; the caller vouches
        // for the arguments.
        let failed = unsafe {
            let run: Symbol<Run> = self.library.get(b"run").unwrap();
            run(arguments.as_ptr(), grid.as_ptr(), threads, order, message.as_mut_ptr(), message.len())
        };
        let end = message.iter().position(|&byte| byte == 0).unwrap_or(message.len());
        if failed == 0 { Ok(()) } else { Err(String::from_utf8_lossy(&message[..end]).into_owned()) }
    }
}

/// Every kernel is compiled once in a process, whoever asks first.
fn module(kernel: &Kernel, exact: bool) -> Arc<OnceLock<Module>> {
    type Modules = HashMap<(Kernel, bool), Arc<OnceLock<Module>>>;
    static MODULES: LazyLock<Mutex<Modules>> = LazyLock::new(Mutex::default);
    let cell = MODULES.lock().unwrap().entry((kernel.clone(), exact)).or_default().clone();
    cell.get_or_init(|| Module::build(kernel.entry, &kernel.text(), &kernel.constants, exact));
    cell
}

/// The processor in the place of a GPU.
#[derive(Clone, Copy, Debug, Default)]
pub struct Host {
    /// Of threads and blocks: 0 forward, 1 reversed, else shuffled.
    pub order: u32,
    /// Operands of products and activations are not rounded: what is left of an error is in the arithmetic of indices.
    pub exact: bool,
}

/// Memory of its own for each buffer, so that a sanitizer sees its ends.
pub struct Bytes(Box<[UnsafeCell<u64>]>);

// SAFETY: what a launch writes is an operand that its caller has by `&mut`, or work space behind the
// backend's lock, and each call here is done when it returns. So two threads may read a buffer at once, but
// none is there while another writes.
unsafe impl Sync for Bytes {}

impl Executor for Host {
    type Memory = Bytes;

    fn describe(&self) -> String {
        "cuda on the host".into()
    }

    fn timeline(&self) -> Option<&Timeline> {
        None
    }

    fn zeros(&self, bytes: usize) -> Result<Bytes, Failure> {
        Ok(Bytes((0..bytes.div_ceil(8)).map(|_| UnsafeCell::new(0)).collect()))
    }

    fn address(&self, memory: &Bytes) -> u64 {
        memory.0.as_ptr() as u64
    }

    fn write(&self, memory: &Bytes, bytes: &[u8]) -> Result<(), Failure> {
        assert!(bytes.len() <= 8 * memory.0.len());
        // SAFETY: the assertion found room, and every launch before has returned. The memory is
        // `UnsafeCell`s, which may be written through a shared reference; nobody has a slice of it, so that
        // `bytes` is elsewhere.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), memory.0.as_ptr() as *mut u8, bytes.len()) };
        Ok(())
    }

    fn read(&self, memory: &Bytes, bytes: &mut [u8]) -> Result<(), Failure> {
        assert!(bytes.len() <= 8 * memory.0.len());
        // SAFETY: the assertion found as much, all of it initialized by `zeros`, and every launch before has
        // returned. Nobody has a slice of the memory, so that `bytes` is elsewhere.
        unsafe {
            std::ptr::copy_nonoverlapping(memory.0.as_ptr() as *const u8, bytes.as_mut_ptr(), bytes.len())
        };
        Ok(())
    }

    fn launch(&self, launch: &Launch) -> Result<(), Failure> {
        let module = module(launch.kernel, self.exact);
        let module = module.get().expect("compiled above");
        // SAFETY: the backend writes the arguments from the fields of the kernel's struct, with addresses of
        // this executor's memory. That a kernel stays within it is what is being tested, with a sanitizer
        // watching in `kernels_stay_within_their_arrays`.
        unsafe { module.run(launch.arguments, launch.grid, launch.kernel.threads(), self.order) }
            .map_err(|why| Failure::Lost(format!("{}: {why}", launch.kernel.name())))
    }

    fn cublaslt_gemm(&self, _: &Gemm) -> Result<(), Failure> {
        panic!("the host has no library of NVIDIA's")
    }

    fn wait(&self) -> Result<(), Failure> {
        Ok(())
    }
}
