//! When the device ran each kernel, by its own time stamps.

use crate::backend::{Span, Timeline};
use crate::error::Result;
use crate::ops::Work;

/// Two time stamps for each of some passes.
pub struct Clock {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    mapped: wgpu::Buffer,
    /// Nanoseconds of a tick.
    period: f64,
}

/// Passes that are stamped at once.
const PASSES: u32 = 1024;
const BYTES: u64 = 2 * 8 * PASSES as u64;

impl Clock {
    /// None where the device has no time stamps.
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Option<Self> {
        if !device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return None;
        }
        let buffer = |usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("time stamps"),
                size: BYTES,
                usage,
                mapped_at_creation: false,
            })
        };
        Some(Clock {
            queries: device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("time stamps"),
                ty: wgpu::QueryType::Timestamp,
                count: 2 * PASSES,
            }),
            resolved: buffer(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC),
            mapped: buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST),
            period: f64::from(queue.get_timestamp_period()),
        })
    }

    /// Passes that can be stamped at once.
    pub fn passes(&self) -> usize {
        PASSES as usize
    }

    /// The stamps of a pass.
    pub fn stamps(&self, pass: usize) -> wgpu::ComputePassTimestampWrites<'_> {
        wgpu::ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(2 * pass as u32),
            end_of_pass_write_index: Some(2 * pass as u32 + 1),
        }
    }

    /// Makes the stamps of the first passes readable.
    pub fn resolve(&self, encoder: &mut wgpu::CommandEncoder, passes: usize) {
        encoder.resolve_query_set(&self.queries, 0..2 * passes as u32, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.mapped, 0, BYTES);
    }

    /// Reads the stamps and puts them on the timeline. The device has a clock of its own: its last stamp is
    /// taken for now, the moment at which the host learned that all was done.
    pub fn report(
        &self,
        timeline: &Timeline,
        labels: &[(&'static str, Work)],
        read: impl FnOnce(wgpu::BufferSlice) -> Result<Vec<u8>>,
    ) -> Result<()> {
        let now = timeline.now();
        let stamps: Vec<u64> = timeline
            .aside(|| read(self.mapped.slice(..)))?
            .chunks_exact(8)
            .map(|bytes| u64::from_le_bytes(bytes.try_into().expect("chunks of 8")))
            .collect();
        let Some(last) = stamps[..2 * labels.len()].iter().max().copied() else { return Ok(()) };
        let before_now = |stamp: u64| ((last - stamp.min(last)) as f64 * self.period) as u64;
        for (stamps, (kernel, work)) in stamps.chunks_exact(2).zip(labels) {
            let (start, end) =
                (now.saturating_sub(before_now(stamps[0])), now.saturating_sub(before_now(stamps[1])));
            let duration = end.saturating_sub(start);
            timeline.push(Span { kernel, start, duration, work: *work, from_idle: false });
        }
        Ok(())
    }
}
