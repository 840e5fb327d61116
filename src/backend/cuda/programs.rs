//! A cache of compiled programs: a folder with one file for each kernel, which begins with the hash of the
//! rest.

use crate::staged::StagedFile;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The default folder for compiled programs, in the user's cache folder. `None` if the user has none.
pub fn default_folder() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let cache = match cfg!(windows) {
        true => folder("LOCALAPPDATA"),
        false => folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache"))),
    };
    Some(cache?.join("engine").join("cuda"))
}

/// The identity of a program, which gives the name of its file.
pub(super) struct Name<'a> {
    /// The hash of the source text and all options.
    pub key: &'a str,
    /// The architecture: 90 is `sm_90`.
    pub arch: u32,
    /// The version of the NVRTC that compiled it.
    pub nvrtc: (i32, i32),
}

impl Name<'_> {
    fn file(&self) -> String {
        format!("{}{}", self.key, suffix(self.arch, self.nvrtc))
    }
}

/// `.sm_90.nvrtc-13.0.cubin`
fn suffix(arch: u32, (major, minor): (i32, i32)) -> String {
    format!(".sm_{arch}.nvrtc-{major}.{minor}.cubin")
}

/// Whether anybody but the owner can put a program into the folder, as ssh asks of its keys.
#[cfg(unix)]
fn can_others_write(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    const GROUP_AND_OTHERS: u32 = 0o022;
    folder.metadata().is_ok_and(|found| found.mode() & GROUP_AND_OTHERS != 0)
}

#[cfg(not(unix))]
fn can_others_write(_: &Path) -> bool {
    false
}

/// The cache folder.
pub(super) struct Programs {
    folder: PathBuf,
    /// Whether only its owner can write there.
    is_trusted: bool,
    /// Why programs are no longer stored, if they are not.
    warning: OnceLock<String>,
}

impl Programs {
    /// Opens the folder, and makes it if it is missing. If that fails, the cache is off: see
    /// [`Programs::warning`].
    pub fn open(folder: &Path) -> Self {
        let programs = Programs { folder: folder.into(), is_trusted: true, warning: OnceLock::new() };
        if let Err(error) = std::fs::create_dir_all(folder) {
            programs.warn(&error);
        } else if can_others_write(folder) {
            programs.warning.get_or_init(|| {
                format!(
                    "compiled kernels in {} are not used: others can write there, and a program is trusted like this one; take \
                     their right away with chmod go-w, or choose another folder with `kernel_cache`",
                    folder.display()
                )
            });
            return Programs { is_trusted: false, ..programs };
        }
        programs
    }

    /// Turns the cache off for writing, and sets the warning.
    fn warn(&self, error: &std::io::Error) {
        self.warning.get_or_init(|| {
            format!(
                "the next run will compile the kernels again: cannot store them in {}: {error}; choose another folder with \
                 `kernel_cache`",
                self.folder.display()
            )
        });
    }

    /// A warning for the user, if programs cannot be stored.
    pub fn warning(&self) -> Option<&str> {
        self.warning.get().map(String::as_str)
    }

    /// Reads a program. `None` if it is missing or damaged.
    pub fn get(&self, name: &Name) -> Option<Vec<u8>> {
        if !self.is_trusted {
            return None;
        }
        let bytes = std::fs::read(self.folder.join(name.file())).ok()?;
        let (hash, program) = bytes.split_at_checked(blake3::OUT_LEN)?;
        (blake3::hash(program).as_bytes() == hash).then(|| program.to_vec())
    }

    /// Stores a program. The write is atomic, so several processes may store the same program at once.
    pub fn store(&self, name: &Name, program: &[u8]) {
        if self.warning.get().is_some() {
            return;
        }
        let write = || -> std::io::Result<()> {
            let mut file = StagedFile::open(&self.folder.join(name.file()))?;
            file.write_all(blake3::hash(program).as_bytes())?;
            file.write_all(program)?;
            file.commit()
        };
        if let Err(error) = write() {
            self.warn(&error);
        }
    }

    /// The newest version of NVRTC that compiled a program for this architecture in this folder.
    pub fn newest(&self, arch: u32) -> Option<(i32, i32)> {
        let files = std::fs::read_dir(&self.folder).ok()?.flatten();
        let version = |name: String| -> Option<(i32, i32)> {
            let (_, rest) = name.split_once(&format!(".sm_{arch}.nvrtc-"))?;
            let (major, minor) = rest.strip_suffix(".cubin")?.split_once('.')?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        };
        files.filter_map(|file| version(file.file_name().into_string().ok()?)).max()
    }
}

#[cfg(all(test, unix))]
mod trust {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn programs_in_a_folder_that_others_can_write_are_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |mode| std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(mode)).unwrap();
        mode(0o700);
        assert_eq!(Programs::open(folder.path()).warning(), None);
        for writable in [0o770, 0o707, 0o777] {
            mode(writable);
            let programs = Programs::open(folder.path());
            assert!(programs.warning().unwrap().contains("others can write there") && !programs.is_trusted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: Name<'_> = Name { key: "abc", arch: 90, nvrtc: (13, 0) };

    #[test]
    fn a_damaged_program_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let programs = Programs::open(folder.path());
        assert_eq!(programs.get(&NAME), None);
        programs.store(&NAME, b"program");
        assert_eq!(programs.get(&NAME).as_deref(), Some(&b"program"[..]));
        let file = folder.path().join("abc.sm_90.nvrtc-13.0.cubin");
        let stored = std::fs::read(&file).unwrap();
        let mut flipped = stored.clone();
        flipped[35] ^= 1;
        for damaged in [&flipped[..], &stored[..stored.len() - 1], &stored[..10], b""] {
            std::fs::write(&file, damaged).unwrap();
            assert_eq!(programs.get(&NAME), None);
        }
    }

    #[test]
    fn the_newest_compiler_of_an_architecture_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let programs = Programs::open(folder.path());
        assert_eq!(programs.newest(90), None);
        for (arch, nvrtc) in [(90, (12, 8)), (90, (13, 1)), (90, (13, 0)), (80, (14, 0))] {
            programs.store(&Name { key: "abc", arch, nvrtc }, b"program");
        }
        std::fs::write(folder.path().join("stray.sm_90.nvrtc-99"), b"").unwrap();
        assert_eq!(programs.newest(90), Some((13, 1)));
        assert_eq!(programs.newest(80), Some((14, 0)));
        assert_eq!(programs.newest(9), None);
    }
}
