//! An open device: its queue, what waits to be submitted, and whether it still works.

use super::account::Account;
use super::clock::Clock;
use super::commands::{Command, encode, encode_timed};
use super::kernel::Kernel;
use super::slice::Slice;
use super::text;
use crate::backend::Timeline;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::Work;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A device and everything that is asked of it.
pub struct Gpu {
    /// Adapter and driver.
    pub name: String,
    pub device: wgpu::Device,
    queue: wgpu::Queue,
    pub limits: wgpu::Limits,
    pub account: Arc<Account>,
    /// Bytes that all buffers together may take.
    pub budget: u64,
    /// The first error that no call waited for: a lost device, or an error outside of any scope.
    broken: Arc<Mutex<Option<String>>>,
    state: Mutex<State>,
    pub timeline: Timeline,
    clock: Option<Clock>,
}

#[derive(Default)]
struct State {
    programs: HashMap<Kernel, Program>,
    bindings: HashMap<BindingKey, wgpu::BindGroup>,
    parameters: Option<wgpu::Buffer>,
    /// Parameters of the commands that wait, `SLOT` bytes each.
    slots: Vec<u8>,
    commands: Vec<Command>,
    /// Work of the commands that wait.
    work: u64,
    staging: Option<wgpu::Buffer>,
    /// Dispatches since the device was opened.
    dispatches: u64,
}

type BindingKey = (usize, Vec<(wgpu::Buffer, u64, u64)>);

/// A compiled kernel.
#[derive(Clone)]
struct Program {
    number: usize,
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
}

/// Bytes of a kernel's parameters; also the alignment of their offsets.
const SLOT: usize = 256;
/// Parameters of as many dispatches are written at once.
const SLOTS: usize = 1024;
/// Commands are submitted when they add up to so many operations: a driver may give up on what takes seconds.
const SUBMIT_WORK: u64 = 32_000_000_000;
/// Bytes that one write may put into the driver's hands.
const WRITE: usize = 32 << 20;

/// A launch: a kernel and its operands.
pub struct Launch<'a> {
    pub kernel: Kernel,
    pub parameters: &'a [u8],
    /// In the order of the bindings, from 1.
    pub operands: &'a [Slice<'a>],
    pub grid: [u32; 3],
    pub work: Work,
}

impl Gpu {
    pub fn new(name: String, budget: u64, device: wgpu::Device, queue: wgpu::Queue) -> Self {
        let broken = Arc::new(Mutex::new(None));
        let note = |broken: &Arc<Mutex<Option<String>>>, message: String| {
            // The first thing that went wrong is the cause of the others.
            broken.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(message);
        };
        let lost = broken.clone();
        device.set_device_lost_callback(move |_, message| {
            note(&lost, format!("the device is lost: {}", message.trim()));
        });
        let uncaptured = broken.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| note(&uncaptured, error.to_string())));
        let clock = Clock::new(&device, &queue);
        Gpu {
            name,
            limits: device.limits(),
            device,
            queue,
            account: Arc::default(),
            budget,
            broken,
            state: Mutex::default(),
            timeline: Timeline::default(),
            clock,
        }
    }

    /// Whether the device can say when it ran what.
    pub fn has_clock(&self) -> bool {
        self.clock.is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error if the device is lost or something failed unseen: nothing that it holds can be trusted any
    /// more.
    pub fn check(&self) -> Result<()> {
        match &*self.broken.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(message) => Err(Error::new(ErrorKind::Device, format!("{}: {message}", self.name))
                .hint("resume the run from its last saved state: `engine train --resume RUN`")),
        }
    }

    /// The result of `create`, or the device's error.
    pub fn created<T>(&self, create: impl FnOnce(&wgpu::Device) -> T) -> Result<T> {
        self.check()?;
        let filters =
            [wgpu::ErrorFilter::Internal, wgpu::ErrorFilter::OutOfMemory, wgpu::ErrorFilter::Validation];
        let scopes = filters.map(|filter| self.device.push_error_scope(filter));
        let made = create(&self.device);
        // Scopes end in the opposite order.
        let mut error = None;
        for scope in scopes.into_iter().rev() {
            error = pollster::block_on(scope.pop()).or(error);
        }
        match error {
            None => Ok(made),
            Some(error) => Err(Error::new(ErrorKind::Device, error.to_string())),
        }
    }

    /// Dispatches since the device was opened.
    pub fn dispatches(&self) -> u64 {
        self.state().dispatches
    }

    /// Waits with other commands until something has to be known.
    pub fn launch(&self, launch: Launch) -> Result<()> {
        if launch.grid.contains(&0) {
            return Ok(());
        }
        let limit = self.limits.max_compute_workgroups_per_dimension;
        if let Some(too_many) = launch.grid.iter().find(|&&n| n > limit) {
            return Err(Error::new(
                ErrorKind::Device,
                format!("{}: {too_many} workgroups in one dimension, {limit} at most", launch.kernel.label),
            )
            .hint("train fewer models at once with `folds_at_once`"));
        }
        let mut state = self.state();
        if self.account.take_freed() {
            state.bindings.clear();
        }
        let program = self.program(&mut state, &launch.kernel)?;
        let bindings = self.bindings(&mut state, &program, launch.operands)?;
        let slot = state.slots.len() as u32;
        state.slots.extend_from_slice(launch.parameters);
        state.slots.resize(slot as usize + SLOT, 0);
        state.commands.push(Command::Dispatch {
            pipeline: program.pipeline,
            bindings,
            slot,
            grid: launch.grid,
            label: launch.kernel.label,
            work: launch.work,
        });
        state.dispatches += 1;
        state.work += launch.work.flops;
        if state.slots.len() == SLOT * SLOTS || state.work > SUBMIT_WORK {
            self.submit(&mut state)?;
        }
        Ok(())
    }

    fn program(&self, state: &mut State, kernel: &Kernel) -> Result<Program> {
        if let Some(program) = state.programs.get(kernel) {
            return Ok(program.clone());
        }
        let source = text::text(kernel);
        let entries: Vec<wgpu::BindGroupLayoutEntry> = layout(&source);
        let number = state.programs.len();
        let program = self
            .created(|device| {
                let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                    label: None,
                    entries: &entries,
                });
                let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                    label: None,
                    bind_group_layouts: &[Some(&layout)],
                    immediate_size: 0,
                });
                let descriptor = wgpu::ShaderModuleDescriptor {
                    label: Some(kernel.label),
                    source: wgpu::ShaderSource::Wgsl(source.into()),
                };
                let checks = wgpu::ShaderRuntimeChecks {
                    force_loop_bounding: false,
                    ..wgpu::ShaderRuntimeChecks::checked()
                };
                // SAFETY: every check stays but the count of loop iterations, and the only loops in
                // `kernels/wgsl` are `for`, each by steps of one or more to a bound that does not change
                // meanwhile: all of them end.
                let module = unsafe { device.create_shader_module_trusted(descriptor, checks) };
                let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                    label: Some(kernel.label),
                    layout: Some(&pipeline_layout),
                    module: &module,
                    entry_point: Some("main"),
                    // Every kernel that reads workgroup memory writes it before.
                    compilation_options: wgpu::PipelineCompilationOptions {
                        zero_initialize_workgroup_memory: false,
                        ..Default::default()
                    },
                    cache: None,
                });
                Program { number, pipeline, layout }
            })
            .map_err(|error| {
                Error::backend(format!(
                    "{} does not take the kernel {}: {}",
                    self.name,
                    kernel.name(),
                    error.message
                ))
                .hint("`engine devices` lists what else there is; please report the message")
            })?;
        state.programs.insert(kernel.clone(), program.clone());
        Ok(program)
    }

    fn bindings(&self, state: &mut State, program: &Program, operands: &[Slice]) -> Result<wgpu::BindGroup> {
        let key: BindingKey = (
            program.number,
            operands
                .iter()
                .map(|slice| {
                    let (start, bytes) = slice.bytes();
                    (slice.buffer.clone(), start, bytes)
                })
                .collect(),
        );
        if let Some(group) = state.bindings.get(&key) {
            return Ok(group.clone());
        }
        let parameters = match &state.parameters {
            Some(buffer) => buffer.clone(),
            None => {
                let buffer = self.created(|device| {
                    device.create_buffer(&wgpu::BufferDescriptor {
                        label: Some("parameters"),
                        size: (SLOT * SLOTS) as u64,
                        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                        mapped_at_creation: false,
                    })
                })?;
                state.parameters.insert(buffer).clone()
            }
        };
        let size = |bytes: u64| std::num::NonZeroU64::new(bytes);
        let mut entries = vec![wgpu::BindGroupEntry {
            binding: 0,
            resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: &parameters,
                offset: 0,
                size: size(SLOT as u64),
            }),
        }];
        for (i, (buffer, offset, bytes)) in key.1.iter().enumerate() {
            entries.push(wgpu::BindGroupEntry {
                binding: i as u32 + 1,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer,
                    offset: *offset,
                    size: size(*bytes),
                }),
            });
        }
        let group = self.created(|device| {
            device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &program.layout,
                entries: &entries,
            })
        })?;
        state.bindings.insert(key, group.clone());
        Ok(group)
    }

    /// Copies words on the device, in the order of the launches.
    pub fn copy(&self, from: Slice, to: Slice) {
        let bytes = 4 * from.words.len() as u64;
        self.state().commands.push(Command::Copy {
            from: (from.buffer.clone(), 4 * from.words.start as u64),
            to: (to.buffer.clone(), 4 * to.words.start as u64),
            bytes,
        });
    }

    /// Sets words to zero, in the order of the launches.
    pub fn clear(&self, what: Slice) {
        self.state().commands.push(Command::Clear {
            buffer: what.buffer.clone(),
            start: 4 * what.words.start as u64,
            bytes: 4 * what.words.len() as u64,
        });
    }

    fn submit(&self, state: &mut State) -> Result<()> {
        if state.commands.is_empty() {
            return self.check();
        }
        if let Some(parameters) = state.parameters.as_ref().filter(|_| !state.slots.is_empty()) {
            self.queue.write_buffer(parameters, 0, &state.slots);
        }
        let commands = std::mem::take(&mut state.commands);
        state.slots.clear();
        state.work = 0;
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
        match self.clock.as_ref().filter(|_| self.timeline.is_recording()) {
            None => encode(&mut encoder, &commands),
            Some(clock) => {
                // One pass per kernel, between two time stamps; as many at once as there are stamps.
                for commands in commands.chunks(clock.passes()) {
                    let labels = encode_timed(&mut encoder, commands, clock);
                    clock.resolve(&mut encoder, labels.len());
                    let full =
                        self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
                    self.queue.submit([std::mem::replace(&mut encoder, full).finish()]);
                    self.poll()?;
                    clock.report(&self.timeline, &labels, |slice| self.map(slice))?;
                }
            }
        }
        self.queue.submit([encoder.finish()]);
        self.check()
    }

    /// Waits for everything that was submitted.
    fn poll(&self) -> Result<()> {
        let polled = self.device.poll(wgpu::PollType::wait_indefinitely());
        self.check()?;
        polled.map(drop).map_err(|error| Error::new(ErrorKind::Device, format!("{}: {error}", self.name)))
    }

    /// Waits for everything that was launched.
    pub fn wait(&self) -> Result<()> {
        self.submit(&mut self.state())?;
        self.poll()
    }

    /// Host to device, after all that was launched before.
    pub fn write(&self, to: &wgpu::Buffer, bytes: &[u8]) -> Result<()> {
        self.submit(&mut self.state())?;
        for (i, chunk) in bytes.chunks(WRITE).enumerate() {
            self.queue.write_buffer(to, (i * WRITE) as u64, chunk);
            if chunk.len() == WRITE {
                // The driver may let go of one copy before it gets the next.
                self.queue.submit([]);
            }
        }
        self.check()
    }

    /// Device to host, after all that was launched before.
    pub fn read(&self, from: &wgpu::Buffer, bytes: &mut [u8]) -> Result<()> {
        if bytes.is_empty() {
            return self.wait();
        }
        let mut state = self.state();
        let chunk = (bytes.len() as u64).next_multiple_of(4).min(WRITE as u64);
        if state.staging.as_ref().is_none_or(|buffer| buffer.size() < chunk) {
            state.staging = Some(self.created(|device| {
                device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some("staging"),
                    size: chunk,
                    usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                    mapped_at_creation: false,
                })
            })?);
        }
        let staging = state.staging.clone().expect("made above");
        for (i, part) in bytes.chunks_mut(WRITE).enumerate() {
            let size = (part.len() as u64).next_multiple_of(4);
            state.commands.push(Command::Copy {
                from: (from.clone(), (i * WRITE) as u64),
                to: (staging.clone(), 0),
                bytes: size,
            });
            self.submit(&mut state)?;
            part.copy_from_slice(&self.map(staging.slice(..size))?[..part.len()]);
        }
        Ok(())
    }

    /// The bytes of a buffer that can be mapped, after everything that was submitted.
    fn map(&self, slice: wgpu::BufferSlice) -> Result<Vec<u8>> {
        let failed =
            |why: String| Error::new(ErrorKind::Device, format!("{}: reading failed: {why}", self.name));
        let answer = Arc::new(Mutex::new(None));
        let told = answer.clone();
        slice.map_async(wgpu::MapMode::Read, move |result| {
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        });
        self.poll()?;
        match answer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(Ok(())) => {}
            Some(Err(error)) => return Err(failed(error.to_string())),
            None => return Err(failed("the device does not answer".into())),
        }
        let bytes = slice.get_mapped_range().map_err(|error| failed(error.to_string()))?.to_vec();
        slice.buffer().unmap();
        // A lost device returns stale data.
        self.check()?;
        Ok(bytes)
    }
}

/// The bindings that a kernel's source declares: parameters, then its storage buffers in order.
fn layout(source: &str) -> Vec<wgpu::BindGroupLayoutEntry> {
    let entry = |binding, ty, has_dynamic_offset| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset, min_binding_size: None },
        count: None,
    };
    let storage = source.lines().filter_map(|line| {
        let (_, access) = line.split_once("var<storage, ")?;
        Some(wgpu::BufferBindingType::Storage { read_only: access.starts_with("read>") })
    });
    std::iter::once(entry(0, wgpu::BufferBindingType::Uniform, true))
        .chain(storage.enumerate().map(|(i, ty)| entry(i as u32 + 1, ty, false)))
        .collect()
}
