//! Addresses in device memory.

/// The address of an element in device memory, as kernels take it.
pub type Address = u64;

/// Lowers an optional operand to the pointer that kernels take: `nullptr`, which is 0, where there is none.
pub(super) fn nullable(address: Option<Address>) -> u64 {
    address.unwrap_or(0)
}
