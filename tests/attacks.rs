use std::time::{Duration, Instant};

use engine::data::deap;
use engine::data::deap::pickle::{opcode as op, read_arrays};
use engine::data::{npy, npz};
use engine::{Error, ErrorKind};
use proptest::prelude::*;

use crate::support::opcodes::{HEAD, Stored, TAIL, array, dictionary, dtype, small, string};
use crate::support::{arrays, memory};

/// Refusals allocate the read buffer and, at worst, objects up to the bound on opcodes.
const MOST_MEMORY: usize = 64 << 20;
const LONGEST: Duration = Duration::from_secs(5);

/// Reads `file` with and without a known length. The reader must refuse it both times, quickly and in little
/// memory.
#[track_caller]
fn refused(file: &[u8]) -> Error {
    let start = Instant::now();
    let (errors, peak) = memory::peak(|| {
        [Some(file.len() as u64), None].map(|total| read_arrays(file, total, ["labels", "data"]).err())
    });
    let [Some(error), Some(without_length)] = errors else { panic!("a hostile file was read") };
    for error in [&error, &without_length] {
        assert_eq!(error.kind, ErrorKind::Data, "{error}");
    }
    assert!(peak < MOST_MEMORY, "{peak} bytes held: {error}");
    assert!(start.elapsed() < LONGEST, "{:?}: {error}", start.elapsed());
    error
}

#[track_caller]
fn refused_with(file: &[u8], words: &str) {
    let error = refused(file);
    assert!(error.message.contains(words), "{words:?} is not in {:?}", error.message);
}

/// A dictionary with both arrays and one more value, in opcodes.
fn with(extra: &[u8]) -> Vec<u8> {
    let file = small();
    let entry = [string(b"extra").as_slice(), extra].concat();
    [&file[..file.len() - TAIL.len()], &entry, TAIL].concat()
}

#[test]
fn every_truncation_is_named() {
    let file = small();
    for length in 0..file.len() {
        refused_with(&file[..length], &format!("truncated at byte {length} of at least"));
    }
}

/// A subject's file cut anywhere says what is there and what is missing, before anything is allocated for it.
#[test]
fn a_truncated_array_says_how_much_is_missing() {
    let file = small();
    let cut = file.len() - 10;
    refused_with(&file[..cut], &format!("truncated at byte {cut} of at least {}", file.len() - 4));
}

#[test]
fn bytes_after_the_end_are_refused() {
    refused_with(&[small(), b"\n".to_vec()].concat(), "more bytes after the end");
}

#[test]
fn nesting_is_bounded() {
    for depth in [10_000, 1_000_000] {
        for opcode in [op::TUPLE1, op::MARK] {
            refused(&with(&[vec![op::NONE], vec![opcode; depth]].concat()));
        }
        let lists = [vec![op::EMPTY_LIST; depth], vec![op::APPEND; depth - 1]].concat();
        refused(&with(&lists));
        let level = [op::EMPTY_DICT, op::BININT1, 1];
        let dictionaries = [level.repeat(depth), vec![op::NONE], vec![op::SETITEM; depth]].concat();
        refused(&with(&dictionaries));
    }
    refused_with(&with(&[vec![op::EMPTY_TUPLE], vec![op::TUPLE1; 40]].concat()), "nested more than 32 deep");
}

#[test]
fn doubling_through_the_memo_is_refused() {
    let double = |index: u8| [op::BINPUT, index, op::BINGET, index, op::TUPLE2];
    let doubling: Vec<u8> = (0..60).flat_map(double).collect();
    refused(&with(&[vec![op::EMPTY_TUPLE], doubling].concat()));
}

/// Each of 25 tuples holds the one before a hundred times. This is legal, and the reader must not expand it.
#[test]
fn sharing_that_stands_for_many_objects_costs_nothing() {
    let open = vec![op::BINPUT, 32, op::POP, op::MARK];
    let level = [open, [op::BINGET, 32].repeat(100), vec![op::TUPLE]].concat();
    let file = with(&[vec![op::EMPTY_TUPLE], level.repeat(25)].concat());
    let (result, peak) = memory::peak(|| read_arrays(file.as_slice(), None, ["labels", "data"]));
    assert_eq!(result.unwrap().0[1].len(), 4);
    assert!(peak < 1 << 20, "{peak} bytes held");
}

#[test]
fn cycles_are_refused() {
    for cycle in [
        b"]q\x20h\x20a".as_slice(),
        b"]q\x20(h\x20e",
        b"]q\x20h\x20\x85a",
        b"}q\x20K\x01h\x20s",
        b"]q\x20]q\x21h\x20ah\x21a",
        b"]q\x20}K\x01h\x20sa",
    ] {
        refused_with(&with(cycle), "contains itself");
    }
}

#[test]
fn announced_lengths_are_not_believed() {
    let lengths = [u64::from(u32::MAX), 1 << 40, 1 << 60, u64::MAX];
    for length in lengths {
        for opcode in [op::BINBYTES8, op::BYTEARRAY8, op::BINUNICODE8, op::FRAME] {
            refused(&with(&[[opcode].as_slice(), &length.to_le_bytes(), b"abc"].concat()));
        }
    }
    for length in [u32::MAX, 1 << 30, 0x8000_0000] {
        for opcode in [op::BINSTRING, op::BINBYTES, op::BINUNICODE, op::LONG4] {
            refused(&with(&[[opcode].as_slice(), &length.to_le_bytes(), b"abc"].concat()));
        }
    }
    refused_with(&with(b"T\xff\xff\xff\xffabc"), "the length -1");
    // As the bytes of an array, which are converted while they are read.
    let file = small();
    let at = file.windows(4).rposition(|bytes| bytes == 32_u32.to_le_bytes()).unwrap();
    let mut huge = file.clone();
    huge[at..at + 4].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    refused_with(&huge, "truncated");
}

/// Repeats a byte without holding it.
struct Flood(u64, u8);

impl std::io::Read for Flood {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = (buffer.len() as u64).min(self.0) as usize;
        buffer[..count].fill(self.1);
        self.0 -= count as u64;
        Ok(count)
    }
}

#[test]
fn floods_end_early() {
    let start = Instant::now();
    for opcode in [op::NONE, op::MARK, op::EMPTY_TUPLE, op::EMPTY_LIST, op::EMPTY_DICT, op::NEWTRUE] {
        let (result, peak) = memory::peak(|| {
            let flood = std::io::Read::chain(HEAD, Flood(50_000_000, opcode));
            read_arrays(flood, Some(HEAD.len() as u64 + 50_000_000), ["labels", "data"])
        });
        let error = result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Data);
        assert!(error.message.contains("more than 262144 opcodes"), "{error}");
        assert!(peak < MOST_MEMORY, "{peak}");
    }
    assert!(start.elapsed() < LONGEST);
}

/// A stream without end, all of it one string.
#[test]
fn no_stream_is_read_forever() {
    let endless = std::io::Read::chain(b"\x80\x02cnumpy\n".as_slice(), Flood(u64::MAX, b'x'));
    let error = read_arrays(endless, None, ["labels", "data"]).unwrap_err();
    assert!(error.message.contains("a line of more than"), "{error}");
    let error = read_arrays(Flood(1 << 31, op::NONE), Some(1 << 31), ["labels", "data"]).unwrap_err();
    assert!(error.message.contains("at most 1073741824"), "{error}");
}

#[test]
fn every_other_global_is_refused_by_name() {
    const GLOBALS: [&str; 40] = [
        "posix system",
        "nt system",
        "os system",
        "os popen",
        "os execv",
        "os remove",
        "subprocess Popen",
        "subprocess call",
        "subprocess check_output",
        "builtins eval",
        "builtins exec",
        "builtins compile",
        "builtins open",
        "builtins getattr",
        "builtins __import__",
        "builtins bytearray",
        "__builtin__ eval",
        "__builtin__ file",
        "__builtin__ apply",
        "copyreg _reconstructor",
        "copy_reg _reconstructor",
        "codecs encode",
        "_codecs decode",
        "numpy.core.multiarray scalar",
        "numpy._core.multiarray scalar",
        "numpy.core.multiarray fromfile",
        "numpy load",
        "numpy memmap",
        "numpy ndarray.tofile",
        "numpy.testing._private.utils runstring",
        "pickle loads",
        "_pickle loads",
        "marshal loads",
        "types FunctionType",
        "types CodeType",
        "runpy run_path",
        "shutil rmtree",
        "socket create_connection",
        "webbrowser open",
        "functools partial",
    ];
    for global in GLOBALS {
        let (module, name) = global.split_once(' ').unwrap();
        let shown = format!("{:?} is not allowed", format!("{module}.{name}"));
        let call = format!("c{module}\n{name}\n(U\x02idtR");
        refused_with(&with(call.as_bytes()), &shown);
        refused_with(&with(&format!("(U\x02idi{module}\n{name}\n").into_bytes()), &shown);
        let text = |text: &str| [&[op::SHORT_BINUNICODE, text.len() as u8], text.as_bytes()].concat();
        let call = vec![op::STACK_GLOBAL, op::EMPTY_TUPLE, op::REDUCE];
        refused_with(&with(&[text(module), text(name), call].concat()), &shown);
    }
    let file = with(b"cposix\nsystem\n");
    let at = file.windows(6).position(|bytes| bytes == b"cposix").unwrap();
    refused_with(&file, &format!("byte {at}: "));
}

#[test]
fn opcodes_that_reach_outside_are_refused() {
    let class = b"cnumpy\nndarray\n".as_slice();
    for opcodes in [
        &[&[op::PERSID], b"persistent\n".as_slice()][..],
        &[&[op::NONE, op::BINPERSID]],
        &[&[op::EXT1, 1]],
        &[&[op::EXT2, 1, 0]],
        &[&[op::EXT4, 1, 0, 0, 0]],
        &[class, &[op::EMPTY_TUPLE, op::NEWOBJ]],
        &[class, &[op::EMPTY_TUPLE, op::EMPTY_DICT, op::NEWOBJ_EX]],
        &[&[op::MARK], class, &[op::OBJ]],
        &[&[op::MARK, op::INST], b"numpy\nndarray\n"],
        &[&[op::NEXT_BUFFER]],
        &[&[op::NONE, op::READONLY_BUFFER]],
        &[&[op::EMPTY_SET]],
        &[&[op::PROTO, 6]],
        &[&[0xfe]],
    ] {
        refused(&with(&opcodes.concat()));
    }
}

#[test]
fn the_stack_cannot_run_under() {
    for opcodes in
        ["0", "00000", "1", "2222a", "t", "a", "s", "u", "R", "b", "q\x01", "h\x63", "g-1\n", "\u{85}"]
    {
        refused(&[b"\x80\x02".as_slice(), opcodes.as_bytes(), b"."].concat());
    }
    refused(b".");
    refused(b"N.");
}

/// The only constructor that is allowed, with arguments that NumPy does not write.
#[test]
fn hostile_arrays_are_refused() {
    let good = Stored::f8(&[2, 2], [1.0, 2.0, 3.0, 4.0]);
    let with_data = |stored: Stored| dictionary(&[("labels", array(&good)), ("data", array(&stored))]);
    let shape = |shape: &[i32]| with_data(Stored { shape: shape.into(), ..good.clone() });
    for bad in [&[2, 3][..], &[4, 2], &[], &[-2, -2], &[0], &[i32::MAX, i32::MAX, i32::MAX], &[1; 20]] {
        refused(&shape(bad));
    }
    for code in ["i8", "i4", "u1", "O", "O8", "c16", "f2", "f16", "V8", "S8", "b1", "M8", "", "f8,f8"] {
        refused_with(&with_data(Stored { code, ..good.clone() }), &format!("dtype \"{code}\""));
    }
    for order in ["|", "=", "", "<<", "!"] {
        refused_with(&with_data(Stored { order, ..good.clone() }), "byte order");
    }
    for bytes in [vec![], vec![0; 31], vec![0; 33], vec![0; 64]] {
        refused_with(&with_data(Stored { bytes, ..good.clone() }), "an array of shape [2, 2] with");
    }
    refused_with(&with_data(Stored { code: "f4", ..good.clone() }), "an array of shape [2, 2] with 32 bytes");
}

#[test]
fn states_that_numpy_does_not_write_are_refused() {
    let state = |state: &[u8]| [b"cnumpy\ndtype\nU\x02f8K\0K\x01\x87R".as_slice(), state, b"b"].concat();
    for bad in [
        b"N".as_slice(),
        b")",
        b"}",
        b"(K\x03U\x01<t",
        // Item size 4 and item size 2^31 - 1 for eight-byte elements; fields; a sub-array; an old version;
        // object flags.
        b"(K\x03U\x01<NNNK\x04K\x01K\0t",
        b"(K\x03U\x01<NNNJ\xff\xff\xff\x7fK\x01K\0t",
        b"(K\x03U\x01<N)}J\xff\xff\xff\xffJ\xff\xff\xff\xffK\0t",
        b"(K\x03U\x01<K\x01NNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0t",
        b"(K\x02U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0t",
        b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3ft",
    ] {
        refused(&with(&state(bad)));
    }
    // A dtype changed through the memo after an array has it.
    let changed = [dtype("f8", "<"), b"q\x20(K\x03U\x01>NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb".to_vec()];
    refused_with(&with(&changed.concat()), "byte order changes");
    // An array filled twice, a string built upon, a global built upon.
    let twice = [array(&Stored::f8(&[1], [1.0])), b"(K\x01K\x01\x85NN)tb".to_vec()].concat();
    refused(&with(&twice));
    refused(&with(b"U\x01a}b"));
    refused(&with(b"cnumpy\nndarray\n}b"));
    // Calls with other arguments.
    for call in [
        b"cnumpy\nndarray\nK\x05\x85R".as_slice(),
        b"cnumpy\ndtype\ncnumpy\ndtype\nK\0K\x01\x87R",
        b"cnumpy\ndtype\nU\x02f8\x85R",
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\ndtype\nK\0\x85U\x01b\x87R",
        b"c_codecs\nencode\nU\x01aU\x06base64\x86R",
        b"c_codecs\nencode\nNU\x06latin1\x86R",
        b"U\x01a)R",
    ] {
        refused(&with(call));
    }
}

#[test]
fn other_kinds_of_file_are_named() {
    for (start, kind) in [
        (b"<!DOCTYPE html><html><head><title>Log in</title>".as_slice(), "HTML"),
        (b"\n  <html>", "HTML"),
        (b"PK\x03\x04\x14\x00\x00\x00", "zip"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"MATLAB 5.0 MAT-file, Platform", "MATLAB"),
        (b"\x93NUMPY\x01\x00", "npy"),
        (b"\xffBIOSEMI", "BDF"),
    ] {
        refused_with(start, kind);
    }
    refused_with(b"", "truncated at byte 0 of at least 1");
    refused_with(b"dear diary", "byte 0: ");
}

#[test]
fn a_dictionary_without_the_arrays_says_what_it_holds() {
    refused_with(
        &dictionary(&[("label", array(&Stored::f8(&[1], [1.0])))]),
        "no \"labels\" in the dictionary",
    );
    refused_with(&dictionary(&[("labels", b"K\x05".to_vec()), ("data", b"N".to_vec())]), "the integer 5");
    let empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R".to_vec();
    refused_with(&dictionary(&[("labels", empty.clone()), ("data", empty)]), "without contents");
}

#[test]
fn a_failing_reader_is_not_an_error_of_the_data() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk was removed"))
        }
    }
    let error = deap::read_from(std::io::Read::chain(HEAD, Broken), None, "s01").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Io, "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the damage to a valid file, the reader returns arrays or an error.
    #[test]
    fn damage_never_panics(
        changes in proptest::collection::vec((0_usize..2000, any::<u8>(), 0_u8..3), 1..12),
        protocol in 0..3,
    ) {
        let mut file = match protocol {
            0 => include_bytes!("fixtures/np162_cp0.dat").to_vec(),
            1 => include_bytes!("fixtures/py311_np2_p5.pkl").to_vec(),
            _ => small(),
        };
        for (at, byte, kind) in changes {
            let at = at % file.len();
            match kind {
                0 => file[at] = byte,
                1 => file.insert(at, byte),
                _ => {
                    let from = usize::from(byte) % file.len();
                    file.splice(at..at, file[from..(from + 20).min(file.len())].to_vec());
                }
            }
        }
        let (result, peak) = memory::peak(|| {
            [Some(file.len() as u64), None].map(|total| read_arrays(file.as_slice(), total, ["labels", "data"]).map(drop))
        });
        prop_assert!(peak < MOST_MEMORY);
        for error in result.into_iter().filter_map(Result::err) {
            prop_assert_eq!(error.kind, ErrorKind::Data);
        }
    }
}

/// Sizes that a header claims are compared with the file before anything is allocated for them.
#[test]
fn arrays_that_are_not_there_take_no_memory() {
    for (descr, shape) in [
        ("<f8", "(100000000000, 1, 1)"),
        ("|u1", "(18446744073709551615, )"),
        ("<f4", "(4294967296, 4294967296, 4294967296)"),
        ("<f4", "(0, 4294967296, 4294967296, 4294967296)"),
        ("<U1000", "(1000000, )"),
        ("|b1", "(0, 18446744073709551616)"),
    ] {
        let file = arrays::array(descr, shape, &[0; 64]);
        let (result, peak) = memory::peak(|| npy::read(file.as_slice(), file.len() as u64));
        let error = result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Data, "{error}");
        assert!(peak < 1 << 16, "{peak} bytes held: {error}");
    }
}

/// An archive of one member, as its table of contents describes it.
fn archive(name: &str, method: u16, is_encrypted: bool, contents: &[u8], claimed: u64) -> Vec<u8> {
    let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
    let file = archive.new_file(rawzip::path::EntryPath::verbatim(name.as_bytes())).encrypted(is_encrypted);
    let (mut entry, _) = file.compression_method(rawzip::CompressionMethod::new(method)).start().unwrap();
    std::io::Write::write_all(&mut entry, contents).unwrap();
    entry.finish(rawzip::DataDescriptorOutput::new(rawzip::crc32(contents), claimed)).unwrap();
    archive.finish().unwrap()
}

#[test]
fn archives_that_lie_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let array = arrays::floats("(1, 2, 1)", &[1.0, 2.0]);
    let length = array.len() as u64;
    let whole = archive("windows.npy", 0, false, &array, length);
    let cases: [(Vec<u8>, &str); 9] = [
        (archive("windows.npy", 0, false, &array, length - 8), "is impossible"),
        (archive("windows.npy", 0, false, &array, 1 << 50), "is impossible"),
        (archive("windows.npy", 8, false, &array, 1 << 50), "is impossible"),
        (archive("windows.npy", 8, false, &array, length), "is damaged"),
        (archive("windows.npy", 12, false, &array, length), "compressed by method 12, expected 0 or 8"),
        (archive("windows.npy", 0, true, &array, length), "is encrypted"),
        (
            archive("archive/data.pkl", 0, false, &array, length),
            "holds \"archive/data.pkl\", expected .npy arrays",
        ),
        (archive("../windows.npy", 0, false, &array, length), "unknown array \"../windows\""),
        (whole[..whole.len() - 1].to_vec(), "not an .npz archive"),
    ];
    let path = folder.path().join("x.npz");
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        memory::peak(|| npz::read(&path, None))
    };
    assert_eq!(read(&whole).0.unwrap().recordings[0].samples, [1.0, 2.0]);
    for (bytes, words) in cases {
        let (result, peak) = read(&bytes);
        let error = result.unwrap_err();
        assert!(error.message.contains(words), "{words:?} is not in {:?}", error.message);
        assert!(peak < 4 << 20, "{peak} bytes held: {error}");
    }
    // Twice the same name.
    let mut twice = rawzip::ZipArchiveWriter::new(Vec::new());
    for _ in 0..2 {
        let (mut entry, config) = twice.new_file("windows.npy").start().unwrap();
        let mut writer = config.wrap(&mut entry);
        std::io::Write::write_all(&mut writer, &array).unwrap();
        let (_, descriptor) = writer.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    let error = read(&twice.finish().unwrap()).0.unwrap_err();
    assert!(error.message.contains("two arrays called \"windows\""), "{error}");
}
