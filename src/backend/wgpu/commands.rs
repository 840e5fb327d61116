//! Launches that wait for submission, and their encoding into a command buffer.

use super::clock::Clock;
use crate::ops::Work;

pub enum Command {
    Dispatch {
        pipeline: wgpu::ComputePipeline,
        bindings: wgpu::BindGroup,
        slot: u32,
        grid: [u32; 3],
        label: &'static str,
        work: Work,
    },
    Copy {
        from: (wgpu::Buffer, u64),
        to: (wgpu::Buffer, u64),
        bytes: u64,
    },
    Clear {
        buffer: wgpu::Buffer,
        start: u64,
        bytes: u64,
    },
}

/// Dispatches in one pass as long as no copy comes between them.
pub fn encode(encoder: &mut wgpu::CommandEncoder, commands: &[Command]) {
    let mut rest = commands;
    while !rest.is_empty() {
        let dispatches =
            rest.iter().take_while(|command| matches!(command, Command::Dispatch { .. })).count();
        if dispatches > 0 {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            rest[..dispatches].iter().for_each(|command| dispatch(&mut pass, command));
        }
        if let Some(command) = rest.get(dispatches) {
            transfer(encoder, command);
        }
        rest = &rest[rest.len().min(dispatches + 1)..];
    }
}

/// A pass per dispatch; gives the dispatches' labels and work.
pub fn encode_timed(
    encoder: &mut wgpu::CommandEncoder,
    commands: &[Command],
    clock: &Clock,
) -> Vec<(&'static str, Work)> {
    let mut labels = Vec::new();
    for command in commands {
        if let Command::Dispatch { label, work, .. } = command {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: Some(label),
                timestamp_writes: Some(clock.stamps(labels.len())),
            });
            dispatch(&mut pass, command);
            labels.push((*label, *work));
        } else {
            transfer(encoder, command);
        }
    }
    labels
}

fn dispatch(pass: &mut wgpu::ComputePass, command: &Command) {
    if let Command::Dispatch { pipeline, bindings, slot, grid: [x, y, z], .. } = command {
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, bindings, &[*slot]);
        pass.dispatch_workgroups(*x, *y, *z);
    }
}

fn transfer(encoder: &mut wgpu::CommandEncoder, command: &Command) {
    match command {
        Command::Copy { from, to, bytes } => {
            encoder.copy_buffer_to_buffer(&from.0, from.1, &to.0, to.1, *bytes);
        }
        Command::Clear { buffer, start, bytes } => encoder.clear_buffer(buffer, *start, Some(*bytes)),
        Command::Dispatch { .. } => {}
    }
}
