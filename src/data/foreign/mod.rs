//! Formats that are not read. A message says what such a file is, and how its recordings become a file that
//! is read.

mod head;
mod python;
mod signature;
mod table;

pub use head::{HEAD, head, unreadable};
pub use signature::first_member;
pub use table::{Foreign, certain, kind};
