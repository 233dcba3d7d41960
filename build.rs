//! How the program is linked, for the sake of its start: a deploy with nothing to do takes some 10 ms in all.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        // At a fixed address where that is the linker's to choose, as Go does with its programs: to relocate 23,000
        // pointers at each start took a twentieth of that. What it forgoes is a random address for the program's
        // own code; stack, heap and libraries keep theirs. No unsafe code is allowed here, so there is little that a
        // known address would help.
        println!("cargo::rustc-link-arg-bins=-no-pie");
        // The unwinder within the program rather than in libgcc_s.so, which need not be loaded then, nor be installed:
        // images with a C library and nothing else lack it. Comes before the standard library's own wish for the
        // shared one, which is left out when nothing is missing any more.
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}
