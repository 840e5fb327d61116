//! From the text of a kernel to a program for one architecture: NVRTC, and what it made before.

use super::Kernel;
use super::programs::{Name, Programs};
use crate::error::{Error, Result};
use cudarc::nvrtc::{result, sys};
use std::ffi::{CStr, CString};
use std::path::Path;

/// NVRTC for one architecture, with a folder of programs that it made.
pub struct Compiler {
    /// 90 is `sm_90`.
    arch: u32,
    /// NVRTC's.
    version: (i32, i32),
    code: Code,
    programs: Option<Programs>,
}

/// What a program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    /// Machine code of the architecture.
    Machine,
    /// PTX of an older architecture, since NVRTC does not know this one: the driver makes machine code of it.
    Ptx(u32),
    /// Machine code that an NVRTC made before, since there is none here.
    Kept,
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

/// What NVRTC makes of a kernel.
pub struct Compiled {
    /// What the driver loads.
    pub program: Vec<u8>,
    /// What NVRTC and ptxas say.
    pub log: String,
}

/// The library's file.
pub const LIBRARY: &str = if cfg!(windows) { "nvrtc64_130_0.dll" } else { "libnvrtc.so" };

impl Compiler {
    /// `folder` is where programs are kept from run to run. An error if NVRTC is missing and nothing was
    /// kept, or if it knows only later architectures.
    pub fn new(arch: u32, folder: Option<&Path>) -> Result<Self> {
        let programs = folder.map(Programs::open);
        // SAFETY: it loads the library, which runs what the library does when loaded: of that name there is
        // NVIDIA's alone.
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
            return Ok(Compiler { arch, version, code: Code::Kept, programs });
        }
        let failed = |error: result::NvrtcError| {
            Error::backend(format!("CUDA not usable: NVRTC does not answer: {error}"))
        };
        let (mut major, mut minor, mut count) = (0, 0, 0);
        // SAFETY: the library is there; it writes one number to each out-parameter.
        unsafe { sys::nvrtcVersion(&mut major, &mut minor) }.result().map_err(failed)?;
        // SAFETY: the library is there; it writes one number to the out-parameter.
        unsafe { sys::nvrtcGetNumSupportedArchs(&mut count) }.result().map_err(failed)?;
        let mut known = vec![0; count as usize];
        // SAFETY: NVRTC writes as many numbers as it has just counted, and the vector has as many.
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

    /// What the user should know of it.
    pub fn warning(&self) -> Option<String> {
        let ptx = match self.code {
            Code::Ptx(older) => Some(format!(
                "NVRTC {}.{} does not know sm_{}: kernels are compiled to PTX of compute_{older}, which the driver translates when \
                 it loads them; a newer NVRTC makes machine code",
                self.version.0, self.version.1, self.arch
            )),
            Code::Machine | Code::Kept => None,
        };
        let kept = self.not_kept().map(String::from);
        let warnings: Vec<String> = ptx.into_iter().chain(kept).collect();
        (!warnings.is_empty()).then(|| warnings.join("; "))
    }

    /// Why programs are not kept, once that is so.
    pub fn not_kept(&self) -> Option<&str> {
        self.programs.as_ref().and_then(Programs::warning)
    }

    /// NVRTC's CUDA version.
    pub fn version(&self) -> (i32, i32) {
        self.version
    }

    /// `NVRTC 13.0`
    pub fn describe(&self) -> String {
        let (major, minor) = self.version;
        match self.code {
            Code::Machine => format!("NVRTC {major}.{minor}"),
            Code::Ptx(older) => format!("NVRTC {major}.{minor} as PTX of compute_{older}"),
            Code::Kept => format!("NVRTC {major}.{minor} before, which is not here now"),
        }
    }

    /// What the program of a kernel depends on, beside NVRTC.
    fn options(&self, kernel: &Kernel) -> Vec<String> {
        let target = match self.code {
            Code::Machine | Code::Kept => format!("sm_{}", self.arch),
            Code::Ptx(older) => format!("compute_{older}"),
        };
        let mut options = vec![
            format!("--gpu-architecture={target}"),
            "--std=c++17".into(),
            // Sums and products are fused where the text says so, and nowhere else: as on the host.
            "--fmad=false".into(),
            "--device-as-default-execution-space".into(),
        ];
        options.extend(kernel.constants.iter().map(|(name, value)| format!("-D{name}={value}")));
        options
    }

    /// The program of a kernel, made before or now.
    pub fn program(&self, kernel: &Kernel) -> Result<Vec<u8>> {
        let key = self.key(kernel);
        let kept = self.programs.as_ref().and_then(|programs| programs.get(&self.name(&key)));
        match kept {
            Some(program) => Ok(program),
            None => Ok(self.compile(kernel)?.program),
        }
    }

    fn name<'a>(&self, key: &'a str) -> Name<'a> {
        Name { key, arch: self.arch, nvrtc: self.version }
    }

    fn key(&self, kernel: &Kernel) -> String {
        let mut hasher = blake3::Hasher::new();
        for part in [kernel.text(), self.options(kernel).join(" ")] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.finalize().to_hex()[..32].to_string()
    }

    /// What the program of a kernel takes; `None` where that is PTX, of which only the driver makes machine
    /// code.
    pub fn usage(&self, kernel: &Kernel, compiled: &Compiled) -> Result<Option<Usage>> {
        if matches!(self.code, Code::Ptx(_)) {
            return Ok(None);
        }
        usage(&compiled.log).map(Some).ok_or_else(|| {
            let said = compiled.log.trim();
            Error::backend(format!("{}: ptxas does not say what it takes: {said}", kernel.name()))
        })
    }

    /// Compiles, whatever was kept, and keeps the program.
    pub fn compile(&self, kernel: &Kernel) -> Result<Compiled> {
        if self.code == Code::Kept {
            return Err(Error::backend(format!(
                "the kernel {} for sm_{} was not compiled before, and NVRTC is missing: no library {LIBRARY} is found",
                kernel.name(),
                self.arch
            ))
            .hint("`pip install nvidia-cuda-nvrtc==13.0.88` and put its folder `lib` into LD_LIBRARY_PATH"));
        }
        let text = CString::new(kernel.text()).expect("kernels have no NUL");
        let name = CString::new(format!("{}.cu", kernel.entry)).expect("nor have their names");
        let broken = |error: result::NvrtcError| {
            Error::backend(format!("{}: {} failed: {error}", kernel.name(), self.describe()))
        };
        let mut options = self.options(kernel);
        if self.code == Code::Machine {
            options.push("--ptxas-options=-v".into());
        }
        // The driver's own cache gives a program back without what ptxas says of it; we keep programs
        // ourselves.
        if self.version >= (12, 9) {
            options.push("--no-cache".into());
        }
        let program = result::create_program(&text, Some(&name)).map_err(broken)?;
        let program = Program(program);
        // SAFETY: `create_program` made the handle, which `program` destroys only when it is dropped.
        let compiled = unsafe { result::compile_program(program.0, &options) };
        // SAFETY: the handle is alive; a program has a log whether or not it compiled.
        let log = unsafe { result::get_program_log(program.0) }.map_err(broken)?;
        // SAFETY: the length that NVRTC gives for a log counts the NUL that ends it, so that it lies in the
        // vector.
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
        let compiled = Compiled { program: self.code_of(&program).map_err(broken)?, log };
        if let Some(programs) = &self.programs {
            let key = self.key(kernel);
            programs.keep(&self.name(&key), &compiled.program);
        }
        Ok(compiled)
    }

    /// Machine code, or PTX with the NUL that ends it.
    fn code_of(&self, program: &Program) -> Result<Vec<u8>, result::NvrtcError> {
        let mut len = 0;
        let mut code = Vec::new();
        // SAFETY: the handle is alive; NVRTC writes one number to `len`, and then as many bytes as that to
        // the vector, which was made so long between the two.
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

/// NVRTC's, destroyed when dropped.
struct Program(sys::nvrtcProgram);

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: `create_program` made the handle, and only this destroys it. It fails for no program but a
        // wrong one.
        let _ = unsafe { result::destroy_program(self.0) };
    }
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
    use crate::backend::cuda::{gather, pool};
    use crate::error::ErrorKind;

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
    fn programs_are_kept_and_damaged_ones_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let kernel = pool::kernels().remove(0);
        let program = |arch| Compiler::new(arch, Some(folder.path())).unwrap().program(&kernel).unwrap();
        let files = || -> Vec<std::path::PathBuf> {
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
        compiler.program(&pool::kernels().remove(0)).unwrap();
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
            compiler.program(&pool::kernels().remove(0)).unwrap();
            assert!(compiler.warning().is_some_and(|warning| warning.contains("below")));
        }
    }

    /// What NVRTC takes from a cache comes without ptxas' words.
    #[test]
    #[ignore = "needs NVRTC; tools/test brings it"]
    fn what_a_kernel_takes_is_told_again_and_again() {
        let compiler = Compiler::new(90, None).unwrap();
        let kernel = pool::kernels().remove(0);
        let usage = || compiler.usage(&kernel, &compiler.compile(&kernel).unwrap()).unwrap().unwrap();
        assert_eq!(usage(), usage());
    }

    /// No NVRTC will ever know sm_9999.
    #[test]
    #[ignore = "needs NVRTC; tools/test brings it"]
    fn a_later_architecture_gets_ptx_and_that_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let compiler = Compiler::new(9999, Some(folder.path())).unwrap();
        let kernel = pool::kernels().remove(0);
        let compiled = compiler.compile(&kernel).unwrap();
        let text = String::from_utf8(compiled.program.clone()).unwrap();
        assert!(text.contains(".visible .entry pool_forward(") && text.ends_with('\0'), "{text}");
        assert_eq!(compiler.usage(&kernel, &compiled).unwrap(), None);
        assert!(compiler.describe().contains("as PTX of compute_"), "{}", compiler.describe());
        assert!(compiler.warning().is_some_and(|warning| warning.contains("does not know sm_9999")));
        assert_eq!(compiler.program(&kernel).unwrap(), compiled.program, "kept");
    }
}
