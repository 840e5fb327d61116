//! Which instructions the kernels may use, chosen once at run time.
//!
//! Kernels are written once, over [`Arithmetic`], and inlined into one function per instruction set, where the compiler
//! turns their lane loops into vectors. Fused multiply-add rounds once where the portable path rounds twice, so results
//! are the same bit for bit per path, and the path is part of what a run records.

/// An instruction-set path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// What every target has.
    Portable,
    /// x86-64 with 8-lane vectors and fused multiply-add.
    Avx2,
}

impl Isa {
    /// The best path of this machine.
    pub fn detect() -> Isa {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return Isa::Avx2;
        }
        Isa::Portable
    }

    /// All paths that this machine can run.
    pub fn available() -> Vec<Isa> {
        let mut paths = vec![Isa::Portable];
        if Isa::detect() != Isa::Portable {
            paths.push(Isa::detect());
        }
        paths
    }

    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2+fma",
        }
    }
}

/// The one operation that differs between paths.
pub trait Arithmetic {
    /// `a * b + c`
    fn mul_add(a: f32, b: f32, c: f32) -> f32;
}

struct Plain;

impl Arithmetic for Plain {
    #[inline(always)]
    fn mul_add(a: f32, b: f32, c: f32) -> f32 {
        a * b + c
    }
}

#[cfg(target_arch = "x86_64")]
struct Fused;

#[cfg(target_arch = "x86_64")]
impl Arithmetic for Fused {
    #[inline(always)]
    fn mul_add(a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }
}

/// Work of one thread. `run` and all it calls must be `#[inline(always)]`, so that it is compiled for each path.
pub trait Task {
    fn run<A: Arithmetic>(self);
}

/// Runs `task` on a path that this machine has.
pub fn run(isa: Isa, task: impl Task) {
    match isa {
        Isa::Portable => task.run::<Plain>(),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `Isa::detect` gives this path only where both features exist.
        Isa::Avx2 => unsafe { run_avx2(task) },
        #[cfg(not(target_arch = "x86_64"))]
        Isa::Avx2 => unreachable!("only x86-64 detects this path"),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2(task: impl Task) {
    task.run::<Fused>();
}
