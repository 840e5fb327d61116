//! Sizes of the caches that tiles are cut for. They change the speed of a kernel, never its results.

use std::sync::LazyLock;

/// Bytes of one core's caches.
pub struct Caches {
    pub l1: usize,
    pub l2: usize,
}

/// Those of the first core, as Linux tells them; elsewhere what desktop processors have had at least since
/// 2017.
pub static CACHES: LazyLock<Caches> = LazyLock::new(|| {
    let bytes = |index: usize| {
        let text =
            std::fs::read_to_string(format!("/sys/devices/system/cpu/cpu0/cache/index{index}/size")).ok()?;
        Some(text.trim().strip_suffix('K')?.parse::<usize>().ok()? << 10)
    };
    // Index 0 is the first level's data cache, 1 its instruction cache.
    Caches { l1: bytes(0).unwrap_or(32 << 10), l2: bytes(2).unwrap_or(256 << 10) }
});
