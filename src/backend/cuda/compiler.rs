//! From the text of a kernel to a program for one architecture: NVRTC, and what it made before.

use super::Kernel;
use crate::error::{Error, Result};
use atomic_write_file::AtomicWriteFile;
use cudarc::nvrtc::{result, sys};
use std::ffi::{CStr, CString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// NVRTC for one architecture, with a folder of programs that it made.
pub struct Compiler {
    /// 90 is `sm_90`.
    arch: u32,
    /// NVRTC's.
    version: (i32, i32),
    folder: Option<PathBuf>,
    /// Why programs are not kept, once that is so.
    warning: OnceLock<String>,
}

/// What a kernel takes of a multiprocessor, as ptxas reports it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of a thread.
    pub registers: u32,
    /// Bytes of a block.
    pub shared: u32,
    /// Bytes of a thread that did not fit into registers: stored, loaded, and the frame that they are in.
    pub spilled: u32,
}

/// The library's file.
pub const LIBRARY: &str = if cfg!(windows) { "nvrtc64_130_0.dll" } else { "libnvrtc.so" };

/// Where programs are kept if nothing else is said: in the user's cache folder, if there is one.
pub fn default_folder() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let cache = match cfg!(windows) {
        true => folder("LOCALAPPDATA"),
        false => folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache"))),
    };
    Some(cache?.join("engine").join("cuda"))
}

impl Compiler {
    /// An error if NVRTC is missing or does not know the architecture. `folder` is where programs are kept from run to run.
    pub fn new(arch: u32, folder: Option<&Path>) -> Result<Self> {
        // SAFETY: asks the system's loader; libraries of that name are NVIDIA's.
        if !unsafe { sys::is_culib_present() } {
            return Err(Error::backend(format!(
                "CUDA not usable: NVRTC, which compiles the kernels, is missing: no library {LIBRARY} is found"
            ))
            .hint(
                "install the CUDA toolkit's NVRTC, or `pip install nvidia-cuda-nvrtc==13.0.88` and put its folder `lib` \
                 into LD_LIBRARY_PATH",
            ));
        }
        let failed = |error: result::NvrtcError| {
            Error::backend(format!("CUDA not usable: NVRTC does not answer: {error}"))
        };
        let (mut major, mut minor, mut count) = (0, 0, 0);
        // SAFETY: the library is there; out-parameters are numbers of ours.
        unsafe { sys::nvrtcVersion(&mut major, &mut minor) }.result().map_err(failed)?;
        // SAFETY: as above.
        unsafe { sys::nvrtcGetNumSupportedArchs(&mut count) }.result().map_err(failed)?;
        let mut known = vec![0; count as usize];
        // SAFETY: the vector has room for as many as were counted.
        unsafe { sys::nvrtcGetSupportedArchs(known.as_mut_ptr()) }.result().map_err(failed)?;
        if !known.contains(&(arch as i32)) {
            return Err(Error::backend(format!(
                "CUDA not usable: NVRTC {major}.{minor} does not compile for this GPU, sm_{arch}: it knows sm_{} to sm_{}",
                known.iter().min().unwrap_or(&0),
                known.iter().max().unwrap_or(&0)
            ))
            .hint("install an NVRTC of another CUDA version"));
        }
        let compiler = Compiler {
            arch,
            version: (major, minor),
            folder: folder.map(PathBuf::from),
            warning: OnceLock::new(),
        };
        if let Some(Err(error)) = folder.map(std::fs::create_dir_all) {
            compiler.warn(&error);
        }
        Ok(compiler)
    }

    /// What the user should know of it.
    pub fn warning(&self) -> Option<&str> {
        self.warning.get().map(String::as_str)
    }

    /// From here on nothing is kept.
    fn warn(&self, error: &std::io::Error) {
        let folder = self.folder.as_deref().unwrap_or(Path::new(""));
        self.warning.get_or_init(|| {
            format!(
                "kernels will be compiled again in the next run: cannot keep them in {}: {error}; `--kernel-cache` names \
                 another folder",
                folder.display()
            )
        });
    }

    /// NVRTC's CUDA version.
    pub fn version(&self) -> (i32, i32) {
        self.version
    }

    /// `NVRTC 13.0`
    pub fn describe(&self) -> String {
        format!("NVRTC {}.{}", self.version.0, self.version.1)
    }

    fn options(&self, kernel: &Kernel) -> Vec<String> {
        let mut options = vec![
            format!("--gpu-architecture=sm_{}", self.arch),
            "--std=c++17".into(),
            // Sums and products are fused where the text says so, and nowhere else: as on the host.
            "--fmad=false".into(),
            "--ptxas-options=-v".into(),
            "--device-as-default-execution-space".into(),
        ];
        // The driver's own cache gives a program back without what ptxas says of it; we keep programs ourselves.
        if self.version >= (12, 9) {
            options.push("--no-cache".into());
        }
        options.extend(kernel.constants.iter().map(|(name, value)| format!("-D{name}={value}")));
        options
    }

    /// The program of a kernel, made before or now.
    pub fn program(&self, kernel: &Kernel) -> Result<Vec<u8>> {
        let Some(folder) = self.folder.as_ref().filter(|_| self.warning.get().is_none()) else {
            return Ok(self.compile(kernel)?.0);
        };
        let path = folder.join(format!("{}.cubin", self.key(kernel)));
        if let Some(program) = std::fs::read(&path).ok().and_then(|bytes| unsealed(&bytes)) {
            return Ok(program);
        }
        let (program, _) = self.compile(kernel)?;
        // Whole or not at all, however many processes do so at once.
        let keep = || -> std::io::Result<()> {
            let mut file = AtomicWriteFile::open(&path)?;
            file.write_all(blake3::hash(&program).as_bytes())?;
            file.write_all(&program)?;
            file.commit()
        };
        if let Err(error) = keep() {
            self.warn(&error);
        }
        Ok(program)
    }

    /// What the program of a kernel depends on.
    fn key(&self, kernel: &Kernel) -> String {
        let mut hasher = blake3::Hasher::new();
        for part in [kernel.text(), self.options(kernel).join(" "), self.describe()] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.finalize().to_hex()[..32].to_string()
    }

    /// What the program of a kernel takes.
    pub fn usage(&self, kernel: &Kernel) -> Result<Usage> {
        let (_, log) = self.compile(kernel)?;
        usage(&log).ok_or_else(|| {
            Error::backend(format!("{}: ptxas does not say what it takes: {}", kernel.name(), log.trim()))
        })
    }

    /// The program, and the compiler's log.
    fn compile(&self, kernel: &Kernel) -> Result<(Vec<u8>, String)> {
        let text = CString::new(kernel.text()).expect("kernels have no NUL");
        let name = CString::new(format!("{}.cu", kernel.entry)).expect("nor have their names");
        let broken = |error: result::NvrtcError| {
            Error::backend(format!("{}: {} failed: {error}", kernel.name(), self.describe()))
        };
        let program = result::create_program(&text, Some(&name)).map_err(broken)?;
        let program = Program(program);
        // SAFETY: made above, destroyed when dropped.
        let compiled = unsafe { result::compile_program(program.0, &self.options(kernel)) };
        // SAFETY: as above.
        let log = unsafe { result::get_program_log(program.0) }.map_err(broken)?;
        // SAFETY: NVRTC ends its logs with a NUL.
        let log = unsafe { CStr::from_ptr(log.as_ptr()) }.to_string_lossy().into_owned();
        if compiled.is_err() {
            let first = log.lines().find(|line| line.contains("error")).unwrap_or("no reason given");
            return Err(Error::backend(format!(
                "the kernel {} does not compile for sm_{} with {}: {}",
                kernel.name(),
                self.arch,
                self.describe(),
                first.trim()
            ))
            .hint("see `engine devices` for the GPU and its driver; please report the kernel"));
        }
        let mut len = 0;
        // SAFETY: the program is compiled; out-parameters are ours and large enough.
        unsafe { sys::nvrtcGetCUBINSize(program.0, &mut len) }.result().map_err(broken)?;
        let mut cubin = vec![0u8; len];
        // SAFETY: as above.
        unsafe { sys::nvrtcGetCUBIN(program.0, cubin.as_mut_ptr().cast()) }.result().map_err(broken)?;
        Ok((cubin, log))
    }
}

/// NVRTC's, destroyed when dropped.
struct Program(sys::nvrtcProgram);

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: made by `create_program`, and dropped once. It fails for no program but a wrong one.
        let _ = unsafe { result::destroy_program(self.0) };
    }
}

/// A kept program, if its hash says that it is whole.
fn unsealed(bytes: &[u8]) -> Option<Vec<u8>> {
    let (hash, program) = bytes.split_at_checked(blake3::OUT_LEN)?;
    (blake3::hash(program).as_bytes() == hash).then(|| program.to_vec())
}

/// Reads what ptxas says of its one function.
fn usage(log: &str) -> Option<Usage> {
    let before = |unit: &str| -> Option<u32> {
        let text = log[..log.find(unit)?].trim_end();
        text[text.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |end| end + 1)..].parse().ok()
    };
    Some(Usage {
        registers: before(" registers")?,
        // Only said of a kernel that has some.
        shared: before(" bytes smem").unwrap_or(0),
        spilled: before(" bytes stack frame")?
            + before(" bytes spill stores")?
            + before(" bytes spill loads")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cuda::kernel::{self, Kernel};
    use crate::error::Fault;

    #[test]
    fn what_ptxas_says_is_read() {
        let log = "ptxas info    : Compiling entry function 'f' for 'sm_90'\n    8 bytes stack frame, 12 bytes spill stores, \
                   16 bytes spill loads\nptxas info    : Used 192 registers, used 1 barriers, 4352 bytes smem\n";
        assert_eq!(usage(log), Some(Usage { registers: 192, shared: 4352, spilled: 36 }));
        let log = "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\nUsed 16 registers, 360 bytes cmem[0]";
        assert_eq!(usage(log), Some(Usage { registers: 16, shared: 0, spilled: 0 }));
        assert_eq!(usage("nothing"), None);
    }

    #[test]
    fn a_damaged_program_is_not_taken() {
        let sealed = [blake3::hash(b"program").as_bytes(), &b"program"[..]].concat();
        assert_eq!(unsealed(&sealed).as_deref(), Some(&b"program"[..]));
        let mut flipped = sealed.clone();
        flipped[35] ^= 1;
        for damaged in [&flipped[..], &sealed[..sealed.len() - 1], &sealed[..10], b""] {
            assert_eq!(unsealed(damaged), None);
        }
    }

    #[test]
    #[ignore = "needs NVRTC; tools/test brings it"]
    fn a_kernel_that_does_not_compile_names_itself_the_place_and_the_architecture() {
        let mut kernel = Kernel::plain::<kernel::Gather>();
        kernel.constants.clear();
        let error = Compiler::new(90, None).unwrap().compile(&kernel).unwrap_err();
        assert_eq!(error.fault, Fault::Backend);
        for part in ["the kernel gather.cu does", "sm_90", "NVRTC 13.0", "gather.cu(3): error", "THREADS"] {
            assert!(error.message.contains(part), "no {part} in {error}");
        }
    }

    #[test]
    #[ignore = "needs NVRTC; tools/test brings it"]
    fn programs_are_kept_and_damaged_ones_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let kernel = Kernel::plain::<kernel::Norms>();
        let program = |arch| Compiler::new(arch, Some(folder.path())).unwrap().program(&kernel).unwrap();
        let files = || -> Vec<PathBuf> {
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
        };
        let first = program(90);
        let [file] = &files()[..] else { panic!("one kernel is one file") };
        // What is kept is taken: a program that no compiler made comes back.
        std::fs::write(file, [blake3::hash(b"kept").as_bytes(), &b"kept"[..]].concat()).unwrap();
        assert_eq!(program(90), b"kept");
        std::fs::write(file, b"torn").unwrap();
        assert_eq!(program(90), first);
        program(80);
        assert_eq!(files().len(), 2, "another architecture is another program");
    }

    #[test]
    #[ignore = "needs NVRTC; tools/test brings it"]
    fn a_folder_that_cannot_be_made_is_a_warning() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let compiler = Compiler::new(90, Some(&file.path().join("below"))).unwrap();
        assert!(compiler.warning().is_some_and(|warning| warning.contains("below")));
        compiler.program(&Kernel::plain::<kernel::Norms>()).unwrap();
    }

    #[test]
    #[ignore = "needs NVRTC; tools/test brings it"]
    fn a_folder_that_goes_away_is_a_warning_too() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("below");
        let compiler = Compiler::new(90, Some(&below)).unwrap();
        assert_eq!(compiler.warning(), None);
        std::fs::remove_dir(&below).unwrap();
        for _ in 0..2 {
            compiler.program(&Kernel::plain::<kernel::Norms>()).unwrap();
            assert!(compiler.warning().is_some_and(|warning| warning.contains("below")));
        }
    }

    /// What NVRTC takes from a cache comes without ptxas' words.
    #[test]
    #[ignore = "needs NVRTC; tools/test brings it"]
    fn what_a_kernel_takes_is_told_again_and_again() {
        let compiler = Compiler::new(90, None).unwrap();
        let usage = || compiler.usage(&Kernel::plain::<kernel::Norms>()).unwrap();
        assert_eq!(usage(), usage());
    }
}
