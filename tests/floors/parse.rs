//! The items of the crate that a source file names: its `use` trees, the paths in its code, the modules that
//! it declares.
//!
//! Works on tokens, so that comments and strings are none of it and braces nest as they do for the compiler.
//! Leaves out items that only tests see: the item that carries `#[cfg(test)]`, not those after it.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::BTreeSet;

/// One name that a `use` brings in: `use a::{b as c}` is `c` for `a::b`.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    pub path: Vec<String>,
    pub name: String,
    /// Others may reach the name through this module.
    pub public: bool,
}

/// A module: a file's own, or one written out inside a file.
#[derive(Debug, Default)]
pub struct Module {
    /// `data::split::build`; empty for the root of the crate.
    pub path: String,
    pub children: BTreeSet<String>,
    pub imports: Vec<Import>,
    /// Paths of two names and more in the code.
    pub paths: Vec<Vec<String>>,
    /// Names in the code that may mean an item: those that stand alone or begin a path.
    pub words: BTreeSet<String>,
}

impl Module {
    /// Adds the names of another block of the same module, such as one for another platform.
    pub fn add(&mut self, other: Module) {
        self.path = other.path;
        self.children.extend(other.children);
        self.imports.extend(other.imports);
        self.paths.extend(other.paths);
        self.words.extend(other.words);
    }
}

/// The modules of one file whose own module is `path`, that one first.
pub fn modules(path: &str, text: &str) -> Vec<Module> {
    let tokens: TokenStream = text.parse().unwrap_or_else(|e| panic!("{path} is no Rust: {e}"));
    let mut found = vec![Module { path: path.into(), ..Module::default() }];
    nested(&tokens.into_iter().collect::<Vec<_>>(), 0, &mut found);
    found
}

/// Below `module`, written with `::`.
pub fn child(module: &str, name: &str) -> String {
    if module.is_empty() { name.into() } else { format!("{module}::{name}") }
}

fn nested(tokens: &[TokenTree], own: usize, found: &mut Vec<Module>) {
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Punct(p) if p.as_char() == '#' && is_test_only(tokens.get(at + 1)) => {
                at = after_item(tokens, at + 2);
                continue;
            }
            TokenTree::Punct(p) if p.as_char() == '#' && is_path_attribute(tokens.get(at + 1)) => {
                panic!("{}: a file under another name than its module's is not found here", found[own].path);
            }
            TokenTree::Ident(ident) if ident == "include" && is_punct(tokens.get(at + 1), '!') => {
                panic!("{}: code that is included is not seen here", found[own].path);
            }
            TokenTree::Group(group) => nested(&group.stream().into_iter().collect::<Vec<_>>(), own, found),
            TokenTree::Ident(ident) if ident == "mod" => {
                if let (Some(name), next) = (word(tokens, at + 1), tokens.get(at + 2)) {
                    found[own].children.insert(name.clone());
                    if let Some(TokenTree::Group(body)) = next {
                        let path = child(&found[own].path, &name);
                        found.push(Module { path, ..Module::default() });
                        let inner = found.len() - 1;
                        nested(&body.stream().into_iter().collect::<Vec<_>>(), inner, found);
                    }
                    at += 3;
                    continue;
                }
            }
            // `use<>` of a return type is no import.
            TokenTree::Ident(ident) if ident == "use" && !is_punct(tokens.get(at + 1), '<') => {
                let end = (at..tokens.len()).find(|&i| is_punct(tokens.get(i), ';')).unwrap_or(tokens.len());
                let public = is_public(&tokens[..at]);
                use_tree(&tokens[at + 1..end], &[], public, &mut found[own].imports);
                at = end;
            }
            TokenTree::Ident(_) => {
                let path = path_at(tokens, at);
                let before = at.checked_sub(1).map(|i| &tokens[i]);
                // A lifetime, a method, or the rest of a path that begins elsewhere (`::serde::..`, `<T as
                // X>::..`).
                let part = is_punct(before, '\'')
                    || is_punct(before, '.') && !(at >= 2 && is_punct(tokens.get(at - 2), '.'))
                    || at >= 2 && is_path_separator(tokens, at - 2);
                at += 3 * (path.len() - 1);
                if !part {
                    found[own].words.insert(path[0].clone());
                    if path.len() > 1 {
                        found[own].paths.push(path);
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// `a::b::c` from the name at `at` on.
fn path_at(tokens: &[TokenTree], mut at: usize) -> Vec<String> {
    let mut path: Vec<String> = word(tokens, at).into_iter().collect();
    while is_path_separator(tokens, at + 1) {
        let Some(next) = word(tokens, at + 3) else { break };
        path.push(next);
        at += 3;
    }
    path
}

/// The paths of a `use`, braces within braces.
fn use_tree(tokens: &[TokenTree], prefix: &[String], public: bool, imports: &mut Vec<Import>) {
    let mut path = prefix.to_vec();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                for tree in inner.split(|token| is_punct(Some(token), ',')).filter(|tree| !tree.is_empty()) {
                    use_tree(tree, &path, public, imports);
                }
                return;
            }
            TokenTree::Punct(p) if p.as_char() == '*' => path.push("*".into()),
            TokenTree::Ident(ident) if ident == "as" => {
                let name = word(tokens, at + 1).expect("a name after `as`");
                imports.push(Import { path: trimmed(path), name, public });
                return;
            }
            TokenTree::Ident(ident) => path.push(plain(&ident.to_string())),
            _ => {}
        }
        at += 1;
    }
    let path = trimmed(path);
    imports.extend(path.last().cloned().map(|name| Import { path, name, public }));
}

/// `a::{self}` is `a`.
fn trimmed(mut path: Vec<String>) -> Vec<String> {
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    path
}

/// Whether the tokens before an item end in `pub` or `pub(..)`.
fn is_public(before: &[TokenTree]) -> bool {
    match before {
        [.., TokenTree::Ident(ident)] => ident == "pub",
        [.., TokenTree::Ident(ident), TokenTree::Group(_)] => ident == "pub",
        _ => false,
    }
}

/// `[cfg(test)]`, also with further conditions: `[cfg(all(test, ..))]`.
fn is_test_only(attribute: Option<&TokenTree>) -> bool {
    let Some(TokenTree::Group(group)) = attribute else { return false };
    let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
    matches!(tokens.as_slice(), [TokenTree::Ident(cfg), TokenTree::Group(condition)]
        if cfg == "cfg" && needs_test(&condition.stream().into_iter().collect::<Vec<_>>()))
}

/// Whether a condition of `cfg` can hold in tests only.
fn needs_test(condition: &[TokenTree]) -> bool {
    match condition {
        [TokenTree::Ident(only)] => only == "test",
        [TokenTree::Ident(all), TokenTree::Group(parts)] if all == "all" => {
            let parts: Vec<TokenTree> = parts.stream().into_iter().collect();
            parts.split(|token| is_punct(Some(token), ',')).any(needs_test)
        }
        _ => false,
    }
}

/// `[path = ".."]`
fn is_path_attribute(attribute: Option<&TokenTree>) -> bool {
    let Some(TokenTree::Group(group)) = attribute else { return false };
    let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
    word(&tokens, 0).is_some_and(|word| word == "path") && is_punct(tokens.get(1), '=')
}

/// Where the item ends that begins at `at`, further attributes and `pub` before it.
fn after_item(tokens: &[TokenTree], mut at: usize) -> usize {
    while is_punct(tokens.get(at), '#') {
        at += 2;
    }
    if word(tokens, at).is_some_and(|word| word == "pub") {
        at += 1;
        at += usize::from(matches!(tokens.get(at), Some(TokenTree::Group(_))));
    }
    let first = word(tokens, at).unwrap_or_default();
    // A value may hold braces of its own; nothing else goes on after them.
    let constant =
        first == "const" && !["fn", "unsafe"].contains(&word(tokens, at + 1).unwrap_or_default().as_str());
    let to_semicolon = constant || ["use", "static", "let", "type"].contains(&first.as_str());
    let item = [
        "fn",
        "mod",
        "struct",
        "enum",
        "union",
        "impl",
        "trait",
        "macro_rules",
        "const",
        "unsafe",
        "async",
        "extern",
    ];
    let comma_ends = !to_semicolon && !item.contains(&first.as_str());
    while let Some(token) = tokens.get(at) {
        at += 1;
        let braces = matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        if is_punct(Some(token), ';') || braces && !to_semicolon || is_punct(Some(token), ',') && comma_ends {
            break;
        }
    }
    at
}

fn word(tokens: &[TokenTree], at: usize) -> Option<String> {
    match tokens.get(at)? {
        TokenTree::Ident(ident) => Some(plain(&ident.to_string())),
        _ => None,
    }
}

/// Without the mark of a raw name.
fn plain(name: &str) -> String {
    name.trim_start_matches("r#").into()
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == wanted)
}

fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')
}
