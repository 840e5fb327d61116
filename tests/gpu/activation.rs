//! `sigmoid` and `tanh` of the WGSL kernels on every adapter, over all sizes of numbers; and again with a
//! reciprocal that is off by a unit in the last place, up or down, as GPUs have it.

use engine::ops::Precision;
use wgpu::util::DeviceExt;

const MATHS: &str = include_str!("../../kernels/wgsl/maths.wgsl");

/// Both functions of `x`, by the text `maths`.
fn shader(maths: &str) -> String {
    format!(
        "{maths}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec2<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {{
    let i = id.x + id.y * groups.x * 64u;
    if (i < arrayLength(&x)) {{
        y[i] = vec2<f32>(sigmoid(x[i]), tanh_(x[i]));
    }}
}}
"
    )
}

/// The text with another reciprocal: the bits of a positive number counted up or down by one.
fn with_reciprocal(ulp: &str) -> String {
    let reciprocal =
        format!("fn reciprocal(b: f32) -> f32 {{ return bitcast<f32>(bitcast<u32>(1.0 / b) {ulp}); }}\n");
    let (sigmoid, tanh) = ("1.0 / (1.0 + exp_2(x * -1.44269504))", "(1.0 / (1.0 + e))");
    assert!(MATHS.contains(sigmoid) && MATHS.contains(tanh), "the reciprocals are written in another way");
    let text = MATHS
        .replace(sigmoid, "reciprocal(1.0 + exp_2(x * -1.44269504))")
        .replace(tanh, "reciprocal(1.0 + e)");
    reciprocal + &text
}

/// `[sigmoid, tanh]` of every `x`.
fn evaluate(adapter: &wgpu::Adapter, text: &str, x: &[f32]) -> Vec<[f32; 2]> {
    let (device, queue) =
        pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default())).unwrap();
    let source = wgpu::ShaderSource::Wgsl(text.into());
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label: None, source });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: None,
        module: &module,
        entry_point: Some("main"),
        compilation_options: Default::default(),
        cache: None,
    });
    let input = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
        label: None,
        contents: bytemuck::cast_slice(x),
        usage: wgpu::BufferUsages::STORAGE,
    });
    let bytes = 8 * x.len() as u64;
    let buffer = |usage| {
        device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes,
            usage,
            mapped_at_creation: false,
        })
    };
    let output = buffer(wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC);
    let read = buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);
    let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.get_bind_group_layout(0),
        entries: &[
            wgpu::BindGroupEntry { binding: 0, resource: input.as_entire_binding() },
            wgpu::BindGroupEntry { binding: 1, resource: output.as_entire_binding() },
        ],
    });
    let mut encoder = device.create_command_encoder(&Default::default());
    {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &group, &[]);
        let groups = x.len().div_ceil(64) as u32;
        pass.dispatch_workgroups(groups.min(1024), groups.div_ceil(1024), 1);
    }
    encoder.copy_buffer_to_buffer(&output, 0, &read, 0, bytes);
    queue.submit([encoder.finish()]);
    read.slice(..).map_async(wgpu::MapMode::Read, |result| result.unwrap());
    device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
    let found = read.slice(..).get_mapped_range().unwrap();
    bytemuck::cast_slice(&found).to_vec()
}

#[test]
#[ignore = "needs a Vulkan driver; tools/test brings two"]
fn activations_keep_their_stated_error_whatever_a_reciprocal_is_off_by() {
    // Where they bend and saturate, and every size of small numbers that is normal: devices may take others
    // for 0.
    let dense = (-200_000..=200_000).map(|i| i as f32 * 1e-4);
    let small = (0x0080_0000..0x3dcc_cccd_u32).step_by(8_009).map(f32::from_bits);
    let x: Vec<f32> = dense.chain(small.flat_map(|x| [x, -x])).collect();
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    assert!(!adapters.is_empty(), "no adapter: set VK_DRIVER_FILES, or use tools/test");
    for adapter in &adapters {
        let name = adapter.get_info().name;
        for (text, reciprocal) in [
            (MATHS.to_string(), "its own reciprocal"),
            (with_reciprocal("+ 1u"), "a reciprocal an ulp up"),
            (with_reciprocal("- 1u"), "a reciprocal an ulp down"),
        ] {
            for (&x, [s, t]) in x.iter().zip(evaluate(adapter, &shader(&text), &x)) {
                let exact = f64::from(x);
                let (sigmoid, tanh) = (1.0 / (1.0 + (-exact).exp()), exact.tanh());
                let s_error = (f64::from(s) - sigmoid).abs();
                assert!(
                    s_error <= Precision::Fp32.activation_error(),
                    "{name}, {reciprocal}: sigmoid({x:e}) {s:e}"
                );
                let t_error = (f64::from(t) - tanh).abs();
                // A product of a number near the smallest normal one may be 0.
                let bound = Precision::Fp32.tanh_error(tanh) + 4.0 * f64::from(f32::MIN_POSITIVE);
                assert!(t_error <= bound, "{name}, {reciprocal}: tanh({x:e}) is {t:e}, off by {t_error:e}");
            }
        }
    }
}
