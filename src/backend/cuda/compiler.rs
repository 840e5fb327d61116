//! Compiles the text of a kernel to a program for one architecture, with NVRTC and a cache.

use super::Kernel;
use super::programs::{Name, Programs};
use crate::error::{Error, Result};
use cudarc::nvrtc::{result, sys};
use std::ffi::{CStr, CString};
use std::path::Path;

/// NVRTC for one architecture, with a cache of compiled programs.
pub struct Compiler {
    /// The architecture: 90 is `sm_90`.
    arch: u32,
    /// The version of NVRTC.
    version: (i32, i32),
    code: Code,
    programs: Option<Programs>,
}

/// The kind of program that the compiler yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    /// Machine code of the architecture.
    Machine,
    /// PTX of an older architecture, because NVRTC does not know this one. The driver compiles it when it
    /// loads it.
    Ptx(u32),
    /// Machine code from the cache only, because there is no NVRTC here.
    Cached,
}

/// The resources that a kernel uses, as ptxas reports them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Registers of a thread.
    pub registers: u32,
    /// Bytes of shared memory of a block.
    pub shared: u32,
    /// Bytes that a thread spills: those stored, those loaded, and the stack frame.
    pub spilled: u32,
}

/// A compiled kernel.
pub struct Compiled {
    /// The cubin or PTX that the driver loads.
    pub program: Vec<u8>,
    /// The log of NVRTC and ptxas.
    pub log: String,
}

/// The file name of NVRTC's library.
const LIBRARY: &str = if cfg!(windows) { "nvrtc64_130_0.dll" } else { "libnvrtc.so" };

impl Compiler {
    /// A compiler for `arch`, with the cache in `folder`.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`](crate::error::ErrorKind::Backend) if NVRTC is missing and the cache
    /// has no program for `arch`, or if NVRTC knows only later architectures.
    pub fn new(arch: u32, folder: Option<&Path>) -> Result<Self> {
        let programs = folder.map(Programs::open);
        // SAFETY: this loads a library and runs its initializers. Only NVIDIA's library has that name.
        if !unsafe { sys::is_culib_present() } {
            let Some(version) = programs.as_ref().and_then(|programs| programs.newest(arch)) else {
                return Err(Error::backend(format!(
                    "CUDA not usable: NVRTC, which compiles the kernels, is missing: no library {LIBRARY} is found"
                ))
                .hint(
                    "install the CUDA toolkit's NVRTC, or `pip install nvidia-cuda-nvrtc==13.0.88` and put its folder `lib` \
                     into LD_LIBRARY_PATH",
                ));
            };
            return Ok(Compiler { arch, version, code: Code::Cached, programs });
        }
        let failed = |error: result::NvrtcError| {
            Error::backend(format!("CUDA not usable: NVRTC fails: {error}")).caused_by(error)
        };
        let (mut major, mut minor, mut count) = (0, 0, 0);
        // SAFETY: the library is loaded; it writes one integer to each out-parameter.
        unsafe { sys::nvrtcVersion(&mut major, &mut minor) }.result().map_err(failed)?;
        // SAFETY: the library is loaded; it writes one integer to the out-parameter.
        unsafe { sys::nvrtcGetNumSupportedArchs(&mut count) }.result().map_err(failed)?;
        let mut known = vec![0; count as usize];
        // SAFETY: NVRTC writes as many integers as it has just counted, and the vector has that length.
        unsafe { sys::nvrtcGetSupportedArchs(known.as_mut_ptr()) }.result().map_err(failed)?;
        let known: Vec<u32> = known.into_iter().map(|arch| arch as u32).collect();
        let code = match known.iter().copied().filter(|&known| known <= arch).max() {
            Some(same) if same == arch => Code::Machine,
            Some(older) => Code::Ptx(older),
            None => {
                return Err(Error::backend(format!(
                    "CUDA not usable: NVRTC {major}.{minor} does not compile for this GPU, sm_{arch}: it knows sm_{} to sm_{}",
                    known.iter().min().unwrap_or(&0),
                    known.iter().max().unwrap_or(&0)
                ))
                .hint("install an NVRTC of another CUDA version"));
            }
        };
        Ok(Compiler { arch, version: (major, minor), code, programs })
    }

    /// A warning for the user, if the compiler yields PTX or cannot store programs.
    pub fn warning(&self) -> Option<String> {
        let ptx = match self.code {
            Code::Ptx(older) => Some(format!(
                "NVRTC {}.{} does not know sm_{}: kernels are compiled to PTX of compute_{older}, which the driver compiles again \
                 when it loads them; a newer NVRTC yields machine code",
                self.version.0, self.version.1, self.arch
            )),
            Code::Machine | Code::Cached => None,
        };
        let not_stored = self.not_stored().map(String::from);
        let warnings: Vec<String> = ptx.into_iter().chain(not_stored).collect();
        (!warnings.is_empty()).then(|| warnings.join("; "))
    }

    /// A warning for the user, if programs cannot be stored.
    pub fn not_stored(&self) -> Option<&str> {
        self.programs.as_ref().and_then(Programs::warning)
    }

    /// The CUDA version of NVRTC.
    pub(super) fn version(&self) -> (i32, i32) {
        self.version
    }

    /// The compiler's name and version: `NVRTC 13.0`.
    pub fn describe(&self) -> String {
        let (major, minor) = self.version;
        match self.code {
            Code::Machine => format!("NVRTC {major}.{minor}"),
            Code::Ptx(older) => format!("NVRTC {major}.{minor} as PTX of compute_{older}"),
            Code::Cached => format!("an NVRTC {major}.{minor} that is not installed here"),
        }
    }

    /// NVRTC's options for a kernel that affect the program.
    fn options(&self, kernel: &Kernel) -> Vec<String> {
        let target = match self.code {
            Code::Machine | Code::Cached => format!("sm_{}", self.arch),
            Code::Ptx(older) => format!("compute_{older}"),
        };
        let mut options = vec![
            format!("--gpu-architecture={target}"),
            "--std=c++17".into(),
            // Multiply-adds are fused only where the text has `fmaf`, as on the host.
            "--fmad=false".into(),
            "--device-as-default-execution-space".into(),
        ];
        options.extend(kernel.constants.iter().map(|(name, value)| format!("-D{name}={value}")));
        options
    }

    /// The program of a kernel, from the cache or compiled now.
    ///
    /// # Errors
    /// See [`Compiler::compile`].
    pub fn program(&self, kernel: &Kernel) -> Result<Vec<u8>> {
        let key = self.key(kernel);
        let cached = self.programs.as_ref().and_then(|programs| programs.get(&self.name(&key)));
        match cached {
            Some(program) => Ok(program),
            None => Ok(self.compile(kernel)?.program),
        }
    }

    /// The name of a program in the cache.
    fn name<'a>(&self, key: &'a str) -> Name<'a> {
        Name { key, arch: self.arch, nvrtc: self.version }
    }

    /// The hash of a kernel's text and options.
    fn key(&self, kernel: &Kernel) -> String {
        let mut hasher = blake3::Hasher::new();
        for part in [kernel.text(), self.options(kernel).join(" ")] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.finalize().to_hex()[..32].to_string()
    }

    /// The resources that a compiled kernel uses. `None` for PTX, because only the driver compiles it to
    /// machine code.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`](crate::error::ErrorKind::Backend) if the log of ptxas lacks them.
    pub fn usage(&self, kernel: &Kernel, compiled: &Compiled) -> Result<Option<Usage>> {
        if matches!(self.code, Code::Ptx(_)) {
            return Ok(None);
        }
        usage(&compiled.log).map(Some).ok_or_else(|| {
            let log = compiled.log.trim();
            Error::backend(format!("{}: ptxas reports no register count: {log}", kernel.name()))
        })
    }

    /// Compiles a kernel, even if the cache has it, and stores the program.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`](crate::error::ErrorKind::Backend) if NVRTC is missing or rejects the text.
    pub fn compile(&self, kernel: &Kernel) -> Result<Compiled> {
        if self.code == Code::Cached {
            return Err(Error::backend(format!(
                "the kernel {} for sm_{} was not compiled before, and NVRTC is missing: no library {LIBRARY} is found",
                kernel.name(),
                self.arch
            ))
            .hint("`pip install nvidia-cuda-nvrtc==13.0.88` and put its folder `lib` into LD_LIBRARY_PATH"));
        }
        let text = CString::new(kernel.text()).expect("kernel texts have no NUL");
        let name = CString::new(format!("{}.cu", kernel.entry)).expect("kernel names have no NUL");
        let broken = |error: result::NvrtcError| {
            Error::backend(format!("{}: {} failed: {error}", kernel.name(), self.describe())).caused_by(error)
        };
        let mut options = self.options(kernel);
        if self.code == Code::Machine {
            options.push("--ptxas-options=-v".into());
        }
        // NVRTC's own cache returns programs without the log of ptxas. We have our own cache.
        if self.version >= (12, 9) {
            options.push("--no-cache".into());
        }
        let program = result::create_program(&text, Some(&name)).map_err(broken)?;
        let program = Program(program);
        // SAFETY: `create_program` made the handle, which `program` destroys only when it is dropped.
        let compiled = unsafe { result::compile_program(program.0, &options) };
        // SAFETY: the handle is alive; a program has a log whether or not it compiled.
        let log = unsafe { result::get_program_log(program.0) }.map_err(broken)?;
        // SAFETY: NVRTC's length of a log includes the terminating NUL, so the NUL lies in the vector.
        let log = unsafe { CStr::from_ptr(log.as_ptr()) }.to_string_lossy().into_owned();
        if let Err(error) = compiled {
            let first = log.lines().find(|line| line.contains("error")).unwrap_or("no reason given");
            return Err(Error::backend(format!(
                "the kernel {} does not compile for sm_{} with {}: {}",
                kernel.name(),
                self.arch,
                self.describe(),
                first.trim()
            ))
            .caused_by(error)
            .hint("see `engine devices` for the GPU and its driver; please report this kernel"));
        }
        let compiled = Compiled { program: self.code_of(&program).map_err(broken)?, log };
        if let Some(programs) = &self.programs {
            let key = self.key(kernel);
            programs.store(&self.name(&key), &compiled.program);
        }
        Ok(compiled)
    }

    /// The cubin, or the PTX with its terminating NUL.
    fn code_of(&self, program: &Program) -> Result<Vec<u8>, result::NvrtcError> {
        let mut len = 0;
        let mut code = Vec::new();
        // SAFETY: the handle is alive; NVRTC writes one integer to `len`, and then `len` bytes to the vector,
        // which has been resized to that length.
        unsafe {
            if let Code::Ptx(_) = self.code {
                sys::nvrtcGetPTXSize(program.0, &mut len).result()?;
                code.resize(len, 0);
                sys::nvrtcGetPTX(program.0, code.as_mut_ptr().cast()).result()?;
            } else {
                sys::nvrtcGetCUBINSize(program.0, &mut len).result()?;
                code.resize(len, 0);
                sys::nvrtcGetCUBIN(program.0, code.as_mut_ptr().cast()).result()?;
            }
        }
        Ok(code)
    }
}

/// A program handle of NVRTC, destroyed when dropped.
struct Program(sys::nvrtcProgram);

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: `create_program` made the handle, and only this destroys it. It fails only for an invalid
        // handle.
        let _ = unsafe { result::destroy_program(self.0) };
    }
}

/// Reads the resources of a kernel from the log of ptxas.
fn usage(log: &str) -> Option<Usage> {
    let before = |unit: &str| -> Option<u32> {
        let text = log[..log.find(unit)?].trim_end();
        text[text.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |end| end + 1)..].parse().ok()
    };
    Some(Usage {
        registers: before(" registers")?,
        // ptxas prints this only for a kernel that has shared memory.
        shared: before(" bytes smem").unwrap_or(0),
        spilled: before(" bytes stack frame")?
            + before(" bytes spill stores")?
            + before(" bytes spill loads")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cuda::{gather, pool};
    use crate::error::ErrorKind;

    #[test]
    fn the_log_of_ptxas_is_read() {
        let log = "ptxas info    : Compiling entry function 'f' for 'sm_90'\n    8 bytes stack frame, 12 bytes spill stores, \
                   16 bytes spill loads\nptxas info    : Used 192 registers, used 1 barriers, 4352 bytes smem\n";
        assert_eq!(usage(log), Some(Usage { registers: 192, shared: 4352, spilled: 36 }));
        let log = "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\nUsed 16 registers, 360 bytes cmem[0]";
        assert_eq!(usage(log), Some(Usage { registers: 16, shared: 0, spilled: 0 }));
        assert_eq!(usage("nothing"), None);
    }

    #[test]
    #[ignore = "needs NVRTC; tools/test brings it"]
    fn a_kernel_that_does_not_compile_names_itself_the_place_and_the_architecture() {
        let mut kernel = gather::kernels().remove(0);
        kernel.constants.clear();
        let error = Compiler::new(90, None).unwrap().compile(&kernel).err().expect("no constant THREADS");
        assert_eq!(error.kind, ErrorKind::Backend);
        for part in ["the kernel gather.cu does", "sm_90", "NVRTC 13.0", "gather.cu(3): error", "THREADS"] {
            assert!(error.message.contains(part), "no {part} in {error}");
        }
    }

    #[test]
    #[ignore = "needs NVRTC; tools/test brings it"]
    fn programs_are_cached_and_damaged_ones_compiled_again() {
        let folder = tempfile::tempdir().unwrap();
        let kernel = pool::kernels().remove(0);
        let program = |arch| Compiler::new(arch, Some(folder.path())).unwrap().program(&kernel).unwrap();
        let files = || -> Vec<std::path::PathBuf> {
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
        };
        let first = program(90);
        let [file] = &files()[..] else { panic!("one kernel is one file") };
        // The cached file is used: a program that no compiler made comes back.
        std::fs::write(file, [blake3::hash(b"cached").as_bytes(), &b"cached"[..]].concat()).unwrap();
        assert_eq!(program(90), b"cached");
        std::fs::write(file, b"torn").unwrap();
        assert_eq!(program(90), first);
        program(80);
        assert_eq!(files().len(), 2, "each architecture has its own program");
    }

    #[test]
    #[ignore = "needs NVRTC; tools/test brings it"]
    fn a_folder_that_cannot_be_made_is_a_warning() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let compiler = Compiler::new(90, Some(&file.path().join("below"))).unwrap();
        assert!(compiler.warning().is_some_and(|warning| warning.contains("below")));
        compiler.program(&pool::kernels().remove(0)).unwrap();
    }

    #[test]
    #[ignore = "needs NVRTC; tools/test brings it"]
    fn a_folder_that_is_removed_is_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("below");
        let compiler = Compiler::new(90, Some(&below)).unwrap();
        assert_eq!(compiler.warning(), None);
        std::fs::remove_dir(&below).unwrap();
        for _ in 0..2 {
            compiler.program(&pool::kernels().remove(0)).unwrap();
            assert!(compiler.warning().is_some_and(|warning| warning.contains("below")));
        }
    }

    /// NVRTC's own cache would return a program without the log of ptxas.
    #[test]
    #[ignore = "needs NVRTC; tools/test brings it"]
    fn resources_are_reported_for_every_compilation() {
        let compiler = Compiler::new(90, None).unwrap();
        let kernel = pool::kernels().remove(0);
        let usage = || compiler.usage(&kernel, &compiler.compile(&kernel).unwrap()).unwrap().unwrap();
        assert_eq!(usage(), usage());
    }

    /// No NVRTC knows sm_9999.
    #[test]
    #[ignore = "needs NVRTC; tools/test brings it"]
    fn a_later_architecture_gets_ptx_and_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let compiler = Compiler::new(9999, Some(folder.path())).unwrap();
        let kernel = pool::kernels().remove(0);
        let compiled = compiler.compile(&kernel).unwrap();
        let text = String::from_utf8(compiled.program.clone()).unwrap();
        assert!(text.contains(".visible .entry pool_forward(") && text.ends_with('\0'), "{text}");
        assert_eq!(compiler.usage(&kernel, &compiled).unwrap(), None);
        assert!(compiler.describe().contains("as PTX of compute_"), "{}", compiler.describe());
        assert!(compiler.warning().is_some_and(|warning| warning.contains("does not know sm_9999")));
        assert_eq!(compiler.program(&kernel).unwrap(), compiled.program, "cached");
    }
}
