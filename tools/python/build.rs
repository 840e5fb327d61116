//! Strips the library, and lets the linker keep equal functions once. A setting of the profile would compile
//! all dependencies once more. Only LLVM's linker merges functions, and Rust links with it where this asks
//! for it.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = |key: &str| std::env::var(format!("CARGO_CFG_TARGET_{key}")).unwrap_or_default();
    if target("OS") == "linux" {
        println!("cargo::rustc-cdylib-link-arg=-Wl,--strip-all");
        if target("ARCH") == "x86_64" && target("ENV") == "gnu" {
            println!("cargo::rustc-cdylib-link-arg=-Wl,--icf=all");
        }
    }
}
