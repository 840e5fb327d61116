//! Tests of `support::cuda_on_host`: it detects planted errors, and its messages name them.

use crate::support::cuda_on_host::{Module, Sanitizer, sanitizer, under};

/// Runs a kernel with this body on `memory`.
fn run(entry: &str, body: &str, memory: &mut [f32], blocks: u32, order: u32) -> Result<(), String> {
    run_in_clusters(1, entry, body, memory, blocks, order)
}

/// The same in clusters of so many blocks.
fn run_in_clusters(
    cluster: u32,
    entry: &str,
    body: &str,
    memory: &mut [f32],
    blocks: u32,
    order: u32,
) -> Result<(), String> {
    let text = format!(
        "#line 1 \"arguments\"\nstruct Arguments {{ float* y; alignas(8) unsigned n; }};\n#line 1 \"{entry}.cu\"\n\
         extern \"C\" __global__ void __launch_bounds__(64) {entry}(const __grid_constant__ Arguments a) {{\n{body}\n}}\n"
    );
    let module = Module::build(entry, &text, &[("CLUSTER", cluster)], false);
    let arguments = [memory.as_mut_ptr() as u64, memory.len() as u64];
    // SAFETY: the arguments are two fields of eight bytes, as in the struct above. Nobody else has `memory`,
    // which outlives the run. The kernels below stay within its `n` elements and their own arrays, except for
    // two that run only in a child process, which a sanitizer ends at the error.
    unsafe { module.run(bytemuck::cast_slice(&arguments), [blocks, 1, 1], 64, order) }
}

/// Every thread passes a value to its neighbor, first through shared memory, then within its warp.
const CORRECT: &str = "SHARED(float, s, 64);
    s[threadIdx.x] = (float)threadIdx.x;
    __syncthreads();
    const float neighbor = s[(threadIdx.x + 1) % 64];
    const float* of = host::exchange(neighbor, 1);
    a.y[blockIdx.x * 64 + threadIdx.x] = of[(host::lane() + 1) % 32] + (float)(a.n - a.n);";

/// The same without the barrier.
const RACE: &str = "SHARED(float, s, 64);
    s[threadIdx.x] = (float)threadIdx.x;
    a.y[threadIdx.x] = s[(threadIdx.x + 1) % 64] + (float)(a.n - a.n);";

/// Every thread passes a value to the same thread of the other block of its cluster, twice through one
/// barrier. Of four threads one tells of the bytes of all.
const ACROSS: &str = "SHARED(float, s, 64);
    SHARED(host::Barrier, full, 1);
    if (threadIdx.x == 0) {
        host::begin_phases(full, 1);
    }
    const unsigned other = (blockIdx.x + 1) % 2;
    float sum = (float)(a.n - a.n);
    for (unsigned i = 0; i < 2; i++) {
        host::cluster_barrier();
        *(float*)host::of_block(other, &s[threadIdx.x]) = (float)(threadIdx.x + 100 * blockIdx.x + i);
        host::exchange(0, 1);
        if (threadIdx.x % 4 == 0) {
            host::bytes_came((host::Barrier*)host::of_block(other, full), 16);
        }
        if (threadIdx.x == 0) {
            host::arrive(full, 256);
        }
        host::wait_for_phase(full, i % 2);
        sum += s[threadIdx.x];
    }
    a.y[blockIdx.x * 64 + threadIdx.x] = sum;";

#[test]
fn blocks_of_a_cluster_reach_each_others_memory_in_every_order() {
    let expected: Vec<f32> = (0..128).map(|i| (2 * (i % 64) + 200 * (1 - i / 64) + 1) as f32).collect();
    for order in [0, 1] {
        let mut memory = [0.0; 128];
        run_in_clusters(2, "across", ACROSS, &mut memory, 2, order).unwrap();
        assert_eq!(memory[..], expected[..], "order {order}");
    }
}

#[test]
fn misuse_of_a_cluster_is_named() {
    let begin = "SHARED(float, s, 64);\nSHARED(host::Barrier, full, 1);\nif (threadIdx.x == 0) {\n\
                 host::begin_phases(full, 1);\n}\ns[threadIdx.x] = (float)a.n;\na.y[threadIdx.x] = s[threadIdx.x];\n";
    for (entry, body, part) in [
        ("early", "host::of_block(1, s);", "block 1 of the cluster, before the first barrier of the cluster"),
        (
            "ended",
            "host::cluster_barrier();\nif (blockIdx.x == 0) {\nhost::of_block(1, s);\n}",
            "block 1 of the cluster, which has returned",
        ),
        ("elsewhere", "host::cluster_barrier();\nhost::of_block(1, a.y);", "no shared memory of this block"),
        ("crowd", "__syncthreads();\nhost::arrive(full, 16);", "more threads arrive than a phase"),
        (
            "missed",
            "if (blockIdx.x == 0) {\nreturn;\n}\nhost::cluster_barrier();",
            "a barrier of the cluster, and 64 of its threads have returned",
        ),
        (
            "never",
            "__syncthreads();\nhost::wait_for_phase(full, 0);",
            "deadlock: every thread waits in a phase of a barrier in shared memory",
        ),
    ] {
        let error = run_in_clusters(2, entry, &format!("{begin}{body}"), &mut [0.0; 64], 2, 0);
        let error = error.expect_err(entry);
        assert!(error.contains(part), "{entry}: no {part} in {error}");
        // The next launch works.
        run_in_clusters(2, "across", ACROSS, &mut [0.0; 128], 2, 0).unwrap();
    }
    let error = run_in_clusters(2, "across", ACROSS, &mut [0.0; 192], 3, 0).expect_err("half a cluster");
    assert!(error.contains("3 blocks in x are no whole clusters of 2"), "{error}");
}

#[test]
fn every_order_gives_the_same_results() {
    let expected: Vec<f32> = (0..64).map(|i| ((i / 32 * 32 + (i + 1) % 32 + 1) % 64) as f32).collect();
    for order in [0, 1, 2, 7] {
        let mut memory = [0.0; 128];
        run("correct", CORRECT, &mut memory, 2, order).unwrap();
        assert_eq!(memory[..64], expected[..], "order {order}");
        assert_eq!(memory[64..], expected[..], "order {order}");
    }
}

#[test]
fn a_missing_barrier_shows_in_another_order() {
    let in_order = |order| {
        let mut memory = [0.0; 64];
        run("race", RACE, &mut memory, 1, order).unwrap();
        memory.map(f32::to_bits)
    };
    assert_ne!(in_order(0), in_order(1));
}

#[test]
fn shared_memory_is_initialized_to_nan() {
    let mut memory = [0.0; 64];
    run(
        "poison",
        "SHARED(float, s, 64);\na.y[threadIdx.x] = s[threadIdx.x] + (float)a.n;",
        &mut memory,
        1,
        0,
    )
    .unwrap();
    assert!(memory.iter().all(|value| value.is_nan()));
}

#[test]
fn threads_that_miss_a_barrier_are_named() {
    let y = "a.y[threadIdx.x] = (float)a.n;\n";
    for (entry, body, parts) in [
        (
            "divergent",
            "if (threadIdx.x < 32) {\n__syncthreads();\n} else {\n__syncthreads();\n}",
            &["thread 32", "barrier at line 6", "line 4"][..],
        ),
        (
            "returned",
            "if (threadIdx.x == 5) {\nreturn;\n}\n__syncthreads();",
            &["barrier at line 6", "returned"],
        ),
        ("lane", "if (threadIdx.x % 2) {\nreturn;\n}\nhost::exchange(a.n, 1);", &["returned", "exchange"]),
        ("sites", "host::exchange(a.n, (int)threadIdx.x % 2);", &["exchange 1", "exchange 0"]),
        (
            "deadlock",
            "if (threadIdx.x % 32 < 16) {\nhost::exchange(a.n, 1);\n} else {\n__syncthreads();\n}",
            &["deadlock", "an exchange", "a barrier"],
        ),
    ] {
        let body = format!("{y}{body}");
        let error = run(entry, &body, &mut [0.0; 64], 1, 0).expect_err(entry);
        for part in parts {
            assert!(error.contains(part), "{entry}: no {part} in {error}");
        }
        // The next launch works.
        run("correct", CORRECT, &mut [0.0; 64], 1, 0).unwrap();
    }
}

/// Runs a kernel of the tests below in a child process. Does nothing in the parent process.
fn victim(entry: &str, body: &str, blocks: u32) {
    if sanitizer() != Sanitizer::None {
        let mut memory = vec![0.0; 64].into_boxed_slice();
        run(entry, body, &mut memory, blocks, 0).unwrap();
    }
}

#[test]
#[ignore = "run again under a sanitizer by the test below"]
fn victim_beyond_shared_memory() {
    victim(
        "beyond_shared",
        "SHARED(float, s, 63);\ns[threadIdx.x] = (float)a.n;\na.y[threadIdx.x] = s[threadIdx.x];",
        1,
    );
}

#[test]
#[ignore = "run again under a sanitizer by the test below"]
fn victim_beyond_a_buffer() {
    victim("beyond_buffer", "a.y[threadIdx.x + 1] = (float)a.n;", 1);
}

#[test]
#[ignore = "run again under a sanitizer by the test below"]
fn victim_without_a_barrier() {
    victim("race", RACE, 1);
}

#[test]
#[ignore = "run again under a sanitizer by the test below"]
fn victim_of_two_blocks() {
    victim("two_blocks", "if (threadIdx.x == 0) {\na.y[0] = (float)a.n;\n}", 2);
}

#[test]
#[ignore = "run again under a sanitizer by the test below"]
fn victim_of_distant_blocks() {
    victim("distant_blocks", "if (threadIdx.x == 0 && blockIdx.x % 3 == 0) {\na.y[0] = (float)a.n;\n}", 4);
}

/// The same for a cluster of two blocks.
fn victim_in_a_cluster(entry: &str, body: &str) {
    if sanitizer() != Sanitizer::None {
        let mut memory = vec![0.0; 128].into_boxed_slice();
        run_in_clusters(2, entry, body, &mut memory, 2, 0).unwrap();
    }
}

#[test]
#[ignore = "run again under a sanitizer by the test below"]
fn victim_that_waits_for_no_copy() {
    victim_in_a_cluster("no_wait", &ACROSS.replace("host::wait_for_phase(full, i % 2);", ""));
}

#[test]
#[ignore = "run again under a sanitizer by the test below"]
fn victim_without_a_fault() {
    victim("correct", CORRECT, 1);
    victim_in_a_cluster("across", ACROSS);
}

#[test]
fn sanitizers_find_the_planted_errors_and_no_others() {
    for (kind, test, found) in [
        (Sanitizer::Address, "victim_beyond_shared_memory", Some("heap-buffer-overflow")),
        (Sanitizer::Address, "victim_beyond_a_buffer", Some("heap-buffer-overflow")),
        (Sanitizer::Address, "victim_without_a_fault", None),
        (Sanitizer::Thread, "victim_without_a_barrier", Some("data race")),
        (Sanitizer::Thread, "victim_of_two_blocks", Some("data race")),
        (Sanitizer::Thread, "victim_of_distant_blocks", Some("data race")),
        (Sanitizer::Thread, "victim_that_waits_for_no_copy", Some("data race")),
        (Sanitizer::Thread, "victim_without_a_fault", None),
    ] {
        let output = under(kind, &format!("cuda_on_host::{test}"));
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert_eq!(output.status.success(), found.is_none(), "{test} under {kind:?}: {text}");
        assert!(found.is_none_or(|found| text.contains(found)), "{test} under {kind:?}: {text}");
        assert!(text.contains("running 1 test"), "{test}: {text}");
    }
}
