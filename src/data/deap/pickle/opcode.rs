//! The opcodes of pickle protocols 0 to 5 by name, as in Python's `pickletools`.
//!
//! "Line" stands for text up to the next newline. Lengths, indices and integers are little-endian.

/// Opens a list of items on the stack, which TUPLE, LIST, DICT, APPENDS, SETITEMS or POP_MARK closes.
pub const MARK: u8 = b'(';
/// Ends the program; the top of the stack is the result.
pub const STOP: u8 = b'.';
/// Removes the top of the stack.
pub const POP: u8 = b'0';
/// Removes everything above the last MARK, and the MARK.
pub const POP_MARK: u8 = b'1';
/// Pushes the top of the stack again.
pub const DUP: u8 = b'2';

/// Protocol number (one byte).
pub const PROTO: u8 = 0x80;
/// Length (eight bytes) of the frame that follows.
pub const FRAME: u8 = 0x95;

/// Pushes `None`.
pub const NONE: u8 = b'N';
/// Pushes `True`.
pub const NEWTRUE: u8 = 0x88;
/// Pushes `False`.
pub const NEWFALSE: u8 = 0x89;

/// A decimal line: an integer, or `00` and `01` for booleans.
pub const INT: u8 = b'I';
/// A signed four-byte integer.
pub const BININT: u8 = b'J';
/// An unsigned one-byte integer.
pub const BININT1: u8 = b'K';
/// An unsigned two-byte integer.
pub const BININT2: u8 = b'M';
/// A decimal line that may end in `L`: a Python 2 `long`.
pub const LONG: u8 = b'L';
/// A one-byte length and a two's-complement integer of that many bytes.
pub const LONG1: u8 = 0x8a;
/// A signed four-byte length and a two's-complement integer of that many bytes.
pub const LONG4: u8 = 0x8b;
/// A decimal line with a floating-point number.
pub const FLOAT: u8 = b'F';
/// An eight-byte float.
pub const BINFLOAT: u8 = b'G';

/// A quoted line with escapes: a Python 2 `str`.
pub const STRING: u8 = b'S';
/// A signed four-byte length and the bytes of a Python 2 `str`.
pub const BINSTRING: u8 = b'T';
/// A one-byte length and the bytes of a Python 2 `str`.
pub const SHORT_BINSTRING: u8 = b'U';
/// A four-byte length and bytes.
pub const BINBYTES: u8 = b'B';
/// A one-byte length and bytes.
pub const SHORT_BINBYTES: u8 = b'C';
/// An eight-byte length and bytes.
pub const BINBYTES8: u8 = 0x8e;
/// An eight-byte length and the bytes of a `bytearray`.
pub const BYTEARRAY8: u8 = 0x96;
/// A line in raw-unicode-escape.
pub const UNICODE: u8 = b'V';
/// A four-byte length and UTF-8.
pub const BINUNICODE: u8 = b'X';
/// A one-byte length and UTF-8.
pub const SHORT_BINUNICODE: u8 = 0x8c;
/// An eight-byte length and UTF-8.
pub const BINUNICODE8: u8 = 0x8d;

/// Pushes `()`.
pub const EMPTY_TUPLE: u8 = b')';
/// A tuple of the top element.
pub const TUPLE1: u8 = 0x85;
/// A tuple of the top two elements.
pub const TUPLE2: u8 = 0x86;
/// A tuple of the top three elements.
pub const TUPLE3: u8 = 0x87;
/// A tuple of all elements above the last MARK.
pub const TUPLE: u8 = b't';

/// Pushes `[]`.
pub const EMPTY_LIST: u8 = b']';
/// A list of all elements above the last MARK.
pub const LIST: u8 = b'l';
/// Appends the top element to the list below it.
pub const APPEND: u8 = b'a';
/// Appends all elements above the last MARK to the list below the MARK.
pub const APPENDS: u8 = b'e';

/// Pushes `{}`.
pub const EMPTY_DICT: u8 = b'}';
/// A dictionary of the keys and values above the last MARK.
pub const DICT: u8 = b'd';
/// Inserts the top key and value into the dictionary below them.
pub const SETITEM: u8 = b's';
/// Inserts all keys and values above the last MARK into the dictionary below the MARK.
pub const SETITEMS: u8 = b'u';

/// Pushes an empty set.
pub const EMPTY_SET: u8 = 0x8f;
/// Adds all elements above the last MARK to the set below the MARK.
pub const ADDITEMS: u8 = 0x90;
/// A frozen set of all elements above the last MARK.
pub const FROZENSET: u8 = 0x91;

/// Stores the top of the stack in the memo, under the index on a decimal line.
pub const PUT: u8 = b'p';
/// Stores the top of the stack in the memo, under a one-byte index.
pub const BINPUT: u8 = b'q';
/// Stores the top of the stack in the memo, under a four-byte index.
pub const LONG_BINPUT: u8 = b'r';
/// Stores the top of the stack in the memo, under the number of entries so far.
pub const MEMOIZE: u8 = 0x94;
/// Pushes the memo's entry with the index on a decimal line.
pub const GET: u8 = b'g';
/// Pushes the memo's entry with a one-byte index.
pub const BINGET: u8 = b'h';
/// Pushes the memo's entry with a four-byte index.
pub const LONG_BINGET: u8 = b'j';

/// Pushes the global that two lines name: module and name.
pub const GLOBAL: u8 = b'c';
/// Pushes the global that the two top strings name: module and name.
pub const STACK_GLOBAL: u8 = 0x93;
/// Calls a global with a tuple of arguments.
pub const REDUCE: u8 = b'R';
/// Sets the state of the object below the top element.
pub const BUILD: u8 = b'b';
/// Makes an instance of the class that two lines name, from the elements above the last MARK.
pub const INST: u8 = b'i';
/// Makes an instance of the class after the last MARK, from the elements above it.
pub const OBJ: u8 = b'o';
/// Makes an instance by `cls.__new__(cls, *args)`.
pub const NEWOBJ: u8 = 0x81;
/// Makes an instance by `cls.__new__(cls, *args, **kwargs)`.
pub const NEWOBJ_EX: u8 = 0x92;

/// An object of the `copyreg` extension registry, under a one-byte code.
pub const EXT1: u8 = 0x82;
/// The same under a two-byte code.
pub const EXT2: u8 = 0x83;
/// The same under a four-byte code.
pub const EXT4: u8 = 0x84;
/// An object outside the file; a line names it.
pub const PERSID: u8 = b'P';
/// An object outside the file; the top of the stack names it.
pub const BINPERSID: u8 = b'Q';
/// Pushes a buffer that is stored outside the file.
pub const NEXT_BUFFER: u8 = 0x97;
/// Makes the buffer on top of the stack read-only.
pub const READONLY_BUFFER: u8 = 0x98;
