//! burn on wgpu, on the Vulkan adapter that `VK_DRIVER_FILES` leaves visible.

use std::time::{Duration, Instant};

use burn::tensor::Device;
use burn::tensor::wgpu::WgpuBackend;
use peers::{Run, about, burn_layers, serve};

fn main() {
    // Vulkan alone, or an adapter that OpenGL has besides would do. The default device is the best of all that are there,
    // and may be one in software.
    let options = Device::wgpu_options().graphics_api(WgpuBackend::Vulkan);
    let (device, setup) = options.init_with_setup().expect("a Vulkan adapter");
    let mut about = about("burn-wgpu", "burn");
    about["device"] = setup.adapter.get_info().name.into();
    serve(&about, |case, train| {
        let mut run = burn_layers::build(case, train, device.clone());
        tune(&mut run);
        run
    });
}

/// At the first launch of a kind of kernel, burn compiles and times all kernels of that kind. That is over when three runs
/// in a row were no quicker than the best before.
fn tune(run: &mut Run) {
    let (mut best, mut slower) = (Duration::MAX, 0);
    while slower < 3 {
        let start = Instant::now();
        run();
        let spent = start.elapsed();
        slower = if spent < best.mul_f64(0.95) { 0 } else { slower + 1 };
        best = best.min(spent);
    }
}
