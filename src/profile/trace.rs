//! Traces in the Trace Event Format, which ui.perfetto.dev and chrome://tracing open.

use super::Profile;
use serde_json::{Value, json};

/// The launches of a profile as complete events in JSON. Times are in microseconds; operations and bytes are
/// arguments.
pub fn trace(device: &str, profile: &Profile) -> String {
    let name =
        |what: &str, name: &str| json!({"ph": "M", "pid": 1, "tid": 1, "name": what, "args": {"name": name}});
    let mut events: Vec<Value> = vec![name("process_name", "engine"), name("thread_name", device)];
    events.extend(profile.spans.iter().map(|span| {
        json!({
            "ph": "X",
            "pid": 1,
            "tid": 1,
            "name": span.kernel,
            "ts": span.start as f64 / 1e3,
            "dur": span.duration as f64 / 1e3,
            "args": {
                "flops": span.work.flops,
                "bytes": span.work.bytes,
                "with the host's launch": span.from_idle,
                "GFLOP/s": span.work.flops as f64 / span.duration.max(1) as f64,
            },
        })
    }));
    json!({"displayTimeUnit": "ms", "traceEvents": events}).to_string()
}
