//! CUDA without a GPU: an executor that runs the backend's own launches on the CPU, from the same kernel
//! source.
//!
//! The system's C++ compiler compiles a kernel's text to a shared library; every CUDA thread is a fiber
//! (`cuda_on_host/`). This tests index arithmetic, barriers, layouts, and everything above the executor. It
//! does not test the PTX in the device half of `intrinsics.cu`, nor NVIDIA's compiler. The library can be
//! built for a sanitizer; a child process then preloads its runtime.

use engine::backend::Timeline;
use engine::backend::cuda::{Executor, Failure, Gemm, Kernel, Launch, every_kernel};
use engine::ops::Work;
use libloading::{Library, Symbol};
use std::cell::UnsafeCell;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

/// The sanitizer that instruments the kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sanitizer {
    None,
    /// Finds accesses outside of arrays.
    Address,
    /// Finds races between the threads of a block, and between clusters of blocks, but for those that run at
    /// a distance of a multiple of four.
    Thread,
}

/// The environment variable that names the sanitizer to a child process.
const VARIABLE: &str = "ENGINE_TEST_SANITIZER";

/// The sanitizer of this process.
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
        // The thread sanitizer needs an address space without randomization.
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
        // The sanitizer does not see Rust's synchronization, so it checks only the kernels.
        .env("TSAN_OPTIONS", "halt_on_error=1:exitcode=99:ignore_noninstrumented_modules=1")
        .env("RAYON_NUM_THREADS", "1")
        .output()
        .expect("this binary runs again")
}

/// The options of the C++ compiler.
fn flags() -> Vec<String> {
    let mut flags = vec![
        "-std=c++17",
        "-O2",
        "-g1",
        "-fPIC",
        "-shared",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-Wno-unknown-pragmas",
    ];
    // As NVRTC does: multiply-adds are fused only where the text has `fmaf`, and stores and loads may differ
    // in type.
    flags.extend(["-ffp-contract=off", "-fno-strict-aliasing"]);
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("fma") {
        flags.push("-mfma");
    }
    flags.into_iter().map(String::from).collect()
}

/// The shared library that the compiler makes of `text` with `extra` options, unless it is there already. Its
/// name has `name` and the hash of all of that and of what it includes.
fn compiled(name: &str, text: &str, extra: &[String]) -> PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/cuda_on_host");
    let shim = fs::read_to_string(sources.join("shim.h")).unwrap();
    let flags = flags();
    let mut key = blake3::Hasher::new();
    for part in [text, &format!("{flags:?} {extra:?}"), &shim] {
        key.update(part.as_bytes()).update(b"\0");
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cuda_on_host");
    let library = folder.join(format!("{}-{name}.so", &key.finalize().to_hex()[..24]));
    if !library.exists() {
        fs::create_dir_all(&folder).unwrap();
        // Several processes may build the library at once, so it appears by an atomic rename.
        let own = tempfile::tempdir_in(&folder).unwrap();
        let [source, built] = ["source.cpp", "built.so"].map(|file| own.path().join(file));
        fs::write(&source, text).unwrap();
        let done = compiler()
            .args(flags)
            .arg("-I")
            .arg(sources)
            .arg("-o")
            .args([&built, &source])
            .args(extra)
            .output()
            .expect("there is a C++ compiler");
        assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
        fs::rename(built, &library).unwrap();
    }
    library
}

/// The library that runs a kernel's threads as fibers: one for all kernels of a process.
fn fibers() -> &'static Path {
    static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| {
        let watched = format!("-DWATCHED_FOR_RACES={}", u32::from(sanitizer() == Sanitizer::Thread));
        compiled("fibers", include_str!("cuda_on_host/fibers.cpp"), &[watched])
    });
    &LIBRARY
}

/// A kernel that is compiled for the CPU.
pub struct Module {
    shared_object: Library,
}

/// The type of `run` in cuda_on_host/entry.cpp.
type Run = unsafe extern "C" fn(*const u8, *const u32, u32, u32, *mut u8, usize) -> i32;

impl Module {
    /// Compiles the kernel, unless it is cached.
    pub fn build(entry: &str, text: &str, constants: &[(&str, u32)], exact: bool) -> Module {
        let run = include_str!("cuda_on_host/entry.cpp");
        let text = format!("#include \"shim.h\"\n{text}\n#line 1 \"entry.cpp\"\n{run}");
        let mut extra: Vec<String> =
            constants.iter().map(|(name, value)| format!("-D{name}={value}")).collect();
        extra.push(format!("-DENTRY={entry}"));
        extra.extend(exact.then(|| "-DEXACT".into()));
        match sanitizer() {
            Sanitizer::None => {}
            Sanitizer::Address => extra.push("-fsanitize=address".into()),
            Sanitizer::Thread => extra.push("-fsanitize=thread".into()),
        }
        extra.push(fibers().display().to_string());
        let library = compiled(entry, &text, &extra);
        // SAFETY: this function made the library, now or earlier, and its name has the hash of its text. It
        // has no initializers that run when it is loaded.
        Module { shared_object: unsafe { Library::new(&library) }.unwrap() }
    }

    /// Runs the kernel over `grid` blocks, in `order`. The error describes what its threads did that CUDA
    /// forbids.
    ///
    /// # Safety `arguments` are the bytes of the kernel's argument struct. The buffers that they point to
    /// exist, are as large as the kernel assumes, and nobody else accesses them meanwhile.
    pub unsafe fn run(
        &self,
        arguments: &[u8],
        grid: [u32; 3],
        threads: u32,
        order: u32,
    ) -> Result<(), String> {
        let mut message = [0u8; 400];
        // SAFETY: `run` has that type in cuda_on_host/entry.cpp, which is part of every module. It reads
        // three elements of `grid` and writes at most `message.len()` bytes to `message`. The caller
        // guarantees the arguments.
        let failed = unsafe {
            let run: Symbol<Run> = self.shared_object.get(b"run").unwrap();
            run(arguments.as_ptr(), grid.as_ptr(), threads, order, message.as_mut_ptr(), message.len())
        };
        let end = message.iter().position(|&byte| byte == 0).unwrap_or(message.len());
        if failed == 0 { Ok(()) } else { Err(String::from_utf8_lossy(&message[..end]).into_owned()) }
    }
}

/// The module of a kernel. A process compiles each kernel once.
fn module(kernel: &Kernel, exact: bool) -> Arc<OnceLock<Module>> {
    type Modules = HashMap<(Kernel, bool), Arc<OnceLock<Module>>>;
    static MODULES: LazyLock<Mutex<Modules>> = LazyLock::new(Mutex::default);
    // The kernels that are compiled ahead for a machine without NVRTC, and watched for spills.
    static EVERY: LazyLock<HashSet<Kernel>> = LazyLock::new(|| every_kernel().into_iter().collect());
    assert!(EVERY.contains(kernel), "{} is launched, but not listed by `every_kernel`", kernel.name());
    let cell = MODULES.lock().unwrap().entry((kernel.clone(), exact)).or_default().clone();
    cell.get_or_init(|| Module::build(kernel.entry, &kernel.text(), &kernel.constants, exact));
    cell
}

/// An executor that runs kernels on the CPU.
#[derive(Clone, Copy, Debug, Default)]
pub struct Host {
    /// The order of threads and blocks: 0 forward, 1 reversed, else the seed of a shuffle.
    pub order: u32,
    /// Turns off the rounding of operands and activations, so that any remaining error is one of index
    /// arithmetic.
    pub exact: bool,
}

/// A buffer in its own heap allocation, so that a sanitizer sees its bounds.
pub struct Bytes(Box<[UnsafeCell<u64>]>);

// SAFETY: a launch writes only to operands that its caller borrows by `&mut`, or to scratch memory behind the
// backend's lock, and each call has finished when it returns. A launch that the backend records is run behind
// the lock of the recording, before any later call. So several threads may read a buffer at once, but none
// accesses it while another writes.
unsafe impl Sync for Bytes {}

/// A graph on the host: kernels, arguments and grids.
pub struct Nodes(Vec<(Kernel, Vec<u8>, [u32; 3])>);

impl Executor for Host {
    type Memory = Bytes;
    type Graph = Nodes;

    fn describe(&self) -> String {
        "cuda on the host".into()
    }

    fn multiprocessors(&self) -> usize {
        132
    }

    fn has_clusters(&self) -> bool {
        true
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

    fn write(&self, memory: &Bytes, offset: usize, bytes: &[u8]) -> Result<(), Failure> {
        assert!(offset + bytes.len() <= 8 * memory.0.len());
        // SAFETY: the memory has room, as asserted, and every earlier launch has returned. The memory is
        // `UnsafeCell`s, which may be written through a shared reference. Nobody has a slice of it, so
        // `bytes` does not overlap.
        unsafe {
            let to = (memory.0.as_ptr() as *mut u8).add(offset);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        };
        Ok(())
    }

    fn read(&self, memory: &Bytes, offset: usize, bytes: &mut [u8]) -> Result<(), Failure> {
        assert!(offset + bytes.len() <= 8 * memory.0.len());
        // SAFETY: the memory has that many bytes, as asserted; `zeros` initialized them, and every earlier
        // launch has returned. Nobody has a slice of the memory, so `bytes` does not overlap.
        unsafe {
            let from = (memory.0.as_ptr() as *const u8).add(offset);
            std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), bytes.len());
        };
        Ok(())
    }

    fn launch(&self, launch: &Launch) -> Result<(), Failure> {
        let module = module(launch.kernel, self.exact);
        let module = module.get().expect("compiled above");
        // SAFETY: the backend makes the arguments from the fields of the kernel's struct, with addresses of
        // this executor's memory. The tests check that a kernel stays within it, under a sanitizer in
        // `kernels_stay_within_their_arrays`.
        unsafe { module.run(launch.arguments, launch.grid, launch.kernel.threads(), self.order) }
            .map_err(|why| Failure::Lost(format!("{}: {why}", launch.kernel.name())))
    }

    fn graph(&self, launches: &[Launch]) -> Result<Nodes, Failure> {
        let node = |launch: &Launch| (launch.kernel.clone(), launch.arguments.to_vec(), launch.grid);
        Ok(Nodes(launches.iter().map(node).collect()))
    }

    fn set_arguments(&self, graph: &mut Nodes, i: usize, launch: &Launch) -> Result<(), Failure> {
        let (kernel, arguments, grid) = &mut graph.0[i];
        assert!(kernel == launch.kernel && *grid == launch.grid, "another launch than {}", kernel.name());
        *arguments = launch.arguments.to_vec();
        Ok(())
    }

    fn launch_graph(&self, graph: &mut Nodes) -> Result<(), Failure> {
        graph.0.iter().try_for_each(|(kernel, arguments, grid)| {
            let (label, work) = (kernel.label, Work::default());
            self.launch(&Launch { label, kernel, arguments, grid: *grid, work })
        })
    }

    fn cublaslt_gemm(&self, _: &Gemm) -> Result<(), Failure> {
        panic!("the host has no cuBLASLt")
    }

    fn wait(&self) -> Result<(), Failure> {
        Ok(())
    }
}
