//! What the product's module may import is there.

use io_sock::{
    kenv::Kenv,
    kernel::{Config, Kernel},
};
use std::{fs, path::Path};

#[test]
fn every_symbol_that_the_module_may_import() {
    let kernel = Kernel::start(Config::default(), Kenv::default());
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../qnx-toolchain/module-imports.txt");
    let text = fs::read_to_string(&list).expect("the list is checked in");
    let names = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let missing: Vec<&str> = names.filter(|name| !kernel.symbols.has(name)).collect();
    assert_eq!(missing, [""; 0], "of {}", list.display());
}
