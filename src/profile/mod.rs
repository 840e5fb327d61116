//! Profiles: the time of each kernel of a training step, and how close each kernel comes to the device's
//! peak.

mod roofline;
mod trace;

pub use roofline::roofline;
pub use trace::trace;

use crate::backend::{Backend, Peak, Span};
use crate::error::{Error, Result};
use serde::Serialize;

/// Kernels and gaps must add up to the wall-clock time within this share of it.
const SUM_TOLERANCE: f64 = 0.05;

/// All launches of one kernel.
#[derive(Clone, Debug, Serialize)]
pub struct Kernel {
    /// The kernel's name, as [`Span::kernel`] has it.
    pub name: &'static str,
    /// The number of launches.
    pub launches: usize,
    /// The number of launches that began on an idle device. Their times include the host's time to launch
    /// them.
    pub from_idle: usize,
    /// The total time of all launches in milliseconds.
    pub total_ms: f64,
    /// The total time as a share of the wall-clock time.
    pub share: f64,
    /// The mean time of a launch in microseconds.
    pub mean_us: f64,
    /// The median time of a launch in microseconds.
    pub p50_us: f64,
    /// The 95th percentile of a launch's time in microseconds.
    pub p95_us: f64,
    /// The algorithm's arithmetic over the total time, in GFLOP/s. A multiply-add is two operations.
    pub gflops: f64,
    /// The algorithm's memory traffic over the total time, in GB/s. Every operand counts once.
    pub gbytes: f64,
    /// The arithmetic intensity in operations per byte.
    pub intensity: f64,
    /// The rate as a share of the roofline at this intensity, the smaller of the peak and intensity x
    /// bandwidth.
    pub peak_share: f64,
    /// The limit that the roofline sets at this intensity.
    pub bound_by: Bound,
}

/// The limit that the roofline sets for a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// The peak of multiply-adds.
    Compute,
    /// The bandwidth of memory.
    Memory,
}

/// The profile of some iterations of one network on one device.
#[derive(Clone, Debug, Serialize)]
pub struct Profile {
    /// The number of recorded iterations.
    pub iterations: usize,
    /// The wall-clock time of all iterations in milliseconds.
    pub wall_ms: f64,
    /// The time in which no kernel ran, in milliseconds.
    pub gaps_ms: f64,
    /// The kernels, sorted by total time, longest first.
    pub kernels: Vec<Kernel>,
    /// All arithmetic over the wall-clock time, as a share of the peak.
    pub peak_share: f64,
    /// The device's measured peak.
    pub peak: Peak,
    /// All launches, sorted by start. They start at 0, when the first iteration does.
    #[serde(skip)]
    pub spans: Vec<Span>,
}

/// Runs `step` `warmup` times, then `iterations` times with every launch recorded.
///
/// # Errors
/// [`Backend`](crate::ErrorKind::Backend) if the backend records no launches,
/// [`Numerical`](crate::ErrorKind::Numerical) if kernels and gaps do not add up to the wall-clock time, and
/// the errors of `step`.
pub fn profile<B: Backend>(
    backend: &B,
    peak: Peak,
    warmup: usize,
    iterations: usize,
    mut step: impl FnMut() -> Result<()>,
) -> Result<Profile> {
    let timeline = backend.timeline().ok_or_else(|| {
        Error::backend(format!("{} does not record the times of its kernels", backend.describe()))
            .hint("profile on another backend")
    })?;
    for _ in 0..warmup {
        step()?;
    }
    backend.wait()?;
    timeline.record(true);
    let start = timeline.now();
    for _ in 0..iterations {
        step()?;
    }
    backend.wait()?;
    let wall = timeline.now() - start;
    let mut spans = timeline.record(false);
    spans.sort_by_key(|span| span.start);
    for span in &mut spans {
        // The clocks of device and host differ a little, so a span may seem to start too early.
        span.start = span.start.saturating_sub(start);
    }
    summary(peak, iterations, wall, spans)
}

/// Summarizes the spans of `wall` nanoseconds, which are sorted by start.
fn summary(peak: Peak, iterations: usize, wall: u64, spans: Vec<Span>) -> Result<Profile> {
    // Gaps are measured between the spans rather than as the remainder, so that overlapping spans make the
    // sum too large.
    let mut gaps = 0;
    let mut end = 0;
    for span in &spans {
        gaps += span.start.saturating_sub(end);
        end = end.max(span.end());
    }
    gaps += wall.saturating_sub(end);
    let busy: u64 = spans.iter().map(|span| span.duration).sum();
    let sum = (busy + gaps) as f64;
    if (sum - wall as f64).abs() > SUM_TOLERANCE * wall as f64 {
        return Err(Error::numerical(format!(
            "kernels and gaps add up to {:.3} ms, but the wall clock shows {:.3} ms: launches overlap",
            sum / 1e6,
            wall as f64 / 1e6
        ))
        .hint("do not trust this profile; please report it"));
    }
    let mut names: Vec<&'static str> = spans.iter().map(|span| span.kernel).collect();
    names.sort_unstable();
    names.dedup();
    let mut kernels: Vec<Kernel> = names.into_iter().map(|name| kernel(name, &spans, wall, peak)).collect();
    kernels.sort_by(|a, b| b.total_ms.total_cmp(&a.total_ms));
    let flops: u64 = spans.iter().map(|span| span.work.flops).sum();
    Ok(Profile {
        iterations,
        wall_ms: wall as f64 / 1e6,
        gaps_ms: gaps as f64 / 1e6,
        kernels,
        peak_share: flops as f64 / wall as f64 / peak.gflops,
        peak,
        spans,
    })
}

/// Summarizes the launches of the kernel `name`.
fn kernel(name: &'static str, spans: &[Span], wall: u64, peak: Peak) -> Kernel {
    let own: Vec<&Span> = spans.iter().filter(|span| span.kernel == name).collect();
    let mut durations: Vec<u64> = own.iter().map(|span| span.duration).collect();
    durations.sort_unstable();
    let total = durations.iter().sum::<u64>().max(1) as f64;
    let flops: u64 = own.iter().map(|span| span.work.flops).sum();
    let bytes: u64 = own.iter().map(|span| span.work.bytes).sum();
    let (gflops, gbytes, intensity) =
        (flops as f64 / total, bytes as f64 / total, flops as f64 / bytes.max(1) as f64);
    let quantile = |q: f64| durations[((durations.len() - 1) as f64 * q).round() as usize] as f64 / 1e3;
    let bound_by = if intensity * peak.gbytes < peak.gflops { Bound::Memory } else { Bound::Compute };
    let peak_share = match bound_by {
        Bound::Compute => gflops / peak.gflops,
        Bound::Memory => gbytes / peak.gbytes,
    };
    Kernel {
        name,
        launches: own.len(),
        from_idle: own.iter().filter(|span| span.from_idle).count(),
        total_ms: total / 1e6,
        share: total / wall as f64,
        mean_us: total / own.len() as f64 / 1e3,
        p50_us: quantile(0.5),
        p95_us: quantile(0.95),
        gflops,
        gbytes,
        intensity,
        peak_share,
        bound_by,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::Cpu;
    use crate::model::TrainingStep;
    use crate::ops::{Cell, LayerSpec, Network, Pooling, Work};

    const PEAK: Peak = Peak { gflops: 100.0, gbytes: 10.0 };

    fn span(kernel: &'static str, start: u64, duration: u64, flops: u64) -> Span {
        Span { kernel, start, duration, work: Work { flops, bytes: 1000 }, from_idle: start == 100 }
    }

    #[test]
    fn shares_rates_and_gaps_add_up() {
        let spans = vec![span("a", 100, 300, 15_000), span("b", 500, 100, 0), span("a", 700, 200, 15_000)];
        let profile = summary(PEAK, 2, 1000, spans).unwrap();
        assert_eq!(profile.gaps_ms, 400e-6);
        let a = &profile.kernels[0];
        assert_eq!((a.name, a.launches, a.share, a.gflops), ("a", 2, 0.5, 60.0));
        assert_eq!((a.bound_by, a.peak_share, a.from_idle), (Bound::Compute, 0.6, 1));
        let b = &profile.kernels[1];
        assert_eq!((b.bound_by, b.gbytes, b.peak_share), (Bound::Memory, 10.0, 1.0));
        assert_eq!(profile.peak_share, 0.3);
    }

    #[test]
    fn overlapping_launches_are_an_error() {
        assert!(summary(PEAK, 1, 1000, vec![span("a", 0, 600, 1), span("b", 100, 700, 1)]).is_err());
    }

    #[test]
    fn every_kernel_of_a_training_step_is_recorded() {
        let layer = LayerSpec::new(Cell::Gru, 8, 2);
        let network = Network {
            features: 5,
            convs: Vec::new(),
            layers: vec![layer, layer],
            pool: Pooling::Mean,
            dense: Some(4),
            dropout: 0.1,
            classes: 2,
        };
        let cpu = Cpu::new();
        let mut step = TrainingStep::new(&cpu, &network, 2, 3, 4).unwrap();
        let profile = profile(&cpu, PEAK, 1, 3, || step.run().map(drop)).unwrap();
        let launches = |name: &str| profile.kernels.iter().find(|k| k.name == name).map(|k| k.launches);
        assert_eq!(launches("rnn forward"), Some(6));
        assert_eq!(launches("weight gradient"), Some(6));
        assert_eq!(launches("input gradient"), Some(3), "the lowest layer needs none");
        assert_eq!(launches("optimize"), Some(3));
        assert!(profile.spans.is_sorted_by_key(|span| span.start));
        let trace: serde_json::Value = serde_json::from_str(&trace("cpu", &profile)).unwrap();
        let events = trace["traceEvents"].as_array().unwrap();
        assert_eq!(events.iter().filter(|event| event["ph"] == "X").count(), profile.spans.len());
        assert!(roofline("cpu", &profile).contains("rnn forward"));
    }
}
