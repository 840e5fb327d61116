//! The stack machine: what each opcode does.

use std::collections::HashMap;
use std::io::Read;

use super::numpy::Sink;
use super::source::Source;
use super::text;
use super::value::{Global, Heap, Object, Value};
use crate::{Error, Result};

/// Opcodes in one file. As no opcode makes more than one object, memo entry or stack element, this bounds them all.
/// A DEAP file has about a hundred.
const MOST_OPCODES: u32 = 1 << 18;

pub struct Machine<R> {
    pub source: Source<R>,
    pub heap: Heap,
    stack: Vec<Value>,
    /// Heights of the stack at the MARKs that are open.
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
}

impl<R: Read> Machine<R> {
    pub fn new(source: Source<R>) -> Self {
        let (heap, memo) = (Heap::default(), HashMap::new());
        Machine { source, heap, stack: Vec::new(), marks: Vec::new(), memo }
    }

    /// Runs up to STOP and returns what is on top of the stack then.
    pub fn run(&mut self) -> Result<Value> {
        for _ in 0..MOST_OPCODES {
            let at = self.source.position();
            let opcode = self.source.byte()?;
            if opcode == b'.' {
                return self.pop().map_err(|error| error.at(format_args!("byte {at}")));
            }
            self.step(opcode).map_err(|error| error.at(format_args!("byte {at}")))?;
        }
        let at = self.source.position();
        Err(Error::data(format!(
            "byte {at}: more than {MOST_OPCODES} opcodes, far more than a DEAP file has"
        )))
    }

    fn step(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            // PROTO, FRAME
            0x80 => match self.source.byte()? {
                0..=5 => {}
                version => return Err(Error::data(format!("pickle protocol {version}, expected 0 to 5"))),
            },
            0x95 => {
                let length = self.length8()?;
                self.source.announce(length)?;
            }
            // NONE, NEWTRUE, NEWFALSE
            b'N' => self.stack.push(Value::None),
            0x88 => self.stack.push(Value::Bool(true)),
            0x89 => self.stack.push(Value::Bool(false)),
            // INT, LONG, FLOAT: decimal lines
            b'I' => {
                let line = self.source.line()?;
                let value = match line.as_str() {
                    "00" => Value::Bool(false),
                    "01" => Value::Bool(true),
                    digits => integer(digits)?,
                };
                self.stack.push(value);
            }
            b'L' => {
                let line = self.source.line()?;
                let value = integer(line.strip_suffix('L').unwrap_or(&line))?;
                self.stack.push(value);
            }
            b'F' => {
                let line = self.source.line()?;
                line.parse::<f64>().map_err(|_| Error::data(format!("{line:?}, expected a number")))?;
                self.stack.push(Value::Unused);
            }
            // BININT, BININT1, BININT2, LONG1, LONG4, BINFLOAT
            b'J' => {
                let value = i32::from_le_bytes(self.source.array()?);
                self.stack.push(Value::Int(value.into()));
            }
            b'K' => {
                let value = self.source.byte()?;
                self.stack.push(Value::Int(value.into()));
            }
            b'M' => {
                let value = u16::from_le_bytes(self.source.array()?);
                self.stack.push(Value::Int(value.into()));
            }
            0x8a => {
                let length = self.length1()?;
                self.long(length)?;
            }
            0x8b => {
                let length = self.signed_length4()?;
                self.long(length)?;
            }
            b'G' => {
                self.source.array::<8>()?;
                self.stack.push(Value::Unused);
            }
            // STRING, BINSTRING, SHORT_BINSTRING, BINBYTES, SHORT_BINBYTES, BINBYTES8, BYTEARRAY8
            b'S' => {
                let mut sink = self.sink(0);
                text::quoted(&mut self.source, &mut sink)?;
                self.push(sink.object());
            }
            b'T' => self.bytes(Self::signed_length4)?,
            b'U' | b'C' => self.bytes(Self::length1)?,
            b'B' => self.bytes(Self::length4)?,
            0x8e | 0x96 => self.bytes(Self::length8)?,
            // UNICODE, BINUNICODE, SHORT_BINUNICODE, BINUNICODE8
            b'V' => {
                let mut sink = self.sink(0);
                let latin1 = text::raw_unicode_escape(&mut self.source, &mut sink)?;
                self.text(sink, latin1);
            }
            b'X' => self.utf8(Self::length4)?,
            0x8c => self.utf8(Self::length1)?,
            0x8d => self.utf8(Self::length8)?,
            // MARK, POP, POP_MARK, DUP
            b'(' => self.marks.push(self.stack.len()),
            b'0' => self.pop().map(drop)?,
            b'1' => self.pop_mark().map(drop)?,
            b'2' => self.stack.push(self.top()?),
            // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
            b')' => self.tuple(Vec::new())?,
            0x85..=0x87 => {
                let items = self.pop_many(usize::from(opcode - 0x84))?;
                self.tuple(items)?;
            }
            b't' => {
                let items = self.pop_mark()?;
                self.tuple(items)?;
            }
            // EMPTY_LIST, LIST, APPEND, APPENDS
            b']' => self.push(Object::List(Vec::new())),
            b'l' => {
                let items = self.pop_mark()?;
                self.push(Object::List(Vec::new()));
                self.append(&items)?;
            }
            b'a' => {
                let items = self.pop_many(1)?;
                self.append(&items)?;
            }
            b'e' => {
                let items = self.pop_mark()?;
                self.append(&items)?;
            }
            // EMPTY_DICT, DICT, SETITEM, SETITEMS
            b'}' => self.push(Object::Dict(Vec::new())),
            b'd' => {
                let items = self.pop_mark()?;
                self.push(Object::Dict(Vec::new()));
                self.insert(&items)?;
            }
            b's' => {
                let items = self.pop_many(2)?;
                self.insert(&items)?;
            }
            b'u' => {
                let items = self.pop_mark()?;
                self.insert(&items)?;
            }
            // PUT, BINPUT, LONG_BINPUT, MEMOIZE
            b'p' => {
                let index = self.index_line()?;
                self.put(index)?;
            }
            b'q' => {
                let index = self.source.byte()?;
                self.put(index.into())?;
            }
            b'r' => {
                let index = u32::from_le_bytes(self.source.array()?);
                self.put(index)?;
            }
            0x94 => self.put(self.memo.len() as u32)?,
            // GET, BINGET, LONG_BINGET
            b'g' => {
                let index = self.index_line()?;
                self.get(index)?;
            }
            b'h' => {
                let index = self.source.byte()?;
                self.get(index.into())?;
            }
            b'j' => {
                let index = u32::from_le_bytes(self.source.array()?);
                self.get(index)?;
            }
            // GLOBAL, STACK_GLOBAL, INST (which would also make an instance, but no class is allowed)
            b'c' | b'i' => {
                let (module, name) = (self.source.line()?, self.source.line()?);
                let global = Global::named(&module, &name)?;
                if opcode == b'i' {
                    return Err(Error::data(format!("an instance of {module}.{name}")));
                }
                self.stack.push(Value::Global(global));
            }
            0x93 => {
                let names = self.pop_many(2)?;
                let [Some(module), Some(name)] = [0, 1].map(|i| self.heap.as_name(names[i])) else {
                    return Err(Error::data("a global whose name is no text"));
                };
                let global = Global::named(&String::from_utf8_lossy(module), &String::from_utf8_lossy(name))?;
                self.stack.push(Value::Global(global));
            }
            // REDUCE, BUILD
            b'R' => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                let value = self.heap.reduce(function, arguments)?;
                self.stack.push(value);
            }
            b'b' => {
                let (state, object) = (self.pop()?, self.top()?);
                self.heap.build(object, state)?;
            }
            _ => return Err(unexpected(opcode)),
        }
        Ok(())
    }

    fn push(&mut self, object: Object) {
        let value = self.heap.add(object);
        self.stack.push(value);
    }

    fn tuple(&mut self, items: Vec<Value>) -> Result<()> {
        let tuple = self.heap.tuple(items)?;
        self.stack.push(tuple);
        Ok(())
    }

    fn append(&mut self, items: &[Value]) -> Result<()> {
        let list = self.top()?;
        self.heap.append(list, items)
    }

    fn insert(&mut self, items: &[Value]) -> Result<()> {
        let dict = self.top()?;
        self.heap.insert(dict, items)
    }

    /// Elements above the last MARK; those below are out of reach until it is closed.
    fn reachable(&self) -> usize {
        self.stack.len() - self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Value> {
        match self.stack.last() {
            Some(&value) if self.reachable() > 0 => Ok(value),
            _ => Err(empty_stack()),
        }
    }

    fn pop(&mut self) -> Result<Value> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<Value>> {
        match self.reachable() >= count {
            true => Ok(self.stack.split_off(self.stack.len() - count)),
            false => Err(empty_stack()),
        }
    }

    fn pop_mark(&mut self) -> Result<Vec<Value>> {
        let mark = self.marks.pop().ok_or_else(|| Error::data("the end of a list that has no beginning"))?;
        Ok(self.stack.split_off(mark))
    }

    fn put(&mut self, index: u32) -> Result<()> {
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn get(&mut self, index: u32) -> Result<()> {
        let found = self.memo.get(&index).copied();
        self.stack.push(found.ok_or_else(|| Error::data(format!("nothing in the memo under {index}")))?);
        Ok(())
    }

    fn index_line(&mut self) -> Result<u32> {
        let line = self.source.line()?;
        line.parse().map_err(|_| Error::data(format!("the memo index {line:?}")))
    }

    fn length1(&mut self) -> Result<u64> {
        Ok(self.source.byte()?.into())
    }

    fn length4(&mut self) -> Result<u64> {
        Ok(u32::from_le_bytes(self.source.array()?).into())
    }

    fn signed_length4(&mut self) -> Result<u64> {
        let length = i32::from_le_bytes(self.source.array()?);
        u64::try_from(length).map_err(|_| Error::data(format!("the length {length}")))
    }

    fn length8(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.source.array()?))
    }

    /// Where a string of `length` bytes that starts here belongs.
    fn sink(&self, length: u64) -> Sink {
        // Without the file's length, an announced one is believed only as its bytes come.
        let sure = if self.source.length_known() { length as usize } else { 0 };
        Sink::new(self.heap.awaited_dtype(&self.stack), sure)
    }

    fn bytes(&mut self, length: fn(&mut Self) -> Result<u64>) -> Result<()> {
        let length = length(self)?;
        self.source.announce(length)?;
        let mut sink = self.sink(length);
        text::raw(&mut self.source, length, &mut sink)?;
        self.push(sink.object());
        Ok(())
    }

    fn utf8(&mut self, length: fn(&mut Self) -> Result<u64>) -> Result<()> {
        let length = length(self)?;
        self.source.announce(length)?;
        let mut sink = self.sink(length);
        let latin1 = text::utf8(&mut self.source, length, &mut sink)?;
        self.text(sink, latin1);
        Ok(())
    }

    fn text(&mut self, sink: Sink, latin1: bool) {
        match latin1 {
            true => self.push(sink.object()),
            false => self.stack.push(Value::Unused),
        }
    }

    /// A little-endian two's-complement integer of `length` bytes.
    fn long(&mut self, length: u64) -> Result<()> {
        if length > 8 {
            self.source.skip(length)?;
            self.stack.push(Value::Unused);
            return Ok(());
        }
        let mut bytes = [0; 8];
        for byte in &mut bytes[..length as usize] {
            *byte = self.source.byte()?;
        }
        let unused = 64 - 8 * length as u32;
        let value = i64::from_le_bytes(bytes).checked_shl(unused).map_or(0, |value| value >> unused);
        self.stack.push(Value::Int(value));
        Ok(())
    }
}

/// A decimal integer.
fn integer(digits: &str) -> Result<Value> {
    let number = digits.strip_prefix(['-', '+']).unwrap_or(digits);
    match digits.parse() {
        Ok(value) => Ok(Value::Int(value)),
        Err(_) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Value::Unused),
        Err(_) => Err(Error::data(format!("{digits:?}, expected an integer"))),
    }
}

fn empty_stack() -> Error {
    Error::data("an opcode that needs more values than there are")
}

fn unexpected(opcode: u8) -> Error {
    let name = match opcode {
        b'P' | b'Q' => "a reference to an object outside the file",
        b'o' | 0x81 | 0x92 => "an instance of a class",
        0x82..=0x84 => "an extension registered in another program",
        0x8f..=0x91 => "a set",
        0x97 | 0x98 => "a buffer outside the file",
        _ => {
            let shown = opcode.escape_ascii();
            return Error::data(format!(
                "{shown} is no pickle opcode: the file is damaged, or no pickle at all"
            ));
        }
    };
    Error::data(format!("{name}, expected NumPy arrays of floats and plain values only"))
}
