//! The kernels that measure a device, each once on the host: they run and read the clock. Only a GPU has real
//! latencies.

use crate::support::cuda_on_host::Host;
use engine::backend::cuda::Executor;
use engine::backend::cuda::probe::{self, LATENCIES, RATES};

#[test]
fn every_chain_runs_and_reads_the_clock() {
    let host = Host::default();
    let ring = probe::ring(&host, 8).unwrap();
    let chains = LATENCIES.iter().map(|(_, chains)| chains).chain(RATES.iter().map(|(_, chains, _)| chains));
    for chains in chains {
        let cycles = chains.cycles(&host, host.address(&ring), 2).unwrap();
        // On the host each call of the clock is one cycle, and each warp calls it twice.
        assert!(cycles < 2 * u64::from(chains.threads), "{chains:?}: {cycles} cycles");
    }
}

#[test]
fn a_ring_visits_all_of_its_lines() {
    let host = Host::default();
    let ring = probe::ring(&host, 256).unwrap();
    let mut ring_data = vec![0u32; 256 * 32];
    host.read(&ring, 0, bytemuck::cast_slice_mut(&mut ring_data)).unwrap();
    let (mut at, mut seen) = (0, std::collections::HashSet::new());
    while seen.insert(at) {
        at = ring_data[at as usize / 4];
    }
    assert_eq!((seen.len(), at), (256, 0));
}

#[test]
fn the_bytes_that_are_read_are_counted() {
    let host = Host::default();
    let (from, result) = (host.zeros(16 * 64).unwrap(), host.zeros(4 * 256).unwrap());
    host.write(&from, 0, bytemuck::cast_slice(&[1f32; 256])).unwrap();
    let bytes = probe::read(&host, host.address(&from), 64, host.address(&result), 2, 3).unwrap();
    assert_eq!(bytes, 2 * 128 * 3 * 4 * 16);
    let mut sums = vec![0f32; 256];
    host.read(&result, 0, bytemuck::cast_slice_mut(&mut sums)).unwrap();
    assert_eq!(sums, [3.0 * 4.0 * 4.0; 256]);
}
