//! The names of electrodes on the scalp.

/// Electrodes of the 10-10 system by row, and those of the older 10-20 system: letters, numbers, and whether
/// there is one on the midline (`z`). `A` and `M` are at the ears, `Cb` on the cerebellum (Oostenveld and
/// Praamstra, "The five percent electrode system for high-resolution EEG and ERP measurements", 2001).
const ROWS: [(&str, std::ops::RangeInclusive<u32>, bool); 16] = [
    ("fp", 1..=2, true),
    ("af", 1..=10, true),
    ("f", 1..=10, true),
    ("ft", 7..=10, false),
    ("fc", 1..=6, true),
    ("t", 3..=10, false),
    ("c", 1..=6, true),
    ("tp", 7..=10, false),
    ("cp", 1..=6, true),
    ("p", 1..=10, true),
    ("po", 1..=10, true),
    ("o", 1..=2, true),
    ("i", 1..=2, true),
    ("cb", 1..=2, false),
    ("a", 1..=2, false),
    ("m", 1..=2, false),
];

/// The electrode at the nasion has a row of its own.
const NASION: &str = "nz";

/// Whether this is the name of an electrode of the 10-20 or 10-10 system, in any case.
pub fn is_electrode(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    name == NASION
        || ROWS.iter().any(|(letters, numbers, has_midline)| match name.strip_prefix(letters) {
            Some("z") => *has_midline,
            Some(rest) => {
                !rest.starts_with(['0', '+']) && rest.parse().is_ok_and(|number| numbers.contains(&number))
            }
            None => false,
        })
}

#[cfg(test)]
mod tests {
    use super::is_electrode;
    use crate::data::deap::channels::{EEG, channels};

    #[test]
    fn electrodes_are_known_in_any_case_and_nothing_else_is() {
        for name in [
            "Fp1", "FP1", "fpz", "Cz", "T3", "T8", "AF3", "POz", "PO10", "Oz", "Iz", "Nz", "A1", "M2", " Pz ",
        ] {
            assert!(is_electrode(name), "{name}");
        }
        for name in
            ["", "z", "ch0", "C", "C0", "C01", "C7", "C+1", "FTz", "GSR", "hEOG", "Temp", "Fp3", "X", "EMG1"]
        {
            assert!(!is_electrode(name), "{name}");
        }
        assert!(channels()[..EEG].iter().all(|channel| is_electrode(&channel.name)));
        assert!(!channels()[EEG..].iter().any(|channel| is_electrode(&channel.name)));
    }
}
