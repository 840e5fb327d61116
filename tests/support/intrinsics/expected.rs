//! The results that the PTX ISA allows.

/// The results that are allowed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    Bits(u32),
    Nan(Format),
    /// Within `error` of `value`, or one of two other values.
    Near {
        value: f64,
        error: f64,
        or: [f32; 2],
    },
}

/// The format in which a result must be NaN.
#[derive(Clone, Copy, Debug)]
pub(super) enum Format {
    /// The 19 bits of a tf32 operand.
    Tf32,
    /// NaN in those bits, or infinite.
    Tf32OrInfinite,
    Bf16,
    F32,
}

impl Expected {
    pub(super) fn near(value: f64, error: f64) -> Self {
        // NaN equals no value, so no other value is allowed.
        Expected::Near { value, error, or: [f32::NAN; 2] }
    }

    fn holds(&self, found: u32) -> bool {
        match *self {
            Expected::Bits(bits) => found == bits,
            Expected::Nan(Format::Tf32) => f32::from_bits(found & 0xffff_e000).is_nan(),
            Expected::Nan(Format::Tf32OrInfinite) => !f32::from_bits(found & 0xffff_e000).is_finite(),
            Expected::Nan(Format::Bf16) => found <= 0xffff && f32::from_bits(found << 16).is_nan(),
            Expected::Nan(Format::F32) => f32::from_bits(found).is_nan(),
            Expected::Near { value, error, or } => {
                let number = f32::from_bits(found);
                (f64::from(number) - value).abs() <= error || or.contains(&number)
            }
        }
    }
}

pub(super) fn shown(bits: u32) -> String {
    format!("{bits:#010x} ({:e})", f32::from_bits(bits))
}

/// A line of the message if the result is wrong.
pub(super) fn judged(lane: usize, of: &str, expected: Expected, found: u32) -> Option<String> {
    let expected_text = match expected {
        Expected::Bits(bits) => shown(bits),
        Expected::Nan(format) => format!("a NaN of {format:?}"),
        Expected::Near { value, error, .. } => format!("{value:e} +- {error:e}"),
    };
    (!expected.holds(found))
        .then(|| format!("  lane {lane}, of {of}: expected {expected_text}, found {}", shown(found)))
}
