//! Signatures: predicates on the first bytes of a file.

use std::path::{Path, PathBuf};

/// The text of a head without a byte order mark and without blanks before it; `None` if it has bytes that no
/// text has.
pub fn text(head: &[u8]) -> Option<String> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let is_text = |byte: &u8| *byte >= b' ' || b"\t\r\n\x0c".contains(byte);
    let text = head.iter().all(is_text).then(|| String::from_utf8_lossy(head).trim_start().to_string());
    text.filter(|text| !text.is_empty())
}

/// Whether the head is a text that begins with one of these, in any case.
pub fn begins(head: &[u8], starts: &[&str]) -> bool {
    let Some(text) = text(head) else { return false };
    let start = |start: &&str| text.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start));
    starts.iter().any(start)
}

/// The name of the first member of a zip archive.
pub fn first_member(head: &[u8]) -> Option<String> {
    // Local file header: signature, 22 bytes of other fields, length of the name, length of the extra field.
    let name = head.strip_prefix(b"PK\x03\x04")?.get(22..)?;
    let (lengths, name) = name.split_at_checked(4)?;
    let length = usize::from(u16::from_le_bytes([lengths[0], lengths[1]]));
    Some(String::from_utf8_lossy(name.get(..length)?).into_owned())
}

/// HDF5's superblock, which may follow a block of the user's own.
pub fn is_hdf5(head: &[u8]) -> bool {
    [0, 512, 1024, 2048].iter().any(|&at| has(head, at, b"\x89HDF\r\n\x1a\n"))
}

/// Whether these bytes stand at this place.
pub fn has(head: &[u8], at: usize, bytes: &[u8]) -> bool {
    head.get(at..).is_some_and(|rest| rest.starts_with(bytes))
}

/// Whether these bytes stand anywhere in the head.
pub fn contains(head: &[u8], bytes: &[u8]) -> bool {
    head.windows(bytes.len()).any(|window| window == bytes)
}

/// The lines that are neither empty nor begin with one of these characters.
fn lines<'a>(text: &'a str, comments: &'a [char]) -> impl Iterator<Item = &'a str> {
    text.lines().map(str::trim).filter(move |line| !line.is_empty() && !line.starts_with(comments))
}

/// The header of a WFDB record: `100 2 360 650000`, then a line for each signal with its file and format.
pub fn is_wfdb(head: &[u8]) -> bool {
    let Some(text) = text(head) else { return false };
    let mut lines = lines(&text, &['#']);
    let mut field = |index: usize| lines.next()?.split_whitespace().nth(index).map(str::to_string);
    let (signals, storage) = (field(1), field(1));
    let is_count = |count: String| count.split('/').all(|number| number.parse::<u32>().is_ok());
    // The formats of signal files are numbers: 16, 212, 8x2.
    signals.is_some_and(is_count) && storage.is_some_and(|s| s.starts_with(|c: char| c.is_ascii_digit()))
}

/// Whether the first line that is no comment is a tag of an ARFF file.
pub fn is_arff(head: &[u8]) -> bool {
    let Some(text) = text(head) else { return false };
    let first = lines(&text, &['%', '#']).next().unwrap_or_default().to_ascii_lowercase();
    first.starts_with("@relation") || first.starts_with("@attribute")
}

/// Lines with the same number of fields, of which some are numbers.
pub fn is_table(head: &[u8]) -> bool {
    let Some(text) = text(head) else { return false };
    // The last line may be cut.
    let lines: Vec<&str> = lines(&text, &['#']).take(4).collect();
    ['\t', ';', ','].iter().any(|&separator| {
        let count = |line: &&str| line.matches(separator).count();
        let same = lines.windows(2).take(2).all(|pair| count(&pair[0]) == count(&pair[1]));
        let is_number = |field: &str| field.trim().trim_matches('"').parse::<f64>().is_ok();
        let numbers = lines.iter().flat_map(|line| line.split(separator)).any(is_number);
        numbers && same && lines.first().is_some_and(|line| count(line) > 0)
    })
}

/// The file of the same name with this extension, in lower or upper case, if there is one.
pub fn companion(path: &Path, extension: &str) -> Option<PathBuf> {
    let companions = [extension.to_string(), extension.to_uppercase()].map(|e| path.with_extension(e));
    companions.into_iter().find(|companion| companion != path && companion.is_file())
}
